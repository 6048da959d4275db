"""Train the models in data/models from the corpora that music21 installs; `make weights` runs this.

    python data/make_weights.py NAME [--iters N] [--seed S] [--out FOLDER]

A run that is cut off continues from its checkpoint in out/weights.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import torch

from musiclab.datasets import load_chorales
from musiclab.datasets.augment import part_ranges, transpositions
from musiclab.datasets.cache import data_path
from musiclab.metrics.likelihood import nll
from musiclab.models import GridTransformer
from musiclab.models.base import Model
from musiclab.pretrained import load_pretrained, save
from musiclab.tokenizers import Chorale
from musiclab.tokenizers.chorale import GRID
from musiclab.training import History, fit, token_nll


def chorale_transformer() -> GridTransformer:
    return GridTransformer(len(Chorale().vocab), width=128, layers=4, heads=4, dropout=0.2, copy=4, **GRID)


MODELS = {"chorale-transformer": (chorale_transformer, 800)}


def chorale_data(tok: Chorale) -> tuple[list[list[list[int]]], list[list[int]]]:
    """Return the training chorales, each at every pitch level its parts can sing, and the validation chorales."""
    corpus = load_chorales()
    ranges = part_ranges(corpus.train)
    train = [[tok.sequence(s) for s in transpositions(score, ranges)] for score in corpus.train]
    return train, [tok.sequence(score) for score in corpus.valid]


def cell_nll(model: Model, tok: Chorale, scores: list) -> list[float]:
    """Return nats per cell, (soprano, alto, tenor, bass): the header and the ending left out."""
    surprise = token_nll(model, [tok.sequence(score) for score in scores])
    cells = np.concatenate([n[3:-1].reshape(-1, 4) for n in surprise])
    return cells.mean(axis=0).round(4).tolist()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=MODELS)
    parser.add_argument("--iters", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, help="default: data/models/NAME")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    make, iters = MODELS[args.name]
    model, tok = make(), Chorale()
    train, valid = chorale_data(tok)
    checkpoint = Path("out/weights") / f"{args.name}-{args.seed}.safetensors"
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    history = fit(
        model, train, valid, iters=args.iters or iters, lr=args.lr, seed=args.seed, ema=0.995, patience=5,
        checkpoint=checkpoint,
    )  # fmt: skip
    folder = args.out or data_path("models", args.name)
    save(model, tok, folder, half=True)
    model, tok = load_pretrained(folder, device="cpu")  # what is judged is what is shipped
    save(model, tok, folder, card(model, tok, history, args.seed), half=True)
    print(history, nll(model, tok, load_chorales().test, load_chorales().train), sep="\n")


def card(model: Model, tok: Chorale, history: History, seed: int) -> dict:
    """Return the model card: what a user must know."""
    corpus = load_chorales()
    test = nll(model, tok, corpus.test, corpus.train)
    low, high = test.interval("ids")
    return {
        "data": f"{corpus.card.name}; {corpus.card.origin}; training at every pitch level its parts can sing",
        "licence": "weights: CC BY 4.0; training data: " + corpus.card.licence,
        "for": "lessons and experiments; it writes in the manner of Bach's chorales and can repeat phrases of them",
        "not for": "passing its music off as Bach's, or as written without a model",
        "parameters": model.n_parameters,
        "seed": seed,
        "command": "python data/make_weights.py " + " ".join(sys.argv[1:]),
        "iterations": f"{history.best_iter} (the best on valid of {history.done})",
        "minutes": f"{history.seconds / 60:.0f} on one thread of a busy machine",
        "nats_per_id": {
            "valid": round(history.best_valid, 4),
            "test": round(test.per("ids"), 4),
            "test 95 % interval over scores": [round(low, 4), round(high, 4)],
            "test, id frequencies alone": round(test.baseline, 4),
        },
        "nats_per_cell_test": dict(
            zip(("Soprano", "Alto", "Tenor", "Bass"), cell_nll(model, tok, corpus.test), strict=True)
        ),
    }


if __name__ == "__main__":
    main()
