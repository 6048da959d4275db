"""Whole jobs in one call: what the command line does, and a student may call from a notebook."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from musiclab.audio import write_audio
from musiclab.datasets import load_chorales, load_folk_tunes
from musiclab.datasets.augment import part_ranges, transpositions
from musiclab.errors import require
from musiclab.generation import generate
from musiclab.metrics.likelihood import Likelihood, nll
from musiclab.midi import load_folder, write_midi
from musiclab.models import build_model
from musiclab.notation import write_musicxml
from musiclab.plots import plot_roll
from musiclab.pretrained import load_pretrained, save
from musiclab.sampling import Sampler
from musiclab.score import Score
from musiclab.tokenizers import Tokenizer, load_tokenizer
from musiclab.tokenizers.chorale import GRID, Chorale
from musiclab.training import History, fit

SUFFIXES = (".mid", ".musicxml", ".mp3", ".png")
KINDS = {"gru": "GRU", "transformer": "Transformer", "grid": "GridTransformer"}


def export(score: Score, stem: str | Path, suffixes: Sequence[str] = SUFFIXES) -> list[Path]:
    """Write a score as files of several kinds under one name and return their paths.

    Parameters
    ----------
    score : Score
    stem : path
        Without suffix; its folder is made if missing.
    suffixes : sequence of str
        Among ``".mid"``, ``".musicxml"``, ``".mp3"``, ``".wav"``, ``".flac"``, ``".ogg"``, ``".png"``.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [path.name for path in export(Score([(0, 24, 60)]), f"{folder}/note", [".mid"])]
    ['note.mid']
    """
    writers = {".mid": write_midi, ".musicxml": write_musicxml, ".png": _write_png}
    writers |= dict.fromkeys((".mp3", ".wav", ".flac", ".ogg"), write_audio)
    for suffix in suffixes:
        require(suffix in writers, "suffix", f"one of {sorted(writers)}", repr(suffix))
    Path(stem).parent.mkdir(parents=True, exist_ok=True)
    paths = [Path(f"{stem}{suffix}") for suffix in suffixes]
    for path in paths:
        writers[path.suffix](score, path)
    return paths


def _write_png(score: Score, path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.2), layout="constrained")
    plot_roll(score, figure.subplots())
    figure.savefig(path, dpi=150)


def demo(folder: str | Path = "out", model: str = "chorale-transformer", sampler: Sampler | None = None):
    """Write one generated chorale as .mid, .musicxml, .mp3 and .png, and return the score and the paths.

    Parameters
    ----------
    folder : path
    model : str
        One of ``pretrained_names()`` or a folder.
    sampler : Sampler, optional
        Seed 7, temperature 0.9, top-p 0.95 if left out.

    Returns
    -------
    score : Score
        Its ``source`` says what model and settings made it.
    paths : list of Path
    """
    sampler = sampler or Sampler(temperature=0.9, top_p=0.95, seed=7)
    score = generate(*load_pretrained(model), sampler=sampler)
    return score, export(score, Path(folder) / f"chorale-{sampler.seed}")


def train_model(
    out: str | Path, data: str = "chorales", tokenizer: str = "Chorale", model: str = "grid",
    budget: str | None = "10m", iters: int | None = None, seed: int = 0, device: str = "auto",
) -> History:  # fmt: skip
    """Train a model on a corpus or on a folder of MIDI files, write it to a folder, and return the history.

    Each score is read at every pitch level its parts can sing. A run that is cut off continues from its checkpoint in
    ``out`` when called again with the same arguments.

    Parameters
    ----------
    out : path
        Folder for the model; :func:`load_pretrained` and ``musiclab sample`` read it.
    data : str
        ``"chorales"``, ``"folk"``, or a folder of MIDI files, one in ten of which is kept for validation.
    tokenizer : str
        A scheme, such as ``"Chorale"`` or ``"REMI"``.
    model : str
        ``"gru"``, ``"transformer"``, or ``"grid"`` (for ``Chorale``).
    budget, iters : str or int
        How long, see :func:`musiclab.training.fit`.
    seed : int
    device : str
    """
    require(model in KINDS, "model", f"one of {sorted(KINDS)}", repr(model))
    require(tokenizer.upper() != "BPE", "tokenizer", "a scheme; BPE is trained over one, with BPE.train", tokenizer)
    schemes = {name.lower(): name for name in Tokenizer.schemes}
    tok = load_tokenizer({"tokenizer": schemes.get(tokenizer.lower(), tokenizer)})
    training, validation = _read_corpus(data)[:2]
    ranges = part_ranges(training)
    train = [[tok.sequence(s) for s in transpositions(score, ranges)] for score in training]
    valid = [tok.sequence(score) for score in validation]
    config = {"model": KINDS[model], "vocab_size": len(tok.vocab), "dropout": 0.1}
    if model == "grid":
        require(isinstance(tok, Chorale), "tokenizer", "Chorale, which writes a grid", tokenizer)
        config |= GRID
    import torch

    torch.manual_seed(seed)
    network = build_model(config)
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    history = fit(
        network, train, valid, budget=None if iters else budget, iters=iters, seed=seed, device=device,
        max_ids=4096 if model == "grid" else 1024, checkpoint=out / "checkpoint.safetensors",
    )  # fmt: skip
    card = {"data": data, "seed": seed, "nats_per_id_valid": history.best_valid, "history": repr(history)}
    save(network, tok, out, card)
    return history


def sample_model(
    model: str, folder: str | Path = "out", n: int = 1, n_bars: int | None = None, sampler: Sampler | None = None,
    suffixes: Sequence[str] = (".mid",),
) -> list[Path]:  # fmt: skip
    """Write ``n`` new scores by a trained model, each with the next seed, and return their paths.

    Parameters
    ----------
    model : str
        One of ``pretrained_names()``, or a folder that :func:`train_model` wrote.
    folder : path
    n : int
    n_bars : int, optional
        Bars in each; without it the model ends them.
    sampler : Sampler, optional
        Its seed is the first one's.
    suffixes : sequence of str
        See :func:`export`.
    """
    network, tok = load_pretrained(model)
    sampler, paths = sampler or Sampler(), []
    for seed in range(sampler.seed, sampler.seed + n):
        score = generate(network, tok, sampler=replace(sampler, seed=seed), n_bars=n_bars)
        paths += export(score, Path(folder) / f"{Path(model).name}-{seed}", suffixes)
    return paths


def evaluate_model(model: str, data: str = "chorales") -> Likelihood:
    """Return the likelihood of held-out scores under a trained model, beside that of the id frequencies alone.

    Parameters
    ----------
    model : str
        One of ``pretrained_names()``, or a folder.
    data : str
        As in :func:`train_model`; its test set is judged (of a folder, the scores kept for validation).
    """
    network, tok = load_pretrained(model)
    training, _, test = _read_corpus(data)
    return nll(network, tok, test, training)


def _read_corpus(data: str) -> tuple[list[Score], list[Score], list[Score]]:
    """Return the training, validation and test scores of a corpus or a folder; a folder's last two are the same."""
    if data in ("chorales", "folk"):
        corpus = load_chorales() if data == "chorales" else load_folk_tunes()
        return corpus.train, corpus.valid, corpus.test
    scores, table = load_folder(data)
    failed = [row for row in table if row.status == "failed"]
    if failed:
        text = f"{len(failed)} of {len(table)} files were not read; the first, {failed[0].file}: {failed[0].reason}"
        warnings.warn(text, stacklevel=3)
    scores = [score for score in scores if len(score)]
    require(len(scores) >= 2, "data", "'chorales', 'folk' or a folder with at least two MIDI files", f"{len(scores)}")
    order = np.random.default_rng(0).permutation(len(scores))
    held = max(1, len(scores) // 10)
    valid = [scores[i] for i in order[:held]]
    return [scores[i] for i in order[held:]], valid, valid
