"""The co-writer without a browser: bars that sound while others are written, chords, rules and their price."""

import base64
import io

import numpy as np
import pytest
import soundfile
import torch

import musiclab as ml
from musiclab.generation import generate, stream_score
from musiclab.metrics.rules import Rule, find_broken
from musiclab.models import GRU
from musiclab.sampling import Sampler
from musiclab.score import Score
from musiclab.tokenizers import Chorale
from musiclab.tokenizers.base import EOS
from musiclab.widgets.co_writer import CoWriter, LiveDraft, stream_bars

TOK = Chorale()
PRIMER = Score([(0, 96, 72 - 5 * part, 64, part) for part in range(4)], parts=TOK.parts)
IN_FOUR = Rule("in_four", header=((4, 4), 0, (0, "major")), ends=lambda p: False)  # and does not end by itself
GOES_ON = Rule("goes_on", ends=lambda p: False)


@pytest.fixture
def model() -> GRU:
    torch.manual_seed(0)
    return GRU(len(TOK.vocab), width=8)


def written(draws, primer=()) -> Score:
    return TOK.decode(TOK.finish([*primer, *(draw.id for draw in draws if draw.id != EOS)]))


def test_bars_follow_each_other_and_each_has_its_own_settings(model):
    asked = []

    def choose(bar):
        asked.append(bar)
        return Sampler(seed=bar), [GOES_ON, "in_key"] if bar == 1 else [GOES_ON]

    draws = list(stream_bars(model, TOK, 3, choose, PRIMER))
    assert asked == [1, 2] and "in_key" in draws[0].paid and "in_key" not in draws[-1].paid
    score = written(draws, TOK.encode(PRIMER))
    assert score.bars(0, 1).notes.tolist() == TOK.project(PRIMER).bars(0, 1).notes.tolist() and score.n_bars == 3
    assert not len(find_broken(score.bars(0, 2), "in_key")) and len(find_broken(score, "in_key"))
    one = generate(model, TOK, PRIMER, Sampler(seed=1), n_bars=2, rules=[GOES_ON, "in_key"])
    assert score.bars(0, 2).notes.tolist() == one.notes.tolist()


def test_an_end_is_an_end(model):
    model.out.bias.data[EOS] = 5  # it would end at once
    ids = [draw.id for draw in stream_bars(model, TOK, 5, lambda bar: (Sampler(seed=3), []))]
    assert ids.index(EOS) == len(ids) - 1 and TOK.decode(ids[:-1]).n_bars < 5


@pytest.mark.parametrize("pickup", [0, 24])
def test_each_bar_sounds_when_it_is_complete(model, pickup):
    primer = Score(PRIMER.notes, parts=TOK.parts, pickup=pickup)
    draft, sent = LiveDraft(), []
    draft.send = lambda content, buffers=None: sent.append((content, buffers))
    draft.start(TOK, stream_score(model, TOK, primer, n_bars=4, rules=[GOES_ON]), primer, n_bars=4)
    while draft.running:
        complete = draft.score.bar_onsets if len(draft.score) else []
        assert draft.n_sounded == max(0, len(complete) - 1)  # not the one that is being written
        draft.pull()
    onsets = [*draft.score.bar_onsets, draft.score.length]
    told = [content for content, _ in sent]
    assert [bar["bar"] for bar in told] == list(range(draft.score.n_bars)) and draft.first_second > 0
    assert [bar["second"] for bar in told] == [float(draft.score.seconds(tick)) for tick in onsets[:-1]]
    assert sum(bar["length"] for bar in told) == pytest.approx(draft.score.length_second)
    for content, (wave,) in sent:
        sound, rate = soundfile.read(io.BytesIO(wave))
        assert np.abs(sound).max() > 0.01 and len(sound) / rate >= content["length"] - 0.01
    draft.stop()
    assert sent[-1][0] == {"hush": True}


def test_a_note_sounds_in_one_bar_only(model):
    held = Score([(0, 192, 60, 64, part) for part in range(4)], parts=TOK.parts)
    draft = LiveDraft()
    heard = []
    draft.send = lambda content, buffers=None: heard.append(soundfile.read(io.BytesIO(buffers[0]))[0])
    draft.score, draft._began = held, 0.0
    draft._sound(0, 0, 96)
    draft._sound(1, 96, 192)
    assert np.abs(heard[0]).max() > 0.01 and np.abs(heard[1]).max() == 0


def test_chords_and_rules_are_kept_and_priced(model):
    writer = CoWriter(model, TOK, "C G", [IN_FOUR, "parallel_fifths"], Sampler(seed=4), n_bars=3)
    score = writer.finish()
    assert not len(find_broken(score, ml.chord_plan(["C", "G", "C"]))) and not len(
        find_broken(score, "parallel_fifths")
    )
    prices = writer.draft.prices()
    assert set(prices) == {"chord_plan", "in_four", "parallel_fifths"} and prices["chord_plan"].shape == (3,)
    assert prices["chord_plan"].sum() == pytest.approx(sum(draw.paid["chord_plan"] for draw in writer.draft.draws))
    assert prices["chord_plan"].min() > 1  # an untrained model knows no chords
    assert writer.draft.bill["chord_plan"] == [0, prices["chord_plan"].tolist()]


def test_a_switch_holds_from_the_next_bar(model, short_chunks):
    writer = CoWriter(model, TOK, "", [IN_FOUR, "crossing"], n_bars=3)
    writer.write()
    writer.boxes["crossing"].value = False
    while writer.draft.pull():
        pass
    crossing = writer.draft.prices()["crossing"]
    assert crossing[0] >= 0 and np.isnan(crossing[1:]).all() and writer.draft.bill["crossing"][1][1] is None


def test_chords_that_make_no_sense_are_told_and_those_before_stay(model):
    writer = CoWriter(model, TOK, "C Am", n_bars=1)
    writer.text.value = "C H"
    assert writer.chords == ["C", "Am"] and "got &#x27;H&#x27;" in writer.message.value
    writer.text.value = "F#m"
    assert writer.chords == ["F#m"] and writer.message.value == ""


def test_a_cadence_is_for_the_last_bar(model):
    writer = CoWriter(model, TOK, "", [IN_FOUR, "cadence"], n_bars=2)
    assert [[rule.name for rule in writer._choose(bar)[1]] for bar in (0, 1)] == [["in_four"], ["in_four", "cadence"]]
    assert not len(find_broken(writer.finish(), "cadence")) and np.isnan(writer.draft.prices()["cadence"][0])


def test_each_time_it_is_other_luck_and_the_same_luck_is_the_same_music(model, short_chunks):
    writer = CoWriter(model, TOK, "C", [IN_FOUR], Sampler(seed=4), n_bars=2)
    first = writer.finish()
    assert writer.sampler.seed == 6 and "seed=4" in first.source
    writer.buttons["Write"].click()
    assert writer.finish() != first and writer.sampler.seed == 8
    assert CoWriter(model, TOK, "C", [IN_FOUR], Sampler(seed=6), n_bars=2).finish() == writer.score
    writer.buttons["Write"].click()
    writer.buttons["Stop"].click()
    assert not writer.draft.running and not writer.draft.pull()


def test_what_cannot_be_kept_is_said(model):
    writer = CoWriter(model, TOK, "G", [IN_FOUR, "cadence"], n_bars=1)  # the chord is first, and no tonic
    writer.finish()
    assert writer.draft.bill["cadence"][0] == sum("cadence" in draw.backed_off for draw in writer.draft.draws) > 0


def test_without_a_kernel_there_is_a_picture(model):
    bundle, _ = CoWriter(model, TOK, n_bars=1)._repr_mimebundle_()
    assert base64.b64decode(bundle["image/png"]).startswith(b"\x89PNG") and bundle["text/plain"].startswith(
        "CoWriter(Score("
    )
