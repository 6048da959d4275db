"""Each law is broken once on purpose; the check that does not notice would be worth nothing."""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest
import torch

from musiclab.checks import check_exercise, check_model, check_tokenizer
from musiclab.errors import TokenError
from musiclab.models import GRU
from musiclab.score import Score
from musiclab.tokenizers.base import EOS, Grammar
from musiclab.tokenizers.bpe import BPE
from musiclab.tokenizers.cells import HOLD, PITCH
from musiclab.tokenizers.melody import Melody

SCORES = [Score([(0, 24, 60), (24, 24, 64)]), Score([(0, 48, 60), (72, 24, 67)], pickup=24)]


class Honest(Melody):
    """As the scheme it inherits from; each of the others tells one lie."""


class LosesAPitch(Melody):
    def encode(self, score):
        return super().encode(replace(score, notes=score.notes[score.notes["pitch"] != 64]))


class LowersTwice(Melody):
    def project(self, score):
        return super().project(score).transpose(-1)

    def _decode(self, ids):
        return super()._decode(ids).transpose(-1)


class TwoWordsForOnePitch(Melody):
    """Reads Pitch_0 as Pitch_1."""

    def encode(self, score):
        return super().encode(self.project(score))

    def _decode(self, ids):
        return super()._decode(np.where(ids == PITCH, PITCH + 1, ids))

    def project(self, score):
        told = super().project(score)
        notes = told.notes.copy()
        notes["pitch"] = np.maximum(notes["pitch"], 1)
        return replace(told, notes=notes)


class LiberalGrammar(Melody):
    def grammar(self):
        return AnythingGoes(super().grammar(), len(self.vocab))


class AnythingGoes(Grammar):
    """Allows holding on where nothing sounds, and no pitch, so that this comes up."""

    def __init__(self, inner, size):
        self.inner, self.size = inner, size

    def mask(self):
        mask = self.inner.mask().copy()
        mask[PITCH : Melody().header[0]] = False
        mask[HOLD] |= self.inner.pushed >= 3
        return mask

    def push(self, token_id):
        self.inner.push(token_id)

    @property
    def n_bars(self):
        return self.inner.n_bars


class DeadEnd(AnythingGoes):
    def mask(self):
        return self.inner.mask() & (self.inner.pushed < 5)


class RunsIntoAWall(Melody):
    def grammar(self):
        return DeadEnd(super().grammar(), len(self.vocab))


class NarrowGrammar(Melody):
    def grammar(self):
        return NoHold(super().grammar(), len(self.vocab))


class NoHold(AnythingGoes):
    def mask(self):
        mask = self.inner.mask().copy()
        mask[HOLD] = False
        return mask


class NeverEnds(Melody):
    def grammar(self):
        return NoEnd(super().grammar(), len(self.vocab))


class NoEnd(AnythingGoes):
    def mask(self):
        mask = self.inner.mask().copy()
        mask[EOS] = self.inner.pushed > 99
        return mask


@dataclass(frozen=True)
class ForgetsAField(Melody):
    shift: int = field(default=0)

    @property
    def config(self):
        return {"tokenizer": "ForgetsAField"}


class SameWordTwice(Melody):
    @property
    def vocab(self):
        return (*super().vocab[:-1], "Rest")


class ArraysForIds(Melody):
    def encode(self, score):
        return list(np.array(super().encode(score)))


class MergesAnyhow(BPE):
    """Leaves its merges unused, so that other ids than the canonical ones come back."""

    def encode(self, score):
        return self.base.encode(score)


def test_an_honest_tokenizer_passes():
    counts = check_tokenizer(Honest(), SCORES, walks=5)
    assert counts == {"round trip": 2, "projection": 2, "canonical": 5, "walk": 5, "config": 1}


@pytest.mark.parametrize(
    "tok, law",
    [
        (LosesAPitch(), r"round trip: decode\(encode\(s\)\) != project\(s\), score 0: note 1 is"),
        (LowersTwice(), r"projection: project is not idempotent, score 0: keys"),
        (TwoWordsForOnePitch(), r"canonical: encode\(decode\(ids\)\) != ids, walk \d+ of seed 0, position \d+"),
        (MergesAnyhow(Melody(), [(66, 4)]), r"canonical: encode\(decode\(ids\)\) != ids"),
        (LiberalGrammar(), r"walk: walk \d+ of seed 0 is legal but does not decode: .* _decode does not"),
        (RunsIntoAWall(), "walk: after 5 ids the grammar allows nothing"),
        (NarrowGrammar(), "grammar: Hold at position 4 is not allowed, score 0"),
        (NeverEnds(), "grammar: EOS is not allowed after all 11 ids, score 0"),
        (ForgetsAField(shift=1), r"config: load_tokenizer\(tok.config\) must equal the tokenizer"),
        (SameWordTwice(), "config: words must differ from one another"),
        (ArraysForIds(), "encode: ids must be a list of int, score 0"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Melody | BPE) else "",
)
def test_each_broken_law_of_a_tokenizer_is_found(tok, law):
    scores = [] if isinstance(tok, RunsIntoAWall | LiberalGrammar) else SCORES
    with pytest.raises(AssertionError, match=law):
        check_tokenizer(tok, scores, walks=40)


def test_the_error_of_a_walk_carries_its_cause():
    with pytest.raises(AssertionError) as caught:
        check_tokenizer(LiberalGrammar(), [], walks=40)
    assert isinstance(caught.value.__cause__, TokenError)


class LooksAhead(GRU):
    def forward(self, ids, state=None):
        logits, state = super().forward(ids, state)
        return logits + logits.mean(dim=1, keepdim=True), state


class Forgets(GRU):
    def forward(self, ids, state=None):
        return super().forward(ids)


class MixesRows(GRU):
    def forward(self, ids, state=None):
        logits, state = super().forward(ids, state)
        return logits + 0.1 * logits.mean(dim=0, keepdim=True), state


class HiddenSetting(GRU):
    """Multiplies by a number that is in neither its config nor its weights."""

    scale = 1.0

    def forward(self, ids, state=None):
        logits, state = super().forward(ids, state)
        return self.scale * logits, state


class CannotLearn(GRU):
    def forward(self, ids, state=None):
        logits, state = super().forward(ids, state)
        return 0.01 * torch.tanh(logits), state


class OneLogit(GRU):
    def forward(self, ids, state=None):
        logits, state = super().forward(ids, state)
        return logits[..., :1], state


def hidden(model):
    model.scale = 2.0
    return model


@pytest.mark.parametrize(
    "model, law",
    [
        (LooksAhead(12, 32), "causality: ids from position 8 on changed the logits before it"),
        (Forgets(12, 32), "steps: feeding ids in steps with state differs from one pass"),
        (MixesRows(12, 32), "batch: a row alone differs from the same row in a batch"),
        (hidden(HiddenSetting(12, 32)), "config: the model built from config with the same weights differs"),
        (CannotLearn(12, 32), "memory: eight ids were not learned by heart"),
        (OneLogit(12, 32), r"logits must be \(B, T, V\), got \(3, 16, 1\)"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, GRU) else "",
)
def test_each_broken_law_of_a_model_is_found(model, law):
    with pytest.raises(AssertionError, match=law):
        check_model(model)


def test_checking_leaves_the_model_as_it_was():
    model = GRU(12, 32)
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    found = check_model(model)
    assert found["causality"] == 0 and found["memory"] < 0.1
    assert all(torch.equal(weight, before[name]) for name, weight in model.state_dict().items())


def test_an_exercise_answers_in_words_whatever_the_student_wrote():
    def right(f):
        """it gives 1"""
        if f() != 1:
            raise AssertionError("yours does not")

    def unwritten():
        raise NotImplementedError

    def broken():
        return 1 / 0

    texts = [repr(check_exercise([right], f)) for f in (lambda: 1, lambda: 2, unwritten, broken)]
    assert texts == [
        "✓ it gives 1",
        "· not yet: it gives 1\n    yours does not",
        "· not written yet: it gives 1",
        "! your code stops: it gives 1\n    ZeroDivisionError: division by zero",
    ]
    assert check_exercise([right], lambda: 1).passed and not check_exercise([right], broken).passed
