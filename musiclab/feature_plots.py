"""Features as pictures: histograms, tables, maps and spectra, in the style of all our plots.

As in :mod:`musiclab.plots`, a function draws on ``ax`` if given, else on a new figure, and returns the ``Axes``.
"""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from musiclab.axes import INK, PALE, PALETTE, new_axes
from musiclab.errors import require
from musiclab.features.keys import pitch_class_histogram
from musiclab.features.pitches import pitch_class_transitions
from musiclab.features.spectra import HOP, LOWEST, SAMPLE_RATE
from musiclab.features.structure import self_similarity
from musiclab.features.table import COMPARED
from musiclab.pitch import SHARP_NAMES, pitch_name
from musiclab.score import Score

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MARKERS = "os^Dv<>P"  # beside the colours, for those who do not see them
Table = Mapping[str, np.ndarray]
FARTHEST = 8  # standard deviations that a violin may be out
SQUARE = (5.5, 4.5)  # inches, with a colour bar


def plot_pitch_class(score: Score, ax: "Axes | None" = None) -> "Axes":
    """Return axes with the share of sounding time that each pitch class has, as bars, the tallest named by its share.

    Notes
    -----
    Notebook: 06_features.

    Examples
    --------
    >>> plot_pitch_class(Score([(0, 24, 60), (24, 72, 67)])).get_ylabel()
    'share of time (%)'
    """
    ax, ticks = new_axes(ax, (6, 3)), pitch_class_histogram(score)
    bars = ax.bar(SHARP_NAMES, 100 * ticks / max(1, ticks.sum()), color=PALETTE[0], width=0.8)
    ax.bar_label(bars, fmt=lambda share: f"{share:.0f}" if share >= 0.5 else "", color=INK, fontsize=9, padding=2)
    ax.margins(y=0.12)
    ax.set(xlabel="pitch class", ylabel="share of time (%)")
    return ax


def plot_transition_matrix(scores: Score | Sequence[Score], ax: "Axes | None" = None) -> "Axes":
    """Return axes with what follows each pitch class within a part: a row for each, in per cent of that row.

    Notes
    -----
    Notebook: 06_features.

    Examples
    --------
    >>> ax = plot_transition_matrix(Score([(0, 24, 60), (24, 24, 67), (48, 24, 60)]))
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('to', 'from')
    """
    ax, scores = new_axes(ax, SQUARE), [scores] if isinstance(scores, Score) else scores
    counts = sum(pitch_class_transitions(score) for score in scores)
    _heat(ax, 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1), "per cent of the row")
    ax.set_xticks(range(12), SHARP_NAMES)
    ax.set_yticks(range(12), SHARP_NAMES)
    ax.set(xlabel="to", ylabel="from")
    return ax


def plot_self_similarity(score: Score, ax: "Axes | None" = None) -> "Axes":
    """Return axes with how alike any two bars are; stripes beside the diagonal are passages that come again.

    Bars are counted from 1, a pickup from 0, as in print.

    Notes
    -----
    Notebook: 06_features.

    Examples
    --------
    >>> plot_self_similarity(Score([(0, 96, 60), (96, 96, 62)])).get_xlabel()
    'bar'
    """
    ax, first = new_axes(ax, SQUARE), 0 if score.pickup else 1
    low, high = first - 0.5, first + score.n_bars - 0.5
    _heat(ax, self_similarity(score), "similarity", origin="lower", vmin=0, vmax=1, extent=(low, high, low, high))
    for axis in (ax.xaxis, ax.yaxis):
        axis.get_major_locator().set_params(integer=True)
    ax.set(xlabel="bar", ylabel="bar")
    return ax


def plot_descriptors(sets: Mapping[str, Table], names: Sequence[str] = COMPARED, ax: "Axes | None" = None) -> "Axes":
    """Return axes with sets of scores side by side, descriptor by descriptor, as violins in units of the first set.

    0 is the mean of the first set, the reference, and 1 its standard deviation; the grey band holds 95 % of a normal
    one. Whatever is further out than 8 is drawn at 8.

    Parameters
    ----------
    sets : mapping of str to table
        Tables from ``describe``, the reference first.
    names : sequence of str
        Descriptors, from the top.

    Raises
    ------
    ValueError
        If there are not two sets or more.

    Notes
    -----
    Notebook: 05_how_good_is_a_sequence.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> sets = {name: {"mean_pitch": rng.normal(60, 2, size=20)} for name in ("Bach", "model")}
    >>> plot_descriptors(sets, ["mean_pitch"]).get_yticklabels()[0].get_text()
    'mean pitch'
    """
    require(len(sets) > 1, "sets", "the reference and at least one more", len(sets))
    ax, (reference, *_) = new_axes(ax, (9, 1 + 0.17 * len(names) * len(sets))), sets.values()
    ax.axvspan(-1.96, 1.96, color=PALE, alpha=0.5, linewidth=0)
    units = [(np.nanmean(reference[name]), np.nanstd(reference[name]) or 1.0) for name in names]
    for which, (title, table) in enumerate(sets.items()):
        values = [(table[name] - mean) / deviation for name, (mean, deviation) in zip(names, units, strict=True)]
        values = {place: np.clip(v[np.isfinite(v)], -FARTHEST, FARTHEST) for place, v in enumerate(values)}
        some = {place + 0.8 * ((which + 0.5) / len(sets) - 0.5): v for place, v in values.items() if len(v)}
        how = dict(orientation="horizontal", widths=0.8 / len(sets), showextrema=False)
        for body in ax.violinplot([*some.values()], [*some], **how)["bodies"]:
            body.set(facecolor=PALETTE[which], alpha=0.75, linewidth=0)
        means, label = [v.mean() for v in some.values()], f"{title} ({len(next(iter(table.values())))})"
        ax.plot(means, [*some], "o", color=PALETTE[which], markeredgecolor=INK, markersize=4.5, label=label)
    ax.set_yticks(range(len(names)), [re.sub("^n_", "number of ", name).replace("_", " ") for name in names])
    ax.set(xlim=(-FARTHEST - 0.5, FARTHEST + 0.5), ylim=(len(names) - 0.5, -0.5))
    ax.set_xlabel("standard deviations of the first set")
    ax.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=4, frameon=False, fontsize=9, labelcolor=INK)
    return ax


def plot_embedding(places: np.ndarray, labels: Sequence, ax: "Axes | None" = None) -> "Axes":
    """Return axes with a map: a mark for each row of ``places``, coloured and shaped by its label.

    Parameters
    ----------
    places : ndarray, shape (items, 2)
        Such as ``project_2d(X)``.
    labels : sequence, shape (items,)
        Of at most eight kinds.

    Raises
    ------
    ValueError
        If there are more kinds, or not a label for each place.

    Notes
    -----
    Notebook: 06_features.

    Examples
    --------
    >>> ax = plot_embedding(np.array([[0.0, 1.0], [1.0, 0.0]]), ["reel", "jig"])
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['jig (1)', 'reel (1)']
    """
    ax, labels = new_axes(ax, (6, 4.5)), np.asarray(labels)
    kinds = np.unique(labels)
    require(len(labels) == len(places), "labels", f"one for each place ({len(places)})", len(labels))
    require(len(kinds) <= len(MARKERS), "labels", f"of at most {len(MARKERS)} kinds", len(kinds))
    for kind, color, marker in zip(kinds, PALETTE, MARKERS, strict=False):
        mine = places[labels == kind]
        ax.scatter(*mine.T, s=22, c=color, marker=marker, alpha=0.75, linewidths=0, label=f"{kind} ({len(mine)})")
    ax.set(xticks=[], yticks=[], xlabel="first component", ylabel="second component")
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False, fontsize=9, labelcolor=INK)
    return ax


def plot_probe_heatmap(
    values: np.ndarray, layers: Sequence[str], concepts: Sequence[str], ax: "Axes | None" = None
) -> "Axes":
    """Return axes with how well each concept can be read from each layer, 0 to 1, as colours and numbers.

    Parameters
    ----------
    values : ndarray, shape (layers, concepts)
        Such as the macro-F1 of a :func:`~musiclab.probes.probe`; nan for what was not measured. Controls are best
        given rows of their own.

    Notes
    -----
    Notebook: 07_probing.

    Examples
    --------
    >>> ax = plot_probe_heatmap(np.array([[0.3, 0.8]]), ["layer 1"], ["key", "beat"])
    >>> [text.get_text() for text in ax.texts]
    ['.30', '.80']
    """
    values = np.asarray(values, dtype=float)
    ax = new_axes(ax, (1.8 + 1.1 * len(concepts), 1 + 0.45 * len(layers)))
    _heat(ax, values, "macro-F1", vmin=0, vmax=1, aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        text = "–" if np.isnan(value) else f"{value:.2f}".removeprefix("0")
        ax.text(column, row, text, ha="center", va="center", fontsize=10, color="white" if value > 0.45 else INK)
    ax.set_xticks(range(len(concepts)), concepts)
    ax.set_yticks(range(len(layers)), layers)
    return ax


def plot_spectrogram(
    image: np.ndarray, kind: str = "pitch", score: Score | None = None, ax: "Axes | None" = None
) -> "Axes":
    """Return axes with a spectrogram or chroma over seconds, and the notes that made it as outlines.

    Parameters
    ----------
    image : ndarray, shape (bins, frames)
        From ``spectrogram(wave, kind)``, or ``chroma(wave)``.
    kind : str
        ``"linear"``, ``"mel"``, ``"pitch"`` or ``"chroma"``: what the rows are.
    score : Score, optional
        Outlined on the rows of its pitches, for the last two kinds.

    Raises
    ------
    ValueError
        If there is no such kind.

    Notes
    -----
    Notebook: 06_features.

    Examples
    --------
    >>> plot_spectrogram(np.zeros((12, 50)), "chroma").get_ylabel()
    'pitch class'
    """
    labels = {"linear": "frequency (kHz)", "mel": "mel band", "pitch": "pitch", "chroma": "pitch class"}
    require(kind in labels, "kind", f"one of {tuple(labels)}", repr(kind))
    ax, rows, seconds = new_axes(ax, (9, 3.5)), len(image), image.shape[1] * HOP / SAMPLE_RATE
    low, high = (0, SAMPLE_RATE / 2000) if kind == "linear" else (-0.5, rows - 0.5)
    what = "strength" if kind == "chroma" else "dB"
    _heat(ax, image, what, origin="lower", aspect="auto", extent=(0, seconds, low, high))
    if kind in ("pitch", "chroma"):
        names = {"chroma": SHARP_NAMES, "pitch": [pitch_name(LOWEST + row) for row in range(rows)]}[kind]
        ax.set_yticks(range(rows)[:: rows // 8 or 1], names[:: rows // 8 or 1])
        if score is not None:
            y = score.notes["pitch"] % 12 if kind == "chroma" else score.notes["pitch"].astype(int) - LOWEST
            outline = dict(height=1, fill=False, edgecolor=PALETTE[5], linewidth=0.8)
            ax.barh(y, score.duration_second, left=score.onset_second, **outline)
    ax.set(xlim=(0, seconds), ylim=(low, high), xlabel="seconds", ylabel=labels[kind])
    return ax


def _heat(ax: "Axes", image: np.ndarray, label: str, **how: object) -> None:
    """Draw a table as colours from white over blue to ink, with a bar that says what they mean."""
    from matplotlib.colors import LinearSegmentedColormap

    ramp = LinearSegmentedColormap.from_list("ramp", ["white", "#9ecae9", PALETTE[0], "#12263f"])
    drawn = ax.imshow(image, cmap=ramp, interpolation="nearest", **how)
    bar = ax.figure.colorbar(drawn, ax=ax, pad=0.02)
    bar.set_label(label, color=INK)
    bar.outline.set_visible(False)
    bar.ax.tick_params(colors=INK, labelsize=9, length=0)
