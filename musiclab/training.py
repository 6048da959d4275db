"""Training: show the model what comes next, and turn its weights a little towards saying so.

The loop is the same for every model. Every iteration seeds its own randomness from the run's seed and its number, so
a run of so many iterations that was cut off continues from its checkpoint exactly as if it had never stopped.
"""

from __future__ import annotations

import contextlib
import copy
import json
import math
import re
import time
from collections.abc import Sequence
from dataclasses import asdict
from hashlib import sha256
from itertools import chain
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from tqdm.auto import tqdm

from musiclab.errors import require
from musiclab.files import write_whole
from musiclab.history import History, learning_rate_factor, show_live
from musiclab.models.base import Model
from musiclab.team import Team

PAD = 0
PASS = 1024
JUDGEMENTS = 20
UNKNOWN = 2000  # iterations in a budget, before the first one is timed
Sequences = Sequence[Sequence[int] | Sequence[Sequence[int]]]


def pick_device(device: str = "auto") -> torch.device:
    """Return the device asked for; ``"auto"`` is CUDA, else Apple's MPS, else the CPU.

    Examples
    --------
    >>> pick_device("cpu")
    device(type='cpu')
    """
    here = ["cpu", *["mps"] * torch.backends.mps.is_available(), *["cuda"] * torch.cuda.is_available()]
    name = here[-1] if device == "auto" else device
    require(name.split(":")[0] in here, "device", f"'auto' or one of {here} here", repr(device))
    return torch.device(name)


def fit(
    model: Model, train: Sequences, valid: Sequence[Sequence[int]] = (), *, iters: int | None = None,
    budget: str | None = None, batch_ids: int = 4096, max_ids: int = 4096, lr: float = 2e-3, weight_decay: float = 0.05,
    ema: float = 0.99, patience: int = 10, seed: int = 0, device: str = "auto", checkpoint: str | Path | None = None,
) -> History:  # fmt: skip
    """Train the model in place and return what happened; the model keeps its best weights.

    AdamW with warm-up and cosine decay, gradients clipped to norm 1, and an exponential moving average
    of the weights, which is what validation judges and the model keeps. Interrupting the cell returns the history so
    far.

    Parameters
    ----------
    model : Model
    train : sequences of ids
        Each entry is one sequence, or several variants of it of which each epoch draws one (transpositions, say).
    valid : sequences of ids
        Judged about twenty times; training stops after ``patience`` judgements without a better one. Without it the
        last weights are kept.
    iters, budget : int or str
        How long: a number of iterations, or a time such as ``"60s"``, ``"10m"``, ``"2h"``, validation included. The
        schedule follows the clock as it goes, however busy the machine is; one last judgement may come after the end.
        Exactly one must be given.
    batch_ids : int
        Ids in a batch, about.
    max_ids : int
        Of a longer sequence each epoch takes a window of this many ids, another one each time.
    lr, weight_decay, ema : float
        Highest learning rate; decay of the matrices; memory of the moving average.
    seed : int
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"``, ``"mps"``.
    checkpoint : path, optional
        Written at every validation; if it exists, training continues from it, exactly (a budget: for the time left).

    Raises
    ------
    ValueError
        If not exactly one of ``iters`` and ``budget`` is given, a sequence is too short to predict anything, or the
        model learns by ``model.count(sequences)``.

    Notes
    -----
    The recipe follows Karpathy's nanoGPT. Several processes, started by torchrun or ``accelerate launch``, share each
    batch and train as one would (:mod:`musiclab.team`); the first alone writes and shows progress. In a notebook the
    curves are drawn at each judgement. All is computed in float32: on a CPU with bfloat16 instructions but no matrix
    unit, autocast took 1.3 to 1.5 times as long for our models.

    Notebook: 04_recurrent_composer.

    Examples
    --------
    >>> from musiclab.models import GRU
    >>> history = fit(GRU(vocab_size=6, width=8), [[1, 4, 5, 4, 5, 2]] * 4, iters=30, device="cpu")
    >>> history.done, history.train[-1][1] < history.train[0][1]
    (30, True)
    """
    counts = callable(getattr(model, "count", 0))
    require(not counts, "model", "one that learns step by step", "one for model.count(sequences)")
    data = _Batches(train, batch_ids, max_ids, seed)
    for ids in chain(valid, *data.variants):
        ok = len(ids) >= 2 and 0 <= min(ids) and max(ids) < model.vocab_size
        require(ok, "a sequence", f"at least two ids below {model.vocab_size}", f"{list(ids[:5])}...")
    team = Team(model, pick_device(device))
    require((iters is None) != (budget is None), "fit", "given either iters or budget", f"{iters}, {budget}")
    require(iters is None or iters >= 1, "iters", ">= 1", iters)
    length = {"iters": iters, "budget": budget and _seconds(budget)}
    run = _Run(model, data, team, {"lr": lr, "weight_decay": weight_decay, "ema": ema, **length})
    history = run.load(checkpoint) if checkpoint and Path(checkpoint).exists() else History(iters or UNKNOWN)
    with contextlib.suppress(KeyboardInterrupt):
        _train(run, history, valid, patience, checkpoint)
    model.load_state_dict((run.best if history.valid else run.average).state_dict())
    model.eval()
    return history


def _train(run: _Run, history: History, valid: Sequence[Sequence[int]], patience: int, checkpoint) -> None:
    """Go on from where the history stands to the end, or until validation has not got better for long enough."""
    began, shown, losses, i = time.monotonic() - history.seconds, False, [], history.done
    judged = JUDGEMENTS * i // history.iters
    with tqdm(initial=i, total=history.iters, unit="it", disable=run.team.rank > 0) as bar:
        while i < history.iters and not history.stopped:
            i += 1
            losses.append(run.step(i, history.iters))
            bar.update()
            bar.total = history.iters = run.iters(i, time.monotonic() - began)
            if JUDGEMENTS * i // history.iters <= judged:
                continue
            run.judge(i, losses, valid, history)
            losses.clear()
            history.stopped = sum(at > history.best_iter for at, _ in history.valid) >= patience
            history.seconds = time.monotonic() - began
            history.iters = run.iters(i, history.seconds)
            judged = JUDGEMENTS * i // history.iters
            pairs = {"train": history.train, "valid": history.valid}
            bar.set_postfix({name: known[-1][1] for name, known in pairs.items() if known})
            if checkpoint and run.team.rank == 0:
                run.save(checkpoint, history)
            shown = bool(valid) and show_live(history, shown)


class _Batches:
    """The batches of a run, a function of its seed and the iteration alone."""

    def __init__(self, train: Sequences, batch_ids: int, max_ids: int, seed: int) -> None:
        require(len(train) > 0, "train", "at least one sequence", 0)
        self.variants = [v if len(v) and np.ndim(v[0]) else [v] for v in train]
        self.length = np.array([min(len(v[0]), max_ids) for v in self.variants])
        self.seed, self.max_ids = seed, max_ids
        rows = (np.asarray(ids, dtype=np.int64).tobytes() for variants in self.variants for ids in variants)
        self.digest = sha256(b"".join(sha256(row).digest() for row in rows)).hexdigest()
        self.per_epoch = min(len(self.variants), math.ceil(self.length.sum() / batch_ids))

    def __getitem__(self, i: int) -> list[Sequence[int]]:
        """Return the sequences of iteration i: of like length together, each once an epoch, in one of its variants
        (twice, if another is longer than a batch)."""
        epoch, k = divmod(i, self.per_epoch)
        rng = np.random.default_rng((self.seed, epoch))
        order = np.argsort(self.length * rng.uniform(0.8, 1.25, len(self.length)))
        total = np.cumsum(self.length[order])
        blocks = np.split(order, np.searchsorted(total, total[-1] * np.arange(1, self.per_epoch) / self.per_epoch))
        chosen = [rng.integers(len(v)) for v in self.variants]
        block = blocks[rng.permutation(self.per_epoch)[k]]
        block = block if len(block) else order[:1]  # a sequence longer than a batch left it nothing
        windows = []
        for ids in (self.variants[j][chosen[j]] for j in block):
            start = rng.integers(max(1, len(ids) - self.max_ids + 1))
            windows.append(ids[start : start + self.max_ids])
        return windows


class _Run:
    """One training run: the model, its optimiser, the moving average of its weights, and the best average so far."""

    def __init__(self, model: Model, data: _Batches, team: Team, settings: dict) -> None:
        self.model, self.data, self.team = model, data, team
        self.settings = {"config": model.config, "seed": data.seed, "data": data.digest, **settings}
        groups = [{"params": [p for p in model.parameters() if p.dim() > 1], "weight_decay": settings["weight_decay"]}]
        groups.append({"params": [p for p in model.parameters() if p.dim() <= 1], "weight_decay": 0.0})
        fused = model.device.type in ("cpu", "cuda")  # one pass over the weights, not ten
        self.optimizer = torch.optim.AdamW(groups, lr=settings["lr"], betas=(0.9, 0.98), fused=fused)
        self.average = copy.deepcopy(model).eval()
        self.best = copy.deepcopy(self.average)

    def iters(self, i: int, seconds: float) -> int:
        """Return how many iterations there will be: those asked for, or what fits into the time at the speed so far."""
        if self.settings["iters"]:
            return self.settings["iters"]
        seconds = self.team.total(torch.tensor(seconds)) / self.team.size
        return max(i, math.ceil(i * self.settings["budget"] / seconds))

    def step(self, i: int, iters: int) -> float:
        """Do iteration i (from 1) and return its loss in nats per id."""
        ids = pad(self.data[i - 1], self.model.device)
        mine = self.team.share(ids) if self.team.rank < len(ids) else torch.full_like(ids[:1], PAD)  # adds nothing
        with torch.random.fork_rng():
            torch.manual_seed(self.data.seed * 1_000_003 + i + self.team.rank * 2**40)
            self.model.train()
            nll = _nll(self.model(mine[:, :-1])[0], mine[:, 1:])
        loss = nll.sum() / (ids[:, 1:] != PAD).sum()
        self.optimizer.zero_grad()
        loss.backward()
        loss = self.team.sum_gradients(self.model, loss.detach())
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for group in self.optimizer.param_groups:
            group["lr"] = self.settings["lr"] * learning_rate_factor(i, iters)
        self.optimizer.step()
        decay = min(self.settings["ema"], i / (10 + i))  # the average forgets the first, random weights quickly
        average, state = (list(m.state_dict().values()) for m in (self.average, self.model))
        torch._foreach_lerp_(average, state, 1 - decay)
        return loss.item()

    def judge(self, i: int, losses: list[float], valid: Sequence[Sequence[int]], history: History) -> None:
        """Write down the losses since the last judgement and that of the averaged weights on valid; keep the best."""
        history.train.append((i, sum(losses) / len(losses)))
        if valid:
            history.valid.append((i, _mean_nll(self.average, valid, self.team)))
            if history.valid[-1][1] < history.best_valid:
                history.best_iter, history.best_valid = history.valid[-1]
                self.best = copy.deepcopy(self.average)

    def tensors(self) -> dict[str, Tensor]:
        """Return the live tensors of all that changes in a run, by name."""
        state = {name: getattr(self, name).state_dict() for name in ("model", "average", "best")}
        state |= {f"optimizer.{i}": s for i, s in self.optimizer.state_dict()["state"].items()}
        return {f"{part}/{name}": t for part, of in state.items() for name, t in of.items()}

    def save(self, path: str | Path, history: History) -> None:
        """Write everything needed to continue, to a temporary name first."""
        facts = {**self.settings, "history": asdict(history)}
        tensors = {name: tensor.contiguous() for name, tensor in self.tensors().items()}
        write_whole(path, to_bytes(tensors, metadata={"run": json.dumps(facts)}))

    def load(self, path: str | Path) -> History:
        """Continue from a checkpoint of this very run; return its history."""
        with safe_open(path, "pt", device=str(self.model.device)) as file:
            facts = json.loads(file.metadata()["run"])
            for name, mine in self.settings.items():
                allowed = f"{mine!r}, as in this run, or delete {path} to begin anew"
                require(facts.get(name) == mine, f"the checkpoint's {name}", allowed, repr(facts.get(name)))
            for weights in self.model.parameters():
                weights.grad = torch.zeros_like(weights)
            self.optimizer.step()  # now it has a state to be overwritten
            tensors = self.tensors()
            for name in file.keys():  # noqa: SIM118 (not a dict)
                tensors[name].copy_(file.get_tensor(name))
        pairs = {name: [tuple(pair) for pair in facts["history"][name]] for name in ("train", "valid")}
        return History(**facts["history"] | pairs)


def pad(sequences: Sequence[Sequence[int]], device: torch.device) -> Tensor:
    """Return the sequences as one tensor (B, T), the shorter ones filled up with PAD."""
    rows = [torch.as_tensor(np.asarray(sequence, dtype=np.int64)) for sequence in sequences]
    return pad_sequence(rows, batch_first=True, padding_value=PAD).to(device)


def _nll(logits: Tensor, ids: Tensor) -> Tensor:
    """Return -log p of every id in nats, 0 where it is PAD, (B, T)."""
    rows = F.cross_entropy(logits.flatten(0, 1), ids.flatten(), ignore_index=PAD, reduction="none")
    return rows.view(ids.shape)


@torch.no_grad()
def token_nll(model: Model, sequences: Sequence[Sequence[int]], batch_ids: int = 16_384) -> list[np.ndarray]:
    """Return for each sequence -log p of its ids but the first, in nats, float64 of shape (len - 1,).

    Examples
    --------
    >>> from musiclab.models import GRU
    >>> [len(nll) for nll in token_nll(GRU(vocab_size=6, width=8), [[1, 4, 5, 2], [1, 4, 2]])]
    [3, 2]
    """
    model.eval()
    result: list[np.ndarray] = [np.zeros(0)] * len(sequences)
    order = sorted(range(len(sequences)), key=lambda j: len(sequences[j]))
    while order:
        longest = len(sequences[order[-1]])
        n = max(1, batch_ids // longest)
        batch, order = order[-n:], order[:-n]
        ids, state, parts = pad([sequences[j] for j in batch], model.device), None, []
        for t in range(0, longest - 1, PASS):  # a long sequence in several passes; the state makes them one
            logits, state = model(ids[:, t : min(t + PASS, longest - 1)], state)
            parts.append(_nll(logits, ids[:, t + 1 : t + 1 + PASS]))
        nll = torch.cat(parts, dim=1).double().cpu().numpy()
        for row, j in zip(nll, batch, strict=True):
            result[j] = row[: len(sequences[j]) - 1]
    return result


def _seconds(budget: str) -> float:
    """Return the seconds of a budget such as 60s, 10m or 2h."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", str(budget).strip())
    require(match is not None, "budget", "a time such as '60s', '10m' or '2h'", repr(budget))
    return float(match[1]) * {"s": 1, "m": 60, "h": 3600}[match[2]]


def _mean_nll(model: Model, sequences: Sequence[Sequence[int]], team: Team) -> float:
    """Return nats per id over all sequences, of which each process of the team reads some."""
    nll = np.concatenate([np.zeros(0), *token_nll(model, team.share(sequences))])
    total, n = team.total(torch.tensor([nll.sum(), len(nll)], dtype=torch.float64))
    return float(total / n)
