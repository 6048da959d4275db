"""Contracts that anyone can run on a class of their own, as scikit-learn's ``check_estimator`` does.

Each law that breaks raises an AssertionError that says which law, on which input, and where.
"""

import copy
from collections.abc import Callable, Iterable, Sequence
from itertools import zip_longest

import numpy as np
import torch

from musiclab.errors import TokenError
from musiclab.feedback import Feedback
from musiclab.models.base import Model, build_model
from musiclab.score import Score
from musiclab.tokenizers.base import EOS, Tokenizer, load_tokenizer
from musiclab.training import fit, token_nll


def check_tokenizer(tok: Tokenizer, scores: Sequence[Score], walks: int = 20, seed: int = 0) -> dict[str, int]:
    """Test a tokenizer's laws on scores and on random walks under its grammar; return how often each was tried.

    Parameters
    ----------
    tok : Tokenizer
    scores : sequence of Score
    walks : int
        Random sequences to draw under the grammar.
    seed : int

    Raises
    ------
    AssertionError
        At the first law that does not hold.

    Examples
    --------
    >>> from musiclab.tokenizers import Chorale
    >>> check_tokenizer(Chorale(), [Score([(0, 24, 60)])], walks=2)
    {'round trip': 1, 'projection': 1, 'canonical': 2, 'walk': 2, 'config': 1}
    """
    assert load_tokenizer(tok.config) == tok, "config: load_tokenizer(tok.config) must equal the tokenizer"
    assert len(set(tok.vocab)) == len(tok.vocab), "config: words must differ from one another"
    for i, score in enumerate(scores):
        projected = tok.project(score)
        ids = tok.encode(score)
        assert all(type(j) is int for j in ids), f"encode: ids must be a list of int, score {i}"
        _assert_same(tok.decode(ids), projected, f"round trip: decode(encode(s)) != project(s), score {i}")
        _assert_same(tok.project(projected), projected, f"projection: project is not idempotent, score {i}")
        _assert_legal(tok, ids, f"score {i}")
    rng = np.random.default_rng(seed)
    for i in range(walks):
        ids = random_walk(tok, rng)
        try:
            score = tok.decode(ids)
        except TokenError as error:
            raise AssertionError(f"walk: walk {i} of seed {seed} is legal but does not decode: {error}") from error
        again, ids = tok.encode(score), tok.canonical(ids)
        at = next((j for j, (a, b) in enumerate(zip(ids, again, strict=False)) if a != b), min(len(ids), len(again)))
        text = f"canonical: encode(decode(ids)) != ids, walk {i} of seed {seed}, position {at}"
        assert again == ids, f"{text}: {tok.words(ids[at : at + 1])} became {tok.words(again[at : at + 1])}"
    n = len(scores)
    return {"round trip": n, "projection": n, "canonical": walks, "walk": walks, "config": 1}


def random_walk(tok: Tokenizer, rng: np.random.Generator, max_ids: int = 400) -> list[int]:
    """Return ids drawn evenly among those the grammar allows, until it draws EOS; finished after ``max_ids``."""
    grammar, ids = tok.grammar(), []
    while len(ids) < max_ids:
        mask = grammar.mask()
        if mask[EOS] and rng.random() < 0.02:
            return ids
        legal = np.flatnonzero(mask)
        legal = legal[legal != EOS]
        assert len(legal), f"walk: after {len(ids)} ids the grammar allows nothing"
        ids.append(int(rng.choice(legal)))
        grammar.push(ids[-1])
    return tok.finish(ids)


def _assert_legal(tok: Tokenizer, ids: list[int], where: str) -> None:
    grammar = tok.grammar()
    for j, token_id in enumerate(ids):
        assert grammar.mask()[token_id], f"grammar: {tok.vocab[token_id]} at position {j} is not allowed, {where}"
        grammar.push(token_id)
    assert grammar.mask()[EOS], f"grammar: EOS is not allowed after all {len(ids)} ids, {where}"


def _assert_same(got: Score, expected: Score, text: str) -> None:
    for name in ("length", "resolution", "pickup", "parts", "time_signatures", "tempos", "keys"):
        a, b = getattr(got, name), getattr(expected, name)
        assert a == b, f"{text}: {name} is {a}, expected {b}"
    for at, (a, b) in enumerate(zip_longest(got.notes.tolist(), expected.notes.tolist())):
        assert a == b, f"{text}: note {at} is {a}, expected {b}"


@torch.no_grad()
def check_model(model: Model, length: int = 16, seed: int = 0, tolerance: float = 1e-4) -> dict[str, float]:
    """Test a model's laws on random ids; return the largest deviation seen under each.

    The laws: the future does not change the past; one id at a time equals one pass; a batch equals its rows alone;
    the same configuration and weights give the same model; eight ids can be learned by heart.

    Parameters
    ----------
    model : Model
    length : int
        Ids per sequence.
    seed : int
    tolerance : float
        Largest allowed difference between logits.

    Raises
    ------
    AssertionError
        At the first law that does not hold.

    Examples
    --------
    >>> from musiclab.models import GRU
    >>> sorted(check_model(GRU(vocab_size=12, width=32)))
    ['batch', 'causality', 'config', 'memory', 'steps']
    """
    model = copy.deepcopy(model).cpu().eval()
    rng = torch.Generator().manual_seed(seed)
    ids = torch.randint(1, model.vocab_size, (3, length), generator=rng)
    full, _ = model(ids)
    assert full.shape == (*ids.shape, model.vocab_size), f"logits must be (B, T, V), got {tuple(full.shape)}"
    half = length // 2
    changed = ids.clone()
    changed[:, half:] = 1 + changed[:, half:] % (model.vocab_size - 1)
    twin = build_model(model.config).eval()
    twin.load_state_dict(model.state_dict())
    state, parts = None, []
    for some in (*ids[:, :half].split(1, dim=1), *ids[:, half:].split(3, dim=1)):
        logits, state = model(some, state)
        parts.append(logits)
    alone = torch.cat([model(row)[0] for row in ids.split(1)])
    laws = {
        "causality": (model(changed)[0][:, :half], f"ids from position {half} on changed the logits before it"),
        "steps": (torch.cat(parts, dim=1), "feeding ids in steps with state differs from one pass"),
        "batch": (alone, "a row alone differs from the same row in a batch"),
        "config": (twin(ids)[0], "the model built from config with the same weights differs"),
    }
    found = {}
    for law, (logits, meaning) in laws.items():
        gap = found[law] = float((logits - full[:, : logits.shape[1]]).abs().max())
        assert gap <= tolerance, f"{law}: {meaning}, by up to {gap:.2g} (allowed {tolerance:g})"
    lesson = [[1, *torch.randint(4, model.vocab_size, (8,), generator=rng).tolist()]] * 20
    if callable(getattr(model, "count", 0)):
        model.count(lesson)
    else:
        with torch.enable_grad():
            fit(model, lesson, iters=150, lr=1e-2, weight_decay=0.0, device="cpu")
    found["memory"] = float(token_nll(model, lesson[:1])[0].mean())
    assert found["memory"] < 0.1, f"memory: eight ids were not learned by heart, {found['memory']:.2f} nats per id"
    return found


def check_exercise(promises: Iterable[Callable[..., object]], *answer: object) -> Feedback:
    """Return which promises an answer keeps; nothing that the answer does stops the notebook.

    Parameters
    ----------
    promises : iterable of functions
        Each takes the answer and raises AssertionError with a sentence for the student if it is not right; its
        docstring says what it promises.
    answer : objects
        What the student wrote.

    Notes
    -----
    Notebook: 01_music_as_numbers.

    Examples
    --------
    >>> def doubles(function):
    ...     "it doubles"
    ...     assert function(3) == 6, f"3 should become 6, yours gives {function(3)}"
    >>> check_exercise([doubles], lambda x: 2 * x)
    ✓ it doubles
    >>> check_exercise([doubles], lambda x: x)
    · not yet: it doubles
        3 should become 6, yours gives 3
    """

    def outcome(promise: Callable[..., object]) -> tuple[str, str, str]:
        text = (promise.__doc__ or promise.__name__).strip()
        try:
            promise(*answer)
        except NotImplementedError:
            return "·", f"not written yet: {text}", ""
        except AssertionError as problem:
            return "·", f"not yet: {text}", str(problem)
        except Exception as error:
            return "!", f"your code stops: {text}", f"{type(error).__name__}: {error}"
        return "✓", text, ""

    return Feedback(tuple(outcome(promise) for promise in promises))
