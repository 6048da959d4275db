"""Originality: runs are the longest there are, in every transposition, and tell copies from new music."""

import os
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings

import musiclab as ml
from musiclab.metrics import originality
from musiclab.metrics.fakes import make_fakes
from musiclab.metrics.originality import OriginalityIndex, approximate_matches, read_words
from musiclab.score import Key, Part, Score, Tempo
from musiclab.tokenizers import ChoraleGrid
from tests.strategies import scores

needs_data = pytest.mark.skipif("MUSICLAB_DATA" not in os.environ, reason="MUSICLAB_DATA names no benchmark data")
VOICES = ("Soprano", "Alto", "Tenor", "Bass")
LINES = (*VOICES, "harmony")


def melody(pitches, duration=24, **about) -> Score:
    return Score([(i * duration, duration, pitch) for i, pitch in enumerate(pitches)], **about)


def dice(seed: int, notes: int, pitches=(60, 61, 63)) -> Score:
    """A line whose intervals repeat often, so that runs of many lengths occur."""
    return melody(np.random.default_rng(seed).choice(pitches, notes).tolist())


def words_of(score: Score, line=0) -> list:
    return read_words(score).get(line, ([], [], []))[0]


def longest_by_force(words: list, training: list[list]) -> list[int]:
    """For each word the length of the longest stretch ending there that is anywhere in training, by trying them all."""
    known = {tuple(t[i:j]) for t in training for i in range(len(t)) for j in range(i + 1, len(t) + 1)}
    return [
        max((n for n in range(1, i + 2) if tuple(words[i + 1 - n : i + 1]) in known), default=0)
        for i in range(len(words))
    ]  # fmt: skip


class SuffixAutomaton:
    """The textbook's (Blumer et al. 1985), to compare with."""

    def __init__(self, words):
        self.next, self.length, self.link, last = [{}], [0], [-1], 0
        for word in words:
            last = self.add(last, word)

    def add(self, last, word):
        new = self.state({}, self.length[last] + 1, 0)
        while last >= 0 and word not in self.next[last]:
            self.next[last][word], last = new, self.link[last]
        if last >= 0:
            old = self.next[last][word]
            self.link[new] = old
            if self.length[old] != self.length[last] + 1:
                clone = self.state(dict(self.next[old]), self.length[last] + 1, self.link[old])
                self.link[old] = self.link[new] = clone
                while last >= 0 and self.next[last].get(word) == old:
                    self.next[last][word], last = clone, self.link[last]
        return new

    def state(self, following, length, link):
        self.next.append(following)
        self.length.append(length)
        self.link.append(link)
        return len(self.link) - 1

    def longest(self, words):
        state, length = 0, 0
        for word in words:
            while state and word not in self.next[state]:
                state = self.link[state]
                length = self.length[state]
            if word in self.next[state]:
                state, length = self.next[state][word], length + 1
            yield length


@cache
def jsb() -> dict[str, list[Score]]:
    tok, corpus = ChoraleGrid(), ml.load_jsb()
    return {name: [tok.decode(tok.from_grid(g)) for g in getattr(corpus, name)] for name in ("train", "valid", "test")}


@cache
def jsb_index() -> OriginalityIndex:
    return OriginalityIndex(jsb()["train"], licence="the licence")


def matches(name: str) -> list[originality.Match]:
    return [jsb_index().match(score) for score in jsb()[name]]


# --- what is found --------------------------------------------------------------------------------------------------


def test_runs_are_those_that_brute_force_finds():
    for seed in range(200):
        training = [dice(seed * 10 + i, 14) for i in range(3)]
        score = dice(seed * 10 + 9, 14, (50, 51, 53, 56))
        found = OriginalityIndex(training).match(score).lengths["part 1"].tolist()
        assert found == longest_by_force(words_of(score), [words_of(t) for t in training]), seed


@needs_data
@pytest.mark.parametrize("line", [0, 3, "harmony"])
def test_runs_are_those_that_a_suffix_automaton_finds(line):
    known = [word for i, score in enumerate(jsb()["train"]) for word in (i, *words_of(score, line))]
    automaton, name = SuffixAutomaton(known), line if line == "harmony" else VOICES[line]
    for score, match in zip(jsb()["test"], matches("test"), strict=True):
        assert match.lengths[name].tolist() == list(automaton.longest(words_of(score, line)))


@settings(max_examples=50)
@given(scores())
def test_any_score_is_wholly_in_itself(score):
    match = OriginalityIndex([score]).match(score)
    for name, lengths in match.lengths.items():
        assert match.longest[name] == len(lengths)
        assert match.coverage(name, 1) == 1 if len(lengths) else np.isnan(match.coverage(name))
        assert (match.runs[name] is None) == (len(lengths) == 0)


@pytest.mark.parametrize("semitones", range(-24, 25))
def test_a_planted_quotation_is_found_in_every_transposition(semitones):
    training = [dice(seed, 40, range(60, 72)) for seed in range(5)]
    planted = training[3].excerpt(24 * 10, 24 * 21).transpose(semitones)
    head, tail = Score([(0, 24, 70), (24, 24, 55)], length=72), Score([(24, 24, 40), (48, 24, 90)])
    score = head.concat(planted).concat(tail)
    match = OriginalityIndex(training).match(score)
    run = match.longest_run("part 1")
    assert (run.length, run.index) == (10, 3)  # eleven notes: the way from the last to the next is not copied
    assert (run.start, run.stop) == (24 * 3, 24 * 14)
    assert (run.source_start, run.source_stop) == (24 * 10, 24 * 21)


@pytest.mark.parametrize("semitones", [-7, 0, 5])
def test_planted_harmony_is_found_in_every_transposition(semitones):
    chords = np.random.default_rng(0).integers(48, 72, (4, 30)).tolist()
    known = Score([(24 * t, 24, p, 64, part) for part, line in enumerate(chords) for t, p in enumerate(line)])
    copy = known.excerpt(24 * 5, 24 * 17).transpose(semitones)
    match = OriginalityIndex([known]).match(copy)
    assert match.longest["harmony"] == 11
    assert match.longest_run()[1:] == (0, 24 * 12, 0, 24 * 5, 24 * 17)


def test_ticks_are_those_of_each_score():
    known = dice(1, 30, range(60, 72))
    copy = known.excerpt(24 * 6, 24 * 20).resample(480)
    run = OriginalityIndex([known]).match(copy).longest_run()
    assert run[1:] == (0, 480 * 14, 0, 24 * 6, 24 * 20)


def test_rhythm_rests_and_the_end_of_a_score_part_what_is_otherwise_the_same():
    known = melody([60, 62, 64, 65, 67, 69])
    index = OriginalityIndex([known, known])
    assert index.match(melody([60, 62, 64, 65, 67, 69], duration=12)).longest == {"part 1": 0}
    rest = Score([(o + 24 * (i > 2), d, p) for i, (o, d, p, *_) in enumerate(known.notes.tolist())])
    assert index.match(rest).longest == {"part 1": 2}
    assert index.match(melody([60, 62, 64, 65, 67, 69, 60, 62])).longest == {"part 1": 5}  # not from one into the next


def test_coverage_is_the_share_of_words_inside_long_runs():
    known = melody([60, 62, 64, 65, 67, 69, 71, 72, 50])
    copy = melody([90, 30, 60, 62, 64, 65, 67, 80, 20, 60, 62, 64, 90])  # runs of 4 and 2 among 12 words
    match = OriginalityIndex([known]).match(copy)
    assert match.lengths["part 1"].tolist() == [0, 0, 1, 2, 3, 4, 0, 0, 0, 1, 2, 0]
    shares = [match.coverage("part 1", n) for n in (1, 2, 3, 4, 5)]
    assert shares == pytest.approx(np.array([6, 6, 4, 4, 0]) / 12)
    assert match.coverage("part 1") == 0  # 8 or more


def test_quarters_of_harmony_are_counted_from_the_first_bar_line():
    lines = np.random.default_rng(0).integers(48, 72, (2, 20)).tolist()  # in eighths: on the beat and between
    chords = [(12 * t, 12, p, 64, part) for part, line in enumerate(lines) for t, p in enumerate(line)]
    known = Score(chords)
    pickup = Score([(0, 12, 71, 64, 0), *((o + 12, *rest) for o, *rest in chords)], pickup=12)
    assert OriginalityIndex([known]).match(pickup).longest["harmony"] == 9


def test_parts_are_told_apart_by_name_or_number_and_drums_are_left_out():
    parts = [Part("harmony"), Part("Violin"), Part("Violin"), Part("Flute"), Part("Kit", 0, True)]
    score = Score([(24 * i, 24, 60 + (i * i) % 5, 64, part) for part in range(5) for i in range(5)], parts=parts)
    match = OriginalityIndex([score]).match(score)
    assert list(match.longest) == ["part 1", "part 2", "part 3", "Flute", "harmony"]
    only_drums = Score([(0, 24, 36), (24, 24, 38)], parts=[Part("Kit", 0, True)])
    assert OriginalityIndex([score]).match(only_drums).longest_run() is None
    assert OriginalityIndex([only_drums]).match(score).longest == dict.fromkeys(match.longest, 0)


def test_the_worst_come_first_with_the_bars_around_them():
    training = [dice(seed, 64, range(60, 80)) for seed in range(4)]
    short, long = training[1].bars(1, 3), melody([80, 20, 81, 25]).concat(training[2].excerpt(96 * 3 + 24, 96 * 7))
    found = OriginalityIndex(training, "CC0").worst([melody([60]), short, long])
    assert [(q.index, q.run.index, q.licence) for q in found] == [(2, 2, "CC0"), (1, 1, "CC0")]
    assert (found[0].excerpt, found[0].original) == (long.bars(1), training[2].bars(3, 7))
    assert len(OriginalityIndex(training).worst([short, long], n=1)) == 1


def test_errors_say_what_is_allowed():
    with pytest.raises(ValueError, match="training must be at least one score, got 0"):
        OriginalityIndex([])
    match = OriginalityIndex([melody([60, 62])]).match(melody([60, 62]))
    for ask in (match.coverage, match.longest_run):
        with pytest.raises(ValueError, match=r"part must be one of \['part 1'\], got 'Oboe'"):
            ask("Oboe")
    with pytest.raises(ValueError, match=r"part must be in 0..0, got 1"):
        approximate_matches(melody([60]), [], part=1)


# --- what is alike --------------------------------------------------------------------------------------------------


def alignment_by_force(a: list, b: list) -> int:
    """The best copied words less four an edit, cell by cell."""
    table, best = {}, 0
    for i in range(len(a)):
        for j in range(len(b)):
            both = table.get((i - 1, j - 1), 0) + (1 if a[i] == b[j] else -4)
            one = max(table.get((i - 1, j), 0), table.get((i, j - 1), 0)) - 4
            table[i, j] = max(0, both, one)
            best = max(best, table[i, j])
    return best


def edits(a: list, b: list) -> int:
    """Levenshtein's distance."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        last, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (x != y))
    return row[-1]


def test_aligned_runs_are_the_best_and_have_less_than_a_fifth_of_edits():
    for seed in range(60):
        rng = np.random.default_rng(seed)
        known = dice(seed, 40, range(60, 67))
        pitches = known.notes["pitch"][5:35].tolist()
        for at in rng.choice(30, 3, replace=False):
            pitches[at] += int(rng.integers(1, 4))
        del pitches[8]
        pitches.insert(20, pitches[20])
        copy = melody([*rng.integers(60, 67, 6).tolist(), *pitches[: 10 + seed % 20]])
        (run,) = approximate_matches(copy, [known]) or [None]
        mine = words_of(copy)[run.start // 24 : run.stop // 24 - 1]
        source = words_of(known)[run.source_start // 24 : run.source_stop // 24 - 1]
        assert run.length == len(mine)
        n = edits(mine, source)
        assert n < 0.2 * (max(len(mine), len(source)) + n)
        assert alignment_by_force(words_of(copy), words_of(known)) == alignment_by_force(mine, source) > 0


@pytest.mark.parametrize(("words", "aligned"), [(7, 7), (8, 8), (9, 20)])  # on either side of the two that are edited
def test_an_edit_costs_as_much_as_four_copied_words_are_worth(words, aligned):
    known = dice(2, 2 * words + 3, range(60, 80))
    pitches = known.notes["pitch"].tolist()
    pitches[words + 1] += 40
    assert [run.length for run in approximate_matches(melody(pitches), [known])] == [aligned]


def test_a_quotation_with_wrong_notes_is_found_among_many():
    training = [dice(seed, 60, range(60, 75)) for seed in range(40)]
    pitches = training[17].notes["pitch"][10:50].tolist()
    pitches[14] += 2
    pitches[28] -= 1
    score = melody([p + 3 for p in pitches])
    best, *others = approximate_matches(score, training)
    assert (best.length, best.index, best.source_start, best.source_stop) == (39, 17, 240, 1200)
    assert OriginalityIndex(training).match(score).longest["part 1"] == 13
    assert all(run.length < 13 for run in others) and len(others) < originality.CANDIDATES


# --- what it says of Bach and of forgeries ---------------------------------------------------------------------------


@needs_data
@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("test", {"Soprano": (10, 38, 54), "Alto": (5, 8, 17), "Tenor": (6, 9, 15), "Bass": (8, 15, 22)}),
        ("valid", {"Soprano": (7, 35, 71), "Alto": (5, 8, 39), "Tenor": (5, 9, 37), "Bass": (8, 17, 41)}),
    ],
)
def test_median_95_percent_and_maximum_of_the_longest_match_are_those_measured_before(name, table):
    found = matches(name)
    for part, expected in (table | {"harmony": {"test": (4, 8, 15), "valid": (4, 10, 40)}[name]}).items():
        longest = [match.longest[part] for match in found]
        assert tuple(np.round(np.percentile(longest, (50, 95, 100))).astype(int)) == expected, part
    shares = [np.mean([match.coverage(part) for match in found]) for part in LINES]
    known = {"test": (0.39, 0.02, 0.03, 0.16, 0.032), "valid": (0.31, 0.04, 0.04, 0.16, 0.054)}[name]
    assert shares == pytest.approx(known, abs=0.005)


@needs_data
def test_a_fifth_of_the_test_tunes_is_in_train():
    share = [match.longest["Soprano"] / len(match.lengths["Soprano"]) for match in matches("test")]
    assert np.mean(np.array(share) >= 0.5) == pytest.approx(0.208, abs=0.003)
    assert np.mean(np.array(share) >= 0.9) == pytest.approx(0.052, abs=0.003)


@needs_data
def test_copies_are_told_from_held_out_music():
    train, test = jsb()["train"], jsb()["test"]
    fakes = make_fakes(test, train, seed=0)
    harmony = {name: [jsb_index().match(score).coverage() for score in fakes[name]] for name in fakes}
    assert np.mean(harmony["markov2"]) >= 0.8
    assert np.mean([match.coverage() for match in matches("test")]) <= 0.06
    assert np.mean(harmony["corrupt20"]) <= 0.005 and np.mean(harmony["random"]) == 0
    assert harmony["transpose"] == pytest.approx([match.coverage() for match in matches("test")])
    assert [jsb_index().match(score).coverage(line) for score in train[:40] for line in LINES] == [1.0] * 200


@needs_data
def test_what_is_quoted_sounds_the_same_in_both():
    fakes = make_fakes(jsb()["test"], jsb()["train"], seed=0)["markov2"]
    for quotation in jsb_index().worst(fakes, n=5):
        run = quotation.run
        both = quotation.excerpt.excerpt(run.start, run.stop), quotation.original.excerpt(*run[4:])
        mine, source = (words_of(score, "harmony") for score in both)
        assert mine == source and len(mine) == run.length
        assert quotation.licence == "the licence"
        assert quotation.excerpt.length >= run.stop - run.start


def test_title_tempo_and_key_are_no_matter():
    known = dice(3, 20, range(60, 72))
    other = Score(known.notes, title="Mine", tempos=[Tempo(0, 60)], keys=[Key(0, 3)])
    assert OriginalityIndex([known]).match(other).longest == {"part 1": 19}
