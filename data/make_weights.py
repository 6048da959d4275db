"""Train the models in data/models from the corpora that music21 installs; `make weights` runs this.

    python data/make_weights.py NAME [--iters N] [--seed S] [--out FOLDER]

Each model is a recipe below. A run that is cut off continues from its checkpoint in out/weights.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from musiclab.datasets import load_chorales, load_folk_tunes
from musiclab.datasets.augment import part_ranges, transpositions
from musiclab.datasets.cache import data_path
from musiclab.datasets.card import Corpus
from musiclab.features.table import describe
from musiclab.generation import generate_batch
from musiclab.metrics.likelihood import nll
from musiclab.metrics.rules import voice_leading
from musiclab.models import GRU, LSTM, GridGRU, GridTransformer
from musiclab.models.base import Model
from musiclab.pretrained import load_pretrained, save
from musiclab.sampling import Sampler
from musiclab.score import Score
from musiclab.tokenizers import ABCText, Chorale, Melody, Tokenizer
from musiclab.tokenizers.chorale import GRID
from musiclab.training import History, fit, token_nll


class Recipe(NamedTuple):
    """What a model is made of: a tokenizer, a network for so many words, a corpus, and how long to train."""

    tok: Tokenizer
    network: Callable[[int], Model]
    corpus: Callable[[], Corpus]
    iters: int
    purpose: str  # what the card says it is for, and not for
    not_for: str
    lr: float = 2e-3
    ema: float = 0.99
    batch_ids: int = 4096
    sampler: dict = {}  # noqa: RUF012 (never changed): the settings to sample it with
    rules: tuple[str, ...] = ()  # and what to let it keep
    levels: bool = True  # train at every pitch level that the parts can sing; dance tunes live in the fiddle's keys


def fiddle_tunes() -> Corpus:
    """Return the dance tunes of two books as one corpus; no tune for training has a twin that is held out.

    The books, and each by itself, print some tunes under several titles, so titles alone do not keep them apart.
    """
    books = [load_folk_tunes(name) for name in ("oneills", "ryan")]
    splits = {name: [score for book in books for score in getattr(book, name)] for name in ("train", "valid", "test")}
    held_out = [bars(score) for score in splits["valid"] + splits["test"]]
    splits["train"] = [score for score in splits["train"] if not has_twin(bars(score), held_out)]
    names, origins = ("; ".join(getattr(book.card, fact) for book in books) for fact in ("name", "origin"))
    names += "; for training, none that shares half of its bars with one held out"
    return Corpus(splits, name=names, origin=origins, licence=books[0].card.licence, remarks=books[0].card.remarks)


def bars(score: Score) -> frozenset:
    """Return the different bars of three notes or more: onsets, durations, steps above the tonic."""
    tonic = 7 * score.keys[0].fifths
    rows = (score.bars(i, i + 1).notes.tolist() for i in range(score.n_bars))
    return frozenset(tuple((o, d, (p - tonic) % 12) for o, d, p, *_ in bar) for bar in rows if len(bar) > 2)


def has_twin(tune: frozenset, others: list[frozenset]) -> bool:
    """Return whether the tune shares half of the bars of the shorter one with any of the others."""
    return any(2 * len(tune & other) >= min(len(tune), len(other)) for other in others)


LESSONS = "lessons and experiments; "
CHORALES = (
    LESSONS + "it writes in the manner of Bach's chorales and can repeat phrases of them",
    "passing its music off as Bach's, or as written without a model",
)
TUNES = (
    LESSONS + "it writes in the manner of Irish dance tunes and can repeat phrases of them",
    "passing its music off as traditional, or as written without a model",
)
KEPT = ("parallel_fifths", "parallel_octaves", "out_of_range", "cadence")
RECIPES = {
    "chorale-transformer": Recipe(
        Chorale(), partial(GridTransformer, width=128, layers=4, heads=4, dropout=0.2, copy=4, **GRID), load_chorales,
        800, *CHORALES, ema=0.995, sampler={"temperature": 1.0, "min_p": 0.1},
        rules=KEPT,
    ),
    "chorale-gru": Recipe(
        Chorale(), partial(GridGRU, width=160, layers=2, dropout=0.35, copy=4, **GRID), load_chorales,
        1200, *CHORALES, ema=0.995, sampler={"temperature": 0.9, "min_p": 0.05},
        rules=KEPT,
    ),
    "folk-lstm": Recipe(
        ABCText(), partial(LSTM, width=256, dropout=0.3), fiddle_tunes, 2200, *TUNES, lr=1e-2, ema=0.995,
        levels=False, sampler={"temperature": 1.0, "min_p": 0.1},
    ),
    "tiny": Recipe(
        Melody(), partial(GRU, width=48, dropout=0.1), load_folk_tunes, 600, *TUNES, lr=2e-2, levels=False,
        batch_ids=2048, sampler={"temperature": 0.7},
    ),
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=RECIPES)
    parser.add_argument("--iters", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--lr", type=float)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, help="default: data/models/NAME")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    recipe = RECIPES[args.name]
    tok, corpus = recipe.tok, recipe.corpus()
    model, checkpoint = recipe.network(len(tok.vocab)), Path("out/weights") / f"{args.name}-{args.seed}.safetensors"
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    resumed = checkpoint.exists()
    history = fit(
        model, training(recipe, corpus), [tok.sequence(score) for score in corpus.valid],
        iters=args.iters or recipe.iters, batch_ids=recipe.batch_ids, lr=args.lr or recipe.lr, seed=args.seed,
        ema=recipe.ema, patience=5, checkpoint=checkpoint,
    )  # fmt: skip
    minutes = f"{history.seconds / 60:.0f} on {args.threads} of the cores of a busy machine"
    minutes += "" if resumed else f", {time.process_time() / 60:.1f} CPU-minutes in all"
    folder = args.out or data_path("models", args.name)
    save(model, tok, folder, half=True)
    model, tok = load_pretrained(folder, device="cpu")  # what is judged is what is shipped
    facts = {"seed": args.seed, "command": "python data/make_weights.py " + " ".join(sys.argv[1:]), "minutes": minutes}
    save(model, tok, folder, card(model, recipe, corpus, history) | facts, half=True)
    print(history, nll(model, tok, corpus.test, corpus.train), sep="\n")


def training(recipe: Recipe, corpus: Corpus) -> list[list[list[int]]]:
    """Return the training scores, each at every pitch level that its parts can sing, or as it is."""
    tok, ranges = recipe.tok, part_ranges(corpus.train)
    levels = [transpositions(score, ranges) if recipe.levels else [score] for score in corpus.train]
    return [[tok.sequence(score) for score in variants] for variants in levels]


def card(model: Model, recipe: Recipe, corpus: Corpus, history: History) -> dict:
    """Return the model card: what a user must know."""
    test = nll(model, recipe.tok, corpus.test, corpus.train)
    low, high = test.interval("ids")
    levels = "; training at every pitch level its parts can sing" if recipe.levels else ""
    facts = {
        "data": f"{corpus.card.name}; {corpus.card.origin}{levels}",
        "licence": "weights: CC BY 4.0; training data: " + corpus.card.licence,
        "for": recipe.purpose,
        "not for": recipe.not_for,
        "sampler": recipe.sampler,
        "rules": recipe.rules,
        "parameters": model.n_parameters,
        "iterations": f"{history.best_iter} (the best on valid of {history.done})",
        "nats_per_id": {
            "valid": round(history.best_valid, 4),
            "test": round(test.per("ids"), 4),
            "test 95 % interval over scores": [round(low, 4), round(high, 4)],
            "test, id frequencies alone": round(test.baseline, 4),
        },
        "bits_per_quarter_test": round(test.bits_per_quarter, 3),
    }
    if isinstance(recipe.tok, Chorale):
        return facts | cell_nll(model, recipe.tok, corpus) | {"samples": samples(model, recipe, corpus)}
    hornpipes = nll(model, recipe.tok, load_folk_tunes().test).per("ids")  # read in seconds, for a quick check
    return facts | {"nats_per_id_test_hornpipes": round(hornpipes, 4)}


def samples(model: Model, recipe: Recipe, corpus: Corpus, n: int = 60) -> dict:
    """Return how chorales drawn as the card says stand beside Bach's, and why they differ."""

    def found(scores: Sequence[Score]) -> dict:
        parallels = float(np.mean([voice_leading(score).parallels for score in scores]))
        consistency = float(np.mean(describe(scores)["scale_consistency"]))
        return {
            "parallel fifths and octaves a chorale": round(parallels, 2),
            "scale consistency": round(consistency, 3),
        }

    def drawn(rules: Sequence[str]) -> dict:
        return found(generate_batch(model, recipe.tok, n, sampler=Sampler(**recipe.sampler), rules=rules))

    return {
        "n": n,
        "drawn freely": drawn(()),
        "with the rules": drawn(recipe.rules),
        "Bach, test": found(corpus.test),
        "why": "likelihood, which it learned from, is hardly moved by one parallel in a chorale; the rules forbid them",
    }


def cell_nll(model: Model, tok: Chorale, corpus: Corpus) -> dict:
    """Return nats per cell of the test chorales by voice: the header and the ending left out."""
    surprise = token_nll(model, [tok.sequence(score) for score in corpus.test])
    cells = np.concatenate([n[3:-1].reshape(-1, 4) for n in surprise]).mean(axis=0).round(4).tolist()
    return {"nats_per_cell_test": dict(zip(("Soprano", "Alto", "Tenor", "Bass"), cells, strict=True))}


if __name__ == "__main__":
    main()
