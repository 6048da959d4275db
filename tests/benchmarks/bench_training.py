"""Training speed and memory: musiclab's own step beside a nanoGPT-style loop and Hugging Face's GPT-2.

``pytest tests/benchmarks/bench_training.py -s`` prints the table once, ``python tests/benchmarks/bench_training.py 3``
three times with the spread. Nothing here asserts a time.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from importlib.metadata import version

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from musiclab import models
from musiclab.training import _Batches, _Run

VOCAB, WIDTH, LAYERS, HEADS, CONTEXT, BATCH = 300, 256, 6, 8, 512, 4
DROPOUT = 0.1
ROUNDS, STEPS = 5, 2
CAPTION = f"""\
One step of training: a batch of {BATCH} x {CONTEXT} ids out of {VOCAB}, forward, backward, clipping to norm 1, AdamW
(fused for all), float32, one thread, CPU seconds of the process, medians of {ROUNDS} rounds of {STEPS} steps in which all
loops take turns. Shape: width {WIDTH}, {LAYERS} layers, {HEADS} heads. Factors are our speed over the peer's.
  musiclab       what fit does: its batches, its seeding, Transformer, warm-up and cosine, the moving average of weights.
                 Its dropout is on the embedding, inside the feed-forward layers, on what each layer adds and before the
                 output; there is none on attention weights.
  nanoGPT-style  learned positions, biases, GELU, the embedding as output layer, scaled_dot_product_attention;
                 dropout on the embedding, the attention weights and what each layer adds.
  Hugging Face   GPT2LMHeadModel, attention "sdpa", loss and the places of dropout its own.
Memory is the peak resident size of a child process after three steps, less that before the model was built."""


class Attention(nn.Module):
    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.qkv, self.project = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.dropout, self.drop = dropout, nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        B, T, D = x.shape
        q, k, v = (y.view(B, T, HEADS, D // HEADS).transpose(1, 2) for y in self.qkv(x).split(D, dim=2))
        p = self.dropout if self.training else 0.0
        y = F.scaled_dot_product_attention(q, k, v, dropout_p=p, is_causal=True)
        return self.drop(self.project(y.transpose(1, 2).contiguous().view(B, T, D)))


class Block(nn.Module):
    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.norm1, self.norm2, self.attend = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH), Attention(dropout)
        feed = [nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH), nn.Dropout(dropout)]
        self.feed = nn.Sequential(*feed)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attend(self.norm1(x))
        return x + self.feed(self.norm2(x))


class NanoGPT(nn.Module):
    """The model of Karpathy's nanoGPT, written anew."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.embed, self.place = nn.Embedding(VOCAB, WIDTH), nn.Embedding(CONTEXT, WIDTH)
        self.drop, self.norm = nn.Dropout(dropout), nn.LayerNorm(WIDTH)
        self.blocks = nn.ModuleList(Block(dropout) for _ in range(LAYERS))
        self.out = nn.Linear(WIDTH, VOCAB, bias=False)
        for p in self.parameters():
            if p.dim() > 1:
                nn.init.normal_(p, std=0.02)
        self.out.weight = self.embed.weight

    def forward(self, ids: Tensor) -> Tensor:
        x = self.drop(self.embed(ids) + self.place(torch.arange(ids.shape[1])))
        for block in self.blocks:
            x = block(x)
        return self.out(self.norm(x))


def batches(length: int = CONTEXT + 1) -> _Batches:
    """Return what every loop reads: windows of four long sequences."""
    rng = np.random.default_rng(0)
    return _Batches(rng.integers(1, VOCAB, (BATCH, 20_000)).tolist(), BATCH * length, length, seed=0)


class PeerLoop:
    """A plain training loop around ``loss(ids)``."""

    def __init__(self, model: nn.Module, loss) -> None:
        self.model, self.loss, self.data = model.train(), loss, batches()
        matrices = [p for p in model.parameters() if p.dim() > 1]
        vectors = [p for p in model.parameters() if p.dim() <= 1]
        groups = [{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.95), fused=True)

    def step(self, i: int) -> float:
        loss = self.loss(torch.from_numpy(np.array(self.data[i - 1])))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for group in self.optimizer.param_groups:
            group["lr"] = 1e-3 * min(1, i / 100)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return loss.item()


def nanogpt(dropout: float) -> PeerLoop:
    model = NanoGPT(dropout)

    def loss(ids: Tensor) -> Tensor:
        return F.cross_entropy(model(ids[:, :-1]).view(-1, VOCAB), ids[:, 1:].reshape(-1))

    return PeerLoop(model, loss)


def huggingface(dropout: float) -> PeerLoop:
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(
        vocab_size=VOCAB, n_positions=CONTEXT, n_embd=WIDTH, n_layer=LAYERS, n_head=HEADS, resid_pdrop=dropout,
        embd_pdrop=dropout, attn_pdrop=dropout, bos_token_id=1, eos_token_id=2, attn_implementation="sdpa",
        use_cache=False,
    )  # fmt: skip
    model = GPT2LMHeadModel(config)

    def loss(ids: Tensor) -> Tensor:
        return model(input_ids=ids[:, :-1], labels=ids[:, :-1]).loss  # it shifts the labels itself

    return PeerLoop(model, loss)


class OurLoop:
    """The step of :func:`musiclab.training.fit`."""

    def __init__(self, model: models.Model) -> None:
        self.model, self.run = model, _Run(model, batches(), lr=1e-3, weight_decay=0.1, ema=0.99)

    def step(self, i: int) -> float:
        return self.run.step(i, 10_000)


def ours(dropout: float) -> OurLoop:
    return OurLoop(models.Transformer(VOCAB, WIDTH, LAYERS, HEADS, dropout, CONTEXT))


LOOPS = {
    f"{name}, dropout {dropout}": lambda make=make, dropout=dropout: make(dropout)
    for dropout in (DROPOUT, 0.0)
    for name, make in (("musiclab", ours), ("nanoGPT-style", nanogpt), ("Hugging Face", huggingface))
}


def speeds(loops: dict) -> dict[str, float]:
    """Return ids a CPU second for each loop: the median over rounds."""
    times: dict[str, list[float]] = {name: [] for name in loops}
    for i in range(ROUNDS + 1):  # the first round warms up
        for name, loop in loops.items():
            gc.collect()
            begin = time.process_time()
            for k in range(STEPS):
                loop.step(STEPS * i + k + 1)
            times[name].append((time.process_time() - begin) / STEPS)
    return {name: BATCH * CONTEXT / statistics.median(t[1:]) for name, t in times.items()}
