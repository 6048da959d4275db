"""What the tests of REMI, TSD and MIDILike share: walks that meet rare words, broken sequences, and MidiTok beside us."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from musiclab.errors import TokenError
from musiclab.score import Score
from musiclab.tokenizers.base import EOS


def walk(tok, rng: np.random.Generator, n_ids: int = 60) -> list[int]:
    """Return ids drawn under the grammar, each kind of word as often as another; then brought to an end."""
    grammar, ids = tok.grammar(), []
    focus = rng.integers(0, len(tok.vocab), 12)  # pitches, programs and durations that come again and again
    while len(ids) < n_ids or not grammar.mask()[EOS]:
        legal = np.flatnonzero(grammar.closing() if len(ids) >= n_ids else grammar.mask())
        legal = legal[legal != EOS]
        often = np.intersect1d(legal, focus)
        if len(often) and rng.random() < 0.5:
            legal = often
        kinds = tok._kind[legal]
        ids.append(int(rng.choice(legal[kinds == rng.choice(np.unique(kinds))])))
        grammar.push(ids[-1])
    return ids


def check_walks(tok, cases: int, seed: int = 0) -> None:
    """Test that walks decode, and that encoding what they decode to gives them back."""
    rng = np.random.default_rng(seed)
    for i in range(cases):
        ids = walk(tok, rng, int(rng.integers(1, 120)))
        again = tok.encode(tok.decode(ids))
        assert again == ids, f"walk {i}: {tok.words(ids)} became {tok.words(again)}"


def check_refusals(tok, cases: int, seed: int = 0) -> int:
    """Test that decode refuses a sequence where, and only where, the grammar does; return how many it refused."""
    rng, refused = np.random.default_rng(seed), 0
    for _ in range(cases):
        ids = walk(tok, rng, int(rng.integers(1, 40)))
        for _ in range(rng.integers(1, 3)):
            ids = _broken(ids, len(tok.vocab), rng)
        at = first_illegal(tok, ids)
        if at is None:
            tok._decode(np.array(ids, dtype=np.int64))
        else:
            refused += 1
            with pytest.raises(TokenError) as caught:
                tok._decode(np.array(ids, dtype=np.int64))
            assert caught.value.position == at, tok.words(ids)
            word = "the end" if at == len(ids) else tok.vocab[ids[at]]
            assert str(caught.value).startswith(f"{word} at position {at}: only ")
    return refused


def first_illegal(tok, ids) -> int | None:
    """Return the first position that the grammar does not allow, the length if only the end is missing."""
    grammar = tok.grammar()
    for at, token_id in enumerate([*ids, EOS]):
        if not grammar.mask()[token_id]:
            return at
        if token_id != EOS:
            grammar.push(token_id)
    return None


def _broken(ids: list[int], n_words: int, rng: np.random.Generator) -> list[int]:
    """Return ids with one replaced, left out, doubled, moved next to its neighbour's place, or cut there."""
    at = int(rng.integers(0, len(ids))) if ids else 0
    near = int(np.clip(ids[at] + rng.integers(-3, 4), 3, n_words - 1)) if ids else 4
    choices = (
        [*ids[:at], near, *ids[at + 1 :]],
        [*ids[:at], int(rng.integers(3, n_words)), *ids[at + 1 :]],
        ids[:at] + ids[at + 1 :],
        ids[: at + 1] + ids[at:],
        ids[:at] + ids[at + 1 : at + 2] + ids[at : at + 1] + ids[at + 2 :],
        ids[:at],
        ids[:at] + ids[at + 4 : at + 8] + ids[at : at + 4] + ids[at + 8 :],
    )
    return choices[rng.integers(len(choices))]
