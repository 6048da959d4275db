"""Training speed and memory: musiclab's own step beside a nanoGPT-style loop and Hugging Face's GPT-2.

``pytest tests/benchmarks/bench_training.py -s`` prints the table once, ``python tests/benchmarks/bench_training.py 3``
three times with the spread. Nothing here asserts a time.
"""

from __future__ import annotations

import gc
import json
import os
import re
import resource
import statistics
import subprocess
import sys
import time
from functools import partial
from importlib.metadata import version
from pathlib import Path
from unittest.mock import patch

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from musiclab import models, training

VOCAB, WIDTH, LAYERS, HEADS, CONTEXT, BATCH = 300, 256, 6, 8, 512, 4
DROPOUT = 0.1
ROUNDS = 7
CAPTION = f"""\
One step of training: a batch of {BATCH} x {CONTEXT} ids of {VOCAB}, forward, backward, clipping to norm 1, AdamW
(fused for all), float32, one thread. Shape: width {WIDTH}, {LAYERS} layers, {HEADS} heads. CPU seconds of the process
in {ROUNDS} rounds in which all loops take turns: the median speed, and the median of the ratios in each round.
  musiclab       what fit does: its batches, seeding and loss, warm-up and cosine, the moving average of the weights.
                 Dropout on the embedding, inside the feed-forward layers, on what each layer adds and before the
                 output; none on attention weights. Rotary positions.
  nanoGPT-style  learned positions, biases, GELU, the embedding as output layer, scaled_dot_product_attention;
                 dropout on the embedding, the attention weights and what each layer adds.
  Hugging Face   GPT2LMHeadModel, attention "sdpa"; loss and the places of dropout its own (attention weights too).
Memory: what three steps add to the peak resident size of a process of their own, weights and optimiser included.
The grid model reads four ids a step."""


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


def corpus() -> list[list[int]]:
    """Return what every loop reads windows of: as many long sequences as a batch has rows."""
    return np.random.default_rng(0).integers(1, VOCAB, (BATCH, 20_000)).tolist()


class PeerLoop:
    """A plain training loop around ``loss(ids)``."""

    def __init__(self, model: nn.Module, loss) -> None:
        self.model, self.loss = model.train(), loss
        self.data, self.rng = np.array(corpus()), np.random.default_rng(0)
        matrices = [p for p in model.parameters() if p.dim() > 1]
        vectors = [p for p in model.parameters() if p.dim() <= 1]
        groups = [{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.95), fused=True)

    def step(self, i: int) -> float:
        starts = self.rng.integers(self.data.shape[1] - CONTEXT, size=BATCH)
        rows = [row[start : start + CONTEXT + 1] for row, start in zip(self.data, starts, strict=True)]
        loss = self.loss(torch.from_numpy(np.stack(rows)))
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
    """The step of :func:`musiclab.fit`: its run is caught where the iterations would begin."""

    def __init__(self, model: models.Model) -> None:
        self.model, ids = model, CONTEXT + 1
        with patch.object(training, "_train") as train:
            training.fit(model, corpus(), iters=10_000, batch_ids=BATCH * ids, max_ids=ids, device="cpu")
        self.run = train.call_args.args[0]

    def step(self, i: int) -> float:
        return self.run.step(i, 10_000)


def ours(dropout: float) -> OurLoop:
    return OurLoop(models.Transformer(VOCAB, WIDTH, LAYERS, HEADS, dropout, CONTEXT))


COMPARED = {
    (name, dropout): partial(make, dropout)
    for dropout in (DROPOUT, 0.0)
    for name, make in (("musiclab Transformer", ours), ("nanoGPT-style", nanogpt), ("Hugging Face GPT-2", huggingface))
}
OTHERS = {
    ("musiclab RelativeTransformer", DROPOUT): lambda: OurLoop(
        models.RelativeTransformer(VOCAB, WIDTH, LAYERS, HEADS, DROPOUT, CONTEXT)
    ),
    ("musiclab GRU 3 x 512", DROPOUT): lambda: OurLoop(models.GRU(VOCAB, 512, 3, DROPOUT)),
    ("musiclab LSTM 3 x 448", DROPOUT): lambda: OurLoop(models.LSTM(VOCAB, 448, 3, DROPOUT)),
    ("musiclab GridTransformer", DROPOUT): lambda: OurLoop(
        models.GridTransformer(VOCAB, width=WIDTH, layers=LAYERS, heads=HEADS, dropout=DROPOUT, context=CONTEXT)
    ),
}
LOOPS = COMPARED | OTHERS


def seconds_of_steps(loops: dict) -> dict[tuple, list[float]]:
    """Return the CPU seconds of each loop's step in each round."""
    times: dict[tuple, list[float]] = {key: [] for key in loops}
    for i in range(1, ROUNDS + 2):
        for key, loop in loops.items():
            gc.collect()
            begin = time.process_time()
            loop.step(i)
            times[key].append(time.process_time() - begin)
    return {key: t[1:] for key, t in times.items()}  # the first round warms up


def memory_of(key: tuple) -> float:
    """Return the MB that three steps add to a process of its own."""
    command = [sys.executable, __file__, "--memory", json.dumps(key)]
    found = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return float(found.split()[-1])


def measure_memory(name: str, dropout: float) -> None:
    """Print the MB that three steps add to this process."""
    if name.startswith("Hugging"):
        from transformers import GPT2LMHeadModel  # noqa: F401 (its import is not its memory)
    before = peak()
    loop = LOOPS[name, dropout]()
    for i in range(1, 4):
        loop.step(i)
    print((peak() - before) / 1024)


def peak() -> int:
    """Return the peak resident size of this program in KB; getrusage's includes that of the process that started it."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(re.search(r"VmHWM:\s*(\d+)", status.read_text())[1])


def table(memory: dict[tuple, float]) -> dict[tuple, float]:
    """Print one table; return how many times faster our Transformer is than each loop."""
    loops = {key: make() for key, make in LOOPS.items()}
    times = seconds_of_steps(loops)
    row = "{:30} {:>7} {:>11} {:>9} {:>22} {:>10}".format
    print("\n" + row("", "dropout", "parameters", "ids/s", "our Transformer is", "memory"))
    factors = {}
    for (name, dropout), t in times.items():
        mine = times["musiclab Transformer", dropout]
        factors[name, dropout] = statistics.median(a / b for a, b in zip(t, mine, strict=True))
        n = sum(p.numel() for p in loops[name, dropout].model.parameters())
        speed, factor = BATCH * CONTEXT / statistics.median(t), factors[name, dropout]
        last = f"{factor:.2f} x as fast", f"{memory[name, dropout]:.0f} MB"
        print(row(name, dropout or "none", f"{n:,}", f"{speed:,.0f}", *last))
    return factors


def main(tables: int = 1) -> None:
    """Print the table so many times, and the spread."""
    torch.set_num_threads(1)
    names = ("musiclab", "torch", "transformers")
    print("\n" + ", ".join([f"python {sys.version.split()[0]}", *(f"{name} {version(name)}" for name in names)]))
    print(CAPTION)
    memory = {key: memory_of(key) for key in LOOPS}
    found = [table(memory) for _ in range(tables)]
    if tables > 1:
        print(f"\nOur Transformer's factor in each of {tables} tables:")
        for name, dropout in COMPARED:
            factors = ", ".join(f"{f[name, dropout]:.2f}" for f in found)
            print(f"{name:30} {dropout or 'none':>7} {factors}")


def test_loops_train_alike() -> None:
    """The same shape of batch, as many parameters within 3 %, and each begins at a guess and gets better."""
    pytest.importorskip("transformers")
    torch.manual_seed(0)
    counts = {}
    for key in COMPARED:
        loop, shapes = COMPARED[key](), []

        def record(_model, args, kwargs, shapes=shapes) -> None:
            shapes.append(tuple((args[0] if args else kwargs["input_ids"]).shape))

        loop.model.register_forward_pre_hook(record, with_kwargs=True)
        losses = [loop.step(i) for i in (1, 2)]
        assert shapes == [(BATCH, CONTEXT)] * 2, key
        assert all(abs(loss - np.log(VOCAB)) < 0.5 for loss in losses), (key, losses)
        assert loop.model.training
        counts[key] = sum(p.numel() for p in loop.model.parameters())
    assert max(counts.values()) < 1.03 * min(counts.values()), counts


@pytest.mark.parametrize("name", ["musiclab Transformer", "nanoGPT-style", "Hugging Face GPT-2"])
def test_dropout_is_where_it_is_said(name: str) -> None:
    """With dropout two passes over one batch differ, without it they agree."""
    pytest.importorskip("transformers")
    ids = torch.from_numpy(np.array(corpus())[:, :32])
    for dropout in (DROPOUT, 0.0):
        model = COMPARED[name, dropout]().model.train()
        one, other = (model(ids) for _ in range(2))
        one, other = (x if torch.is_tensor(x) else x[0] for x in (one, other))
        assert torch.equal(one, other) == (dropout == 0)


def test_table() -> None:
    pytest.importorskip("transformers")
    main()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--memory"]:
        measure_memory(*json.loads(sys.argv[2]))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
