"""Write a repository's address into every badge and every notebook's set-up cell: ``publish.py owner/name``.

Run again with another address, it replaces the first.
"""

import argparse
import os
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NAME = r"[\w.-]+/[\w.-]+"
PLACES = re.compile(
    r"(?P<before>colab\.research\.google\.com/github/|mybinder\.org/v2/gh/|musiclab @ git\+https://github\.com/)" + NAME
)


def stamp(text: str, repo: str) -> str:
    """Return the text with the repository's address in every badge and set-up line."""
    return PLACES.sub(lambda match: match["before"] + repo, text)


def publish(root: Path, repo: str) -> list[Path]:
    """Stamp the README and the notebooks under ``root``; return the files that changed."""
    changed = []
    for path in sorted([*root.glob("*.md"), *root.glob("notebooks/**/*.ipynb"), *root.glob("assignments/**/*.ipynb")]):
        text = path.read_text(encoding="utf-8")
        stamped = stamp(text, repo)
        if stamped != text:
            part = path.with_name(f".{path.name}.part")
            part.write_text(stamped, encoding="utf-8", newline="\n")
            os.replace(part, path)
            changed.append(path)
    return changed


def main() -> None:
    parser = argparse.ArgumentParser(description="Write a repository's address into all badges and set-up cells.")
    parser.add_argument("repo", nargs="?", default="", metavar="owner/name", help="for example jane/musiclab")
    parser.add_argument("--root", type=Path, default=ROOT, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if not re.fullmatch(NAME, args.repo):
        parser.error(f"the repository must be owner/name, got {args.repo!r}: make publish REPO=owner/name")
    changed = publish(args.root, args.repo)
    for path in changed:
        print(path.relative_to(args.root))
    print(f"{len(changed)} files now point to {args.repo}")


if __name__ == "__main__":
    main()
