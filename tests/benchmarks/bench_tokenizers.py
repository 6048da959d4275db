"""REMI, TSD and MIDILike against MidiTok: the same ids, how much faster.

``MUSICLAB_DATA=folder python tests/benchmarks/bench_tokenizers.py`` prints the tables; so does ``make bench``.
"""

import gc
import os
import statistics
import sys
import time
import warnings
from importlib.metadata import version
from pathlib import Path

import pytest

from musiclab.midi import read_midi
from musiclab.tokenizers.midilike import MIDILike
from musiclab.tokenizers.remi import METRES, REMI
from musiclab.tokenizers.tsd import TSD

REPEATS = 7
SMALL = (32, 128)
CAPTION = """\
CPU time of one thread, median of {repeats} rounds in which all jobs take turns; the factor is MidiTok's time over ours.
{files} files with notes, {notes} notes; the last column counts only the {long} files of 500 notes or more.
  path -> ids     the file's name. MidiTok: tok.encode(path). musiclab: tok.encode(read_midi(path)).
  score -> ids    what each library reads, in memory, quantisation included. MidiTok: tok.encode(symusic.Score).
                  musiclab: tok.encode(Score), a list of int in the end.
  arrays -> ids   quantised notes in memory. MidiTok: tok.encode(tok.preprocess_score(...), no_preprocess_score=True).
                  musiclab: the words of a quantised table, an array of ids.
  ids -> score    from a list of ids. MidiTok: tok.decode(TokSequence(ids=ids)) to a symusic.Score, unchecked.
                  musiclab: tok.decode(ids) to a Score, strict.
MidiTok's configuration is the one in each docstring."""


def miditok_peer(scheme: str):
    """Return the MidiTok tokenizer that the docstrings name."""
    import miditok

    metres: dict[int, list[int]] = {}
    for n, d in METRES:
        metres.setdefault(d, []).append(n)
    config = miditok.TokenizerConfig(
        pitch_range=(0, 127), use_programs=True, use_tempos=True, use_time_signatures=scheme == "REMI",
        remove_duplicated_notes=True, **({"time_signature_range": metres} if scheme == "REMI" else {}),
    )  # fmt: skip
    return getattr(miditok, scheme)(config)


def seconds(jobs: dict) -> dict[str, float]:
    """Return the median CPU time of each job, all jobs taking turns."""
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(REPEATS):
        for name, job in jobs.items():
            gc.collect()
            begin = time.process_time()
            job()
            times[name].append(time.process_time() - begin)
    return {name: statistics.median(values) for name, values in times.items()}


def compare(scheme: str, paths: list[Path], repeat: int = 1) -> dict[str, tuple[float, float]]:
    """Return seconds of both libraries for each way; ``repeat`` runs short jobs several times."""
    import symusic

    ours, theirs = {"REMI": REMI, "TSD": TSD, "MIDILike": MIDILike}[scheme](), miditok_peer(scheme)
    scores, raw = [read_midi(p) for p in paths], [symusic.Score(p) for p in paths]
    return time_both(ours, theirs, scores, raw, paths, repeat)


def time_both(ours, theirs, scores, raw, paths, repeat=1) -> dict[str, tuple[float, float]]:
    """Return the medians of both libraries, (MidiTok's, ours) for each way."""
    import miditok

    tables, ready = [ours._table(s) for s in scores], [theirs.preprocess_score(s) for s in raw]
    ids = [ours.encode(s) for s in scores]
    ways = {
        "score -> ids": (lambda: [theirs.encode(s) for s in raw], lambda: [ours.encode(s) for s in scores]),
        "arrays -> ids": (
            lambda: [theirs.encode(s, no_preprocess_score=True) for s in ready],
            lambda: [ours._ids(t) for t in tables],
        ),
        "ids -> score": (
            lambda: [theirs.decode(miditok.TokSequence(ids=i)) for i in ids],
            lambda: [ours.decode(i) for i in ids],
        ),
    }  # fmt: skip
    if paths:
        path_ways = (lambda: [theirs.encode(p) for p in paths], lambda: [ours.encode(read_midi(p)) for p in paths])
        ways = {"path -> ids": path_ways, **ways}
    jobs = {(way, who): pair[who] for way, pair in ways.items() for who in (0, 1)}
    many = {key: (lambda job=job: [job() for _ in range(repeat)]) for key, job in jobs.items()}
    medians = seconds(many)
    return {way: (medians[way, 0] / repeat, medians[way, 1] / repeat) for way in ways}


def equal_ids(scheme: str, paths: list[Path]) -> list[str]:
    """Return the files whose ids differ from MidiTok's."""
    ours, theirs = {"REMI": REMI, "TSD": TSD, "MIDILike": MIDILike}[scheme](), miditok_peer(scheme)
    return [p.name for p in paths if ours.encode(read_midi(p)) != theirs.encode(p).ids]


def small(scheme: str, path: Path) -> list[str]:
    """Return rows of the small case: the first notes of one file."""
    import symusic

    ours, theirs = {"REMI": REMI, "TSD": TSD, "MIDILike": MIDILike}[scheme](), miditok_peer(scheme)
    rows = []
    for n in SMALL:
        score = read_midi(path)
        stop = int(score.notes["onset"][n]) if len(score) > n else score.length
        raw = symusic.Score(path).clip(0, stop, clip_end=True)
        times = time_both(ours, theirs, [score.excerpt(0, stop)], [raw], None, repeat=2000 // n)
        head = f"{scheme:9} {len(score.excerpt(0, stop)):4} notes  "
        rows += [f"{head}{way:14} {1e3 * a:8.3f} ms {1e3 * b:8.3f} ms {a / b:6.1f} x" for way, (a, b) in times.items()]
    return rows


def main() -> None:
    """Print the tables."""
    warnings.simplefilter("ignore")
    paths = sorted(Path(os.environ["MUSICLAB_DATA"], "midi").glob("*.mid"))
    counts = {p: len(read_midi(p)) for p in paths}
    paths = [p for p in paths if counts[p]]
    long = [p for p in paths if counts[p] >= 500]
    names = ("python", "musiclab", "miditok", "symusic", "numpy")
    found = [sys.version.split()[0], *(version(name) for name in names[1:])]
    print("\n" + ", ".join(f"{name} {v}" for name, v in zip(names, found, strict=True)))
    total = sum(counts[p] for p in paths)
    print(CAPTION.format(repeats=REPEATS, files=len(paths), notes=total, long=len(long)))
    row = "{:9} {:14} {:>10} {:>10} {:>8} {:>12}".format
    print(row("", "", "MidiTok", "musiclab", "factor", ">= 500 notes"))
    for scheme in ("REMI", "TSD", "MIDILike"):
        everything, of_long = compare(scheme, paths), compare(scheme, long)
        for way, (a, b) in everything.items():
            c, d = of_long[way]
            print(row(scheme, way, f"{a:.3f} s", f"{b:.4f} s", f"{a / b:.1f} x", f"{c / d:.1f} x"))
        differing = equal_ids(scheme, paths)
        print(f"{scheme:9} ids equal on {len(paths) - len(differing)} of {len(paths)} files; {', '.join(differing)}")
    print("\nThe small case: the first notes of one file, many calls in a row.")
    for scheme in ("REMI", "TSD", "MIDILike"):
        print("\n".join(small(scheme, next(p for p in long if p.name.startswith("pop909")))))


def test_tables() -> None:
    if "MUSICLAB_DATA" not in os.environ:
        pytest.skip("MUSICLAB_DATA is not set: no MIDI files to time")
    main()


if __name__ == "__main__":
    main()
