"""Sampling: from the model's scores for the next id to one id, again and again.

One loop serves every model; filters take a NumPy or a torch row. The noise of a seed does not depend on the settings
(Gumbel-max trick: the id drawn is the one with the highest score plus noise), so with the same seed, turning one knob
changes only what that knob changes.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import wraps
from itertools import chain
from numbers import Integral, Real
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch

from musiclab.errors import require
from musiclab.models.base import Model
from musiclab.models.fast import fast_step
from musiclab.models.fast_layers import softmax

EOS = 2
N_TOP = 5
TINY = 1e-300  # so that the logarithm of what is left stays finite


class Mask(Protocol):
    """What a grammar offers the loop: which ids may come next, and taking one as written."""

    def mask(self) -> np.ndarray: ...
    def push(self, token_id: int) -> None: ...


class Rules(Protocol):
    """What rules offer the loop: each one's name and what it leaves, in turn, of what is allowed (nothing, if none of
    it keeps the rule, which is then passed over); and taking one id as written."""

    def narrow(self, allowed: np.ndarray) -> Iterable[tuple[str, np.ndarray]]: ...
    def push(self, token_id: int) -> None: ...


def on_rows(keep: Callable[..., np.ndarray]) -> Callable:
    """Return a function of a NumPy row so that it takes a torch row, too, and then returns one."""

    @wraps(keep)
    def either(*args: Any) -> np.ndarray | torch.Tensor:
        rows = [arg for arg in args if isinstance(arg, torch.Tensor)]
        kept = keep(*(arg.detach().double().cpu().numpy() if isinstance(arg, torch.Tensor) else arg for arg in args))
        return torch.from_numpy(kept).to(rows[0]) if rows else kept

    return either


@on_rows
def repetition_penalty(logits: np.ndarray, penalty: float, seen: Sequence[int]) -> np.ndarray:
    """Return logits with those of ids seen before divided (if positive) or multiplied (if negative) by the penalty."""
    ids = np.unique(np.asarray(seen, dtype=np.int64))
    changed = logits.copy()
    changed[ids] = np.where(logits[ids] > 0, logits[ids] / penalty, logits[ids] * penalty)
    return changed


@on_rows
def top_k(logits: np.ndarray, k: int) -> np.ndarray:
    """Return logits with all but the k highest removed (-inf); ties with the last one stay."""
    if k >= len(logits):
        return logits
    return np.where(logits < np.partition(logits, -k)[-k], -np.inf, logits)


@on_rows
def top_p(logits: np.ndarray, p: float) -> np.ndarray:
    """Return logits with all removed but the fewest likeliest ids that together reach probability p, and ties."""
    likely = softmax(logits)
    ranked = np.sort(likely)[::-1]
    return np.where(likely < ranked[np.cumsum(ranked)[:-1].searchsorted(p)], -np.inf, logits)


@on_rows
def min_p(logits: np.ndarray, p: float) -> np.ndarray:
    """Return logits with those removed that are less than p times as likely as the likeliest."""
    return np.where(logits < logits.max() + np.log(p), -np.inf, logits)


FILTERS: dict[str, Callable[[np.ndarray, float], np.ndarray]] = {"top_k": top_k, "top_p": top_p, "min_p": min_p}


@dataclass(frozen=True)
class Sampler:
    """How to choose the next id from the model's scores; the defaults draw from the model as it is.

    Parameters
    ----------
    temperature : float >= 0
        Divides the scores: below 1 plays safe, above 1 takes risks, 0 always takes the likeliest.
    top_k : int >= 0
        Keep only the k likeliest ids; 0 keeps all.
    top_p : float in (0, 1]
        Keep the smallest set of likeliest ids that reaches this probability (Holtzman et al. 2020).
    min_p : float in [0, 1)
        Keep ids at least this share as likely as the likeliest (Nguyen et al. 2024).
    repetition_penalty : float >= 1
        Makes ids already in the sequence less likely (Keskar et al. 2019).
    seed : int
        Of the noise.

    Raises
    ------
    ValueError
        If a setting is out of its range.

    Notes
    -----
    Applied in this order: repetition penalty, temperature, top-k, top-p, min-p, as Hugging Face's transformers does.
    Notebook: 00_hello_music.

    Examples
    --------
    >>> Sampler(temperature=0.9, top_p=0.95).probabilities(np.log([0.5, 0.4, 0.06, 0.04])).round(3).tolist()
    [0.533, 0.416, 0.051, 0.0]
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("temperature", "top_p", "min_p", "repetition_penalty"):
            require(isinstance(getattr(self, name), Real), name, "a number", repr(getattr(self, name)))
        for name in ("top_k", "seed"):
            value = getattr(self, name)
            require(isinstance(value, Integral) and value >= 0, name, "a whole number >= 0", repr(value))
        require(0 <= self.temperature < np.inf, "temperature", "a finite number >= 0", self.temperature)
        require(0 < self.top_p <= 1, "top_p", "in (0, 1]", self.top_p)
        require(0 <= self.min_p < 1, "min_p", "in [0, 1)", self.min_p)
        require(self.repetition_penalty >= 1, "repetition_penalty", ">= 1", self.repetition_penalty)

    @on_rows
    def filtered(self, logits: np.ndarray, seen: Sequence[int] = ()) -> np.ndarray:
        """Return the scores (vocab,) after every setting; removed ids are -inf."""
        if self.repetition_penalty > 1 and len(seen):
            logits = repetition_penalty(logits, self.repetition_penalty, seen)
        if self.temperature == 0:
            return np.where(np.arange(len(logits)) == logits.argmax(), 0.0, -np.inf)
        logits = logits / self.temperature
        for name, keep in FILTERS.items():
            value = getattr(self, name)
            if value != getattr(Sampler, name):  # its default leaves all
                logits = keep(logits, value)
        return logits

    @on_rows
    def probabilities(self, logits: np.ndarray, seen: Sequence[int] = ()) -> np.ndarray:
        """Return the probability with which each id is drawn, (vocab,)."""
        return softmax(self.filtered(logits, seen))


class Draw(NamedTuple):
    """One id drawn, and what the model thought of it, in nats.

    ``nll`` is -log p of the id and ``entropy`` that of the whole distribution, both under the model as it is, before
    any setting, like ``top``: the five likeliest ids with their probabilities. ``paid`` says for the grammar and for
    each rule -log of the share that it left of what those before it had left; ``backed_off`` names the rules that
    nothing could keep here.
    """

    id: int
    nll: float
    entropy: float
    paid: dict[str, float]
    top: tuple[tuple[int, float], ...]
    backed_off: tuple[str, ...]


class Continuation:
    """A sequence being written: its ids so far, and the draws they come of."""

    def __init__(
        self, ids: Sequence[int], sampler: Sampler | None = None, grammar: Mask | None = None,
        rules: Rules | None = None,
    ) -> None:  # fmt: skip
        require(len(ids) > 0, "ids", "at least one id", 0)
        self.ids, self.sampler, self.grammar, self.rules = list(ids), sampler or Sampler(), grammar, rules
        self.noise, self.draws = np.random.default_rng(self.sampler.seed), []

    @property
    def complete(self) -> bool:
        """Whether the model has ended it."""
        return len(self.draws) > 0 and self.ids[-1] == EOS

    def push(self, token_id: int) -> None:
        """Take one id as written."""
        self.ids.append(token_id)
        for watcher in (self.grammar, self.rules):
            if watcher and token_id != EOS:
                watcher.push(token_id)

    def take(self, raw: np.ndarray) -> Draw:
        """Draw the next id from the model's scores (vocab,)."""
        log_p = raw - raw.max()
        p = np.exp(log_p)
        log_p, p = log_p - np.log(p.sum()), p / p.sum()
        order = np.argsort(-raw, kind="stable")[:N_TOP]
        allowed, paid, backed_off = self._narrow(p)
        scores = self.sampler.filtered(np.where(allowed, raw, -np.inf), self.ids)
        drawn = int((scores + self.noise.gumbel(size=len(raw))).argmax())
        top = tuple(zip(order.tolist(), p[order].tolist(), strict=True))
        self.draws.append(Draw(drawn, float(-log_p[drawn]), float(-(p @ log_p)), paid, top, tuple(backed_off)))
        self.push(drawn)
        return self.draws[-1]

    def _narrow(self, p: np.ndarray) -> tuple[np.ndarray, dict[str, float], list[str]]:
        """Return which ids grammar and rules allow, what each of them paid, and the rules that would leave nothing."""
        allowed = self.grammar.mask() if self.grammar else np.ones(len(p), dtype=bool)
        require(bool(allowed.any()), "the grammar", "one that allows some id", "none")
        left, paid, backed_off = 1.0, {}, []
        for name, narrower in chain([("grammar", allowed)], self.rules.narrow(allowed) if self.rules else ()):
            if narrower.any():
                still, allowed = min(left, max(p[narrower].sum(), TINY)), narrower
            else:
                still = left
                backed_off.append(name)
            paid[name], left = math.log(left / still), still
        return allowed, paid, backed_off


@torch.inference_mode()
def write(model: Model, every: Sequence[Continuation]) -> Iterator[Draw]:
    """Yield the draws of sequences of equal length, written side by side, until all are complete."""
    step = fast_step(model.eval())
    alive, batch = every, []
    while alive:
        if 2 * len(alive) <= len(batch) or not batch:  # those that are complete leave in halves: the rest is read anew
            batch = alive
            rows, state = read(model, [one.ids for one in batch])
            if alone := step if len(batch) == 1 else None:
                alone.start(state)
        elif alone:
            rows = [alone(batch[0].ids[-1]).astype(np.float64)]
        else:
            rows, state = read(model, [one.ids[-1:] for one in batch], state)
        for one, raw in zip(batch, rows, strict=True):
            if not one.complete:
                yield one.take(raw)
        alive = [one for one in batch if not one.complete]


def read(model: Model, rows: Sequence[Sequence[int]], state: Any = None) -> tuple[np.ndarray, Any]:
    """Return a model's scores of the id that follows each row, (rows, vocab), and its state."""
    logits, state = model(torch.tensor(rows, device=model.device), state)
    return logits[:, -1].double().cpu().numpy(), state


@torch.inference_mode()
def next_logits(model: Model, ids: Sequence[int]) -> np.ndarray:
    """Return a model's scores of the id that follows these, (vocab,); the first of ``ids`` is BOS."""
    return read(model.eval(), [[*ids]])[0][0]


def stream(
    model: Model, ids: Sequence[int], sampler: Sampler | None = None, grammar: Mask | None = None,
    rules: Rules | None = None,
) -> Iterator[Draw]:  # fmt: skip
    """Return an iterator of one draw after another until EOS is drawn; stop asking when you have enough.

    Parameters
    ----------
    model : Model
    ids : sequence of int
        What to continue; at least one id, BOS if nothing else.
    sampler : Sampler
    grammar : object with ``mask()`` and ``push(id)``, optional
        Already pushed up to the end of ``ids``. Only ids it allows are drawn, and it has taken each before the draw is
        yielded.
    rules : object with ``narrow(allowed)`` and ``push(id)``, optional
        Likewise. They narrow what the grammar allows, one rule after another.

    Raises
    ------
    ValueError
        If ``ids`` is empty, or the grammar allows nothing.

    Notes
    -----
    Notebook: 03_count_dice_markov.

    Examples
    --------
    >>> from itertools import islice
    >>> from musiclab.models import GRU
    >>> [draw.id for draw in islice(stream(GRU(vocab_size=6, width=8), [1], Sampler(temperature=0)), 3)] != []
    True
    """
    return write(model, [Continuation(ids, sampler, grammar, rules)])
