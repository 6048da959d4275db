"""Random scores for property tests: all that a score may be, the rare cases often."""

from hypothesis import given, settings
from hypothesis import strategies as st

from musiclab.score import Key, Part, Score, Tempo, TimeSignature

RESOLUTIONS = (24, 480, 4, 1, 12, 96, 220, 1000)
METRES = ((4, 4), (3, 4), (6, 8), (2, 2), (3, 8), (12, 8), (5, 8), (7, 16), (1, 64), (255, 32))
TEMPOS = (120.0, 100.0, 60.0, 123.4, 10.5, 300.0, 1000.0)


@st.composite
def scores(draw, max_notes: int = 12, max_parts: int = 6) -> Score:
    """A valid score: any resolution, overlaps, unisons, triplets, pickups, empty bars and parts, changes, silence.

    Times lie on a grid of 16ths or triplets in half of the cases, anywhere in the other half; the score spans some 16
    quarters.
    """
    resolution = draw(st.sampled_from(RESOLUTIONS))
    unit = draw(st.sampled_from((1, 1, max(1, resolution // 4), max(1, resolution // 6), resolution)))
    time = st.integers(0, 16 * resolution // unit).map(lambda n: n * unit)
    short = st.integers(1, max(1, 3 * resolution // unit)).map(lambda n: n * unit)
    parts = draw(st.lists(_part(), min_size=1, max_size=max_parts))
    pitch = st.sampled_from((60, 62, 0, 127, 36, 81, 48)) | st.integers(0, 127)
    velocity = st.sampled_from((64, 1, 127)) | st.integers(1, 127)
    note = st.tuples(time, short, pitch, velocity, st.integers(0, len(parts) - 1))
    notes = draw(st.lists(note, max_size=max_notes))
    end = max((row[0] + row[1] for row in notes), default=0)
    length = end + draw(st.just(0) | short)
    pickup = draw(st.just(0) | short | st.just(length))
    return Score(
        notes,
        parts=parts,
        length=length,
        resolution=resolution,
        pickup=min(pickup, length),
        time_signatures=draw(_changes(time, st.sampled_from(METRES).map(lambda m: TimeSignature(0, *m)))),
        tempos=draw(_changes(time, st.sampled_from(TEMPOS).map(lambda t: Tempo(0, t)))),
        keys=draw(_changes(time, st.builds(Key, st.just(0), st.integers(-7, 7), st.sampled_from(("major", "minor"))))),
    )


def _part():
    return st.builds(Part, st.sampled_from(("", "Soprano", "Piano")), st.integers(0, 127), st.booleans())


def _changes(time, value):
    """No change, one from the start, or up to three anywhere, the first not always at tick 0."""
    at = st.tuples(time, value).map(lambda pair: pair[1]._replace(onset=pair[0]))
    return st.just(()) | value.map(lambda one: (one,)) | st.lists(at, max_size=3)


def check_laws(tok, cases: int) -> None:
    """Test a tokenizer's laws on so many random scores, and on so many walks under its grammar."""
    from musiclab.checks import check_tokenizer

    @settings(max_examples=cases)
    @given(scores())
    def on_scores(score):
        check_tokenizer(tok, [score], walks=0)

    on_scores()
    check_tokenizer(tok, [], walks=cases)
