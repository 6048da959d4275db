"""The decoder-only Transformer (Vaswani et al. 2017), pre-norm, with rotary positions (Su et al. 2021).

Its state is the keys and values of what was read before, so a new id costs one step and not a pass over the past.

Last comes the Music Transformer (Huang et al. 2019): attention that knows how far back a step lies, and nothing of
where it is. A query is compared with a key and also with a learned vector for the distance between them. What is
learned at bar 2 then holds at bar 20: no position is ever named.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from musiclab.errors import require
from musiclab.models.base import Dropout, Model

POSITIONS = ("rotary", "learned", "none")


class Cache(NamedTuple):
    """What attention remembers: how many steps were read, and per layer their keys and values (B, H, S, D)."""

    position: int
    layers: tuple[tuple[Tensor, Tensor], ...]


def rotate(x: Tensor, turn: Tensor) -> Tensor:
    """Return x (..., D) with each two numbers side by side turned as a point of a plane.

    ``turn`` (..., D/2) holds complex numbers of length 1, since multiplying by one turns.
    """
    points = torch.view_as_complex(x.float().unflatten(-1, (-1, 2)))  # (..., D/2)
    return torch.view_as_real(points * turn).flatten(-2)


class Attend(nn.Module):
    """Each of the last T of S steps takes a weighted mean of the values of the steps it may see.

    A module of its own, without weights, so that a hook can watch or silence its heads (``musiclab.probing``).
    """

    def forward(self, q: Tensor, k: Tensor, v: Tensor, window: int) -> Tensor:
        T, S = q.shape[2], k.shape[2]
        triangle, all_of_it = T == S <= window, T == 1 and S <= window  # faster without a mask
        mask = None if triangle or all_of_it else visible(T, S, window, q.device)
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=triangle)  # (B, H, T, D/H)


class Block(nn.Module):
    """Attention, then a feed-forward layer, each added to what came in."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.attend = heads, Attend()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.project = nn.Linear(width, width, bias=False)
        self.feed = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), Dropout(dropout), nn.Linear(4 * width, width))
        self.drop = Dropout(dropout)

    def forward(self, x: Tensor, turn: Tensor | None, past: tuple[Tensor, Tensor] | None, window: int):
        B, T, D = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(B, T, 3, self.heads, D // self.heads).unbind(2)  # (B, T, H, D/H)
        if turn is not None:
            q, k = rotate(q, turn), rotate(k, turn)
        q, k, v = (y.transpose(1, 2) for y in (q, k, v))  # (B, H, T, D/H)
        if past is not None:
            k, v = torch.cat([past[0], k], dim=2), torch.cat([past[1], v], dim=2)  # (B, H, S, D/H)
        y = self.attend(q, k, v, window)
        x = x + self.drop(self.project(y.transpose(1, 2).reshape(B, T, D)))
        return x + self.drop(self.feed(self.norm2(x))), (k[:, :, -window:], v[:, :, -window:])


def visible(T: int, S: int, window: int, device: torch.device) -> Tensor:
    """Return which of S steps each of the last T may see, bool (T, S)."""
    back = torch.arange(S - T, S, device=device)[:, None] - torch.arange(S, device=device)
    return (back >= 0) & (back < window)


class Trunk(nn.Module):
    """The stack of blocks, from vectors (B, T, width) to vectors (B, T, width); positions by rotation, or none."""

    def __init__(self, width: int, layers: int, heads: int, dropout: float, context: int, rotary: bool = True) -> None:
        super().__init__()
        require(width % (2 * heads) == 0, "width", f"a multiple of twice the heads ({2 * heads})", width)
        require(context >= 1, "context", ">= 1", context)
        self.context, self.rotary = context, rotary
        self.blocks = nn.ModuleList(Block(width, heads, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        half = width // heads // 2
        self.register_buffer("frequency", 10_000.0 ** (-torch.arange(half) / half), persistent=False)

    def forward(self, x: Tensor, cache: Cache | None = None) -> tuple[Tensor, Cache]:
        start, past = cache if cache else (0, (None,) * len(self.blocks))
        stop = start + x.shape[1]
        angle = torch.arange(start, stop, device=x.device)[:, None] * self.frequency  # (T, D/H/2)
        turn = torch.polar(torch.ones_like(angle), angle)[:, None] if self.rotary else None  # (T, 1, D/H/2)
        layers = []
        for block, memory in zip(self.blocks, past, strict=True):
            x, memory = block(x, turn, memory, self.context)
            layers.append(memory)
        return self.norm(x), Cache(stop, tuple(layers))


class Transformer(Model):
    """A decoder-only Transformer over ids.

    Parameters
    ----------
    vocab_size : int
    width, layers, heads : int
        ``width`` must be a multiple of twice ``heads``.
    dropout : float in [0, 1)
        On the embedding, inside the feed-forward layers and on what each layer adds; none on attention weights.
    context : int
        Most ids a step sees, itself included; longer sequences slide along.
    positions : str
        ``"rotary"``; ``"learned"``: one vector for each of ``context`` places, added to the embedding and used again
        from the first on in longer sequences; or ``"none"``.

    Raises
    ------
    ValueError
        If a size or ``positions`` is not as said.

    Examples
    --------
    >>> import torch
    >>> model = Transformer(vocab_size=10, width=16, layers=2, heads=2)
    >>> logits, state = model(torch.tensor([[1, 4, 5]]))
    >>> logits.shape, state.position
    (torch.Size([1, 3, 10]), 3)
    """

    def __init__(
        self, vocab_size: int, width: int = 128, layers: int = 4, heads: int = 4, dropout: float = 0.0,
        context: int = 1024, positions: str = "rotary",
    ) -> None:  # fmt: skip
        super().__init__(
            vocab_size=vocab_size, width=width, layers=layers, heads=heads, dropout=dropout, context=context,
            positions=positions,
        )  # fmt: skip
        require(positions in POSITIONS, "positions", f"one of {POSITIONS}", repr(positions))
        self.embed = nn.Embedding(vocab_size, width)
        self.drop = Dropout(dropout)
        self.trunk = Trunk(width, layers, heads, dropout, context, rotary=positions == "rotary")
        self.out = nn.Linear(width, vocab_size)
        nn.init.normal_(self.embed.weight, std=0.02)
        self.place = nn.Parameter(0.02 * torch.randn(context, width)) if positions == "learned" else None

    def forward(self, ids: Tensor, state: Cache | None = None) -> tuple[Tensor, Cache]:
        x, start = self.embed(ids), state.position if state else 0  # (B, T, D)
        if self.place is not None:
            x = x + self.place[torch.arange(start, start + ids.shape[1], device=x.device) % len(self.place)]
        hidden, state = self.trunk(self.drop(x), state)  # (B, T, D)
        return self.out(self.drop(hidden)), state  # (B, T, V)


def skew(scores: Tensor) -> Tensor:
    """Return scores (..., T, S) by distance, S - 1 first and 0 last, as scores by key, for the last T of S steps.

    Row i moves left by T - 1 - i places, all rows in one reshaping; what moves in stands for keys of the future.

    Examples
    --------
    >>> skew(torch.tensor([[2, 1, 0], [2, 1, 0], [2, 1, 0]])).tril().tolist()
    [[0, 0, 0], [1, 0, 0], [2, 1, 0]]
    """
    T = scores.shape[-2]
    return F.pad(scores, (1, 0)).flatten(-2)[..., T:].unflatten(-1, scores.shape[-2:])


class RelativeAttend(Attend):
    """Attention whose scores have a second term, the query times a learned vector of the distance to the key."""

    def __init__(self, heads: int, size: int, context: int) -> None:
        super().__init__()
        self.distance = nn.Parameter(0.02 * torch.randn(heads, context, size))  # (H, distance, D/H)

    def forward(self, q: Tensor, k: Tensor, v: Tensor, window: int) -> Tensor:
        T, S, size = q.shape[2], k.shape[2], q.shape[3]
        back = torch.arange(S - 1, -1, -1, device=q.device).clamp(max=self.distance.shape[1] - 1)
        bias = skew(q @ self.distance[:, back].transpose(1, 2)) / size**0.5  # (B, H, T, S)
        bias = bias.masked_fill(~visible(T, S, window, q.device), -torch.inf)
        return F.scaled_dot_product_attention(q, k, v, attn_mask=bias)


class RelativeTransformer(Transformer):
    """A decoder-only Transformer with relative attention (Huang et al. 2019, "Music Transformer").

    Parameters
    ----------
    vocab_size : int
    width, layers, heads, dropout
        As in :class:`~musiclab.models.Transformer`.
    context : int
        Most ids a step sees, itself included, and so the number of distances learned; longer sequences slide along.
    positions : str
        What else it knows of places, as in ``Transformer``.

    Notes
    -----
    Notebook: 08_attention_from_scratch. The paper's skewing needs memory of T x S a head, not T x S x width. Here each
    head of each layer learns its own vector for every distance.

    Examples
    --------
    >>> model = RelativeTransformer(vocab_size=10, width=16, layers=2, heads=2, context=32)
    >>> logits, state = model(torch.tensor([[1, 4, 5]]))
    >>> logits.shape, state.position
    (torch.Size([1, 3, 10]), 3)
    """

    def __init__(
        self, vocab_size: int, width: int = 128, layers: int = 4, heads: int = 4, dropout: float = 0.0,
        context: int = 512, positions: str = "none",
    ) -> None:  # fmt: skip
        super().__init__(vocab_size, width, layers, heads, dropout, context, positions)
        for block in self.trunk.blocks:
            block.attend = RelativeAttend(heads, width // heads, context)
