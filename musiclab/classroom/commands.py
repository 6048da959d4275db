"""The commands ``musiclab class ...``: each is one call to a public function."""

import argparse
from collections.abc import Callable

HELP = "assignments: release, validate, grade"


def add_commands(parser: argparse.ArgumentParser) -> None:
    """Add ``release``, ``validate`` and ``grade`` to the command ``musiclab class``."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="action")

    def action(run: Callable, summary: str, *paths: str) -> Callable:
        sub = actions.add_parser(run.__name__.strip("_"), help=summary, description=summary)
        sub.set_defaults(run=run)
        for path in paths:
            sub.add_argument(path)
        return sub.add_argument

    option = action(_release, "write the students' copy of a source notebook", "source", "target")
    option("--student", default="", help="make the seed of the notebook this student's own")
    action(_validate, "run a notebook's checks and say what is missing", "notebook")
    option = action(_grade, "mark a folder with a notebook or a folder for each student", "submissions")
    option("--key", required=True, help="the source notebook")
    option("-o", "--out", default="grades/grades.csv", help="default: grades/grades.csv")
    option("-j", "--jobs", type=int, default=1, help="how many at a time; -1: one for each core (default: 1)")
    option("--seeds", action="store_true", help="each student had a release of their own (--student)")
    shown = {"metavar": ("CELL", "ALL", "MIB", "N"), "default": (30, 600, 4096, 64)}
    words = "seconds for a cell and for all, memory, processes (default: 30 600 4096 64)"
    option("--limits", nargs=4, type=int, help=words, **shown)


def _release(args: argparse.Namespace) -> None:
    from musiclab.classroom.notebooks import release

    print(release(args.source, args.target, args.student))


def _validate(args: argparse.Namespace) -> None:
    from musiclab.classroom.validation import validate

    print(validate(args.notebook))


def _grade(args: argparse.Namespace) -> None:
    from musiclab.classroom.grading import grade
    from musiclab.classroom.sandbox import Limits

    path = grade(args.submissions, args.key, args.out, args.jobs, Limits(*args.limits), args.seeds)
    print(path, path.with_name("summary.html"), sep="\n")
