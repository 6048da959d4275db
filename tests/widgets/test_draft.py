"""A score in the making, without a browser: chunks, Stop, and what a page's messages bring about."""

import io
import time
from concurrent.futures import ThreadPoolExecutor, wait
from itertools import islice
from threading import Event

import numpy as np
import pytest
import soundfile
import torch

from musiclab.generation import generate, stream_score
from musiclab.midi import read_midi
from musiclab.models import GRU
from musiclab.sampling import Draw, Sampler
from musiclab.score import Score
from musiclab.tokenizers import Chorale, Melody
from musiclab.tokenizers.base import EOS
from musiclab.widgets.draft import Draft

TOK = Chorale()
PRIMER = Score([(0, 24, 72 - 5 * part, 64, part) for part in range(4)], parts=TOK.parts)


@pytest.fixture
def model() -> GRU:
    torch.manual_seed(0)
    return GRU(len(TOK.vocab), width=8)


def drawn(ids) -> list[Draw]:
    return [Draw(i, 1.0, 0.5, {"grammar": 0.25, "a_rule": 1.0}, (), ()) for i in ids]


def slow(draws, seconds):
    for draw in draws:
        time.sleep(seconds)
        yield draw


def test_it_ends_as_generate_does(model):
    draft, sampler = Draft(), Sampler(seed=3)
    draft.start(TOK, stream_score(model, TOK, PRIMER, sampler, 2), PRIMER, 2, title="Two bars")
    assert draft.finish() == draft.score == generate(model, TOK, PRIMER, sampler, 2)
    assert draft.notes and draft.title == "Two bars"
    assert draft.duration == draft.score.length_second


def test_a_chunk_is_short_and_the_roll_keeps_its_scale():
    ids = TOK.encode(PRIMER.concat(PRIMER))
    draft = Draft()
    draft.start(TOK, slow(drawn(ids), 0.01), n_bars=4)
    chunks, first = 1, draft.duration
    assert draft.running and first == 8.0  # four bars as they usually are, before there are notes
    seen = [len(draft.draws)]
    while draft.pull():
        chunks += 1
        seen.append(len(draft.draws))
        assert draft.duration == pytest.approx(9.6 if draft.notes else first)  # four bars of its tempo
        assert len(draft.draws) <= seen[-2] + 5
    assert chunks > 5
    assert draft.score == TOK.decode(ids) and draft.duration == draft.score.length_second


def test_stop_leaves_what_is_there(model):
    draft = Draft()
    draft.start(TOK, stream_score(model, TOK, None, Sampler(seed=1), 64), n_bars=64)
    made = len(draft.draws)
    draft.stop()
    assert not draft.running and len(draft.draws) == made
    assert draft.pull() is False and len(draft.draws) == made


def test_a_chunk_in_flight_does_not_count_after_stop():
    """A kernel with subshells hears the page in one thread and runs cells in another."""
    reached, go, draft, stops = Event(), Event(), Draft(), []

    def source():
        for i, draw in enumerate(drawn(TOK.encode(PRIMER.concat(PRIMER)))):
            if i == 8:
                reached.set()
                assert go.wait(60)
            yield draw

    draws = source()
    draft.start(TOK, islice(draws, 6))
    draft._source = draws
    draft.running = True
    draft.observe(lambda change: change["new"] or stops.append(len(draft.draws)), "running")
    with ThreadPoolExecutor() as threads:
        first = threads.submit(draft.pull)
        assert reached.wait(60)  # it is drawing
        others = [threads.submit(act) for act in (draft.pull, draft.stop)]
        wait(others, timeout=0.05)
        go.set()
    assert [job.exception() for job in (first, *others)] == [None] * 3
    assert not draft.running and stops == [len(draft.draws)]  # once, and nothing came after
    assert not draft.pull() and stops == [len(draft.draws)]


def test_what_watches_may_stop_it():
    ids, draft = TOK.encode(PRIMER.concat(PRIMER)), Draft()
    draft.start(TOK, slow(drawn(ids), 0.02))
    draft.observe(lambda _: draft.stop(), "entropy")
    draft.finish()
    assert not draft.running and len(draft.draws) < len(ids)


def test_a_page_asks_for_each_chunk_once():
    draft = Draft()
    draft.start(TOK, slow(drawn(TOK.encode(PRIMER.concat(PRIMER))), 0.01), n_bars=4)
    chunk, made = draft.chunk, len(draft.draws)
    draft._answer(draft, {"ask": "chunk", "chunk": chunk}, [])
    more = len(draft.draws)
    assert more > made and draft.chunk == chunk + 1
    draft._answer(draft, {"ask": "chunk", "chunk": chunk}, [])  # a second page that saw the same
    assert len(draft.draws) == more


def test_entropy_is_that_of_each_moment_and_prices_are_summed():
    ids = TOK.encode(PRIMER)  # a header of three words, and four steps of four
    draft = Draft()
    draft.start(TOK, iter(drawn([*ids, EOS])))
    draft.finish()
    assert draft.entropy == [[0.0, 2.0], [0.15, 2.0], [0.3, 2.0], [0.45, 2.0]]  # four words of half a nat
    assert {name: nats.tolist() for name, nats in draft.prices().items()} == {"a_rule": [len(ids) + 1.0]}
    assert draft.bill == {"a_rule": [0, [len(ids) + 1.0]]}
    begun = Draft()  # of a primer nothing is known
    begun.start(TOK, iter(drawn([*ids[3:], EOS])), primer=PRIMER)
    begun.finish()
    assert len(begun.entropy) == 4 and begun.entropy[0][0] == pytest.approx(draft.score.length_second)


def test_what_was_in_sight_can_be_put_back(model):
    draft = Draft()
    draft.start(TOK, stream_score(model, TOK, PRIMER, Sampler(seed=3), 2, rules=["in_key"]), PRIMER, 2, title="One")
    draft.finish()
    one, seen = draft.take(), {name: getattr(draft, name) for name in ("notes", "audio", "bill", "entropy", "title")}
    draft.start(TOK, slow(drawn(TOK.encode(PRIMER)), 0.05), title="Two")
    draft.show_take(one)
    assert not draft.running and {name: getattr(draft, name) for name in seen} == seen and draft.audio
    assert draft.prices()["in_key"].tolist() == draft.bill["in_key"][1] and draft.file(".mid") == draft.file(".mid")


def test_nothing_is_shown_before_there_is_music():
    draft = Draft()
    draft.start(TOK, slow(drawn(TOK.encode(PRIMER)), 0.05))
    assert draft.running and draft.notes == [] and draft.entropy == []
    draft.finish()
    seen = []
    draft.observe(lambda _: seen.append((len(draft.score), len(draft.draws))), "running")
    draft.start(TOK, slow(drawn(TOK.encode(PRIMER)), 0.05))  # what was there before is gone
    assert seen == [(0, 0)]  # before anybody hears that it runs
    assert draft.running and draft.notes == [] and draft.entropy == [] and draft.score == Score([])


def test_a_melody_tokenizer_and_files(tmp_path):
    torch.manual_seed(0)
    tok, draft, sent = Melody(), Draft(), []
    draft.start(tok, islice(stream_score(GRU(len(tok.vocab), width=8), tok, max_ids=60), 60), n_bars=4, title="Tune")
    draft.finish()
    draft.send = lambda content, buffers=None: sent.append((content, buffers))
    for suffix in (".mid", ".musicxml", ".mp3"):
        draft._answer(draft, {"ask": "file", "suffix": suffix}, [])
    assert [content["file"] for content, _ in sent] == ["musiclab.mid", "musiclab.musicxml", "musiclab.mp3"]
    midi, xml, mp3 = (buffers[0] for _, buffers in sent)
    (tmp_path / "a.mid").write_bytes(midi)
    assert read_midi(tmp_path / "a.mid") == draft.score
    assert b"<score-partwise" in xml
    wave, rate = soundfile.read(io.BytesIO(mp3))
    assert len(wave) / rate > draft.score.length_second and np.abs(wave).max() > 0.1
    with pytest.raises(ValueError, match=r"suffix must be one of \('.mid', '.musicxml', '.mp3'\), got '.exe'"):
        draft.file(".exe")


def test_the_page_has_the_players_scripts_and_its_own():
    assert Draft._esm.count("export default") == 1 and "function renderDraft" in str(Draft._esm)
