"""Rules as masks: none is broken alone, none is broken silently, and one that does not bite changes nothing."""

from functools import cache
from itertools import pairwise, product

import numpy as np
import pytest
import torch

from musiclab.constraints import Limits, RuleMask, _completable
from musiclab.datasets import load_example
from musiclab.generation import Writing, generate, write_batch
from musiclab.metrics.rules import (
    LOWER,
    RULES,
    UPPER,
    Rule,
    as_rule,
    cadence,
    chord_plan,
    find_broken,
    given_notes,
    in_key,
    in_ranges,
    max_leap,
    no_syncopation,
)  # fmt: skip
from musiclab.models import GRU
from musiclab.sampling import Sampler, write
from musiclab.score import Score
from musiclab.tokenizers import REMI, Chorale, Melody
from musiclab.tokenizers.base import EOS

TOK = Chorale()
SOPRANO = load_example("bwv248.17").part("Soprano").bars(0, 3)
SINGLE = [
    *RULES, in_key("Eb major"), max_leap(5), cadence("A minor"),
    chord_plan(["C", "Am", "F"]), chord_plan(["G7", "C", "Dm", "E"], per="beat"), given_notes(SOPRANO),
]  # fmt: skip


def untrained(tok, seed=0):
    torch.manual_seed(seed)
    model = GRU(len(tok.vocab), width=8)
    model.out.bias.data[tok.ids_of_words["Hold"]] = 3.0  # else every note is a 16th
    return model


def written(rules, n=3, tok=TOK, n_bars=2, seed=0, temperature=1.0, primer=None, max_ids=4096):
    sampler = Sampler(temperature, seed=seed)
    settings = {"primer": primer, "n_bars": n_bars, "rules": rules, "max_ids": max_ids}
    return write_batch(untrained(tok, seed), tok, n, sampler, "cpu", **settings)


@cache
def free():
    """Return scores that keep no rules."""
    return [writing.score() for writing in written([], n=20)]


def reported(writing, parts=4):
    """Return the step and rule of each back-off; an ending is of the step before it."""
    at = enumerate(writing.draws, start=-3)
    return {((i - (draw.id == EOS)) // parts, name) for i, draw in at for name in draw.backed_off}


def silent(writing, rules, parts=4):
    """Return the breaches in the decoded score that no draw of that step reported."""
    score, known = writing.score(), reported(writing, parts)
    steps = [(step, as_rule(rule).name) for rule in rules for step in find_broken(score, rule)[:, 0].tolist()]
    return [place for place in steps if place not in known]


@pytest.mark.parametrize("rule", SINGLE, ids=lambda rule: as_rule(rule).name)
def test_alone_a_rule_is_never_broken_and_never_passed_over(rule):
    # An untrained model writes noise: whatever can go wrong does.
    for writing in written([rule]):
        assert find_broken(writing.score(), rule).tolist() == []
        assert not any(draw.backed_off for draw in writing.draws)
    assert any(len(find_broken(score, rule)) for score in free()), "never broken without it, so nothing was tested"


CONFLICTS = [
    ["out_of_range", chord_plan(["C", "F#", "Bb"]), "in_key", "parallel_fifths", "crossing", max_leap(2), "cadence"],
    [given_notes(SOPRANO), "in_key", max_leap(1), "cadence", "no_syncopation", "overlap", "spacing"],
    [max_leap(0), chord_plan(["C", "F#"] * 4, per="beat"), in_key("C major")],
    [
        "cadence",
        in_ranges([(61, 63), (61, 62), (61, 62), (61, 61)]),
        "crossing",
        cadence("F# minor")._replace(name="b"),
    ],
]


@pytest.mark.parametrize("rules", CONFLICTS)
def test_together_nothing_is_broken_silently(rules):
    found = back = 0
    for writing in written(rules):
        assert silent(writing, rules) == []
        back += len(reported(writing))
        found += sum(len(find_broken(writing.score(), rule)) for rule in rules)
        first = as_rule(rules[0])
        assert not find_broken(writing.score(), first).size and first.name not in {
            name for _, name in reported(writing)
        }
    assert found > 0 < back, "no conflict was met"


def test_a_row_is_open_if_and_only_if_it_can_be_completed():
    rng, n = np.random.default_rng(0), 5
    for density in (0.25, 0.45, 0.7) * 40:
        fit, pairs = rng.random((4, n)) < 0.8, rng.random((6, n, n)) < density
        needs = tuple(rng.random((rng.integers(3), n)) < 0.4)
        expected = np.zeros((4, n), dtype=bool)
        for row in product(*map(np.flatnonzero, fit)):
            ok = all(pairs[i, row[UPPER[i]], row[LOWER[i]]] for i in range(6)) and all(
                has[list(row)].any() for has in needs
            )
            expected[range(4), row] |= ok
        for part in range(4):
            found = _completable(fit, [Limits(None, pairs, needs, True)], part)
            assert found.tolist() == expected[part].tolist()
            assert (
                _completable(fit, [Limits(None, pairs | True, (), True)], part).tolist()
                == _completable(fit, [Limits(None, None, (), True)], part).tolist()
            )


@pytest.mark.parametrize("kind", ["parts", "pairs"])
def test_a_rule_that_does_not_bite_changes_nothing_to_the_last_bit(kind):
    never = {"parts": lambda p: p.pitch < -1, "pairs": lambda grid: grid[..., UPPER] < -1}
    rule = Rule("never", **{kind: never[kind]})
    for free, ruled in zip(written([]), written([rule, max_leap(99)]), strict=True):
        assert free.ids == ruled.ids
        for a, b in zip(free.draws, ruled.draws, strict=True):
            assert (a.nll, a.entropy, a.top, a.paid["grammar"]) == (b.nll, b.entropy, b.top, b.paid["grammar"])
            assert b.paid["never"] == b.paid["max_leap"] == 0


def test_the_price_is_the_share_removed():
    model, tok = untrained(Melody()), Melody()
    primer = tok.project(Score([(0, 6, 60)], keys=[(0, 0, "major")]))
    writing = Writing(model, tok, primer, Sampler(), 2, ["in_key", max_leap(3)], 99)
    ids = list(writing.ids)
    draw = next(write(model, [writing]))
    p = torch.softmax(model(torch.tensor([ids]))[0][0, -1].double(), 0).detach().numpy()
    words = [word.split("_") for word in tok.vocab]
    cells = [word[0] in ("Hold", "Rest", "Pitch", "EOS") for word in words]
    scale = [
        ok and (w[0] != "Pitch" or int(w[1]) % 12 in (0, 2, 4, 5, 7, 9, 11)) for ok, w in zip(cells, words, strict=True)
    ]
    near = [ok and (w[0] != "Pitch" or abs(int(w[1]) - 60) <= 3) for ok, w in zip(scale, words, strict=True)]
    paid = {
        "grammar": p[cells].sum(),
        "in_key": p[scale].sum() / p[cells].sum(),
        "max_leap": p[near].sum() / p[scale].sum(),
    }
    assert draw.paid == pytest.approx({name: -np.log(share) for name, share in paid.items()})


@pytest.mark.parametrize("tok", [Melody(), Melody(steps_per_quarter=6)], ids=str)
def test_one_part_keeps_the_rules_about_parts(tok):
    tune = tok.project(Score([(0, 24, 67), (24, 48, 69), (72, 24, 66)], keys=[(0, 1, "major")]))
    rules = [
        given_notes(tune, tok.steps_per_quarter), in_key("G major"), in_ranges([(55, 79)]), max_leap(4),
        no_syncopation(), chord_plan(["G", "D", "G"]), cadence(),
    ]  # fmt: skip
    for rule in rules:
        for writing in written([rule], tok=tok, n_bars=3, n=2):
            assert find_broken(writing.score(), rule, tok.steps_per_quarter).tolist() == []
            assert not any(draw.backed_off for draw in writing.draws)


def test_given_notes_come_as_they_are_with_their_bars_and_key():
    score = generate(untrained(TOK), TOK, rules=[given_notes(SOPRANO)], n_bars=4, sampler=Sampler(seed=5))
    wanted = TOK.project(SOPRANO)
    assert (score.pickup, score.keys, score.time_signatures) == (wanted.pickup, wanted.keys, wanted.time_signatures)
    notes = {tuple(note) for note in score.notes.tolist()}
    assert {tuple(note) for note in wanted.notes.tolist()} <= notes
    assert len(notes) > 2 * len(wanted.notes)


@pytest.mark.parametrize(("n_bars", "max_ids"), [(2, 4096), (None, 150), (9, 101)])
@pytest.mark.parametrize("key", ["Bb major", "G minor"])
def test_a_cadence_is_a_triad_for_music21(key, n_bars, max_ids):
    from music21.chord import Chord

    ranges = in_ranges([(60, 79), (60, 74), (55, 67), (36, 54)])  # no part lies below the bass
    for writing in written([ranges, in_key(key), cadence()], n=2, n_bars=n_bars, max_ids=max_ids):
        score = writing.score()
        last = score.notes[score.end == score.length]
        chord = Chord(sorted(last["pitch"].tolist()))
        root = {"B": "B-", "G": "G"}[key[0]]
        assert (chord.root().name, chord.bass().name) == (root, root) and chord.third is not None
        assert set(chord.pitchClasses) <= ({10, 2, 5} if key[0] == "B" else {7, 10, 2})
        assert score.end.max() == score.length


@pytest.mark.slow
def test_music21_finds_no_parallels_either():
    from music21.note import Note
    from music21.voiceLeading import VoiceLeadingQuartet

    notes, seen = {p: Note(p) for p in range(30, 90)}, 0
    for writing in written(["parallel_fifths", "parallel_octaves"], n_bars=4):
        score = writing.score()
        steps = np.stack([np.full(score.length // 6, -1)] * 4, axis=1)
        for onset, duration, pitch, _, part in score.notes.tolist():
            steps[onset // 6 : (onset + duration) // 6, part] = pitch
        for before, after in pairwise(steps):
            for a, b in zip(UPPER, LOWER, strict=True):
                together = np.sign(after[a] - before[a]) == np.sign(after[b] - before[b]) != 0
                if together and min(*before[[a, b]], *after[[a, b]]) >= 0:
                    four = (notes[int(x)] for x in (before[a], after[a], before[b], after[b]))
                    quartet, seen = VoiceLeadingQuartet(*four), seen + 1
                    assert not quartet.parallelFifth() and not quartet.parallelUnisonOrOctave()
    assert seen > 100


def test_a_rule_of_ones_own():
    low = Rule("low", parts=lambda p: p.pitch > 60)
    thirds = Rule(
        "thirds", pairs=lambda g: (g[..., LOWER] >= 0) & (g[..., UPPER] >= 0) & (g[..., UPPER] - g[..., LOWER] < 3)
    )
    for writing in written([low, thirds], n=2):
        assert writing.score().notes["pitch"].max() <= 60
        assert find_broken(writing.score(), thirds).tolist() == []


def test_a_primer_may_have_broken_the_rules():
    primer = TOK.project(Score([(0, 24, 61), (0, 24, 70, 64, 1), (0, 24, 75, 64, 2), (0, 24, 80, 64, 3)]))
    for writing in written(["crossing", "in_key", "overlap", "out_of_range"], primer=primer):
        assert writing.score().excerpt(0, 24) == primer.excerpt(0, 24)
        for rule in ("in_key", "out_of_range", "crossing"):
            steps = find_broken(writing.score(), rule)[:, 0]
            assert len(steps) and steps.max() < 4


def test_what_cannot_be_is_refused():
    def mask(tok, *rules):
        return RuleMask(tok, rules, None, 99)

    with pytest.raises(ValueError, match="the tokenizer under rules must be Chorale or Melody, got REMI"):
        mask(REMI(), "in_key")
    with pytest.raises(ValueError, match=r"about single parts, since Melody\(\) has 1, got crossing"):
        mask(Melody(), "crossing")
    with pytest.raises(ValueError, match=r"the header of in_five must be one of Chorale\(\)'s, got \(5, 4\)"):
        mask(TOK, Rule("in_five", header=((5, 4), None, None)))
    with pytest.raises(ValueError, match="rules must be of different names"):
        mask(TOK, "in_key", in_key("C major"))
    with pytest.raises(ValueError, match="rule must be a Rule or one of"):
        mask(TOK, "in_tune")
    with pytest.raises(ValueError, match="rules must be about 1 parts, got in_ranges, about 4"):
        generate(untrained(Melody()), Melody(), rules=[in_ranges([(60, 72)] * 4)], n_bars=1)
