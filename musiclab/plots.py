"""Scores as pictures: the piano roll and the engraved staff.

A plot function draws on ``ax`` if given, else on a new figure, and returns the ``Axes``; it never shows anything, the
notebook does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from musiclab.axes import INK, PALE, PALETTE, Shown, new_axes
from musiclab.errors import require
from musiclab.pitch import pitch_name
from musiclab.score import Score

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def part_color(part: int) -> str:
    """Return the colour of a part as ``"#rrggbb"``; colours come again after eight parts.

    Examples
    --------
    >>> part_color(0), part_color(8)
    ('#0072B2', '#0072B2')
    """
    return PALETTE[part % len(PALETTE)]


def part_name(score: Score, part: int) -> str:
    """Return the name of a part for a legend: its own, or its number counted from 1.

    Examples
    --------
    >>> part_name(Score([(0, 24, 60)]), 0)
    'part 1'
    """
    return score.parts[part].name or f"part {part + 1}"


def bar_numbers(score: Score) -> list[tuple[int, int]]:
    """Return the onset in ticks and the printed number of each bar: from 1, a pickup has none.

    Examples
    --------
    >>> bar_numbers(Score([(0, 24, 60), (24, 192, 62)], pickup=24))
    [(24, 1), (120, 2)]
    """
    onsets = score.bar_onsets[1 if score.pickup else 0 :]
    return [(int(onset), number) for number, onset in enumerate(onsets, start=1)]


def plot_roll(score: Score, ax: Axes | None = None) -> Axes:
    """Return axes with the piano roll: a bar for each note, coloured by part, paler where softer.

    x is in quarter notes from the start (``score.onset_quarter``), ticked with bar numbers as printed: from 1, a
    pickup unnumbered. y is the MIDI pitch, ticked with names; rows of black keys are grey.

    Notes
    -----
    Notebook: 01_music_as_numbers.

    Examples
    --------
    >>> ax = plot_roll(Score([(0, 24, 60), (24, 72, 67)], title="Fifth"))
    >>> ax.get_xlabel(), [t.get_text() for t in ax.get_yticklabels()][:2], ax.get_title("left")
    ('bar', ['A3', 'B3'], 'Fifth')
    """
    from matplotlib.patches import Patch

    ax, pitches = new_axes(ax), score.notes["pitch"]
    low, high = (int(pitches.min()), int(pitches.max())) if len(score) else (60, 72)
    low, high = max(low - 3, 0), min(high + 3, 127)
    named = (0, 2, 4, 5, 7, 9, 11) if high - low <= 16 else (0, 7) if high - low <= 40 else (0,)  # as have room
    named = [pitch for pitch in range(low, high + 1) if pitch % 12 in named]
    for pitch in range(low, high + 1):
        if pitch % 12 in (1, 3, 6, 8, 10):
            ax.axhspan(pitch - 0.5, pitch + 0.5, color="#f3f4f7", linewidth=0, zorder=0)
    _draw_notes(ax, score)
    _tick_bars(ax, score)
    ax.set(
        xlim=(0, max(score.length / score.resolution, 1)), ylim=(low - 0.5, high + 0.5), xlabel="bar", ylabel="pitch"
    )
    ax.set_yticks(named, map(pitch_name, named))
    ax.set_title(score.title, loc="left", color=INK, fontsize=11, fontweight="bold")
    if any(part.name for part in score.parts) or len(score.parts) > 1:
        sounding = np.unique(score.notes["part"])
        keys = [Patch(color=part_color(part), label=part_name(score, part)) for part in sounding]
        style = dict(frameon=False, fontsize=9, labelcolor=INK, handlelength=1, columnspacing=1.2, handletextpad=0.5)
        ax.legend(handles=keys, loc="lower right", bbox_to_anchor=(1, 1), ncols=6, borderaxespad=0.3, **style)
    return ax


def _draw_notes(ax: Axes, score: Score) -> None:
    """Add all notes as one collection: fast for ten thousand notes."""
    from matplotlib.collections import PolyCollection
    from matplotlib.colors import to_rgba_array

    left, right, pitch = score.onset_quarter, score.end / score.resolution, score.notes["pitch"]
    bottom, top = pitch - 0.43, pitch + 0.43
    corners = np.stack([[left, bottom], [left, top], [right, top], [right, bottom]])  # (4, 2, n)
    color = to_rgba_array([part_color(part) for part in score.notes["part"]])
    color[:, 3] = 0.4 + 0.6 * np.minimum(score.notes["velocity"] / 80, 1)
    edge = dict(edgecolors="white", linewidths=0.6 if len(score) < 500 else 0)  # keeps repeated notes apart
    ax.add_collection(PolyCollection(corners.transpose(2, 0, 1), facecolors=color, **edge, zorder=2))


def _tick_bars(ax: Axes, score: Score) -> None:
    """Draw a line at each bar line and number as many bars as fit."""
    bars = [(onset / score.resolution, str(number)) for onset, number in bar_numbers(score)]
    shown = bars[:: next((n for n in (1, 2, 4, 5, 8, 10, 20, 50, 100) if len(bars) <= 24 * n), 200)]
    ax.set_xticks([x for x, _ in shown], [number for _, number in shown])
    lines = [x for x, _ in (bars if len(bars) <= 96 else shown)]
    ax.vlines(lines, 0, 1, transform=ax.get_xaxis_transform(), color=PALE, linewidth=0.8, zorder=1)


def plot_attention(
    weights: Sequence[float], ticks: Sequence[int], score: Score, at: int, ax: Axes | None = None
) -> Axes:
    """Return axes with the piano roll and, above it, arcs from one place to those it looked at most.

    Up to eight arcs of at least 2 % each, thicker and darker for more weight; below them the places are shaded. The
    label says how much the arcs leave out.

    Parameters
    ----------
    weights : sequence of float, shape (S,)
        How much of its attention goes to each of S steps: a row of ``trace(model, ids).attention[layer, head]``.
    ticks : sequence of int, shape (S,)
        Where in the score each step is, -1 for words before the music; steps at one place count together.
    score : Score
    at : int
        The place that looks, in ticks.

    Notes
    -----
    Notebook: 08_attention_from_scratch.

    Examples
    --------
    >>> scale = Score([(24 * i, 24, 60 + i) for i in range(4)])
    >>> plot_attention([0.1, 0.7, 0.2], [-1, 0, 24], scale, at=72).get_xlabel()
    'bar   (arcs: 90 % of the attention; words before the music: 10 %)'
    """
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    ax = plot_roll(score, new_axes(ax, (9, 4)))
    low, top = ax.get_ylim()
    ax.set_ylim(low, top + 0.6 * (top - low))
    arcs, x = strongest(weights, ticks, at), at / score.resolution
    for start, stop, share in arcs:
        left, right, alpha = start / score.resolution, stop / score.resolution, 0.25 + 0.75 * share / arcs[0][2]
        foot = (left + right) / 2
        height = top + (top - low) * (0.15 + 0.6 * (x - foot) / max(x, 1))
        arc = Path([(foot, top), (foot, height), (x, height), (x, top)], [Path.MOVETO, *[Path.CURVE4] * 3])
        ax.add_patch(PathPatch(arc, fill=False, color=INK, alpha=alpha, linewidth=0.75 + 3.5 * share))
        ax.axvspan(left, right, 0, 1 / 1.6, color=INK, alpha=0.3 * alpha, linewidth=0, zorder=1)
    ax.vlines(x, low, top, color=PALETTE[5], linewidth=2)
    told = 100 * sum(share for *_, share in arcs), 100 * np.dot(weights, np.less(ticks, 0))
    ax.set_xlabel("bar   (arcs: {:.0f} % of the attention; words before the music: {:.0f} %)".format(*told))
    return ax


def strongest(weights: Sequence[float], ticks: Sequence[int], at: int) -> list[tuple[int, int, float]]:
    """Return begin and end in ticks and the share of the places before ``at`` that weigh most: up to 8, of 2 % each.

    Examples
    --------
    >>> strongest([0.25, 0.5, 0.25], [-1, 0, 24], at=48)
    [(0, 24, 0.5), (24, 48, 0.25)]
    """
    place, step = np.unique(np.asarray(ticks, dtype=int), return_inverse=True)
    share, end = np.bincount(step, weights), np.append(place[1:], at)
    shown = [i for i in np.argsort(-share, kind="stable")[:8] if place[i] >= 0 and share[i] >= 0.02]
    return [(int(place[i]), int(end[i]), float(share[i])) for i in shown]


def plot_surprise(score: Score, nats: Sequence[float], ax: Axes | None = None) -> Axes:
    """Return axes with the piano roll and, below it, a bar for each note: how much it surprised a model, in nats.

    The more a note surprises, the higher its bar, from yellow to red; two nats are a choice among 7 notes, four one
    among 55. Of notes that begin together the last one's bar stands in front.

    Parameters
    ----------
    score : Score
    nats : sequence of float, shape (notes,)
        For each note of the score, such as ``note_nll(model, tok, score)``.

    Raises
    ------
    ValueError
        If there are not as many numbers as notes.

    Notes
    -----
    Notebook: 04_recurrent_composer.

    Examples
    --------
    >>> plot_surprise(Score([(0, 24, 60), (24, 24, 66)]), [0.5, 4.0]).get_xlabel()
    'bar'
    """
    require(len(nats) == len(score), "nats", f"one for each note ({len(score)})", len(nats))
    from matplotlib.colors import LinearSegmentedColormap

    ax = plot_roll(score, new_axes(ax, (9, 4)))
    low, top = ax.get_ylim()
    ax.set_ylim(low - 0.6 * (top - low), top)
    ax.set_yticks([tick for tick in ax.get_yticks() if tick > low])
    strip = new_axes(ax.twinx())
    color = LinearSegmentedColormap.from_list("surprise", [PALETTE[7], PALETTE[1], PALETTE[5]])
    most = max(4.0, float(np.max(nats, initial=0)))
    strip.bar(
        score.onset_quarter, nats, score.duration_quarter, align="edge", color=color(np.asarray(nats) / most),
        edgecolor="white", linewidth=0.6,
    )  # fmt: skip
    strip.set(ylim=(0, 3 * most), yticks=range(0, int(most) + 1, 2))
    strip.set_ylabel("surprise (nats)", loc="bottom")
    return ax


def plot_staff(score: Score) -> Shown:
    """Return the score engraved on staves, as a picture (SVG) that a notebook shows.

    Raises
    ------
    ImportError
        If verovio is not installed; the text is the command that installs it.

    Notes
    -----
    Notebook: 01_music_as_numbers.
    """
    from musiclab.notation import engrave

    # as wide as a notebook's column; paper is white on a dark page too
    svg = engrave(score, width=800).replace("<svg", '<svg style="background:white"', 1)
    return Shown(f"Staff({score!r})", "image/svg+xml", svg)
