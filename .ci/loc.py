"""Print the library's lines of code by module: no docstrings, comments or blank lines."""

import ast
import io
import tokenize
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUDGET, WALL = 5_000, 7_000
SILENT = {
    tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING,
    tokenize.ENDMARKER,
}  # fmt: skip


def docstring_lines(source: str) -> set[int]:
    """Return the numbers of the lines that belong to docstrings."""
    lines: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and type(first.value.value) is str:
                lines.update(range(first.lineno, first.end_lineno + 1))
    return lines


def code_lines(source: str) -> int:
    """Return how many lines hold code."""
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in SILENT:
            lines.update(range(token.start[0], token.end[0] + 1))
    return len(lines - docstring_lines(source))


def main() -> None:
    counts = {p: code_lines(p.read_text(encoding="utf-8")) for p in sorted((ROOT / "musiclab").rglob("*.py"))}
    for path, count in counts.items():
        print(f"{count:6,}  {path.relative_to(ROOT)}")
    total = sum(counts.values())
    print(f"{total:6,}  of {BUDGET:,} ({total / BUDGET:.0%}); the wall is {WALL:,}")


if __name__ == "__main__":
    main()
