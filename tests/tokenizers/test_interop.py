import json

import pytest

from musiclab.tokenizers.chorale import Chorale
from musiclab.tokenizers.interop import from_miditok, to_miditok
from musiclab.tokenizers.midilike import MIDILike
from musiclab.tokenizers.remi import REMI
from musiclab.tokenizers.tsd import TSD

TOKENIZERS = [
    REMI(),
    REMI(time_signatures=((4, 4),), tempos=0, programs=False, velocities=4),
    REMI(time_signatures=((4, 4), (3, 4), (6, 8)), steps_per_beat=((0, 2, 12), (2, 6, 4))),
    TSD(),
    TSD(pitch_range=(21, 109), tempos=5),
    MIDILike(),
    MIDILike(tempos=0, programs=False),
]


def miditok_word(word: str) -> str:
    """Return how MidiTok spells a word."""
    return word.replace("TimeSignature", "TimeSig") if "_" in word else f"{word}_None"


@pytest.mark.parametrize("tok", TOKENIZERS, ids=str)
def test_there_and_back(tok, tmp_path):
    file = tmp_path / "tokenizer.json"
    file.write_text(json.dumps(to_miditok(tok)))
    assert from_miditok(file) == tok


@pytest.mark.peer
@pytest.mark.parametrize("tok", TOKENIZERS, ids=str)
def test_miditok_has_the_same_words_with_the_same_ids(tok, tmp_path):
    miditok = pytest.importorskip("miditok")
    file = tmp_path / "tokenizer.json"
    file.write_text(json.dumps(to_miditok(tok)))
    peer = getattr(miditok, type(tok).__name__)(params=file)
    assert peer.vocab == {miditok_word(word): i for i, word in enumerate(tok.vocab)}
    peer.save(tmp_path / "saved.json")
    assert from_miditok(tmp_path / "saved.json") == tok


@pytest.mark.peer
@pytest.mark.parametrize("scheme", ["REMI", "TSD", "MIDILike"])
def test_reads_what_miditok_saves_by_default(scheme, tmp_path):
    miditok = pytest.importorskip("miditok")
    config = miditok.TokenizerConfig(use_time_signatures=scheme == "REMI")
    peer = getattr(miditok, scheme)(config)
    peer.save(tmp_path / "tokenizer.json")
    tok = from_miditok(tmp_path / "tokenizer.json")
    assert [miditok_word(word) for word in tok.vocab] == list(peer.vocab)


@pytest.mark.parametrize(
    "params, match",
    [
        ({"tokenization": "Octuple"}, "tokenization must be one of REMI, TSD, MIDILike, got 'Octuple'"),
        ({"tokenization": "TSD", "_model": "{}"}, "_model must be absent"),
        ({"tokenization": "TSD", "config": {}}, "use_time_signatures must be false in MidiTok's configuration"),
        ({"tokenization": "REMI", "config": {"use_rests": True}}, "use_rests must be false .* got true"),
        ({"tokenization": "REMI", "config": {"programs": [0, 1]}}, "programs must be"),
        ({"tokenization": "REMI", "config": {"use_tempos": True, "log_tempos": True}}, "log_tempos must be false"),
        (
            {"tokenization": "REMI", "config": {"additional_params": {"use_bar_end_tokens": True}}},
            'additional_params must be .*"use_bar_end_tokens": false',
        ),
    ],
)
def test_options_without_a_counterpart_are_refused(params, match):
    with pytest.raises(ValueError, match=match):
        from_miditok(params)


def test_other_schemes_are_refused():
    with pytest.raises(ValueError, match="tok must be one of REMI, TSD, MIDILike for MidiTok, got Chorale"):
        to_miditok(Chorale())
