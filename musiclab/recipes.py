"""Whole jobs in one call: what the command line does, and a student may call from a notebook."""

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from musiclab.audio import write_audio
from musiclab.axes import picture
from musiclab.datasets import load_chorales, load_folk_tunes
from musiclab.datasets.augment import part_ranges, transpositions
from musiclab.errors import require
from musiclab.files import write_whole
from musiclab.generation import generate
from musiclab.metrics.likelihood import Likelihood, nll
from musiclab.midi import load_folder, read_midi, write_midi
from musiclab.models import build_model
from musiclab.notation import write_musicxml
from musiclab.plots import plot_roll
from musiclab.pretrained import load_pretrained, save
from musiclab.sampling import Sampler
from musiclab.score import Score
from musiclab.team import rank
from musiclab.tokenizers import Tokenizer, load_tokenizer
from musiclab.tokenizers.chorale import GRID, Chorale
from musiclab.training import History, fit

SUFFIXES = (".mid", ".musicxml", ".mp3", ".png")
USUAL = {"chorales": "Chorale", "folk": "Melody"}
LEAST_NOTES = 100
KINDS = {"gru": "GRU", "lstm": "LSTM", "transformer": "Transformer", "grid": "GridTransformer"}
RATES = {"gru": 1e-2, "lstm": 1e-2}  # in short runs on the hornpipes a fifth fewer nats than with 2e-3


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
    return [writers[suffix](score, f"{stem}{suffix}") for suffix in suffixes]


def _write_png(score: Score, path: str) -> Path:
    return write_whole(path, picture(lambda figure: plot_roll(score, figure.subplots()), (9, 3.2), dpi=150))


def train_model(
    out: str | Path, data: str = "chorales", tokenizer: str | None = None, model: str | None = None,
    budget: str | None = "10m", iters: int | None = None, seed: int = 0, device: str = "auto",
) -> History:  # fmt: skip
    """Train a model on a corpus or on MIDI files of your own, write it to a folder, and return the history.

    Each score is read at up to twelve pitch levels that the parts can sing. A run that is cut off continues from its
    checkpoint in ``out`` when called again with the same arguments.

    Parameters
    ----------
    out : path
        Folder for the model; :func:`load_pretrained` and ``musiclab sample`` read it.
    data : str
        ``"chorales"``, ``"folk"``, or a folder of MIDI files, one in ten of which is kept for validation; or one MIDI
        file, of which the last tenth is.
    tokenizer : str, optional
        A scheme; by default ``"Chorale"`` for the chorales, ``"Melody"`` for the folk tunes, else ``"REMI"``.
    model : str, optional
        ``"gru"``, ``"lstm"``, ``"transformer"``, or ``"grid"``, which is for ``Chorale`` and its default.
    budget, iters : str or int
        How long, see :func:`musiclab.training.fit`.
    seed : int
    device : str

    Raises
    ------
    ValueError
        If there is too little music, or the model does not fit the tokenizer.

    Notes
    -----
    Notebook: your_own_music.
    """
    schemes = {name.lower(): name for name in Tokenizer.schemes if name != "BPE"}
    name = (tokenizer or USUAL.get(data, "REMI")).lower()
    require(name in schemes, "tokenizer", f"one of {sorted(schemes)} (BPE is trained over one, with BPE.train)", name)
    tok = load_tokenizer({"tokenizer": schemes[name]})
    model = model or ("grid" if isinstance(tok, Chorale) else "transformer")
    require(model in KINDS, "model", f"one of {sorted(KINDS)}", repr(model))
    require(model != "grid" or isinstance(tok, Chorale), "tokenizer", "Chorale, which writes a grid", tokenizer)
    training, validation, _ = read_data(data)
    ranges = part_ranges(training)
    levels = [transpositions(score, _near(score, ranges)) for score in training]
    train, valid = [[_ids(tok, score) for score in variants] for variants in levels], [_ids(tok, s) for s in validation]
    config = {"model": KINDS[model], "vocab_size": len(tok.vocab), "dropout": 0.1} | (GRID if model == "grid" else {})
    torch.manual_seed(seed)
    network, out = build_model(config), Path(out)
    out.mkdir(parents=True, exist_ok=True)
    history = fit(
        network, train, valid, budget=None if iters else budget, iters=iters, seed=seed, lr=RATES.get(model, 2e-3),
        device=device, max_ids=4096 if model == "grid" else 1024, checkpoint=out / "checkpoint.safetensors",
    )  # fmt: skip
    if rank() == 0:
        facts = {"data": str(data), "seed": seed, "nats_per_id_valid": history.best_valid, "history": repr(history)}
        save(network, tok, out, facts)
    return history


def _near(score: Score, ranges: np.ndarray) -> np.ndarray:
    """Return the ranges, but no more than five semitones below and six above the score's own: twelve pitch levels."""
    own = part_ranges([score])
    return np.clip(ranges[: len(own)], own[:, :1] - 5, own[:, 1:] + 6)


def _ids(tok: Tokenizer, score: Score) -> np.ndarray:
    """Return the ids that a model reads, two bytes each: a folder in twelve keys is many."""
    return np.array(tok.sequence(score), dtype=np.uint16)


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
        paths += export(score, Path(folder) / f"{network.name}-{seed}", suffixes)
    return paths


def evaluate_model(model: str, data: str = "chorales") -> Likelihood:
    """Return the likelihood of held-out scores under a trained model, beside that of the id frequencies alone.

    Parameters
    ----------
    model : str
        One of ``pretrained_names()``, or a folder.
    data : str
        As in :func:`train_model`; its test set is judged (of your own files, what was kept for validation).
    """
    network, tok = load_pretrained(model)
    training, _, test = read_data(data)
    return nll(network, tok, test, training)


def read_data(data: str) -> tuple[list[Score], list[Score], list[Score]]:
    """Return the training, validation and test scores of a corpus or of files of your own.

    Parameters
    ----------
    data : str
        ``"chorales"`` or ``"folk"``, as they are split there. Or a folder: one score in ten, drawn by lot but always
        the same, is for validation and test alike. Or one file (or a folder with one): its last tenth is. Scores
        without notes are left out, and files that cannot be read are counted in a warning.

    Raises
    ------
    ValueError
        If there are fewer than 100 notes.
    FileNotFoundError
        If there is neither such a folder nor such a file.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = write_midi(Score([(24 * i, 24, 60 + i % 12) for i in range(160)]), f"{folder}/one.mid")
    ...     [score.n_bars for part in read_data(file) for score in part]
    [36, 4, 4]
    """
    if data in USUAL:
        corpus = load_chorales() if data == "chorales" else load_folk_tunes()
        return corpus.train, corpus.valid, corpus.test
    scores, table = ([read_midi(data)], []) if Path(data).is_file() else load_folder(data)
    failed = [row for row in table if row.status == "failed"]
    if failed and rank() == 0:
        text = f"{len(failed)} of {len(table)} files were not read; the first, {failed[0].file}: {failed[0].reason}"
        warnings.warn(text, stacklevel=3)
    scores = [score for score in scores if len(score)]
    n = sum(map(len, scores))
    got = f"{n} notes in the {len(scores)} files of {data!r} that have any"
    require(n >= LEAST_NOTES, "data", f"'chorales', 'folk', or MIDI files with {LEAST_NOTES} notes", got)
    if len(scores) == 1:
        cut = max(1, 9 * scores[0].n_bars // 10)
        scores = [scores[0].bars(cut), scores[0].bars(0, cut)]
    else:
        scores = [scores[i] for i in np.random.default_rng(0).permutation(len(scores))]
    valid = scores[: max(1, len(scores) // 10)]
    return scores[len(valid) :], valid, valid
