"""What numba compiles: matrices of 8-bit weights, and a Transformer's step made of them.

A step reads every weight once, and all keys and values. Reading takes most of its time, and in 8 bits there is a
quarter to read. Each row of a matrix, each key and each value has a scale of its own; what they are multiplied with
stays in 32 bits. Innermost loops run along what lies side by side, so that the processor takes many numbers at once.
"""

import numpy as np
from numba import njit
from numpy import float32
from torch import Tensor, nn

from musiclab.models.fast_layers import Attention, Layer, array
from musiclab.models.transformer import Cache, Trunk

compiled = njit(fastmath=True, cache=True)


def packed(weight: Tensor, bias: Tensor) -> Layer:
    """Return x -> weight x + bias, with a weight of 8 bits."""
    small, b = pack(array(weight)), array(bias)
    return lambda x: product(*small, b, x)


def folded(layers: list[tuple[nn.Linear, nn.LayerNorm | None]]) -> tuple[np.ndarray, ...]:
    """Return matrices of one shape in 8 bits, their scales and biases; each takes over gain and shift of its norm."""
    made = []
    for layer, norm in layers:
        weight, bias = array(layer.weight), 0 if layer.bias is None else array(layer.bias)
        weight, bias = (weight * array(norm.weight), bias + weight @ array(norm.bias)) if norm else (weight, bias)
        made.append((*pack(weight), np.broadcast_to(bias, len(weight))))
    return tuple(map(np.stack, zip(*made, strict=True)))


class PackedTransformer(Attention):
    """A Transformer's blocks, norm and output with weights of 8 bits, a step in one compiled loop.

    ``pairs`` are (L, 2, H, D/H, S) here, and ``scales`` (L, 2, H, S), where S grows.
    """

    def __init__(self, trunk: Trunk, out: nn.Linear) -> None:
        super().__init__(trunk)
        blocks = [((b.qkv, b.norm1), (b.project, None), (b.feed[0], b.norm2), (b.feed[-1], None)) for b in trunk.blocks]
        self.blocks = [folded(alike) for alike in (*zip(*blocks, strict=True), [(out, trunk.norm)])]

    def start(self, cache: Cache | None) -> None:
        super().start(cache)
        known = self.pairs[:, :, :, : self.position]
        small, scales = pack(known.reshape(-1, self.shape[-1]))
        self.pairs = np.ascontiguousarray(small.reshape(known.shape).swapaxes(3, 4))
        self.scales = scales.reshape(known.shape[:-1])

    def read(self, x: np.ndarray, turn: np.ndarray, at: int, stop: int) -> np.ndarray:
        """Return logits."""
        if stop > self.scales.shape[-1]:  # room for as many again, so that what is read lies close together
            self.pairs, self.scales = (np.concatenate([x, x], axis=-1) for x in (self.pairs, self.scales))
        return run(x, turn, self.pairs, self.scales, at, stop, *self.blocks)


@compiled
def rounded(x, small):
    """Write x as whole numbers up to 127, and return what these are to be multiplied with."""
    highest = float32(1e-30)
    for y in x:
        highest = max(highest, abs(y))
    for j in range(x.size):
        small[j] = np.int8(np.rint(x[j] * (float32(127) / highest)))
    return highest / float32(127)


@compiled
def pack(x):
    """Return rows (N, D) in 8 bits, and the scale of each."""
    small, scale = np.empty(x.shape, np.int8), np.empty(len(x), np.float32)
    for i in range(len(x)):
        scale[i] = rounded(x[i], small[i])
    return small, scale


@compiled
def product(weight, scale, bias, x):
    """Return weight x + bias, two rows at a time."""
    out, half = np.empty(len(weight), np.float32), (len(weight) + 1) // 2
    for i in range(half):
        a, b, k = float32(0), float32(0), min(i + half, len(weight) - 1)
        for j in range(x.size):
            a += float32(weight[i, j]) * x[j]
            b += float32(weight[k, j]) * x[j]
        out[i], out[k] = a * scale[i] + bias[i], b * scale[k] + bias[k]
    return out


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
    """Return GELU of x; the normal distribution's tail is Abramowitz and Stegun's 7.1.25, to 1.3e-5."""
    for i in range(x.size):
        y = abs(x[i])
        t = float32(1) / (float32(1) + float32(0.47047 * 0.5**0.5) * y)
        tail = t * (float32(0.1740121) + t * (float32(-0.0479399) + t * float32(0.3739278)))
        x[i] = max(x[i], float32(0)) - y * tail * exponential(float32(-0.5) * y * y)
    return x


@compiled
def attend(q, keys, key_scale, values, value_scale, stop):
    """Return the mean of the first values (D, S) that a query (D) looks at; D is even."""
    share, highest, total = np.zeros(stop, np.float32), float32(-1e30), float32(0)
    for j in range(0, q.size, 2):
        a, b = q[j], q[j + 1]
        for s in range(stop):
            share[s] += a * float32(keys[j, s]) + b * float32(keys[j + 1, s])
    for s in range(stop):
        share[s] *= key_scale[s] / np.sqrt(float32(q.size))
        highest = max(highest, share[s])
    for s in range(stop):
        share[s] = exponential(share[s] - highest)
        total += share[s]
        share[s] *= value_scale[s]
    return product(values, np.full(q.size, float32(1) / total), np.zeros(q.size, np.float32), share)


@compiled
def run(x, turn, pairs, scales, at, stop, qkv, project, up, down, out):
    """Pass x (D) through all blocks to the output."""
    layers, _, heads, size, _ = pairs.shape
    for i in range(layers):
        z = product(qkv[0][i], qkv[1][i], qkv[2][i], normalised(x))
        z[: 2 * x.size].view(np.complex64).reshape(-1, turn.size)[:] *= turn
        q, y = z.reshape(3, heads, size), np.empty((heads, size), np.float32)
        for h in range(heads):
            keys, values = pairs[i, 0, h], pairs[i, 1, h]
            scales[i, 0, h, at], scales[i, 1, h, at] = rounded(q[1, h], keys[:, at]), rounded(q[2, h], values[:, at])
            y[h] = attend(q[0, h], keys, scales[i, 0, h], values, scales[i, 1, h], stop)
        x = x + product(project[0][i], project[1][i], project[2][i], y.reshape(x.size))
        wide = gelu(product(up[0][i], up[1][i], up[2][i], normalised(x)))
        x = x + product(down[0][i], down[1][i], down[2][i], wide)
    return product(out[0][0], out[1][0], out[2][0], normalised(x))
