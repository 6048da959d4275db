"""What every tokenizer promises: words, ids, their meaning, their grammar, and what they cannot say.

The promises are laws that ``check_tokenizer`` tests on any class:

1. ``decode(encode(score)) == project(score)``: decoding gives back all that the tokenizer can say;
2. ``project`` is idempotent;
3. ``encode(decode(ids)) == canonical(ids)`` for ids drawn under the grammar, which are the ids themselves but where
   words are merged;
4. every walk under the grammar decodes.
"""

from __future__ import annotations

import struct
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from copy import copy, deepcopy
from dataclasses import asdict, fields
from functools import cached_property
from itertools import groupby, takewhile
from typing import ClassVar

import numpy as np

from musiclab.errors import TokenError, require
from musiclab.score import Score

SPECIAL_WORDS = ("PAD", "BOS", "EOS", "MASK")
PAD, BOS, EOS, MASK = range(4)


class Grammar(ABC):
    """Which ids may come next, for one sequence that began with BOS.

    A sampling loop asks :meth:`mask`, draws a legal id, and calls :meth:`push` with it; a sequence may end wherever
    EOS is legal. Whatever is drawn so decodes.
    """

    @abstractmethod
    def mask(self) -> np.ndarray:
        """Return which ids may come next, bool of shape (vocab,); not to be written to."""

    @abstractmethod
    def push(self, token_id: int) -> None:
        """Take one legal id as written."""

    @property
    @abstractmethod
    def n_bars(self) -> int:
        """Complete bars written so far, a pickup not counted."""

    def copy(self) -> Grammar:
        """Return a grammar that goes on from here on its own."""
        twin = copy(self)
        changing = (list, dict, set, np.ndarray, Grammar)
        vars(twin).update({name: deepcopy(value) for name, value in vars(self).items() if isinstance(value, changing)})
        return twin


class Tokenizer(ABC):
    """A way to write a score as ids. Subclasses are frozen dataclasses; their fields are their configuration.

    Ids 0 to 3 are PAD, BOS, EOS and MASK in every scheme. ``encode`` writes music only; ``sequence`` puts BOS before
    and EOS after it, which is what a model reads.

    Notes
    -----
    Notebook: 02_tokens.
    """

    schemes: ClassVar[dict[str, type[Tokenizer]]] = {}

    def __init_subclass__(cls) -> None:
        Tokenizer.schemes[cls.__name__] = cls

    @cached_property
    @abstractmethod
    def vocab(self) -> tuple[str, ...]:
        """All words; a word's index is its id."""

    @abstractmethod
    def encode(self, score: Score) -> list[int]:
        """Return the ids of a score, without BOS and EOS."""

    @abstractmethod
    def _decode(self, ids: np.ndarray) -> Score | None:
        """Return the score of ids without BOS and EOS, or None if the grammar does not allow them."""

    @abstractmethod
    def project(self, score: Score) -> Score:
        """Return what this tokenizer can say of a score: its loss, stated as a function."""

    @abstractmethod
    def grammar(self) -> Grammar:
        """Return a fresh grammar, as after BOS."""

    def decode(self, ids: Sequence[int], strict: bool = True) -> Score:
        """Return the score that ids spell; BOS, EOS and PAD around them are ignored.

        Parameters
        ----------
        ids : sequence of int
        strict : bool
            Refuse ids that the grammar does not allow. Otherwise they are left out, and one warning says how many.

        Raises
        ------
        TokenError
            If ``strict`` and an id is not allowed where it stands; ``.position`` says where.
        """
        ids = self._checked(ids)
        start = int(len(ids) > 0 and ids[0] == BOS)
        body = ids[start:]
        while len(body) and body[-1] in (PAD, EOS):
            body = body[:-1]
        if not strict:
            body = self.repair(body)
            if not len(body) and not self.grammar().mask()[EOS]:
                return self.project(Score([]))
        if (score := self._decode(body)) is None:
            raise self._refusal(body, start)
        return score

    def _walk(self, ids: Iterable[int]) -> Iterator[tuple[int, int, np.ndarray]]:
        """Yield position, id and what the grammar allows there; it takes the ids that it allows, but EOS."""
        grammar = self.grammar()
        for at, token_id in enumerate(map(int, ids)):
            mask = grammar.mask()
            yield at, token_id, mask
            if mask[token_id] and token_id != EOS:
                grammar.push(token_id)

    def _refusal(self, ids: np.ndarray, start: int) -> TokenError:
        """Return the error that names the first id that the grammar does not allow, and what it allows there."""
        at, i, mask = next(step for step in self._walk([*ids, EOS]) if step[1] == EOS or not step[2][step[1]])
        word = self.vocab[i] if at < len(ids) else "the end"
        if word == "the end" and mask[EOS]:
            return TokenError(start + at, word, "the grammar allows all of these ids, but _decode does not")
        legal = (self.vocab[i] for i in np.flatnonzero(mask) if i != EOS and " " not in self.vocab[i])  # none merged
        kinds = [list(words) for _, words in groupby(legal, lambda word: word.partition("_")[0])]
        allowed = [f"{words[0]}..{words[-1]}" if len(words) > 1 else words[0] for words in kinds]
        allowed += ["the end"] * bool(mask[EOS])
        return TokenError(start + at, word, f"only {', '.join(allowed)} may come here")

    def repair(self, ids: Sequence[int]) -> np.ndarray:
        """Return the ids that the grammar allows, up to the first EOS, brought to an end.

        Warns how many ids were left out, the first of them by word and position, and how many were added.
        """
        kept, dropped = [], []
        for at, i, mask in self._walk(takewhile(lambda i: i != EOS, ids)):
            kept += [i] if mask[i] else []
            dropped += [] if mask[i] else [f"{self.vocab[i]} at position {at}"]
        done = self.finish(kept)
        same = len(list(takewhile(lambda pair: pair[0] == pair[1], zip(kept, done, strict=False))))
        if same < max(len(ids), len(done)):
            text = f"{type(self).__name__} left out {len(ids) - same} of {len(ids)} ids that its grammar does not allow"
            text += f" ({', '.join(dropped[:3])}{', ...' * (len(dropped) > 3)})" if dropped else ""
            text += f" and added {len(done) - same} to come to an end" if same < len(done) else ""
            warnings.warn(text, stacklevel=3)
        return np.array(done, dtype=np.int64)

    def finish(self, ids: Sequence[int]) -> list[int]:
        """Return ids that the grammar allows brought to an end: cut at the last place where they may end."""
        return list(ids[: max((at for at, _, mask in self._walk([*ids, EOS]) if mask[EOS]), default=0)])

    def sequence(self, score: Score) -> list[int]:
        """Return the ids a model reads: BOS, the score, EOS."""
        return [BOS, *self.encode(score), EOS]

    def words(self, ids: Sequence[int]) -> list[str]:
        """Return the words of ids."""
        return [self.vocab[i] for i in self._checked(ids)]

    def canonical(self, ids: Sequence[int]) -> list[int]:
        """Return the ids that ``encode`` writes for what these say; another way only where words are merged."""
        return self._checked(ids).tolist()

    @cached_property
    def ids_of_words(self) -> dict[str, int]:
        """The id of each word."""
        return {word: i for i, word in enumerate(self.vocab)}

    def __repr__(self) -> str:
        changed = {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != f.default}
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in changed.items())})"

    @property
    def name(self) -> str:
        """The class, and those of the fields that are not as usual."""
        return repr(self).removesuffix("()")

    @property
    def config(self) -> dict:
        """Return what :func:`load_tokenizer` needs to build this tokenizer again, ready for JSON."""
        return {"tokenizer": type(self).__name__, **asdict(self)}

    def _checked(self, ids: Sequence[int]) -> np.ndarray:
        if isinstance(ids, list):
            try:  # half the time of asarray, and it takes no fractions
                ids = np.frombuffer(struct.pack(f"{len(ids)}q", *ids), dtype=np.int64)
            except struct.error:
                raise TypeError(f"ids must be one sequence of integers, got {ids[:5]}...") from None
        ids = np.asarray(ids, dtype=np.int64)
        require(ids.ndim == 1, "ids", "one sequence of integers", f"shape {ids.shape}")
        if len(ids) and (ids.min() < 0 or ids.max() >= len(self.vocab)):
            at = int(np.flatnonzero((ids < 0) | (ids >= len(self.vocab)))[0])
            raise TokenError(at, f"id {ids[at]}", f"an id must be in 0..{len(self.vocab) - 1}")
        return ids


def load_tokenizer(config: dict) -> Tokenizer:
    """Return the tokenizer that a ``config`` describes.

    Raises
    ------
    ValueError
        If the scheme is not known.

    Examples
    --------
    >>> from musiclab.tokenizers import Chorale
    >>> load_tokenizer(Chorale().config) == Chorale()
    True
    """
    fields = dict(config)
    name = fields.pop("tokenizer", None)
    require(name in Tokenizer.schemes, "tokenizer", f"one of {sorted(Tokenizer.schemes)}", repr(name))
    return Tokenizer.schemes[name](**fields)
