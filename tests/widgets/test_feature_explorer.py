"""The feature explorer without a browser: what is chosen is heard, places are those of the map, no mix-ups."""

import base64
import shutil
import subprocess

import numpy as np
import pytest

from musiclab.features.neighbours import project_2d
from musiclab.score import Part, Score
from musiclab.widgets.feature_explorer import HEARD, FeatureExplorer

SCORES = [Score([(0, 24, 60 + i), (24, 24, 72 - i)], title=f"tune {i}") for i in range(10)]
RNG = np.random.default_rng(0)
TABLES = {"by hand": RNG.normal(size=(10, 3)), "learned": RNG.normal(size=(10, 40))}
LABELS = ["reel", "jig"] * 5


def explorer(**changes) -> FeatureExplorer:
    return FeatureExplorer(**{"scores": SCORES, "features": TABLES, "labels": LABELS, **changes})


def test_what_is_chosen_is_heard_one_after_another():
    box = explorer()
    assert box.chosen == [0] and box.score.title == "tune 0" and box.audio
    box.chosen = [7, 2]
    assert box.score.notes["pitch"].tolist() == [67, 65, 62, 70]
    assert box.score.notes["onset"].tolist() == [0, 24, 48, 72]
    assert box.title == "2 chosen" and [row[2] for row in box.notes] == [67, 65, 62, 70]
    assert box.audio == b""  # made when play is pressed
    box.chosen = []
    assert len(box.score) == 4  # what was heard last stays


def test_of_many_the_first_are_heard():
    box = explorer()
    box.chosen = [*range(10)]
    assert len(box.score) == 2 * HEARD and box.title == "the first 8 of 10 chosen"


def test_maps_are_projections():
    box = explorer()
    assert [name for name, _ in box.maps] == ["by hand", "learned"] and box.space == "by hand"
    for name, shown in box.maps:
        np.testing.assert_allclose(shown, project_2d(TABLES[name]), atol=1e-6)
    assert [box.kinds[i][0] for i in box.kind_of] == LABELS and box.names[3] == "tune 3"
    assert explorer(labels=None).kinds == [["score", "#0072B2"]]


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"labels": LABELS[:9]}, r"labels must be 10 rows, one a score, got 9"),
        ({"features": {"x": TABLES["by hand"][:4]}}, r"x must be 10 rows, one a score, got 4"),
        ({"labels": [*range(10)]}, r"labels must be at most 8 kinds, got 10"),
        ({"scores": [*SCORES[:9], Score([(0, 24, 60)], parts=[Part("Oboe")])]}, "of the same parts and resolution"),
    ],
)
def test_refuses_what_does_not_fit(changes, text):
    with pytest.raises(ValueError, match=text):
        explorer(**changes)


@pytest.mark.parametrize(("name", "value"), [("space", "elsewhere"), ("chosen", [10]), ("chosen", [-1])])
def test_refuses_what_is_not_there(name, value):
    box = explorer()
    before = getattr(box, name)
    with pytest.raises(ValueError, match=f"{name} must be"):
        setattr(box, name, value)
    assert getattr(box, name) == before


def test_without_a_kernel_there_is_a_picture():
    box = explorer()
    box.space = "learned"
    data, _ = box._repr_mimebundle_()
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG") and "text/html" not in data
    assert data["text/plain"] == f"FeatureExplorer({box.score!r})"


@pytest.mark.skipif(not shutil.which("node"), reason="needs node")
def test_the_page_is_one_module(tmp_path):
    path = tmp_path / "page.mjs"
    path.write_text(str(FeatureExplorer._esm), encoding="utf-8")
    subprocess.run(["node", "--check", path], check=True)
    assert str(FeatureExplorer._esm).count("export default") == 1
