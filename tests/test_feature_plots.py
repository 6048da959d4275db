"""Plots of features say what they show, draw on the axes given, and refuse what they cannot show."""

from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex

from musiclab import feature_plots as plots
from musiclab.axes import PALETTE
from musiclab.datasets import load_example
from musiclab.features.keys import pitch_class_histogram
from musiclab.features.structure import self_similarity
from musiclab.features.table import COMPARED, describe

CHORALE = load_example("bwv270")
TABLE = describe([CHORALE, CHORALE.transpose(2), load_example("bwv248.17"), CHORALE.bars(0, 6)])
CALLS = {
    "plot_pitch_class": (CHORALE,),
    "plot_transition_matrix": (CHORALE,),
    "plot_self_similarity": (CHORALE,),
    "plot_descriptors": ({"Bach": TABLE, "the same": TABLE},),
    "plot_embedding": (np.eye(2), ["a", "b"]),
    "plot_probe_heatmap": (np.eye(2), ["one", "two"], ["key", "beat"]),
    "plot_spectrogram": (np.zeros((96, 40)), "pitch", CHORALE),
}


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


@pytest.mark.parametrize("name", CALLS)
def test_draws_where_told_and_shows_nothing(name, monkeypatch):
    monkeypatch.setattr(plt, "show", lambda: pytest.fail("shown"))
    ax = plt.figure().subplots()
    assert getattr(plots, name)(*CALLS[name], ax=ax) is ax
    own = getattr(plots, name)(*CALLS[name])
    assert own is not ax and own.figure is not ax.figure
    for axes in own.figure.axes:
        axes.figure.canvas.draw()
        boxes = [
            label.get_window_extent() for label in axes.get_yticklabels() if label.get_text() and label.get_visible()
        ]
        boxes = sorted((box for box in boxes if box.height), key=lambda box: box.y0)
        assert all(low.y1 <= high.y0 + 1 for low, high in pairwise(boxes)), "labels overlap"


def test_bars_are_shares():
    heights = [bar.get_height() for bar in plots.plot_pitch_class(CHORALE).patches]
    ticks = pitch_class_histogram(CHORALE)
    assert heights == pytest.approx(100 * ticks / ticks.sum())


def test_the_matrix_is_the_similarity_and_bars_are_numbered_as_printed():
    ax = plots.plot_self_similarity(CHORALE)
    assert np.array_equal(ax.images[0].get_array(), self_similarity(CHORALE))
    assert CHORALE.pickup and ax.get_xlim() == (-0.5, CHORALE.n_bars - 0.5)  # the pickup is 0


def test_rows_of_transitions_sum_to_a_hundred():
    rows = plots.plot_transition_matrix([CHORALE, CHORALE]).images[0].get_array().sum(axis=1)
    assert set(np.round(rows.data, 6)) <= {0.0, 100.0}


def test_violins_stand_by_their_descriptor_and_far_ones_at_the_edge():
    rng = np.random.default_rng(0)
    sets = {"one": {"mean_pitch": rng.normal(60, 1, 50)}, "far": {"mean_pitch": rng.normal(100, 1, 50)}}
    sets = {name: {**table, "leap_rate": np.full(50, np.nan)} for name, table in sets.items()}
    with pytest.warns(RuntimeWarning):
        ax = plots.plot_descriptors(sets, ["mean_pitch", "leap_rate"])
    means = {round(y, 6): x for dots in ax.lines for x, y in dots.get_xydata().tolist()}
    assert means == {-0.2: pytest.approx(0, abs=1e-9), 0.2: 8}  # none for what is nan
    labels = [label.get_text() for label in plots.plot_descriptors(CALLS["plot_descriptors"][0]).get_yticklabels()]
    assert len(labels) == len(COMPARED) and labels[0] == "number of pitches"
    with pytest.raises(ValueError, match="sets must be the reference and at least one more, got 1"):
        plots.plot_descriptors({"one": TABLE})


def test_kinds_have_a_colour_and_a_shape():
    ax = plots.plot_embedding(np.arange(6.0).reshape(3, 2), ["b", "a", "a"])
    assert [to_hex(marks.get_facecolor()[0]) for marks in ax.collections] == [color.lower() for color in PALETTE[:2]]
    assert len({tuple(marks.get_paths()[0].vertices.ravel()) for marks in ax.collections}) == 2
    with pytest.raises(ValueError, match="labels must be of at most 8 kinds, got 9"):
        plots.plot_embedding(np.zeros((9, 2)), range(9))
    with pytest.raises(ValueError, match=r"labels must be one for each place \(2\), got 1"):
        plots.plot_embedding(np.eye(2), ["a"])


def test_numbers_in_cells_can_be_read():
    ax = plots.plot_probe_heatmap(np.array([[0.1, 0.9], [np.nan, 1.0]]), ["a", "b"], ["key", "beat"])
    assert [(text.get_text(), text.get_color() == "white") for text in ax.texts] == [
        (".10", False), ("0.90".removeprefix("0"), True), ("–", False), ("1.00", True),
    ]  # fmt: skip


@pytest.mark.parametrize(("kind", "rows"), [("pitch", 96), ("chroma", 12)])
def test_notes_are_outlined_on_their_rows(kind, rows):
    ax = plots.plot_spectrogram(np.zeros((rows, 400)), kind, CHORALE)
    corners = np.array([box.get_xy() for box in ax.patches])
    pitch = CHORALE.notes["pitch"].astype(int)
    assert corners[:, 0] == pytest.approx(CHORALE.onset_second)
    assert corners[:, 1] + 0.5 == pytest.approx(pitch % 12 if kind == "chroma" else pitch - 24)
    assert ax.get_ylim() == (-0.5, rows - 0.5)
    with pytest.raises(ValueError, match="kind must be one of"):
        plots.plot_spectrogram(np.zeros((3, 3)), "cqt")
