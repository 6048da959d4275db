"""The commands ``musiclab class ...``: each is one call to a public function."""

import argparse

HELP = "assignments: release, validate, grade"


def add_commands(parser: argparse.ArgumentParser) -> None:
    """Add ``release``, ``validate`` and ``grade`` to the command ``musiclab class``."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="action")
    sub = actions.add_parser("release", help="write the students' copy of a source notebook")
    sub.add_argument("source")
    sub.add_argument("target")
    sub.add_argument("--student", default="", help="make the seed of the notebook this student's own")
    sub.set_defaults(run=_release)
    sub = actions.add_parser("validate", help="run a notebook's checks and say what is missing")
    sub.add_argument("notebook")
    sub.set_defaults(run=_validate)
    sub = actions.add_parser("grade", help="mark a folder with a notebook or a folder for each student")
    sub.add_argument("submissions")
    sub.add_argument("--key", required=True, help="the source notebook")
    sub.add_argument("-o", "--out", default="grades/grades.csv", help="default: grades/grades.csv")
    sub.add_argument("-j", "--jobs", type=int, default=1, help="how many at a time; -1: one for each core (default: 1)")
    sub.add_argument("--seeds", action="store_true", help="each student had a release of their own (--student)")
    sub.add_argument("--limits", nargs=4, type=int, default=(60, 600, 4096, 64), metavar=("CELL", "ALL", "MIB", "N"),
                     help="seconds for a cell and for all, memory, processes (default: 60 600 4096 64)")  # fmt: skip
    sub.set_defaults(run=_grade)


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
