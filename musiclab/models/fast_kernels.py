"""What numba compiles: matrices of 8-bit weights, and a Transformer's step made of them.

A step reads every weight once, and all keys and values. Reading takes most of its time, and in 8 bits there is a
quarter to read. Each row of a matrix, each key and each value has a scale of its own; what they are multiplied with
stays in 32 bits.
"""

import numpy as np
from numba import njit
from numpy import float32
from torch import Tensor, nn

from musiclab.models.fast_layers import Attention, Layer, Past, array
from musiclab.models.transformer import Block, Cache

compiled = njit(fastmath=True, cache=True)


def pack(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return rows (..., D) in 8 bits, and the scale of each (...)."""
    small, scale = np.empty(x.shape, np.int8), np.empty(x.shape[:-1], np.float32)
    rounded(x.reshape(-1, x.shape[-1]), small.reshape(-1, x.shape[-1]), scale.ravel())
    return small, scale


def packed(weight: Tensor, bias: Tensor) -> Layer:
    """Return x -> weight x + bias, with a weight of 8 bits."""
    small, b = pack(array(weight)), array(bias)

    def multiply(x: np.ndarray) -> np.ndarray:
        product(*small, b, x, out := np.empty(len(weight), np.float32))
        return out

    return multiply


def folded(layer: nn.Linear, norm: nn.LayerNorm | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return weight and bias of a matrix that takes over the gain and shift of the norm before it."""
    weight, bias = array(layer.weight), np.zeros(layer.out_features, np.float32)
    bias = bias if layer.bias is None else array(layer.bias)
    return (weight * array(norm.weight), bias + weight @ array(norm.bias)) if norm else (weight, bias)


class PackedAttention(Attention):
    """A Transformer's blocks with weights of 8 bits, a step in one compiled loop."""

    def prepared(self, blocks: list[Block]) -> list:
        qkv = [folded(b.qkv, b.norm1) for b in blocks]
        project = [folded(b.project) for b in blocks]
        up, down = [folded(b.feed[0], b.norm2) for b in blocks], [folded(b.feed[-1]) for b in blocks]
        alike = (map(np.stack, zip(*layers, strict=True)) for layers in (qkv, project, up, down))
        return [(*pack(weight), bias) for weight, bias in alike]

    def own(self, cache: Cache | Past | None) -> Past:
        past = super().own(cache)
        return past if past is cache else Past(past.position, pack(past.pairs))

    def read(self, x: np.ndarray, turn: np.ndarray, pairs: tuple, at: int, stop: int) -> np.ndarray:
        run(out := x.copy(), turn, *pairs, at, stop, *self.blocks)
        return out


@compiled
def rounded(x, small, scale):
    """Write each row of x (N, D) as whole numbers up to 127, and what they are to be multiplied with."""
    for i in range(x.shape[0]):
        scale[i] = max(np.abs(x[i]).max(), float32(1e-30)) / float32(127)
        for j in range(x.shape[1]):
            small[i, j] = np.int8(np.rint(x[i, j] / scale[i]))


@compiled
def product(weight, scale, bias, x, out):
    """Write weight x + bias."""
    for i in range(weight.shape[0]):
        total = float32(0)
        for j in range(weight.shape[1]):
            total += float32(weight[i, j]) * x[j]
        out[i] = total * scale[i] + bias[i]


@compiled
def exponential(x):
    """Return e to the x, for x <= 0, as a power of a short series: quick in many lanes at once."""
    x = max(x, float32(-60)) * float32(1 / 64)
    y = float32(1) + x * (float32(1) + x * (float32(1 / 2) + x * (float32(1 / 6) + x * float32(1 / 24))))
    for _ in range(6):
        y *= y
    return y


@compiled
def normalised(x):
    """Return x with mean 0 and variance 1."""
    x = x - x.sum() / float32(x.size)
    return x * (float32(1) / np.sqrt((x * x).sum() / float32(x.size) + float32(1e-5)))


@compiled
def gelu(x):
    """Replace x by GELU of x; the normal distribution's tail is Abramowitz and Stegun's 7.1.25, to 1.3e-5."""
    for i in range(x.size):
        z = abs(x[i]) * float32(0.5**0.5)
        t = float32(1) / (float32(1) + float32(0.47047) * z)
        tail = t * (float32(0.1740121) + t * (float32(-0.0479399) + t * float32(0.3739278))) * exponential(-z * z)
        x[i] *= tail if x[i] < 0 else float32(1) - tail


@compiled
def rotated(x, turn):
    """Return x with each number of its first half and its partner in the second turned as in a plane, (1, D)."""
    out = x.copy().reshape(1, x.size)
    for i in range(turn.size):
        a, b, c, s = x[i], x[turn.size + i], turn[i].real, turn[i].imag
        out[0, 2 * i], out[0, 2 * i + 1] = a * c - b * s, a * s + b * c
    return out


@compiled
def attend(q, keys, key_scale, values, value_scale, out):
    """Write the mean of the values (S, D) that a query (D) looks at."""
    shares, total = np.zeros(len(keys), np.float32), float32(0)
    product(keys, key_scale, shares, q, shares)
    highest = shares.max()
    for s in range(len(keys)):
        shares[s] = exponential(shares[s] - highest)
        total += shares[s]
    out[:] = 0
    for s in range(len(keys)):
        share = shares[s] * value_scale[s] / total
        for j in range(q.size):
            out[j] += share * float32(values[s, j])


@compiled
def run(x, turn, pairs, scales, at, stop, qkv, project, up, down):
    """Pass x (D) through all blocks, in place."""
    layers, _, heads, _, size = pairs.shape
    D, scale = x.size, float32(1) / np.sqrt(float32(size))
    n, y, z, wide = np.empty_like(x), np.empty_like(x), np.empty(3 * D, np.float32), np.empty(4 * D, np.float32)
    for i in range(layers):
        product(qkv[0][i], qkv[1][i], qkv[2][i], normalised(x), z)
        for h in range(heads):
            a, b, keys, values = h * size, h * size + size, pairs[i, 0, h], pairs[i, 1, h]
            key_scale, value_scale = scales[i, 0, h], scales[i, 1, h]
            rounded(rotated(z[D + a : D + b], turn), keys[at : at + 1], key_scale[at : at + 1])
            rounded(z[2 * D + a : 2 * D + b].copy().reshape(1, size), values[at : at + 1], value_scale[at : at + 1])
            q = rotated(z[a:b] * scale, turn)[0]
            attend(q, keys[:stop], key_scale[:stop], values[:stop], value_scale[:stop], y[a:b])
        product(project[0][i], project[1][i], project[2][i], y, n)
        x += n
        product(up[0][i], up[1][i], up[2][i], normalised(x), wide)
        gelu(wide)
        product(down[0][i], down[1][i], down[2][i], wide, n)
        x += n
