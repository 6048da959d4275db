"""What corpora there are, without reading any of them."""

from musiclab.datasets.folk import SETS


def corpora() -> dict[str, str]:
    """Return what each corpus is, by the call that loads it; the loaded corpus shows its card.

    Examples
    --------
    >>> print(*corpora(), sep="\\n")
    load_chorales()
    load_chorales("tune-disjoint")
    load_folk_tunes("hornpipes")
    load_folk_tunes("oneills")
    load_folk_tunes("oneills-complete")
    load_folk_tunes("ryan")
    load_folk_tunes("essen")
    load_jsb()
    load_folder(PATH)
    """
    return {
        "load_chorales()": "371 chorales by J. S. Bach from music21's corpus, in the published split",
        'load_chorales("tune-disjoint")': "the same, all chorales on one tune in one split",
        **{f'load_folk_tunes("{name}")': f"{told['title']}, from music21's corpus" for name, told in SETS.items()},
        "load_jsb()": "the benchmark's own arrays, 382 chorales on a grid of 16ths; downloaded once",
        "load_folder(PATH)": "your own MIDI files",
    }
