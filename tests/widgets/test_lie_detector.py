"""The lie detector without a browser: what is fooled by which forgery, and what the page is told of it."""

import json
import math

import pytest
from traitlets import TraitError

from musiclab.metrics.report import ReportCard, Row
from musiclab.score import Score
from musiclab.widgets.lie_detector import LieDetector

EXAMPLES = {"barshuffle": Score([(0, 24, 60)], title="Shuffled"), "random": Score([(0, 24, 61)], title="Drawn by lot")}


def card(groove: float, leaps: float) -> ReportCard:
    """Return a report of two numbers, and of one that cannot be measured."""

    def row(name: str, value: float, low: float, high: float) -> Row:
        verdict = "inside" if low <= value <= high else "outside"
        return Row("statistics", name, value, (low + high) / 2, low, high, {}, verdict)

    unknown = Row("distance", "AUC", math.nan, math.nan, 0.0, math.nan, {}, "not measurable at n = 1")
    return ReportCard((row("groove", groove, 0.7, 0.8), row("leaps", leaps, 0.1, 0.2), unknown), {})


CARDS = {"barshuffle": card(0.9, 0.15), "random": card(0.75, 0.6)}


def test_a_number_inside_the_band_is_fooled_one_outside_is_not():
    detector = LieDetector(CARDS, EXAMPLES)
    assert (detector.forgery, detector.fooled, detector.seeing) == ("barshuffle", ["leaps"], ["groove"])
    assert detector.title == "Shuffled" and repr(detector) == "LieDetector('barshuffle' fools 1 of 2 numbers)"
    detector.forgery = "random"
    assert (detector.fooled, detector.seeing) == (["groove"], ["leaps"])
    assert detector.score == EXAMPLES["random"] and detector.title == "Drawn by lot"


def test_the_page_is_told_what_json_can_say():
    tables = json.loads(json.dumps(LieDetector(CARDS, EXAMPLES).tables, allow_nan=False))
    assert tables["random"][1] == ["statistics", "leaps", 0.6, pytest.approx(0.15), 0.1, 0.2, "outside"]
    assert tables["random"][2] == ["distance", "AUC", None, None, 0.0, None, "not measurable at n = 1"]


def test_what_is_not_there_is_refused():
    with pytest.raises(
        (ValueError, TraitError), match=r"forgery must be one of \['barshuffle', 'random'\], got 'bach'"
    ):
        LieDetector(CARDS, EXAMPLES).forgery = "bach"
    for cards, examples in ((CARDS, {"random": Score([])}), ({}, {})):
        with pytest.raises(ValueError, match="examples must be of"):
            LieDetector(cards, examples)


def test_without_a_kernel_there_is_a_picture_of_every_number_that_is_known():
    from matplotlib.figure import Figure

    detector, figure = LieDetector(CARDS, EXAMPLES), Figure()
    detector._draw(figure)
    (ax,) = figure.axes
    assert [label.get_text() for label in ax.get_yticklabels()] == ["groove", "leaps"]
    (dots,) = ax.collections
    assert [x for x, _ in dots.get_offsets().tolist()] == pytest.approx([3, 0])  # in half widths of the band
    bundle = detector._repr_mimebundle_()[0]
    assert bundle["image/png"].startswith("iVBOR") and bundle["text/plain"] == repr(detector)
