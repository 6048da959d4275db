"""Descriptors against MusPy and music21: the same values, how much faster.

``MUSICLAB_DATA=folder python tests/benchmarks/bench_features.py`` prints the tables; so does ``make bench``.
"""

import gc
import os
import statistics
import sys
import time
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

from musiclab.features.table import DESCRIPTORS, describe
from musiclab.midi import read_midi
from musiclab.notation import to_music21
from tests.features.muspy_formulas import muspy_metrics

FILES, MOST = 16, 6000  # so many files, evenly taken, of at most so many notes
ROUNDS = 3
WITH_BAR = ("empty_measure_rate", "groove_consistency")
# Classes of music21.features.jSymbolic that have a column of describe.
SHARED = (
    "PitchVarietyFeature", "PitchClassVarietyFeature", "RangeFeature", "PrimaryRegisterFeature",
    "AverageMelodicIntervalFeature", "StepwiseMotionFeature", "RepeatedNotesFeature", "DirectionOfMotionFeature",
)  # fmt: skip


def cpu(job) -> float:
    """Return the CPU time of a job in seconds."""
    gc.collect()
    begin = time.process_time()
    job()
    return time.process_time() - begin


def muspy_music(score):
    """Return a score as MusPy holds it."""
    import muspy

    tracks = [muspy.Track(is_drum=part.is_drum) for part in score.parts]
    for onset, duration, pitch, velocity, part in score.notes.tolist():
        tracks[part].notes.append(muspy.Note(onset, pitch, duration, velocity))
    return muspy.Music(resolution=score.resolution, tracks=tracks)


def muspy_says(music) -> dict[str, float]:
    """Return MusPy's 11 metrics."""
    import muspy

    names = muspy_metrics(read_midi_example()).keys()
    bar = 4 * music.resolution
    return {name: getattr(muspy, name)(music, *([bar] if name in WITH_BAR else [])) for name in names}


def read_midi_example():
    """Return the least score that has all metrics."""
    from musiclab.score import Score

    return Score([(0, 24, 60), (96, 24, 62)])


def against_muspy(scores) -> str:
    """Return the comparison with MusPy, values first."""
    music, worst = [muspy_music(score) for score in scores], 0.0
    for score, one in zip(scores, music, strict=True):
        ours, theirs = muspy_metrics(score), muspy_says(one)
        worst = max(worst, *(abs(ours[name] - theirs[name]) for name in theirs))
    times = [
        (cpu(lambda: [*map(muspy_says, music)]), cpu(lambda: [*map(muspy_metrics, scores)])) for _ in range(ROUNDS)
    ]
    theirs, ours = (statistics.median(column) for column in zip(*times, strict=True))
    return (
        f"11 metrics, arrays and Music in memory: MusPy {1e3 * theirs / len(scores):.1f} ms a file, musiclab "
        f"{1e3 * ours / len(scores):.2f} ms, {theirs / ours:.0f} x; largest difference {worst:.1e}"
    )


def against_music21(score) -> str:
    """Return the comparison with music21's extractors on one score, the stream already built."""
    from music21.features import jSymbolic

    stream = to_music21(score)

    def theirs():
        return [getattr(jSymbolic, name)(stream).extract().vector for name in SHARED]

    first, again = cpu(theirs), cpu(theirs)
    ours = statistics.median(cpu(lambda: describe(score)) for _ in range(ROUNDS))
    per = 1000 / len(score)
    return (
        f"{len(score)} notes, per 1,000: music21's {len(SHARED)} extractors {per * first:.2f} s on a fresh stream, "
        f"{per * again:.2f} s again; describe, all {len(DESCRIPTORS)} columns, {1e3 * per * ours:.2f} ms, "
        f"{first / ours:.0f} x"
    )


def main() -> None:
    """Print the tables."""
    warnings.simplefilter("ignore")
    paths = sorted(Path(os.environ["MUSICLAB_DATA"], "midi").glob("*.mid"))
    scores = [read_midi(path) for path in paths]
    scores = [s for s in scores if 200 <= len(s) <= MOST and not any(part.is_drum for part in s.parts)]
    scores = [scores[i] for i in np.linspace(0, len(scores) - 1, min(FILES, len(scores))).astype(int)]
    names = ("python", "musiclab", "muspy", "music21", "numpy")
    found = [sys.version.split()[0], *(version(name) for name in names[1:])]
    print("\n" + ", ".join(f"{name} {v}" for name, v in zip(names, found, strict=True)))
    notes = sum(map(len, scores))
    print(f"CPU time of one thread, median of {ROUNDS} rounds; {len(scores)} files without drums, {notes} notes.")
    print(against_muspy(scores))
    print(against_music21(min(scores, key=lambda score: abs(len(score) - 300))))


def test_tables() -> None:
    if "MUSICLAB_DATA" not in os.environ:
        pytest.skip("MUSICLAB_DATA is not set: no MIDI files to time")
    main()


if __name__ == "__main__":
    main()
