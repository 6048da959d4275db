import json

import pytest

from musiclab.classroom.notebooks import Cell, read_notebook, release, released_text
from tests.classroom.conftest import code, notebook, source_notebook, write


def test_a_release_holds_no_solution_no_hidden_test_and_no_output(key, tmp_path) -> None:
    teachers = json.loads(key.read_text())
    teachers["cells"][1] |= {
        "outputs": [{"output_type": "stream", "name": "stdout", "text": "6"}],
        "execution_count": 1,
    }
    write(key, teachers)
    text = release(key, tmp_path / "a1.ipynb").read_text()
    assert "return 2 * x" not in text
    assert "HIDDEN" not in text and "below zero" not in text and "### BEGIN" not in text
    cells = json.loads(text)["cells"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells)
    assert "".join(cells[1]["source"]) == "def twice(x):\n    # YOUR CODE HERE\n    raise NotImplementedError()"
    assert cells[2]["metadata"]["editable"] is False and cells[1]["metadata"]["deletable"] is False
    assert "editable" not in cells[1]["metadata"]


def test_the_source_is_not_changed(key, tmp_path) -> None:
    before = key.read_bytes()
    release(key, tmp_path / "a1.ipynb")
    assert key.read_bytes() == before


def test_a_solution_without_a_region_is_replaced_whole() -> None:
    assert released_text(Cell("answer", "f", 0, "f = 1")) == "# YOUR CODE HERE\nraise NotImplementedError()"
    assert released_text(Cell("read", "essay", 5, "What one would say.", code=False)) == "*Your answer here.*"


@pytest.mark.parametrize(
    ("source", "role", "message"),
    [
        ("### BEGIN SOLUTION\n### BEGIN SOLUTION\n### END SOLUTION", "answer", r"cell 0 \(f\), line 2 must be ### END"),
        ("a = 1\n### BEGIN SOLUTION\na = 2", "answer", r"cell 0 \(f\), line 3 must be followed by ### END SOL"),
        ("a = 1\n### END SOLUTION", "answer", r"cell 0 \(f\), line 2 must be ### BEGIN SOLUTION, got ### END"),
        ("### BEGIN HIDDEN TESTS\nassert 1", "check", r"cell 0 \(f\), line 2 must be followed by ### END HID"),
        ("### BEGIN SOLUTION\n### END SOLUTION", "check", r"cell 0 \(f\), line 1 must be ### BEGIN HIDDEN TESTS, got"),
        (
            "### BEGIN HIDDEN TESTS\n### END HIDDEN TESTS",
            "answer",
            "line 1 must be ### BEGIN SOLUTION, got ### BEGIN HIDDEN TESTS",
        ),
        (
            "### BEGIN SOLUTION\n### END HIDDEN TESTS",
            "answer",
            "line 2 must be ### END SOLUTION, got ### END HIDDEN TESTS",
        ),
        ("### BEGIN SOLUTION\n### END SOLUTION", "", "line 1 must be without a region, got ### BEGIN SOLUTION"),
    ],
)
def test_a_wrong_region_is_named_by_cell_and_line(tmp_path, source, role, message) -> None:
    path = write(tmp_path / "source.ipynb", notebook(code(source, "f", role, 1)))
    with pytest.raises(ValueError, match=message):
        release(path, tmp_path / "a1.ipynb")
    assert not (tmp_path / "a1.ipynb").exists()


def test_two_cells_of_one_name_are_an_error(tmp_path) -> None:
    path = write(tmp_path / "source.ipynb", notebook(code("a = 1", "f", "answer"), code("a = 2", "f", "answer")))
    with pytest.raises(ValueError, match=r"grade_id must be of one cell only, got .*f"):
        release(path, tmp_path / "a1.ipynb")


def test_each_student_has_a_seed(tmp_path) -> None:
    path = write(tmp_path / "source.ipynb", notebook(code("SEED = 0  ### STUDENT SEED")))
    texts = {read_notebook(release(path, tmp_path / "a.ipynb", name))[1][0].source for name in ("", "Ann", "Bo", "Ann")}
    assert len(texts) == 3 and "SEED = 0  ### STUDENT SEED" in texts


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"cells": 1}', '{"cells": [1]}', '{"cells": [{}]}', "[" * 100_000, '{"cells": [{"source": 3}]}'],
)
def test_what_is_no_notebook_is_refused(tmp_path, text) -> None:
    path = tmp_path / "a.ipynb"
    path.write_text(text)
    with pytest.raises(ValueError, match="is not a notebook"):
        read_notebook(path)


def test_links_are_refused(key, tmp_path) -> None:
    (tmp_path / "link.ipynb").symlink_to(key)
    with pytest.raises(ValueError, match="must be a plain file"):
        read_notebook(tmp_path / "link.ipynb")


def test_roles_and_points_are_nbgraders(key) -> None:
    _, cells = read_notebook(key)
    assert [(cell.role, cell.name, cell.points) for cell in cells] == [
        ("given", "", 0),
        ("answer", "twice", 0),
        ("check", "doubles", 2),
        ("answer", "half", 0),
        ("check", "halves", 1),
    ]
    assert source_notebook()["cells"][2]["source"] == cells[2].source
