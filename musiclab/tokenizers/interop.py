"""REMI, TSD and MIDILike to MidiTok and back, by the configuration that MidiTok saves as ``tokenizer.json``."""

import json
import os
from pathlib import Path

from musiclab.errors import require
from musiclab.tokenizers.base import Tokenizer
from musiclab.tokenizers.event_words import EventWords
from musiclab.tokenizers.midilike import MIDILike
from musiclab.tokenizers.remi import REMI
from musiclab.tokenizers.tsd import TSD

SCHEMES: dict[str, type[EventWords]] = {"REMI": REMI, "TSD": TSD, "MIDILike": MIDILike}
VERSION = "3.1.0"
# What MidiTok takes for what a file does not name. For most it is the only value that these tokenizers can say.
DEFAULTS = json.loads(Path(__file__).with_name("miditok_defaults.json").read_text(encoding="utf-8"))
OPEN = {
    "pitch_range", "beat_res", "num_velocities", "num_tempos", "use_tempos", "use_programs", "remove_duplicated_notes",
    "time_signature_range",
}  # fmt: skip
REMI_PARAMS = {"max_bar_embedding": None, "use_bar_end_tokens": False, "add_trailing_bars": False}


def to_miditok(tok: Tokenizer) -> dict:
    """Return what to write as ``tokenizer.json``, so that MidiTok has the same words with the same ids.

    ``json.dump`` it to a file and load that with ``miditok.REMI(params=path)``; from there on MidiTok's way to Hugging
    Face is open.

    Raises
    ------
    ValueError
        If the tokenizer is not a ``REMI``, ``TSD`` or ``MIDILike``.

    Notes
    -----
    Notebook: 02_tokens.

    Examples
    --------
    >>> params = to_miditok(REMI(velocities=8))
    >>> params["tokenization"], params["config"]["num_velocities"]
    ('REMI', 8)
    >>> from_miditok(params) == REMI(velocities=8)
    True
    """
    name = type(tok).__name__
    require(SCHEMES.get(name) is type(tok), "tok", f"one of {', '.join(SCHEMES)} for MidiTok", name)
    metres = {str(d): [n for n, same in tok.time_signatures if same == d] for _, d in tok.time_signatures}
    config = {
        **_fixed(name), "pitch_range": list(tok.pitch_range), "num_velocities": tok.velocities,
        "beat_res": {f"{start}_{stop}": steps for start, stop, steps in tok.steps_per_beat},
        "use_tempos": tok.tempos > 0, "num_tempos": tok.tempos or DEFAULTS["num_tempos"], "use_programs": tok.programs,
        "remove_duplicated_notes": True, "time_signature_range": metres or {"4": [4]},
    }  # fmt: skip
    return {"config": config, "tokenization": name, "miditok_version": VERSION}


def from_miditok(source: str | os.PathLike | dict) -> Tokenizer:
    """Return the tokenizer that has the same words with the same ids as one that MidiTok saved.

    Notes that begin together on one pitch of one part are always one note here, be ``remove_duplicated_notes`` set or
    not. Without programs MidiTok writes one sequence a track; these tokenizers write one in all.

    Parameters
    ----------
    source : path of a ``tokenizer.json``, or what it holds

    Raises
    ------
    ValueError
        If it is of another scheme, was trained (BPE), or has an option that has no counterpart here; the text names it.

    Notes
    -----
    Notebook: 02_tokens.

    Examples
    --------
    >>> from_miditok({"tokenization": "TSD", "config": {"use_time_signatures": False, "num_velocities": 16}}).velocities
    16
    """
    params = source if isinstance(source, dict) else json.loads(Path(source).read_text(encoding="utf-8"))
    name = params.get("tokenization")
    require(name in SCHEMES, "tokenization", f"one of {', '.join(SCHEMES)}", repr(name))
    require("_model" not in params, "_model", "absent: train BPE here on the scheme itself", "a trained model")
    config, fixed = DEFAULTS | params.get("config", {}), _fixed(name)
    config["additional_params"] = fixed["additional_params"] | config["additional_params"]
    for key, value in fixed.items():
        unused = not (config["use_tempos"] if "tempo" in key else config["use_programs"] or "one_token" not in key)
        in_any_order = key in ("programs", "use_note_duration_programs") and set(config[key]) == set(value)
        same = unused or in_any_order or config[key] == value
        require(same, key, f"{json.dumps(value)} in MidiTok's configuration", json.dumps(config[key]))
    metres = [(n, int(d)) for d, ns in config["time_signature_range"].items() for n in ns]
    return SCHEMES[name](
        steps_per_beat=[(*map(int, beats.split("_")), steps) for beats, steps in config["beat_res"].items()],
        pitch_range=config["pitch_range"], velocities=config["num_velocities"], programs=config["use_programs"],
        tempos=config["num_tempos"] * config["use_tempos"], **({"time_signatures": metres} if name == "REMI" else {}),
    )  # fmt: skip


def _fixed(name: str) -> dict:
    """Return the options that have one value here."""
    own = {"use_time_signatures": name == "REMI", "additional_params": REMI_PARAMS if name == "REMI" else {}}
    return {key: value for key, value in DEFAULTS.items() if key not in OPEN} | own
