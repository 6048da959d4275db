"""Pictures: every note is drawn where it sounds, in its part's colour, and bars are numbered as printed."""

import subprocess
import sys

import numpy as np
import pytest

import musiclab.plots as plots
from musiclab.score import Score

matplotlib = pytest.importorskip("matplotlib")
from matplotlib.colors import to_hex  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402

DUET = Score(
    [(0, 24, 67, 64, 0), (24, 72, 72, 80, 0), (96, 48, 71, 20, 0), (24, 96, 48, 80, 1)],
    parts=[("Soprano", 52), ("Bass", 52)],
    pickup=24,
    length=216,
    title="Duet",
)


@pytest.fixture
def ax():
    return Figure(figsize=(9, 3)).subplots()


def rectangles(ax):
    """Rows (left, right, pitch, color) of what was drawn."""
    rows = []
    for collection in ax.collections:
        paths, colors = collection.get_paths(), collection.get_facecolor()
        for path, color in zip(paths, colors, strict=False):
            (left, bottom), (right, top) = path.vertices.min(axis=0), path.vertices.max(axis=0)
            if right > left:
                rows.append((float(left), float(right), round((bottom + top) / 2), to_hex(color)))
    return sorted(rows)


def test_each_note_is_drawn_where_it_sounds(ax):
    blue, orange = plots.PALETTE[0].lower(), plots.PALETTE[1].lower()
    assert plots.plot_roll(DUET, ax) is ax
    assert rectangles(ax) == [(0, 1, 67, blue), (1, 4, 72, blue), (1, 5, 48, orange), (4, 6, 71, blue)]
    assert ax.get_xlim() == (0, 9)


def test_softer_notes_are_paler(ax):
    plots.plot_roll(DUET, ax)
    alphas = np.concatenate([c.get_facecolor()[:, 3] for c in ax.collections if len(c.get_facecolor())])
    assert sorted(alphas.round(2)) == [0.55, 0.88, 1, 1]


def test_bars_are_numbered_from_1_and_a_pickup_is_not(ax):
    plots.plot_roll(DUET, ax)
    assert ax.get_xticks().tolist() == [1, 5]
    assert [t.get_text() for t in ax.get_xticklabels()] == ["1", "2"]


def test_many_bars_are_numbered_sparsely(ax):
    plots.plot_roll(Score([(96 * i, 96, 60) for i in range(100)]), ax)
    numbers = [int(t.get_text()) for t in ax.get_xticklabels()]
    assert numbers == list(range(1, 101, 5))
    assert ax.get_xticks().tolist() == [4 * (n - 1) for n in numbers]


@pytest.mark.parametrize(
    ("top", "first"), [(64, ["A3", "B3", "C4"]), (84, ["C4", "G4", "C5"]), (108, ["C4", "C5", "C6"])]
)
def test_pitches_are_named(ax, top, first):
    plots.plot_roll(Score([(0, 24, 60), (24, 24, top)]), ax)
    assert [t.get_text() for t in ax.get_yticklabels()][:3] == first


def test_legend_names_the_parts(ax):
    plots.plot_roll(DUET, ax)
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["Soprano", "Bass"]


def test_one_nameless_part_needs_no_legend(ax):
    assert plots.plot_roll(Score([(0, 24, 60)]), ax).get_legend() is None


def test_a_score_without_notes_has_a_picture(ax):
    assert rectangles(plots.plot_roll(Score([], length=96), ax)) == []
    assert ax.get_xlim() == (0, 4)


def test_extreme_pitches_stay_in_range(ax):
    plots.plot_roll(Score([(0, 24, 0), (0, 24, 127)]), ax)
    assert ax.get_ylim() == (-0.5, 127.5)


def test_nothing_heavy_is_imported_and_ax_needs_no_pyplot():
    code = """
import sys, musiclab.plots as plots, musiclab.audio
from musiclab.score import Score
heavy = {"matplotlib", "ipywidgets", "music21", "torch", "soundfile", "pretty_midi", "tinysoundfont"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
from matplotlib.figure import Figure
plots.plot_roll(Score([(0, 24, 60)]), Figure().subplots())
assert "matplotlib.pyplot" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_staff_is_svg_on_white_paper():
    pytest.importorskip("verovio")
    staff = plots.plot_staff(DUET)
    assert staff._repr_mimebundle_()["image/svg+xml"].startswith('<svg style="background:white"')
    assert repr(staff) == "Staff(Score('Duet', 4 notes, 2 parts, 3 bars of 4/4, 9 quarters))"


def arcs(ax):
    """Rows (foot, place that looks, line width) of the arcs, in quarters."""
    rows = []
    for patch in ax.patches:
        vertices = patch.get_path().vertices
        if len(vertices) == 4 and not patch.get_fill():
            rows.append((float(vertices[0, 0]), float(vertices[-1, 0]), patch.get_linewidth()))
    return sorted(rows)


def test_arcs_lead_to_what_was_looked_at_most(ax):
    weights, ticks = [0.2, 0.1, 0.3, 0.2, 0.01, 0.19], [-1, 0, 24, 24, 48, 72]
    plots.plot_attention(weights, ticks, DUET, at=96, ax=ax)
    feet = [(foot, x) for foot, x, _ in arcs(ax)]
    assert feet == [(0.5, 4), (1.5, 4), (3.5, 4)]  # the middle of each step; 1 % is too little for an arc
    widths = [width for _, _, width in arcs(ax)]
    assert widths[1] > widths[2] > widths[0]  # two steps at one place count together
    assert "arcs: 79 %" in ax.get_xlabel() and "before the music: 20 %" in ax.get_xlabel()
    assert all(patch.get_path().vertices[:, 1].min() > 72.5 for patch in ax.patches if not patch.get_fill())


def test_at_most_eight_arcs(ax):
    plots.plot_attention(np.full(20, 0.05), np.arange(20) * 6, DUET, at=120, ax=ax)
    assert len(arcs(ax)) == 8


def test_who_looks_at_nothing_has_no_arcs(ax):
    plots.plot_attention([], [], DUET, at=0, ax=ax)
    assert arcs(ax) == []


def test_plot_surprise_has_a_bar_for_each_note(ax):
    tune = Score([(0, 24, 60), (24, 24, 62), (48, 24, 64)])
    assert plots.plot_surprise(tune, [0.5, 1, 6.0], ax) is ax
    strip = next(other for other in ax.figure.axes if other is not ax)
    assert [(bar.get_x(), bar.get_height()) for bar in strip.patches] == [(0, 0.5), (1, 1), (2, 6)]
    calm, shock = (strip.patches[i].get_facecolor()[1] for i in (0, 2))
    assert calm > shock  # less green: redder
    top_of_strip = ax.transData.inverted().transform(strip.transData.transform((0, 6)))[1]
    assert top_of_strip < 59.5  # the bars stay below the notes
    assert min(ax.get_yticks()) > top_of_strip
    with pytest.raises(ValueError, match=r"nats must be one for each note \(3\), got 2"):
        plots.plot_surprise(tune, [1, 2])
    plots.plot_surprise(Score([], length=96), [])
