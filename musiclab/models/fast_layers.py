"""The layers of our models without a framework: one step of one sequence, vectors in and vectors out, in NumPy.

Each function here takes a layer's weights, as they are, and returns the function that the layer computes. What
remembers (a trunk) is a class: ``start`` takes over what the model remembers, and each call is one step more.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy.special import erf, expit
from torch import Tensor, nn

from musiclab.models.transformer import Cache, Trunk

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


def gru(x: np.ndarray, past: np.ndarray) -> np.ndarray:
    """Return the hidden vector (1, D) of gated recurrent units; x (2, 3 D) are what was read and what is recalled."""
    (reset, update, new), (r, u, n) = x.reshape(2, 3, -1)
    new = np.tanh(new + expit(reset + r) * n)
    return new + expit(update + u) * (past - new)


def lstm(x: np.ndarray, past: np.ndarray) -> np.ndarray:
    """Return hidden and cell (2, D) of long short-term memory; x (2, 4 D) are what was read and what is recalled."""
    take, forget, new, give = x.sum(axis=0).reshape(4, -1)
    cell = expit(forget) * past[1] + expit(take) * np.tanh(new)
    return np.array([expit(give) * np.tanh(cell), cell])


class Recurrence:
    """Recurrent layers; with a norm at the end, each is added to what came in."""

    def __init__(self, layers: Sequence[nn.RNNBase], dense: Callable = dense, norm: Layer | None = None) -> None:
        self.cell, self.norm, self.size = lstm if isinstance(layers[0], nn.LSTM) else gru, norm, layers[0].hidden_size
        weights = [w for layer in layers for w in layer.all_weights]
        self.layers = [(dense(w_in, b_in), dense(w_on, b_on)) for w_in, w_on, b_in, b_on in weights]

    def start(self, state: Any) -> None:
        """Take over the state of the model: a tensor, two in an LSTM, a cache, or nothing yet."""
        if state is None:
            layers = np.zeros((len(self.layers), 1, self.size), np.float32)
        elif isinstance(state, Cache):
            layers = state.layers
        else:
            layers = zip(*state, strict=True) if self.cell is lstm else state
        self.memory = [np.reshape([array(x) for x in layer], (-1, self.size)) for layer in layers]

    def __call__(self, x: np.ndarray) -> np.ndarray:
        for i, (read, recall) in enumerate(self.layers):
            self.memory[i] = self.cell(np.array([read(x), recall(self.memory[i][0])]), self.memory[i])
            x = x + self.memory[i][0] if self.norm else self.memory[i][0]
        return self.norm(x) if self.norm else x


class Attention:
    """A Transformer's blocks and the norm after them.

    What is remembered are the keys and values of the last S steps. Step n is in column n modulo S of ``pairs`` (L, 2,
    H, S, D/H), where step n + S will overwrite it: to attention their order is all one.
    """

    def __init__(self, trunk: Trunk) -> None:
        self.frequency, self.norm = array(trunk.frequency) * trunk.rotary, norm(trunk.norm)
        self.blocks = [
            (norm(b.norm1), linear(b.qkv), linear(b.project), norm(b.norm2), feed_forward(b.feed)) for b in trunk.blocks
        ]
        self.shape = len(trunk.blocks), 2, trunk.blocks[0].heads, trunk.context, 2 * len(self.frequency)

    def start(self, cache: Cache | None) -> None:
        """Take over the cache of the model."""
        self.position, layers = cache or (0, ())
        self.pairs = np.zeros(self.shape, np.float32)
        for pair, given in zip(self.pairs, layers, strict=False):
            at = np.arange(self.position - given[0].shape[2], self.position) % self.shape[3]
            pair[:, :, at] = [array(x[0]) for x in given]

    def __call__(self, x: np.ndarray) -> np.ndarray:
        turn = np.exp(1j * (np.float32(self.position) * self.frequency)).astype(np.complex64)
        at, self.position = self.position % self.shape[3], self.position + 1
        return self.read(x, turn, at, min(self.position, self.shape[3]))

    def read(self, x: np.ndarray, turn: np.ndarray, at: int, stop: int) -> np.ndarray:
        """Pass x (D) through all blocks; write keys and values into column ``at``, look at all before ``stop``."""
        for (norm1, qkv, project, norm2, feed), (keys, values) in zip(self.blocks, self.pairs, strict=True):
            z = qkv(norm1(x)).reshape(3, len(keys), -1)
            q, keys[:, at] = (z[:2].view(np.complex64) * turn).view(np.float32)  # (H, D/H)
            values[:, at] = z[2]
            scores = keys[:, :stop] @ q[:, :, None] * np.float32(q.shape[1] ** -0.5)  # (H, S, 1)
            x = x + project((softmax(scores.transpose(0, 2, 1)) @ values[:, :stop]).ravel())
            x = x + feed(norm2(x))
        return self.norm(x)
