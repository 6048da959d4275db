"""What the tests of REMI, TSD and MIDILike share: walks that meet rare words, broken sequences, and MidiTok."""

import os
import warnings
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musiclab.checks import check_tokenizer
from musiclab.errors import TokenError
from musiclab.midi import read_midi, write_midi
from musiclab.score import Score
from musiclab.tokenizers.base import EOS
from musiclab.tokenizers.event_grammar import EventGrammar
from musiclab.tokenizers.remi import METRES
from tests.strategies import scores


def walk(tok, rng: np.random.Generator, n_ids: int = 60) -> list[int]:
    """Return ids drawn under the grammar, each kind of word as often as another; then brought to an end."""
    grammar, ids = tok.grammar(), []
    focus = rng.integers(0, len(tok.vocab), 12)  # pitches, programs and durations that come again and again
    while len(ids) < n_ids or not (done := tok.finish(ids)):
        legal = np.flatnonzero(grammar.mask())
        legal = legal[legal != EOS]
        often = np.intersect1d(legal, focus)
        if len(often) and rng.random() < 0.5:
            legal = often
        kinds = tok._kind[legal]
        ids.append(int(rng.choice(legal[kinds == rng.choice(np.unique(kinds))])))
        grammar.push(ids[-1])
    return done


def check_walks(tok, cases: int, seed: int = 0) -> None:
    """Test that walks decode, and that encoding what they decode to gives them back."""
    rng = np.random.default_rng(seed)
    for i in range(cases):
        ids = walk(tok, rng, int(rng.integers(1, 120)))
        try:
            score = tok.decode(ids)
        except TokenError as error:
            raise AssertionError(f"walk: walk {i} is legal but does not decode: {error}") from error
        again = tok.encode(score)
        assert again == ids, f"canonical: walk {i}: {tok.words(ids)} became {tok.words(again)}"


def check_refusals(tok, cases: int, seed: int = 0) -> int:
    """Test that decode refuses a sequence where, and only where, the grammar does; return how many it refused."""
    rng, refused = np.random.default_rng(seed), 0
    for _ in range(cases):
        ids = walk(tok, rng, int(rng.integers(1, 40)))
        for _ in range(rng.integers(1, 3)):
            ids = _broken(ids, len(tok.vocab), rng)
        at, array = first_illegal(tok, ids), np.array(ids, dtype=np.int64)
        assert (tok._decode(array) is None) == (at is not None), tok.words(ids)
        if at is not None:
            refused += 1
            error = tok._refusal(array, 0)
            assert error.position == at, tok.words(ids)
            word = "the end" if at == len(ids) else tok.vocab[ids[at]]
            assert str(error).startswith(f"{word} at position {at}: only ")
    return refused


def first_illegal(tok, ids) -> int | None:
    """Return the first position that the grammar does not allow, the length if only the end is missing."""
    grammar = tok.grammar()
    for at, token_id in enumerate([*ids, EOS]):
        if not grammar.mask()[token_id] or (token_id == EOS and at < len(ids)):
            return at
        grammar.push(token_id)
    return None


def _broken(ids: list[int], n_words: int, rng: np.random.Generator) -> list[int]:
    """Return ids with one replaced, left out, doubled, moved next to its neighbour's place, or cut there."""
    at = int(rng.integers(0, len(ids))) if ids else 0
    near = int(np.clip(ids[at] + rng.integers(-3, 4), 3, n_words - 1)) if ids else 4
    choices = (
        [*ids[:at], near, *ids[at + 1 :]],
        [*ids[:at], int(rng.integers(3, n_words)), *ids[at + 1 :]],
        ids[:at] + ids[at + 1 :],
        ids[: at + 1] + ids[at:],
        ids[:at] + ids[at + 1 : at + 2] + ids[at : at + 1] + ids[at + 2 :],
        ids[:at],
        ids[:at] + ids[at + 4 : at + 8] + ids[at : at + 4] + ids[at + 8 :],
        [*ids[:at], int(rng.integers(0, 4)), *ids[at:]],
    )
    return choices[rng.integers(len(choices))]


def check_laws(tok, cases: int) -> None:
    """Test the laws on so many random scores, half of them stretched, and on so many walks."""

    @settings(max_examples=cases)
    @given(scores(), st.sampled_from((1, 1, 7, 1000)))
    def on_scores(score, factor):
        check_tokenizer(tok, [stretched(score, factor)], walks=0)

    on_scores()
    check_walks(tok, cases)


def stretched(score: Score, factor: int) -> Score:
    """Return the score with all times multiplied."""

    def later(changes):
        return [c._replace(onset=c.onset * factor) for c in changes]

    notes = score.notes.copy()
    notes["onset"] *= factor
    notes["duration"] *= factor
    return replace(
        score, notes=notes, length=score.length * factor, pickup=score.pickup * factor, keys=later(score.keys),
        time_signatures=later(score.time_signatures), tempos=later(score.tempos),
    )  # fmt: skip


def midi_files() -> list[Path]:
    """Return the benchmark's MIDI files, none if it is not there."""
    return sorted(Path(os.environ.get("MUSICLAB_DATA", "absent"), "midi").glob("*.mid"))


def miditok_peer(scheme: str):
    """Return the MidiTok tokenizer that the docstring of a scheme names."""
    miditok = pytest.importorskip("miditok")
    metres: dict[int, list[int]] = {}
    for numerator, denominator in METRES:
        metres.setdefault(denominator, []).append(numerator)
    with_metres = {"time_signature_range": metres} if scheme == "REMI" else {}
    config = miditok.TokenizerConfig(
        pitch_range=(0, 127), use_programs=True, use_tempos=True, use_time_signatures=scheme == "REMI",
        remove_duplicated_notes=True, **with_metres,
    )  # fmt: skip
    return getattr(miditok, scheme)(config)


def check_files_against_miditok(tok, different: dict[str, str]) -> None:
    """Test that ids are MidiTok's on every file but those in the table.

    These differ, and MidiTok writes the same once it is given what ``project`` keeps of them.
    """
    peer = miditok_peer(type(tok).__name__)
    differing = set()
    for file in midi_files():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            score = read_midi(file)
        ids = tok.encode(score)
        if ids != peer.encode(file).ids:
            differing.add(file.name)
        assert peer.encode(as_symusic(tok.project(score))).ids == ids, file.name
        check_decoded_as_miditok(tok, peer, ids)
    assert differing == set(different)


def check_decoded_as_miditok(tok, peer, ids: list[int]) -> None:
    """Test that MidiTok finds the same notes, tempos and metres in ids."""
    ours, theirs = tok.decode(ids), peer.decode(ids)
    assert ours.resolution == theirs.ticks_per_quarter
    programs = np.array([-1 if p.is_drum else p.program for p in ours.parts])
    rows = [(n["onset"], n["duration"], n["pitch"], n["velocity"], programs[n["part"]]) for n in ours.notes]
    found = [
        (n.time, n.duration, n.pitch, n.velocity, -1 if track.is_drum else track.program)
        for track in theirs.tracks
        for n in track.notes
    ]
    assert sorted(rows) == sorted(found)
    tempos = [(t.time, round(t.qpm, 2)) for t in theirs.tempos]
    assert [(t.onset, t.quarters_per_minute) for t in ours.tempos] == tempos
    metres = [(m.time, m.numerator, m.denominator) for m in theirs.time_signatures]
    assert [tuple(m) for m in ours.time_signatures] == metres


def as_symusic(score: Score):
    """Return the score as symusic's, note for note."""
    import symusic

    told = symusic.Score(score.resolution)
    for i, part in enumerate(score.parts):
        track = symusic.Track("", part.program, part.is_drum)
        rows = score.notes[score.notes["part"] == i][["onset", "duration", "pitch", "velocity"]].tolist()
        track.notes.extend(symusic.Note(*row) for row in rows)
        told.tracks.append(track)
    told.time_signatures.extend(symusic.TimeSignature(*m) for m in score.time_signatures)
    told.tempos.extend(symusic.Tempo(*t) for t in score.tempos)
    return told


def check_scores_against_miditok(tok, cases: int, folder: Path) -> None:
    """Test that ids are MidiTok's on random scores, by way of MIDI files and, once projected, without exception."""
    peer = miditok_peer(type(tok).__name__)

    @settings(max_examples=cases)
    @given(scores())
    def on_scores(score):
        assert peer.encode(as_symusic(tok.project(score))).ids == tok.encode(score)
        file = write_midi(replace(score, pickup=0), folder / "random.mid")
        score = read_midi(file)
        if not score.pickup and not _differs(tok, score):
            assert tok.encode(score) == peer.encode(file).ids

    on_scores()


def _differs(tok, score: Score) -> bool:
    """Tell whether the docstring says that ids differ: a metre is skipped, or notes lie within others."""
    if type(tok).__name__ == "REMI":
        denominators = {d for _, n, d in score.time_signatures if (n, d) in tok.time_signatures}
        return denominators != {d for _, _, d in tok.project(score).time_signatures}
    if type(tok).__name__ == "MIDILike":
        near = score.resolution // 4  # rounding may make notes overlap that do not quite
        rows = [(score.parts[n["part"]][1:], n["pitch"], n["onset"], n["onset"] + n["duration"]) for n in score.notes]
        return any(a[:2] == b[:2] and a[2] <= b[2] <= a[3] + near for a, b in combinations(rows, 2))
    return False


def check_mutations(scheme, monkeypatch) -> None:
    """Test that each law catches a tokenizer that breaks it and no other."""
    table = scheme._table
    some = [Score([(0, 24, 60, 100), (24, 24, 64, 90, 1)], parts=[("", 0), ("", 40)])]
    broken = {
        # the score that words spell has another velocity than the one that was written
        "round trip": ("_ids", lambda self, t, write=scheme._ids: write(self, t._replace(velocity=t.velocity - 1))),
        # what is kept loses a little more each time
        "projection": ("_table", lambda self, s: (t := table(self, s))._replace(velocity=t.velocity // 2)),
        # repeated tempos are read but never written
        "canonical": ("_table", lambda self, s: _with_one_tempo(table(self, s))),
    }
    for law, (name, function) in broken.items():
        with monkeypatch.context() as patch, pytest.raises(AssertionError, match=f"^{law}"):
            patch.setattr(scheme, name, function)
            check_tokenizer(scheme(), some, walks=0)
            check_walks(scheme(), 20)
    with monkeypatch.context() as patch, pytest.raises(AssertionError, match=r"^walk"):
        # pitches may fall
        patch.setattr(EventGrammar, "_forbid_pitches", lambda self, mask: None)
        check_walks(scheme(), 20)


def _with_one_tempo(table):
    return table._replace(tempo_onset=table.tempo_onset[:1], tempo=table.tempo[:1])
