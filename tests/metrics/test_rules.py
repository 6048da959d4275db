"""Rules of voice leading: each against a slow reading of its definition, Bach's rates, and music21."""

import os
from itertools import combinations

import numpy as np
import pytest

from musiclab.datasets import load_jsb
from musiclab.metrics.rules import (
    RANGES,
    WATCHED,
    cadence,
    chord_plan,
    find_broken,
    given_notes,
    in_key,
    in_ranges,
    max_leap,
    no_syncopation,
    parallel_octaves,
    sounding_pitches,
    voice_leading,
)  # fmt: skip
from musiclab.score import Score
from musiclab.tokenizers import ChoraleGrid

needs_data = pytest.mark.skipif(not os.environ.get("MUSICLAB_DATA"), reason="MUSICLAB_DATA is not set")


def by_definition(grid: list[list[int]]) -> dict[str, set[tuple[int, int, int]]]:
    """Read the rules word by word, one pair and step at a time."""
    found: dict[str, set] = {name: set() for name in WATCHED}
    for t, row in enumerate(grid):
        for part, pitch in enumerate(row):
            low, high = RANGES[part]
            if pitch >= 0 and not low <= pitch <= high:
                found["out_of_range"].add((t, part, part))
        for a, b in combinations(range(4), 2):
            x, y = row[a], row[b]
            if min(x, y) < 0:
                continue
            if b == a + 1 and x < y:
                found["crossing"].add((t, a, b))
            if b == a + 1 < 3 and x - y > 12:
                found["spacing"].add((t, a, b))
            if t == 0 or min(grid[t - 1][a], grid[t - 1][b]) < 0:
                continue
            x0, y0 = grid[t - 1][a], grid[t - 1][b]
            if b == a + 1 and (x < y0 or y > x0):
                found["overlap"].add((t, a, b))
            if (x > x0 and y > y0) or (x < x0 and y < y0):
                for name, interval in (("fifths", 7), ("octaves", 0)):
                    was, now = abs(x0 - y0) % 12 == interval, abs(x - y) % 12 == interval
                    if was and now:
                        found[f"parallel_{name}"].add((t, a, b))
                    if now and not was and (a, b) == (0, 3) and abs(x - x0) > 2:
                        found[f"hidden_{name}"].add((t, a, b))
    return found


@pytest.mark.parametrize("seed", range(5))
def test_every_rule_is_its_definition(seed):
    rng = np.random.default_rng(seed)
    # Few pitches, so that parallels are common; rests and held pitches among them.
    grid = np.array([77, 67, 62, 53]) + rng.choice([-7, -5, 0, 2, 7, 12], size=(300, 4))
    grid[rng.random(grid.shape) < 0.1] = -1
    expected = by_definition(grid.tolist())
    for name in WATCHED:
        rows = find_broken(grid, name)
        assert rows.tolist() == sorted(map(list, expected[name]))
        assert len(rows) > 0, f"{name} is never broken here, so nothing was tested"


@needs_data
def test_bachs_own_rates():
    corpus = load_jsb()
    rates = {}
    for split in ("train", "valid", "test"):
        found = [voice_leading(grid) for grid in getattr(corpus, split)]
        rates[split] = {
            name: 100 * sum(len(v.places[name]) for v in found) / sum(v.chances[name] for v in found)
            for name in WATCHED
        }
        parallels = np.array([v.parallels for v in found])
        rates[split]["a chorale"] = parallels.mean()
        rates[split]["clean"] = (parallels == 0).mean()
        rates[split]["hidden"] = np.mean(
            [sum(len(v.places[f"hidden_{i}s"]) for i in ("fifth", "octave")) for v in found]
        )

    def figures(name):
        return [rates[split][name] for split in ("train", "valid", "test")]

    assert figures("a chorale") == pytest.approx([0.27, 0.24, 0.27], abs=0.005)
    assert figures("clean") == pytest.approx([0.82, 0.83, 0.82], abs=0.005)
    assert figures("parallel_fifths") == pytest.approx([0.067, 0.080, 0.091], abs=0.0006)
    assert figures("parallel_octaves") == pytest.approx([0.061, 0.040, 0.036], abs=0.0006)
    assert figures("hidden") == pytest.approx([0.43, 0.42, 0.47], abs=0.005)
    assert figures("crossing")[::2] == pytest.approx([0.79, 0.66], abs=0.006)
    assert figures("spacing")[::2] == pytest.approx([0.66, 0.80], abs=0.006)
    assert figures("overlap")[::2] == pytest.approx([1.29, 1.13], abs=0.006)
    grids = np.concatenate(corpus.train)
    ranges = [(column[column >= 0].min(), column.max()) for column in grids.T]
    assert ranges == [tuple(pair) for pair in RANGES.tolist()]


@needs_data
@pytest.mark.slow
def test_music21_agrees_but_for_contrary_motion():
    from music21.note import Note
    from music21.voiceLeading import VoiceLeadingQuartet

    rng = np.random.default_rng(0)
    bach = load_jsb().test[:6]
    wrong = [np.where(rng.random(g.shape) < 0.02, g + rng.choice([-2, -1, 1, 2], g.shape), g) for g in bach]
    peers = {"parallel_fifths": "parallelFifth", "parallel_octaves": "parallelUnisonOrOctave"}
    notes, counted, antiparallel = {p: Note(p) for p in range(30, 90)}, 0, 0
    for grid in [*bach, *wrong]:
        ours = {name: {tuple(row) for row in find_broken(grid, name).tolist()} for name in peers}
        heading = np.sign(np.diff(grid, axis=0))
        for t, row in enumerate(heading, start=1):
            for a, b in combinations(np.flatnonzero(row), 2):
                if grid[t - 1 : t + 1, [a, b]].min() < 0:
                    continue
                quartet = VoiceLeadingQuartet(*(notes[int(grid[s, p])] for p in (a, b) for s in (t - 1, t)))
                for name, method in peers.items():
                    theirs = getattr(quartet, method)()
                    if row[a] == row[b]:
                        assert theirs == ((t, a, b) in ours[name]), (name, t, a, b)
                    antiparallel += theirs and row[a] != row[b]
                counted += sum((t, a, b) in ours[name] for name in peers)
    assert counted == sum(voice_leading(grid).parallels for grid in [*bach, *wrong]) > 5
    assert antiparallel > 0, "no contrary motion was tried"


def test_a_score_is_read_on_16ths():
    parts = [("Soprano",), ("Alto",), ("Tenor",), ("Bass",)]
    rows = [(0, 12, 74, 64, 0), (12, 12, 76, 64, 0), (0, 24, 67, 64, 1), (7, 17, 60, 64, 2), (0, 12, 55, 64, 3)]
    score = Score([*rows, (12, 12, 57, 64, 3)], parts=parts)
    grid = sounding_pitches(score)
    assert grid.tolist() == [[74, 67, -1, 55], [74, 67, 60, 55], [76, 67, 60, 57], [76, 67, 60, 57]]
    assert (
        find_broken(score, "parallel_fifths").tolist() == find_broken(grid, "parallel_fifths").tolist() == [[2, 0, 3]]
    )
    tok = ChoraleGrid()
    assert tok.from_grid(grid) == tok.encode(score)


def test_notes_struck_again_make_no_parallels():
    pitches = (76, 69, 60, 50)
    rows = [(6 * i, 6, pitch, 64, part) for i in range(4) for part, pitch in enumerate(pitches)]
    found = voice_leading(Score(rows))
    assert found.chances["parallel_fifths"] == found.parallels == 0
    assert np.isnan(found.rate("parallel_fifths"))


def test_a_stack_of_next_rows_is_judged_at_once():
    before = [72, 64, 55, 48]
    choices = [[74, 65, 57, 50], [74, 65, 57, 53], [-1, 65, 57, 50], [74, -1, -1, -1]]  # -1: not chosen yet
    rows = np.array([[before, choice] for choice in choices])
    assert parallel_octaves(rows)[:, 1].any(axis=-1).tolist() == [True, False, False, False]


def test_what_is_no_four_part_grid_is_refused():
    with pytest.raises(ValueError, match="score must be one of at least 4 parts, got 1"):
        voice_leading(Score([(0, 24, 60)]))
    with pytest.raises(
        ValueError, match=r"grid must be whole numbers of shape \(steps, 4\), got int64 of shape \(5, 3\)"
    ):
        voice_leading(np.zeros((5, 3), dtype=np.int64))
    with pytest.raises(ValueError, match="grid must be whole numbers"):
        voice_leading(np.zeros((5, 4)))
    with pytest.raises(ValueError, match=r"rule must be a Rule or one of .*, got 'parallel_thirds'"):
        find_broken(np.zeros((5, 4), dtype=np.int64), "parallel_thirds")


def test_unsigned_grids_and_rests_alone():
    assert voice_leading(np.array([[72, 64, 60, 48]] * 2, dtype=np.uint8)).parallels == 0
    assert all(len(rows) == 0 for rows in voice_leading(np.full((8, 4), -1)).places.values())


PARTS4 = [("Soprano",), ("Alto",), ("Tenor",), ("Bass",)]


def noise(seed: int, metre=(4, 4), pickup=24, key=(0, "minor")) -> Score:
    """Return four parts of notes and rests of many lengths."""
    rng, rows = np.random.default_rng(seed), []
    for part, centre in enumerate((72, 65, 58, 48)):
        onset = 0
        while onset < 480:
            length = int(rng.choice([6, 12, 18, 24, 48]))
            if rng.random() < 0.9:
                rows.append((onset, length, centre + int(rng.integers(-6, 7)), 64, part))
            onset += length
    return Score(rows, parts=PARTS4, pickup=pickup, time_signatures=[(0, *metre)], keys=[(0, *key)])


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("metre", "bar", "beat"), [((4, 4), 96, 24), ((3, 4), 72, 24), ((6, 8), 72, 36), ((3, 2), 144, 48)]
)
def test_rules_of_a_composer_are_their_definitions(seed, metre, bar, beat):
    score = noise(seed, metre)
    plan = [("C", {0, 4, 7}), ("Am", {9, 0, 4}), (None, set(range(12))), ("E7", {4, 8, 11, 2})]
    minor = {9, 11, 0, 2, 4, 5, 6, 7, 8}
    want = {name: set() for name in ("in_key", "in_ranges", "max_leap", "no_syncopation", "chord_plan")}

    def strength(tick):
        return ((tick - 24) % beat == 0) + ((tick - 24) % bar == 0)

    def at(tick, part):
        found = [n for n in score.notes.tolist() if n[4] == part and n[0] <= tick < n[0] + n[1]]
        return found[0] if found else None

    for step in range(score.length // 6):
        tick, heard = 6 * step, set()
        for part in range(4):
            if (note := at(tick, part)) is None:
                continue
            onset, _, pitch, _, _ = note
            heard.add(pitch % 12)
            before = at(tick - 6, part)
            for name, broken in {
                "in_key": pitch % 12 not in minor,
                "in_ranges": not RANGES[part][0] + 5 <= pitch <= 70,
                "max_leap": before is not None and abs(pitch - before[2]) > 5,
                "no_syncopation": onset < tick and strength(onset) < strength(tick),
                "chord_plan": strength(tick) > 0 <= tick - 24 < 4 * bar
                and pitch % 12 not in plan[(tick - 24) // bar][1],
            }.items():
                if broken:
                    want[name].add((step, part, part))
        if strength(tick) > 0 <= tick - 24 < 4 * bar:
            chord = {0: {0, 4}, 1: {9, 0}, 2: set(), 3: {4, 8}}[(tick - 24) // bar]
            if not chord <= heard:
                want["chord_plan"].add((step, 0, 3))
    rules = [
        in_key(), in_ranges([(low + 5, 70) for low, _ in RANGES.tolist()]), max_leap(5), no_syncopation(),
        chord_plan([name for name, _ in plan]),
    ]  # fmt: skip
    for rule in rules:
        assert set(map(tuple, find_broken(score, rule).tolist())) == want[rule.name], rule.name
        assert want[rule.name], f"{rule.name} is never broken here, so nothing was tested"
    assert find_broken(score, "in_key").tolist() == find_broken(score, in_key("A minor")).tolist()


def test_chord_names_are_music21s():
    from music21.harmony import ChordSymbol

    from musiclab.metrics.rules import SUFFIXES, _chord_classes

    for root in ("C", "F#", "Bb", "A"):
        for suffix in SUFFIXES:
            peer = ChordSymbol(root.replace("b", "-") + suffix.replace("m7b5", "ø7"))
            assert set(_chord_classes(root + suffix)) == set(peer.pitchClasses), root + suffix
            assert _chord_classes(root + suffix)[0] == peer.root().pitchClass


def test_given_notes_and_cadence_are_their_definitions():
    score = noise(0)
    tune = score.part("Soprano")
    assert find_broken(score, given_notes(tune)).tolist() == []
    moved = noise(0).notes.copy()
    first = int(np.flatnonzero(moved["part"] == 0)[0])
    moved["pitch"][first] += 1
    changed = find_broken(Score(moved, parts=PARTS4, pickup=24), given_notes(tune))
    assert changed.tolist() == [
        [step, 0, 0]
        for step in range(moved["onset"][first] // 6, int(moved["onset"][first] + moved["duration"][first]) // 6)
    ]
    endings = {(72, 64, 55, 48): 0, (72, 67, 55, 48): 1, (72, 64, 57, 48): 1, (72, 67, 60, 52): 1, (72, 63, 55, 48): 2}
    for pitches, n in endings.items():
        last = Score([(0, 24, pitch, 64, part) for part, pitch in enumerate(pitches)], parts=PARTS4)
        assert len(find_broken(last, "cadence")) == n, pitches


def test_what_no_rule_can_be_is_refused():
    with pytest.raises(ValueError, match=r"key must be one of .*, got 'H major'"):
        in_key("H major")
    with pytest.raises(ValueError, match=r"chord must be a letter, # or b, and one of .*, got 'Csus4'"):
        chord_plan(["Csus4"])
    with pytest.raises(ValueError, match="per must be 'bar' or 'beat', got 'step'"):
        chord_plan(["C"], per="step")
    with pytest.raises(ValueError, match="key must be one of"):
        cadence("C")
