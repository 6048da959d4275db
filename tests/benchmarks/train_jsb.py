"""The headline figure: train on the canonical JSB Chorales and measure in nats per (frame, voice). `make bench-jsb` runs this.

    python tests/benchmarks/train_jsb.py [--iters N] [--seeds 0 1 2] [--ship]

Everything is chosen on valid: the iteration, the weights of mixtures, and the seed that --ship writes to
data/models/jsb-benchmark. A run that is cut off continues from its checkpoints in out/jsb.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import numpy as np
import torch
from jsb_baselines import hold_or_unigram

import musiclab as ml
from musiclab.metrics.jsb import JsbLikelihood, evaluate_jsb
from musiclab.models import GridGRU, GridTransformer, Mixture, Model, RelativeNGram
from musiclab.pretrained import load_pretrained, save
from musiclab.tokenizers.base import BOS, EOS
from musiclab.tokenizers.chorale_grid import GRID, ChoraleGrid
from musiclab.training import fit

OUT = Path("out/jsb")
TOK = ChoraleGrid()
SIZE = len(TOK.vocab)
MODELS = {
    "transformer": lambda: GridTransformer(SIZE, width=128, layers=4, heads=4, dropout=0.2, copy=4, **GRID),
    "transformer, no copying": lambda: GridTransformer(SIZE, width=128, layers=4, heads=4, dropout=0.2, **GRID),
    "gru": lambda: GridGRU(SIZE, width=160, layers=2, dropout=0.3, copy=4, **GRID),
    "counts": lambda: RelativeNGram(SIZE, **GRID),
}
SHARES = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3)
PUBLISHED = """\
Published or replicated in this unit on this file: RoPE transformer 0.508, PoPE transformer 0.489 (arXiv:2509.10534, about
4.7 M weights); a replication with transposition 0.394. TonicNet's 0.220 is given the true chord of each frame: another
quantity; its checkpoints bound at 0.396 on valid."""


def sequences(pieces: list[np.ndarray]) -> list[list[int]]:
    """Return BOS, the cells and EOS of each piece."""
    return [[BOS, *TOK.from_grid(piece), EOS] for piece in pieces]


def at_every_pitch(pieces: list[np.ndarray]) -> list[list[list[int]]]:
    """Return each piece at every pitch level at which its voices stay within their ranges in all pieces."""
    cells = np.concatenate(pieces)
    low, high = np.where(cells < 0, 127, cells).min(axis=0), cells.max(axis=0)
    result = []
    for piece in pieces:
        down = (low - np.where(piece < 0, 127, piece).min(axis=0)).max()
        up = (high - piece.max(axis=0)).min()
        result.append(sequences([np.where(piece < 0, -1, piece + k) for k in range(down, up + 1)]))
    return result


def trained(kind: str, seed: int, iters: int) -> tuple[Model, str]:
    """Return a model trained on train, its iteration chosen on valid, and how long that took; done once per seed."""
    folder = OUT / f"{kind.replace(', ', '-').replace(' ', '-')}-{seed}"
    if not (folder / "config.json").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        corpus = ml.load_jsb()
        torch.manual_seed(seed)
        model, began = MODELS[kind](), time.process_time()
        train = sequences(corpus.train) if kind == "counts" else at_every_pitch(corpus.train)
        history = fit(
            model, train, sequences(corpus.valid), iters=iters, seed=seed, ema=0.995, patience=4, device="cpu",
            checkpoint=folder / "checkpoint.safetensors",
        )  # fmt: skip
        minutes = (time.process_time() - began) / 60
        save(model, TOK, folder, {"seed": seed, "cpu_minutes": minutes, "history": repr(history)})
    model, _ = load_pretrained(folder, device="cpu")
    return model, f"{model.card['cpu_minutes']:.1f}"


def mixed(models: list[Model], counts: Model) -> Mixture:
    """Return the models in equal shares with the counts beside them, in the share that is best on valid."""

    def mixture(share: float) -> Mixture:
        return Mixture([*models, counts], [(1 - share) / len(models)] * len(models) + [share])

    return mixture(min(SHARES, key=lambda share: evaluate_jsb(mixture(share), split="valid").micro))
