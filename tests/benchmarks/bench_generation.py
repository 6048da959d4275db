"""Generating one id at a time: ids per CPU second beside Hugging Face and x-transformers, and notes per second.

``pytest tests/benchmarks/bench_generation.py -s`` prints the tables, and so does ``make bench``; ``python
tests/benchmarks/bench_generation.py 256 3`` with fewer ids and rounds. Nothing here asserts a time.
"""

from __future__ import annotations

import gc
import os
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from itertools import islice
from unittest.mock import patch

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest
import torch

from musiclab import models, sampling
from musiclab.generation import generate
from musiclab.models import fast
from musiclab.pretrained import load_pretrained
from musiclab.sampling import Sampler, stream

VOCAB, WIDTH, LAYERS, HEADS, TOP_P = 300, 256, 6, 8, 0.95
NEW, ROUNDS, BARS = 1024, 5, 8
CAPTION = """\
{n} new ids after one, of a vocabulary of {VOCAB}, temperature 1, top-p {TOP_P}; random weights, float32, one thread.
Transformers: width {WIDTH}, {LAYERS} layers, {HEADS} heads. CPU seconds of the process in {rounds} rounds in which all
ways take turns: the median speed, and the median of the ratios to Hugging Face's GPT-2 in each round.
  Hugging Face     model.generate, its dynamic cache, attention "sdpa"; GPT2LMHeadModel (learned positions) and
                   LlamaForCausalLM (rotary positions; its feed-forward layers as large as the others').
  x-transformers   AutoregressiveWrapper.generate with cache_kv; rotary positions.
  musiclab         stream, every draw with its nll, entropy and likeliest ids; rotary positions. With PyTorch: the model
                   itself. NumPy: what is chosen where numba is not installed. 8 bits: what is chosen where it is."""


class Endless:
    """A grammar without an end, so that all write as many ids."""

    allowed = np.arange(VOCAB) != sampling.EOS

    def mask(self) -> np.ndarray:
        return self.allowed

    def push(self, token_id: int) -> None:
        pass


def huggingface(name: str, batch: int = 1) -> Callable[[int], torch.Tensor]:
    import transformers

    sizes = {
        "vocab_size": VOCAB,
        "bos_token_id": 1,
        "eos_token_id": None,
        "pad_token_id": 0,
        "attn_implementation": "sdpa",
    }
    if name == "GPT-2":
        config = transformers.GPT2Config(n_positions=2 * NEW, n_embd=WIDTH, n_layer=LAYERS, n_head=HEADS, **sizes)
        model = transformers.GPT2LMHeadModel(config)
    else:
        config = transformers.LlamaConfig(
            hidden_size=WIDTH, intermediate_size=8 * WIDTH // 3, num_hidden_layers=LAYERS, num_attention_heads=HEADS,
            max_position_embeddings=2 * NEW, **sizes,
        )  # fmt: skip
        model = transformers.LlamaForCausalLM(config)
    first = torch.ones(batch, 1, dtype=torch.long)
    chosen = {"do_sample": True, "top_p": TOP_P, "top_k": 0, "temperature": 1.0, "use_cache": True}
    mask = torch.ones_like(first)
    return lambda n: model.eval().generate(first, attention_mask=mask, max_new_tokens=n, min_new_tokens=n, **chosen)[
        :, 1:
    ]


def x_transformers() -> Callable[[int], torch.Tensor]:
    from x_transformers import AutoregressiveWrapper, Decoder, TransformerWrapper

    layers = Decoder(dim=WIDTH, depth=LAYERS, heads=HEADS, attn_dim_head=WIDTH // HEADS, rotary_pos_emb=True)
    model = AutoregressiveWrapper(TransformerWrapper(num_tokens=VOCAB, max_seq_len=2 * NEW, attn_layers=layers)).eval()
    first = torch.ones(1, 1, dtype=torch.long)
    chosen = {"temperature": 1.0, "filter_logits_fn": "top_p", "filter_kwargs": {"thres": TOP_P}, "cache_kv": True}
    return lambda n: model.generate(first, n, **chosen)


def musiclab(model: models.Model, way: str) -> Callable[[int], list]:
    """Return what streams so many ids: by PyTorch, in NumPy, or in 8 bits."""
    return lambda n: in_way(way, lambda: [d.id for d in islice(stream(model, [1], Sampler(top_p=TOP_P), Endless()), n)])


def in_way(way: str, job: Callable):
    """Return what a job gives when steps are computed in this way."""
    if way == "PyTorch":
        with patch.object(sampling, "fast_step", lambda model: None):
            return job()
    with patch.object(fast, "_kernels", (lambda model: None) if way == "NumPy" else fast._kernels):
        return job()


def many(model: models.Model, batch: int) -> Callable[[int], torch.Tensor]:
    """Return what draws so many ids in each row of a batch, with the model itself."""

    @torch.inference_mode()
    def draw(n: int) -> torch.Tensor:
        new, state, rows = torch.ones(batch, 1, dtype=torch.long), None, []
        for _ in range(n):
            logits, state = model.eval()(new, state)
            p, order = logits[:, -1].softmax(dim=-1).sort(dim=-1, descending=True)
            p[p.cumsum(dim=-1) - p >= TOP_P] = 0
            new = order.gather(-1, torch.multinomial(p, 1))
            rows.append(new)
        return torch.cat(rows, dim=1)

    return draw


def transformer() -> models.Transformer:
    return models.Transformer(VOCAB, WIDTH, LAYERS, HEADS, context=2 * NEW)


def single() -> dict[str, Callable]:
    """Return the ways to write one sequence."""
    own, gru, lstm = transformer(), models.GRU(VOCAB, 512, 3), models.LSTM(VOCAB, 448, 3)
    ways = ["PyTorch", "NumPy", "8 bits"]
    return {
        "Hugging Face GPT-2": huggingface("GPT-2"), "Hugging Face Llama": huggingface("Llama"),
        "x-transformers": x_transformers(),
        **{f"musiclab {name}, {way}": musiclab(model, way) for name, model in (
            ("Transformer", own), ("GRU 3 x 512", gru), ("LSTM 3 x 448", lstm)) for way in ways},
    }  # fmt: skip


def batches(batch: int) -> dict[str, Callable]:
    """Return the ways to write many sequences at once."""
    made = {"Transformer": transformer(), "GRU 3 x 512": models.GRU(VOCAB, 512, 3)}
    ours = {f"musiclab {name}, PyTorch": many(model, batch) for name, model in made.items()}
    return {"Hugging Face GPT-2": huggingface("GPT-2", batch), **ours}


def seconds(jobs: dict[str, Callable], n: int, rounds: int) -> dict[str, list[float]]:
    """Return the CPU seconds of each job in each round, all taking turns."""
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for job in jobs.values():
        job(8)  # warms up, and compiles
    for _ in range(rounds):
        for name, job in jobs.items():
            gc.collect()
            begin = time.process_time()
            job(n)
            times[name].append(time.process_time() - begin)
    return times


def table(jobs: dict[str, Callable], n: int, rounds: int, batch: int = 1) -> None:
    """Print speeds, and the ratios to the first job."""
    times = seconds(jobs, n, rounds)
    first = next(iter(times.values()))
    print(f"\n{f'batch {batch}, {n} new ids':34} {'ids/s':>9} {'of GPT-2':>10}   in each round")
    for name, t in times.items():
        ratios = [a / b for a, b in zip(first, t, strict=True)]
        speed = f"{batch * n / statistics.median(t):,.0f}"
        each = " ".join(f"{ratio:.1f}" for ratio in ratios)
        print(f"{name:34} {speed:>9} {f'{statistics.median(ratios):.2f} x':>10}   {each}", flush=True)


def chorales(rounds: int) -> None:
    """Print how fast the shipped models write four parts."""
    print(f"\n{f'generate, {BARS} bars of chorale':34} {'notes/s':>9} {'ids/s':>9} {'faster':>9}")
    for name in ("chorale-transformer", "chorale-gru"):
        model, tok = load_pretrained(name, device="cpu")
        times, notes, ids = {"PyTorch": [], "NumPy": []}, 0, 0
        for seed in range(rounds):
            for way in times:
                job = partial(generate, model, tok, sampler=Sampler(top_p=TOP_P, seed=seed), n_bars=BARS, device="cpu")
                begin = time.process_time()
                score = in_way(way, job)
                times[way].append(time.process_time() - begin)
            notes, ids = notes + len(score), ids + len(tok.encode(score))
        factor = statistics.median(a / b for a, b in zip(*times.values(), strict=True))
        for way, t in times.items():
            faster = "" if way == "PyTorch" else f"{factor:.1f} x"
            print(f"{f'{name}, {way}':34} {notes / sum(t):9,.0f} {ids / sum(t):9,.0f} {faster:>9}")


def main(n: int = NEW, rounds: int = ROUNDS) -> None:
    torch.set_num_threads(1)
    names = ("musiclab", "torch", "numpy", "numba", "transformers", "x-transformers")
    print("\n" + ", ".join([f"python {sys.version.split()[0]}", *(f"{name} {version(name)}" for name in names)]))
    print(CAPTION.format(n=n, rounds=rounds, **globals()))
    table(single(), n, rounds)
    for batch in (8, 32):
        table(batches(batch), n // 8, min(rounds, 3), batch)
    chorales(2 * rounds)


def test_all_write_as_many_ids_with_as_many_weights() -> None:
    pytest.importorskip("transformers")
    pytest.importorskip("x_transformers")
    for name, job in single().items():
        ids = np.asarray(job(12)).ravel()
        assert len(ids) == 12, name
        assert ((ids >= 0) & (ids < VOCAB)).all(), name
    for name, job in batches(3).items():
        assert np.asarray(job(5)).shape == (3, 5), name
    counts = [m.n_parameters for m in (transformer(), models.GRU(VOCAB, 512, 3), models.LSTM(VOCAB, 448, 3))]
    assert max(counts) < 1.1 * min(counts), counts


def test_ways_are_what_they_are_called() -> None:
    model = models.Transformer(VOCAB, width=16, layers=1, heads=2)
    chosen = {}
    for way in ("PyTorch", "NumPy", "8 bits"):
        with patch.object(fast, "LARGE", 0):
            step = in_way(way, lambda: sampling.fast_step(model.eval()))
        chosen[way] = type(step.layers[0]).__name__ if step else None
    assert chosen == {"PyTorch": None, "NumPy": "Attention", "8 bits": "PackedTransformer"}


def test_tables() -> None:
    pytest.importorskip("transformers")
    pytest.importorskip("x_transformers")
    main()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))
