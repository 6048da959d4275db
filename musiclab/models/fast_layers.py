"""The layers of our models without a framework: one step of one sequence, vectors in and vectors out, in NumPy.

Each function here takes a layer's weights, as they are, and returns the function that the layer computes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor, nn

from musiclab.errors import require
from musiclab.models.transformer import Block, Cache, Trunk

Layer = Callable[[np.ndarray], np.ndarray]


def array(x: Tensor | np.ndarray) -> np.ndarray:
    """Return the numbers of a tensor, shared with it."""
    return x if isinstance(x, np.ndarray) else x.detach().numpy()


def dense(weight: Tensor, bias: Tensor | None) -> Layer:
    """Return x -> weight x + bias."""
    w, b = array(weight), 0 if bias is None else array(bias)
    return lambda x: w @ x + b


def linear(layer: nn.Linear) -> Layer:
    """Return the same of a layer."""
    return dense(layer.weight, layer.bias)


def norm(layer: nn.LayerNorm) -> Layer:
    """Return x -> x with mean 0 and variance 1, times a gain, plus a shift."""
    gain, shift, eps = array(layer.weight), array(layer.bias), layer.eps

    def normalise(x: np.ndarray) -> np.ndarray:
        x = x - x.sum() / x.size
        return x * (gain / np.sqrt(x @ x / x.size + eps)) + shift

    return normalise


def feed_forward(layers: nn.Sequential) -> Layer:
    """Return x -> wider, GELU (Hendrycks & Gimpel 2016), and back."""
    from scipy.special import erf

    widen, narrow = linear(layers[0]), linear(layers[-1])
    half, scale = np.float32(0.5), np.float32(0.5**0.5)

    def feed(x: np.ndarray) -> np.ndarray:
        x = widen(x)
        return narrow(x * (half + half * erf(x * scale)))

    return feed


def softmax(x: np.ndarray) -> np.ndarray:
    """Return x (..., S) as shares that sum to 1."""
    x = np.exp(x - x.max(axis=-1, keepdims=True))
    return x / x.sum(axis=-1, keepdims=True)


def sigmoid(x: np.ndarray) -> np.ndarray:
    """Return 1 / (1 + exp(-x)), from 0 for closed to 1 for open."""
    return 0.5 + 0.5 * np.tanh(0.5 * x)


def gru(read: Layer, recall: Layer) -> Callable:
    """Return (x, hidden) -> (output, hidden) of gated recurrent units."""

    def step(x: np.ndarray, hidden: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        (reset, update, new), (r, u, n) = read(x).reshape(3, -1), recall(hidden).reshape(3, -1)
        update = sigmoid(update + u)
        new = np.tanh(new + sigmoid(reset + r) * n)
        hidden = new + update * (hidden - new)
        return hidden, hidden

    return step


def lstm(read: Layer, recall: Layer) -> Callable:
    """Return (x, state) -> (output, state) of long short-term memory, the state being hidden and cell (2, D)."""

    def step(x: np.ndarray, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        take, forget, new, give = (read(x) + recall(state[0])).reshape(4, -1)
        cell = sigmoid(forget) * state[1] + sigmoid(take) * np.tanh(new)
        hidden = sigmoid(give) * np.tanh(cell)
        return hidden, np.array([hidden, cell])

    return step


class Recurrence:
    """Recurrent layers, (x, cache) -> (output, cache); with a norm at the end, each is added to what came in."""

    def __init__(self, layers: list[nn.RNNBase], dense: Callable = dense, norm: Layer | None = None) -> None:
        make, self.shape = (lstm, (2, -1)) if isinstance(layers[0], nn.LSTM) else (gru, -1)
        weights = [w for layer in layers for w in layer.all_weights]
        self.cells = [make(dense(w_in, b_in), dense(w_on, b_on)) for w_in, w_on, b_in, b_on in weights]
        self.norm, self.start = norm, np.zeros(layers[0].hidden_size, np.float32)

    def own(self, state: Any) -> Cache:
        """Return a state of the model's in arrays, one per layer."""
        if state is None:
            return Cache(0, (self.start,) * len(self.cells))
        if not isinstance(state, Cache):  # (L, 1, D), in an LSTM two of them
            parts = state if isinstance(state, tuple) else (state,)
            state = Cache(0, np.concatenate([array(x) for x in parts], axis=1))
        return Cache(state.position, tuple(array(x).reshape(self.shape) for x in state.layers))

    def __call__(self, x: np.ndarray, cache: Cache) -> tuple[np.ndarray, Cache]:
        memory = []
        for cell, past in zip(self.cells, cache.layers, strict=True):
            out, now = cell(x, past)
            x = x + out if self.norm else out
            memory.append(now)
        return self.norm(x) if self.norm else x, Cache(cache.position + 1, tuple(memory))


@dataclass
class Past:
    """What attention remembers: how many steps were read, and the keys and values of the last ones.

    Step n is in column n modulo S of ``pairs`` (L, 2, H, S, D/H), where step n + S will overwrite it: to attention
    their order is all one. A past that was continued has passed the array on, and keeps None.
    """

    position: int
    pairs: Any


class Attention:
    """A Transformer's blocks and the norm after them, (x, past) -> (output, past)."""

    def __init__(self, trunk: Trunk) -> None:
        self.frequency, self.rotary, self.norm = array(trunk.frequency), trunk.rotary, norm(trunk.norm)
        self.blocks = self.prepared(list(trunk.blocks))
        self.shape = len(trunk.blocks), 2, trunk.blocks[0].heads, trunk.context, 2 * len(self.frequency)

    def prepared(self, blocks: list[Block]) -> list:
        """Return what a step needs of the blocks."""
        return [(norm(b.norm1), linear(b.qkv), linear(b.project), norm(b.norm2), feed_forward(b.feed)) for b in blocks]

    def own(self, cache: Cache | Past | None) -> Past:
        """Return the cache of the model in one array."""
        if isinstance(cache, Past):
            return cache
        position, layers = cache or (0, ())
        pairs = np.zeros(self.shape, np.float32)
        for pair, given in zip(pairs, layers, strict=False):
            at = np.arange(position - given[0].shape[2], position) % pairs.shape[3]
            pair[:, :, at] = [array(x[0]) for x in given]
        return Past(position, pairs)

    def __call__(self, x: np.ndarray, past: Past) -> tuple[np.ndarray, Past]:
        position, pairs, past.pairs = past.position, past.pairs, None
        require(pairs is not None, "state", "the last one", f"one after {position} steps, which was continued before")
        turn = np.exp(1j * (np.float32(position) * self.frequency)).astype(np.complex64)
        at, stop = position % self.shape[3], min(position + 1, self.shape[3])
        x = self.read(x, turn if self.rotary else turn[:0], pairs, at, stop)
        return self.norm(x), Past(position + 1, pairs)

    def read(self, x: np.ndarray, turn: np.ndarray, pairs: np.ndarray, at: int, stop: int) -> np.ndarray:
        """Return x (D) after all blocks; write keys and values into column ``at``, look at all before ``stop``."""
        for (norm1, qkv, project, norm2, feed), (keys, values) in zip(self.blocks, pairs, strict=True):
            q, keys[:, at], values[:, at] = rotated(qkv(norm1(x)).reshape(3, len(keys), -1), turn)  # (H, D/H)
            scores = keys[:, :stop] @ q[:, :, None] * np.float32(q.shape[1] ** -0.5)  # (H, S, 1)
            x = x + project((softmax(scores.transpose(0, 2, 1)) @ values[:, :stop]).ravel())
            x = x + feed(norm2(x))
        return x


def rotated(qkv: np.ndarray, turn: np.ndarray) -> np.ndarray:
    """Turn queries and keys: each number of a first half with its partner in the second, as a point of a plane."""
    if len(turn):
        first, second = qkv[:2, :, : len(turn)], qkv[:2, :, len(turn) :]
        qkv[:2] = ((first + 1j * second) * turn).view(np.float32)
    return qkv
