"""The command ``musiclab``. Each function here is a command, and one call to a function that a notebook can call too.

Its docstring is the command's help and its signature the options; what stands before ``*`` is given without dashes.
"""

import argparse
import inspect
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import get_args

import musiclab as ml

SHORT = {"out": ["-o"], "jobs": ["-j"]}


def demo(*, model="chorale-transformer", seed=7, temperature=0.9, top_p=0.95, out="out") -> Iterable:
    """write one generated chorale as .mid .musicxml .mp3 .png

    --model   a shipped model's name or a folder
    --out     folder

    example: musiclab demo --seed 3
    """
    sampler, formats = ml.Sampler(temperature, top_p=top_p, seed=seed), (".mid", ".musicxml", ".mp3", ".png")
    return [f"by {model}, {sampler}", *ml.sample_model(model, out, sampler=sampler, suffixes=formats)]


def train(
    *, data="chorales", tokenizer: str | None = None, model: str | None = None, budget="10m", iters: int | None = None,
    seed=0, device="auto", out="out/model",
) -> Iterable:  # fmt: skip
    """train a model on a corpus or on your MIDI files

    --data       chorales, folk, a folder of MIDI files or one file
    --tokenizer  such as remi, melody or chorale; left out: one that fits the data
    --model      gru, lstm, transformer or grid; left out: one that fits the tokenizer
    --budget     time, such as 60s, 10m or 2h
    --iters      iterations, instead of a budget
    --device     auto, cpu, cuda or mps
    --out        folder for the model; a run that was cut off goes on from there

    example: musiclab train --data my_midi --out out/mine
    """
    from musiclab.team import rank

    history = ml.train_model(out, data, tokenizer, model, budget, iters, seed, device)
    return [] if rank() else [history, f"next: musiclab sample --model {out}"]


def sample(
    *, model="out/model", seed=0, temperature=1.0, top_p=1.0, n=1, bars: int | None = None, formats=(".mid",), out="out"
) -> Iterable:
    """write new scores by a trained model

    --model    a shipped model's name or a folder
    --seed     of the first score
    --n        how many
    --bars     in each; left out: the model ends them
    --formats  such as .mid .musicxml .mp3 .png (default: .mid)
    --out      folder

    example: musiclab sample --model out/mine --n 4 --bars 8
    """
    return ml.sample_model(model, out, n, bars, ml.Sampler(temperature, top_p=top_p, seed=seed), formats)


def evaluate(model: str | None = None, *, data="chorales", jsb: str | bool = False) -> Iterable:
    """how surprised a model is by held-out scores

    model   a shipped model's name or a folder; left out: chorale-transformer, with --jsb: jsb-benchmark
    --data  chorales, folk, a folder of MIDI files or one file
    --jsb   nats per (frame, voice) on the canonical JSB Chorales, whose file this may name: else found or fetched

    example: musiclab evaluate chorale-transformer
    """
    if not jsb:
        return [ml.evaluate_model(model or "chorale-transformer", data)]
    network, _ = ml.load_pretrained(model or "jsb-benchmark")
    path = None if jsb is True else jsb
    return (f"{split}: {ml.evaluate_jsb(network, path, split)}" for split in ("valid", "test"))


def doctor() -> Iterable:
    """what works here, and the one command that mends the rest

    example: musiclab doctor
    """
    return [ml.doctor()]


def datasets() -> Iterable:
    """what corpora there are, and the call that loads each

    example: musiclab datasets
    """
    return (f"{call:36} {words}" for call, words in ml.corpora().items())


def release(source: str, target: str, *, student="") -> Iterable:
    """write the students' copy of a source notebook

    --student  make the seed of the notebook this student's own

    example: musiclab class release source.ipynb a1.ipynb
    """
    return [ml.release(source, target, student)]


def validate(notebook: str) -> Iterable:
    """run a notebook's checks and say what is missing

    example: musiclab class validate a1.ipynb
    """
    return [ml.validate(notebook)]


def grade(
    submissions: str, *, key: str, out="grades/grades.csv", jobs=1, seeds=False, limits=(30, 600, 4096, 64)
) -> Iterable:
    """mark a folder with a notebook or a folder for each student

    --key     the source notebook
    --out     the table of marks; the pages lie beside it
    --jobs    how many at a time; -1: one for each core
    --seeds   each student had a release of their own (--student)
    --limits  seconds for a cell and for all, memory in MiB, processes (default: 30 600 4096 64)

    example: musiclab class grade handed_in --key source.ipynb -j 2
    """
    from musiclab.classroom.sandbox import Limits

    path = ml.grade(submissions, key, out, jobs, Limits(*limits), seeds)
    return [path, path.with_name("summary.html")]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 0, or 1 after an error, which is printed in one line."""
    parser = argparse.ArgumentParser(prog="musiclab", description="Make music with deep learning, and judge it.")
    parser.add_argument("--version", action="version", version=ml.__version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    _add(commands, demo, train, sample, evaluate, doctor, datasets)
    words = "assignments: release, validate, grade"
    group = commands.add_parser("class", help=words, description=words)
    _add(group.add_subparsers(required=True, metavar="action"), release, validate, grade)
    given = vars(parser.parse_args(arguments))
    name, run = given.pop("command"), given.pop("run")
    try:
        for line in run(**given):
            print(line)
    except (ValueError, OSError, ImportError) as error:
        print(f"musiclab {name}: {error}", file=sys.stderr)
        return 1
    return 0


def _add(commands, *functions: Callable[..., Iterable]) -> None:
    """Make each function a command."""
    for function in functions:
        text = inspect.getdoc(function)
        summary, words = text.partition("\n")[0], dict(re.findall(r"^(?:--)?(\w+) {2,}(.+)", text, re.MULTILINE))
        sub = commands.add_parser(function.__name__, help=summary, description=summary, epilog=text.split("\n")[-1])
        sub.set_defaults(run=function)
        for name, parameter in inspect.signature(function).parameters.items():
            dashes = [*SHORT.get(name, []), f"--{name.replace('_', '-')}"]
            how = _kind(parameter)
            told = words.get(name, "") + " (default: %(default)s)" * bool(how.get("default") and "nargs" not in how)
            sub.add_argument(*(dashes if parameter.kind is parameter.KEYWORD_ONLY else [name]), help=told, **how)


def _kind(parameter: inspect.Parameter) -> dict:
    """Return what argparse must know of an option: its type, its default, and how many words it takes."""
    default, kinds, dashed = parameter.default, get_args(parameter.annotation), parameter.kind is parameter.KEYWORD_ONLY
    if default is parameter.empty:
        return {"required": True} if dashed else {}
    if default is False:
        return {"nargs": "?", "const": True, "default": False} if kinds else {"action": "store_true"}
    if default is None:
        return {"type": kinds[0]} if dashed else {"nargs": "?"}
    if type(default) is tuple:
        return {"default": default, "nargs": "+" if len(default) == 1 else len(default), "type": type(default[0])}
    return {"default": default, "type": type(default)}
