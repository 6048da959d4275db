import math

from musiclab.classroom.pages import answer_runs, items, similar_answers, write_pages

LONG = """
def f(values):
    total = 0
    for value in values:
        if value > 3:
            total += value * 2
    return total
"""
OTHER = (
    "def f(values):\n    return sum(2 * v for v in values if v > 3) or [x for x in (1, 2, 3) if x and not values][0]"
)


def result(student: str, *points: float, answer: str = "", of: float = 1) -> dict:
    marks = [{"name": f"c{n}", "points": p, "of": of, "why": "" if p else "missing"} for n, p in enumerate(points)]
    return {
        "student": student, "marks": marks, "remarks": [], "answers": {"f": answer}, "to_read": {},
        "points": sum(points), "of": of * len(points),
    }  # fmt: skip


def test_items_are_counted_and_fit_the_rest() -> None:
    rows = items([result("a", 1, 1, 0), result("b", 1, 1, 1), result("c", 0, 0, 1), result("d", 0, 0, 0)])
    assert [row["passed"] for row in rows] == [2, 2, 2]
    assert rows[0]["fit"] > rows[2]["fit"]
    assert (rows[0]["why"], rows[0]["times"]) == ("missing", 2)
    assert math.isnan(items([result("a", 1, 0), result("b", 1, 1)])[0]["fit"])


def test_alike_is_what_was_copied_and_renamed() -> None:
    copied = LONG.replace("values", "xs").replace("total", "s") + "  # mine"
    found = similar_answers(
        [result(s, answer=a) for s, a in {"a": LONG, "b": copied, "c": OTHER, "d": "f = 1"}.items()]
    )
    assert [(share, one, other) for share, _, one, other in found] == [(1.0, "a", "b")]


def test_what_most_have_is_no_sign_and_neither_is_a_short_answer() -> None:
    assert similar_answers([result(str(n), answer=LONG) for n in range(6)]) == []
    assert similar_answers([result("a", answer="f = 1"), result("b", answer="f = 1")]) == []


def test_what_is_not_python_is_read_as_far_as_it_goes() -> None:
    assert answer_runs("def f(x:\n  '''") != set()
    assert answer_runs("") == set()


def test_pages_escape_what_students_write(tmp_path) -> None:
    (tmp_path / "feedback").mkdir()
    evil = result("<script>alert(1)</script>", 0)
    evil["marks"][0]["why"] = evil["remarks"] = ["</td><img src=x>"]
    evil["marks"][0]["why"] = "</td><img src=x>"
    same = [result("a/b", 1), result("a_b", 1), result("é" * 200, 1)]
    write_pages([evil, *same], "<title>", tmp_path)
    pages = list((tmp_path / "feedback").iterdir())
    assert len(pages) == 4
    for page in [*pages, tmp_path / "summary.html"]:
        assert "<script>" not in page.read_text() and "<img" not in page.read_text()
