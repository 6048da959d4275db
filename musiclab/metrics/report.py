"""The report card: many numbers about a set of scores, each beside held-out music, its noise and six forgeries.

There is no total. A forgery that one row misses another catches, and a score that would add them up would hide which.
"""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from musiclab.errors import require
from musiclab.features.structure import structure_indicator
from musiclab.features.table import COMPARED, DESCRIPTORS
from musiclab.files import write_whole
from musiclab.metrics import distributions
from musiclab.metrics.fakes import make_fakes
from musiclab.metrics.grade import Grader
from musiclab.metrics.likelihood import nll
from musiclab.metrics.memory import membership_auc
from musiclab.metrics.originality import OriginalityIndex, Quotation
from musiclab.metrics.rules import voice_leading
from musiclab.metrics.structure import phrase_ends, repeated_coverage
from musiclab.models.base import Model
from musiclab.score import Score
from musiclab.tokenizers.base import Tokenizer

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEVEL, DRAWS = 0.9, 1000  # of the band in which held-out music lies
READ = 20  # scores of a set that a model reads: it takes the longest


class Row(NamedTuple):
    """One number of a report: of the samples, of held-out music, and of each forgery.

    ``low`` and ``high`` are the band in which as many held-out scores as there are samples would lie nine times of
    ten, and ``verdict`` says whether the samples are ``"inside"`` or ``"outside"``, or why neither can be said.
    """

    block: str
    name: str
    value: float
    reference: float
    low: float
    high: float
    fakes: dict[str, float]
    verdict: str


@dataclass(frozen=True, repr=False)
class ReportCard:
    """What :func:`evaluate` found: a table, here as text and in a notebook with a picture to each row.

    Attributes
    ----------
    rows : tuple of Row
    about : dict of str to str
        What was judged, beside what.
    telltales : tuple of (str, float)
        What the two-sample test goes by, strongest first: columns of ``feature_rows`` and their weights, positive
        where the samples have more of it than the training set.
    quotations : tuple of Quotation
        The three samples with the longest runs out of the training set, beside what they are like.
    worst : Score or None
        The sample with most parallel fifths and octaves, None where nobody has parts enough.
    columns : dict
        For ``"samples"``, ``"reference"`` and each forgery, and in it by block and name, what each score measures.
    """

    rows: tuple[Row, ...]
    about: dict[str, str]
    telltales: tuple[tuple[str, float], ...] = ()
    quotations: tuple[Quotation, ...] = ()
    worst: Score | None = None
    columns: dict[str, dict[tuple[str, str], np.ndarray]] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Row:
        """Return the row of a name."""
        names = [row.name for row in self.rows]
        require(name in names, "row", f"one of {names}", repr(name))
        return self.rows[names.index(name)]

    def of(self, fake: str) -> "ReportCard":
        """Return the card with one of the forgeries in place of the samples: what would be fooled by it?"""
        require(fake in self.rows[0].fakes, "fake", f"one of {list(self.rows[0].fakes)}", repr(fake))
        rows = tuple(judged(row._replace(value=row.fakes[fake])) for row in self.rows)
        return ReportCard(rows, self.about | {"samples": f"the forgery {fake}"}, columns=self.columns)

    def __repr__(self) -> str:
        fakes = list(self.rows[0].fakes)
        head = [f"{name}: {text}" for name, text in self.about.items()]
        head.append(
            f"{'':34}{'samples':>9}{'held out':>9}{'band':>17}  {'':9}" + "".join(f"{name:>11}" for name in fakes)
        )
        for block in dict.fromkeys(row.block for row in self.rows):
            head.append(block)
            head += [_line(row) for row in self.rows if row.block == block]
        return "\n".join(head)

    def _repr_html_(self) -> str:
        from musiclab.metrics.report_page import card_html

        return card_html(self)

    def plot(self) -> "Figure":
        """Return a figure of the samples beside held-out scores: descriptors, and runs out of the training set."""
        from musiclab.metrics.report_page import plot_card

        return plot_card(self)

    def save(self, path: str | PathLike) -> Path:
        """Write the card as ``.html``, one file that needs nothing else, or as ``.json``, and return the path.

        Raises
        ------
        ValueError
            If the path ends otherwise.
        """
        path = Path(path)
        require(path.suffix in (".html", ".json"), "path", "one that ends in .html or .json", path.name)
        if path.suffix == ".html":
            from musiclab.metrics.report_page import page_html

            return write_whole(path, page_html(self).encode("utf-8"))
        rows = [row._asdict() for row in self.rows]
        text = json.dumps({"about": self.about, "rows": rows, "telltales": self.telltales}, indent=1)
        return write_whole(path, text.replace("NaN", "null").encode("utf-8"))


def _line(row: Row) -> str:
    numbers = [row.value, row.reference, row.low, row.high, *row.fakes.values()]
    value, reference, low, high, *fakes = (f"{number:.3g}" if math.isfinite(number) else "-" for number in numbers)
    sign = {"inside": "", "outside": "outside"}.get(row.verdict, "-")
    return f"  {row.name:32}{value:>9}{reference:>9}{low:>8} ..{high:>6}  {sign:9}" + "".join(
        f"{fake:>11}" for fake in fakes
    )


def evaluate(
    samples: Sequence[Score],
    reference: Sequence[Score],
    training: Sequence[Score],
    model: tuple[Model, Tokenizer] | None = None,
    licence: str = "",
    seed: int = 0,
) -> ReportCard:
    """Return a report card of generated scores: each number beside held-out music, its noise and six forgeries.

    Numbers of single scores are means; their band is where the mean of as many scores, drawn again and again from the
    held-out ones, lies nine times of ten, so it is wide for one sample. Distances between sets are to the training
    set; their band is what random sets of human scores of that size show.

    Parameters
    ----------
    samples : sequence of Score
        What is judged; distances need 20.
    reference : sequence of Score
        Human music that the model has not seen, 2 scores or more.
    training : sequence of Score
        What the model was trained on.
    model : (Model, Tokenizer), optional
        As ``load_pretrained`` returns it: how surprised is it by all of these? It reads the first 20 of each.
    licence : str
        That of the training set, shown beside what is quoted from it.
    seed : int
        Of the forgeries and of all draws.

    Raises
    ------
    ValueError
        If there are too few scores.

    Notes
    -----
    Notebook: 05_how_good_is_a_sequence, 11_how_good_is_the_model.

    Examples
    --------
    >>> tunes = [Score([(24 * i, 24, 60 + (k * i * i) % 12) for i in range(16)]) for k in range(1, 6)]
    >>> card = evaluate(tunes[:1], tunes[1:3], tunes[3:])
    >>> card["two-sample AUC"].verdict, card["pitch_range"].value
    ('not measurable at n = 1', 9.0)
    """
    require(len(samples) > 0, "samples", "at least one score", 0)
    require(len(reference) > 1 and len(training) > 1, "reference and training", "2 scores or more each", "fewer")
    sets = {"samples": samples, "reference": reference, **make_fakes(reference, training, seed)}
    index = OriginalityIndex(training, licence)
    measures = _Measures(index, model, chorales=min(len(s.parts) for s in (*samples, *reference, *training)) > 3)
    columns = {name: measures.of(scores) for name, scores in sets.items()}
    rows = [_mean_row(*key, {n: c[key] for n, c in columns.items()}, seed) for key in columns["samples"]]
    if model:
        unknown = columns["reference"]["likelihood", "nats per quarter"]
        rows.append(_membership_row(measures.surprise(training), unknown, list(sets)[2:]))
    distances, telltales = _distance_rows(sets, training, seed)
    parallels = columns["samples"].get(("rules", "parallel fifths and octaves"))
    about = {"samples": f"{len(samples)} scores, {samples[0].source or 'of unknown source'}"}
    about |= {"held out": f"{len(reference)} scores", "training": f"{len(training)} scores", "seed": str(seed)}
    worst = None if parallels is None else samples[int(np.argmax(parallels))]
    return ReportCard((*rows, *distances), about, telltales, tuple(index.worst(samples)), worst, columns)


class _Measures:
    """All that is measured of each score alone."""

    def __init__(self, index: OriginalityIndex, model: tuple[Model, Tokenizer] | None, chorales: bool) -> None:
        self.index, self.model = index, model
        self.grader = Grader(index.training) if chorales else None

    def of(self, scores: Sequence[Score]) -> dict[tuple[str, str], np.ndarray]:
        """Return a column for each measure, by block and name, with a number for each score."""
        single = {("statistics", name): DESCRIPTORS[name] for name in COMPARED}
        single |= {("form", name): measure for name, measure in FORM.items()}
        found = {key: np.array([measure(score) for score in scores], dtype=float) for key, measure in single.items()}
        if self.grader:
            found |= self._rules(scores)
        matches = [self.index.match(score) for score in scores]
        first = next(iter(matches[0].longest))
        found["originality", f"longest run of {first}, notes"] = np.array([m.longest[first] for m in matches])
        if self.grader:
            found["originality", "harmony in runs of 6 or more"] = np.array([m.coverage() for m in matches])
        if self.model:
            found["likelihood", "nats per quarter"] = self.surprise(scores)
        return found

    def surprise(self, scores: Sequence[Score]) -> np.ndarray:
        """Return the model's nats per quarter for the first scores."""
        read = nll(*self.model, scores[:READ])
        return read.nll / read.quarters

    def _rules(self, scores: Sequence[Score]) -> dict[tuple[str, str], np.ndarray]:
        broken = [voice_leading(score) for score in scores]
        hidden = [len(b.places["hidden_fifths"]) + len(b.places["hidden_octaves"]) for b in broken]
        found = {
            ("rules", "parallel fifths and octaves"): np.array([b.parallels for b in broken]),
            ("rules", "hidden fifths and octaves"): np.array(hidden),
        }
        for rule in ("crossing", "spacing", "overlap", "out_of_range"):
            found["rules", f"{rule.replace('_', ' ')}, % of steps"] = np.array([b.rate(rule) for b in broken])
        found["rules", "grade in nine terms"] = np.array([sum(self.grader.grade(s).values()) for s in scores])
        return found


def _phrase_quarters(score: Score) -> float:
    ends = phrase_ends(score)
    return float(np.diff(ends).mean() / score.resolution) if len(ends) > 1 else math.nan


FORM: dict[str, Callable[[Score], float]] = {
    "repeated runs of 8 or more": repeated_coverage,
    "structure indicator": structure_indicator,
    "quarters from phrase to phrase": _phrase_quarters,
}


def judged(row: Row, before: str = "") -> Row:
    """Return a row with its verdict; ``before`` says why there was none."""
    if not math.isfinite(row.value) or not math.isfinite(row.low):
        return row._replace(verdict=before or "not measurable")
    slack = 1e-9 * max(1, abs(row.high))  # a mean of equal numbers may differ from them in the last digit
    return row._replace(verdict="inside" if row.low - slack <= row.value <= row.high + slack else "outside")


def _mean_row(block: str, name: str, columns: dict[str, np.ndarray], seed: int) -> Row:
    """Return the row of a measure of single scores.

    Its band allows for the held-out mean being a sample itself: how far do the means of two draws lie apart?
    """
    means = {which: float(np.nanmean(c)) if np.isfinite(c).any() else math.nan for which, c in columns.items()}
    known, low, high = columns["reference"][np.isfinite(columns["reference"])], math.nan, math.nan
    n = int(np.isfinite(columns["samples"]).sum())
    if len(known) > 1 and n:
        rng = np.random.default_rng(seed)
        drawn, again = (known[rng.integers(len(known), size=(DRAWS, size))].mean(axis=1) for size in (n, len(known)))
        low, high = np.quantile(drawn - again, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]) + known.mean()
        low, high = max(low, known.min()), min(high, known.max())
    value, reference = means.pop("samples"), means.pop("reference")
    return judged(Row(block, name, value, reference, float(low), float(high), means, ""), "undefined")


def _membership_row(known: np.ndarray, unknown: np.ndarray, fakes: list[str]) -> Row:
    """Return the row of how well the model's surprise tells training scores from others: a fact about the model."""
    auc, n, m = membership_auc(known, unknown), len(known), len(unknown)
    half = 1.645 * math.sqrt((n + m + 1) / (12 * n * m))  # 90 % of what Mann and Whitney's statistic does by chance
    name = "membership AUC of training scores"
    return judged(Row("likelihood", name, auc, 0.5, 0.5 - half, 0.5 + half, dict.fromkeys(fakes, math.nan), ""))


def _distance_rows(sets: dict[str, Sequence[Score]], training: Sequence[Score], seed: int) -> tuple[list[Row], tuple]:
    """Return the rows of distances between sets and training, and what the two-sample test of the samples goes by."""
    known = distributions.feature_rows(training)
    mean, unit = np.nanmean(known, axis=0), np.nanstd(known, axis=0)
    scaled = {which: distributions.feature_rows(scores) for which, scores in sets.items()} | {"training": known}
    # what does not exist for a score counts as usual
    scaled = {which: np.nan_to_num((rows - mean) / np.where(unit > 0, unit, 1)) for which, rows in scaled.items()}
    known = np.random.default_rng(seed).permutation(scaled.pop("training"))
    pool = np.concatenate([known, scaled["reference"]])
    n = min(len(sets["samples"]), len(training), len(pool) // 2)
    measurable = n >= distributions.LEAST

    def of(measure: Callable[..., float], which: str) -> float:
        own = scaled[which][: n if which == "samples" else max(n, distributions.LEAST)]
        m = min(len(own), len(known))
        return measure(known[:m], own[:m]) if m >= distributions.LEAST else math.nan

    rows = []
    for name, (measure, low, high) in DISTANCES.items():
        found = {which: of(measure, which) for which in scaled}
        if high is None and measurable:
            high = float(np.quantile(distributions.half_split_floor(pool, n, seed=seed, distance=measure), LEVEL))
        value, reference = found.pop("samples"), found.pop("reference")
        row = Row("distance to training", name, value, reference, low, high or math.nan, found, "")
        rows.append(judged(row, f"not measurable at n = {len(sets['samples'])}"))
    if not measurable:
        return rows, ()
    test = distributions.two_sample_test(known, scaled["samples"], seed)
    return rows, tuple(test.telltales(distributions.COLUMNS))


def _auc(a: np.ndarray, b: np.ndarray) -> float:
    return distributions.two_sample_test(a, b).auc


def _scalar_frechet(a: np.ndarray, b: np.ndarray) -> float:
    return distributions.frechet(a[:, : len(COMPARED)], b[:, : len(COMPARED)])


DISTANCES = {  # with the band, where it is not measured
    "two-sample AUC": (_auc, 0.0, None),
    "Fréchet, 14 descriptors": (_scalar_frechet, 0.0, None),
    "MMD, p of being one set": (distributions.mmd_test, 0.05, 1.0),
}
