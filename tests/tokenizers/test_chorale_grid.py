import os

import numpy as np
import pytest
from hypothesis import given

from musiclab.datasets.jsb import load_jsb
from musiclab.errors import TokenError
from musiclab.score import Score
from musiclab.tokenizers.chorale import Chorale
from musiclab.tokenizers.chorale_grid import ChoraleGrid
from tests.strategies import check_laws, scores


def test_laws():
    check_laws(ChoraleGrid(), 200)


@pytest.mark.slow
def test_laws_on_many():
    check_laws(ChoraleGrid(), 1000)


def test_repeated_notes_are_joined_and_rests_kept_apart():
    told = ChoraleGrid().project(Score([(0, 6, 60), (6, 6, 60), (18, 6, 60)], keys=[(0, 3)]))
    assert told.notes[["onset", "duration"]].tolist() == [(0, 12), (18, 6)]
    assert told.keys == () and told.length == 24


@given(scores())
def test_what_is_kept_sounds_as_chorale_tells_it(score):
    told, grid = Chorale().project(score), ChoraleGrid().project(score)
    for part in range(4):  # a roll cannot tell two notes from one, no more than the grid can
        assert np.array_equal(grid.part(part).roll(4), told.part(part).roll(4))


def test_grid_to_ids_and_notes():
    tok = ChoraleGrid()
    grid = np.array([[81, 60, -1, 36], [81, -1, -1, 37]])
    ids = tok.from_grid(grid)
    assert tok.words(ids) == ["Pitch_81", "Pitch_60", "Rest", "Pitch_36", "Pitch_81", "Rest", "Rest", "Pitch_37"]
    notes = tok.decode(ids).notes[["onset", "duration", "pitch", "part"]].tolist()
    assert notes == [(0, 12, 81, 0), (0, 6, 60, 1), (0, 6, 36, 3), (6, 6, 37, 3)]


@pytest.mark.skipif("MUSICLAB_DATA" not in os.environ, reason="MUSICLAB_DATA is not set")
def test_benchmark_arrays_come_through_exactly():
    tok, corpus = ChoraleGrid(), load_jsb()
    grids = [*corpus.train, *corpus.valid, *corpus.test]
    assert len(grids) == 382
    for grid in grids:
        ids = tok.from_grid(grid)
        assert tok.encode(tok.decode(ids)) == ids


def test_grid_is_checked():
    tok = ChoraleGrid()
    with pytest.raises(ValueError, match=r"grid must be of shape \(steps, 4\), got \(4,\)"):
        tok.from_grid([60, 60, 60, 60])
    with pytest.raises(ValueError, match=r"grid must be -1 or a pitch in 36..81, got \[35\]"):
        tok.from_grid([[60, 60, 60, 35]])


def test_strict_decoding_says_where_and_why():
    tok = ChoraleGrid()
    ids = tok.encode(Score([(0, 12, 60)]))
    with pytest.raises(TokenError, match=r"MASK at position 2: only Rest, Pitch_36..Pitch_81 may come here") as caught:
        tok.decode([*ids[:2], 3, *ids[3:]])
    assert caught.value.position == 2
    with pytest.raises(TokenError, match="the end at position 7: only Rest, Pitch_36"):
        tok.decode(ids[:7])
    with pytest.warns(UserWarning, match="left out 3 of 7 ids"):
        assert tok.decode(ids[:7], strict=False).length == 6
