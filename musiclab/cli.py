"""The command ``musiclab``: each subcommand is one call to a public function, which a notebook can call as well."""

import argparse
import sys
from collections.abc import Callable, Sequence

import musiclab as ml
from musiclab.classroom.commands import HELP, add_commands

DATA = "chorales, folk, a folder of MIDI files or one file"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 0, or 1 after an error, which is printed in one line."""
    args = _parser().parse_args(arguments)
    try:
        args.run(args)
    except (ValueError, OSError, ImportError) as error:
        print(f"musiclab {args.command}: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="musiclab", description="Make music with deep learning, and judge it.")
    parser.add_argument("--version", action="version", version=ml.__version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")

    def command(name: str, run: Callable, summary: str, example: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=summary, description=summary, epilog=f"example: musiclab {example}")
        sub.set_defaults(run=run)
        return sub

    sub = command("demo", _demo, "write one generated chorale as .mid .musicxml .mp3 .png", "demo --seed 3")
    _sampling(sub, model="chorale-transformer", seed=7, temperature=0.9, top_p=0.95)

    sub = command(
        "train", _train, "train a model on a corpus or on your MIDI files", "train --data my_midi --out out/mine"
    )
    sub.add_argument("--data", default="chorales", help=f"{DATA} (default: chorales)")
    sub.add_argument("--tokenizer", help="such as remi, melody or chorale (default: one that fits the data)")
    sub.add_argument("--model", help="gru, lstm, transformer or grid (default: one that fits the tokenizer)")
    sub.add_argument("--budget", default="10m", help="time, such as 60s or 10m (default: 10m)")
    sub.add_argument("--iters", type=int, help="iterations, instead of a budget")
    sub.add_argument("--seed", type=int, default=0)
    sub.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    sub.add_argument("--out", default="out/model", help="folder for the model (default: out/model)")

    sub = command("sample", _sample, "write new scores by a trained model", "sample --model out/mine --n 4 --bars 8")
    _sampling(sub, model="out/model", seed=0, temperature=1.0, top_p=1.0)
    sub.add_argument("--n", type=int, default=1, help="how many (default: 1)")
    sub.add_argument("--bars", type=int, help="bars in each (default: the model ends them)")
    sub.add_argument("--formats", nargs="+", default=[".mid"], help="such as .mid .musicxml .mp3 .png (default: .mid)")

    sub = command("evaluate", _evaluate, "how surprised a model is by held-out scores", "evaluate chorale-transformer")
    sub.add_argument("model", nargs="?", help="a shipped model's name or a folder (default: chorale-transformer)")
    sub.add_argument("--data", default="chorales", help=f"{DATA} (default: chorales)")
    sub.add_argument(
        "--jsb", nargs="?", const="", metavar="PATH",
        help="in nats per (frame, voice) on the canonical JSB Chorales: found, downloaded, or Jsb16thSeparated.json at "
        "PATH (default model: jsb-benchmark)",
    )  # fmt: skip

    add_commands(commands.add_parser("class", help=HELP, description=HELP))

    command("doctor", _doctor, "what works here, and the one command that mends the rest", "doctor")
    command("datasets", _datasets, "what corpora there are, and the call that loads each", "datasets")
    return parser


def _sampling(sub: argparse.ArgumentParser, model: str, seed: int, temperature: float, top_p: float) -> None:
    sub.add_argument("--model", default=model, help=f"a shipped model's name or a folder (default: {model})")
    sub.add_argument("--seed", type=int, default=seed, help=f"default: {seed}")
    sub.add_argument("--temperature", type=float, default=temperature, help=f"default: {temperature}")
    sub.add_argument("--top-p", type=float, default=top_p, help=f"default: {top_p}")
    sub.add_argument("--out", default="out", help="folder (default: out)")


def _sampler(args: argparse.Namespace):
    return ml.Sampler(temperature=args.temperature, top_p=args.top_p, seed=args.seed)


def _demo(args: argparse.Namespace) -> None:
    score, paths = ml.demo(args.out, args.model, _sampler(args))
    print(score, f"made by {args.model}, {score.source}", *paths, sep="\n")


def _train(args: argparse.Namespace) -> None:
    from musiclab.team import rank

    history = ml.train_model(
        args.out, args.data, args.tokenizer, args.model, args.budget, args.iters, args.seed, args.device
    )
    if not rank():
        print(history, f"next: musiclab sample --model {args.out}", sep="\n")


def _sample(args: argparse.Namespace) -> None:
    print(*ml.sample_model(args.model, args.out, args.n, args.bars, _sampler(args), args.formats), sep="\n")


def _evaluate(args: argparse.Namespace) -> None:
    if args.jsb is None:
        print(ml.evaluate_model(args.model or "chorale-transformer", args.data))
    else:
        model, _ = ml.load_pretrained(args.model or "jsb-benchmark")
        for split in ("valid", "test"):
            print(f"{split}: {ml.evaluate_jsb(model, args.jsb or None, split)}")


def _doctor(args: argparse.Namespace) -> None:
    print(ml.doctor())


def _datasets(args: argparse.Namespace) -> None:
    print(*(f"{call:36} {words}" for call, words in ml.corpora().items()), sep="\n")


if __name__ == "__main__":
    sys.exit(main())
