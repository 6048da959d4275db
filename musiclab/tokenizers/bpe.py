"""Byte-pair encoding over any tokenizer: pairs of words that often stand together become words of their own.

Sennrich, Haddow & Birch (2016); for music Fradet et al. (2023). Training and merging are done by the ``tokenizers``
library, which sees each base id as one private character.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np

from musiclab.errors import require
from musiclab.score import Score
from musiclab.tokenizers.base import SPECIAL_WORDS, Grammar, Tokenizer, load_tokenizer

PRIVATE = 0xF0000  # the first of 65,536 characters that Unicode leaves to private use
N_SPECIAL = len(SPECIAL_WORDS)


@dataclass(frozen=True, repr=False)
class BPE(Tokenizer):
    """Tokenizer whose words are words of another, alone or merged.

    It says what the base tokenizer says. A sequence of base ids can be cut into merged ones in many ways, all of which
    decode; :meth:`canonical` gives the one that ``encode`` writes. The special words are never merged. Merges and ids
    are those of MidiTok's BPE with ``encode_ids_split="no"``, trained on the same ids; nothing is cut at bars here.

    Parameters
    ----------
    base : Tokenizer or its config
    merges : sequence of pairs of ids
        In the order learned; a merge that makes a new word gives it the next id.

    Raises
    ------
    ValueError
        If a merge names an id that is not there yet, or a special one.

    References
    ----------
    Sennrich, Haddow and Birch (2016), Neural machine translation of rare words with subword units.
    Fradet, Gutowski, Chhel and Briot (2023), Byte pair encoding for symbolic music.

    Notes
    -----
    Notebook: 02_tokens.

    Examples
    --------
    >>> from musiclab.tokenizers import Chorale
    >>> score = Score([(0, 24, 60), (24, 24, 60)])
    >>> tok = BPE.train(Chorale(), [score] * 4, vocab_size=len(Chorale().vocab) + 5)
    >>> len(Chorale().encode(score)), len(tok.encode(score))
    (35, 9)
    >>> tok.decode(tok.encode(score)) == tok.project(score)
    True
    """

    base: Tokenizer
    merges: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        if isinstance(self.base, dict):
            object.__setattr__(self, "base", load_tokenizer(self.base))
        object.__setattr__(self, "merges", tuple((int(a), int(b)) for a, b in self.merges))
        self.pieces  # noqa: B018 - checks the merges

    def __repr__(self) -> str:
        return f"BPE({self.base!r}, {len(self.merges)} merges)"

    @classmethod
    def train(cls, base: Tokenizer, data: Iterable[Score | Sequence[int]], vocab_size: int) -> BPE:
        """Return the tokenizer with the merges that shorten the data most, learned one after another.

        Parameters
        ----------
        base : Tokenizer
        data : scores, or their ids under the base tokenizer
            BOS, EOS and other special ids are left out.
        vocab_size : int
            Words in all; fewer come back where no pair occurs twice.

        Raises
        ------
        ValueError
            If ``vocab_size`` is smaller than the base vocabulary.
        """
        from tokenizers import Tokenizer as Engine
        from tokenizers import models, trainers

        n = len(base.vocab)
        require(vocab_size >= n, "vocab_size", f">= the base vocabulary's {n} words", vocab_size)
        engine = Engine(models.BPE())
        alphabet = [chr(PRIVATE + i) for i in range(N_SPECIAL, n)]
        trainer = trainers.BpeTrainer(
            vocab_size=vocab_size - N_SPECIAL, min_frequency=2, initial_alphabet=alphabet, show_progress=False
        )
        texts = (_text(base.encode(item) if isinstance(item, Score) else item) for item in data)
        engine.train_from_iterator(texts, trainer)
        learned = json.loads(engine.to_str())["model"]
        ids = {text: N_SPECIAL + i for text, i in learned["vocab"].items()}
        return cls(base, [(ids[a], ids[b]) for a, b in learned["merges"]])

    @cached_property
    def pieces(self) -> tuple[tuple[int, ...], ...]:
        """The base ids that each id stands for."""
        pieces = [(i,) for i in range(len(self.base.vocab))]
        known = set(pieces)
        for pair in self.merges:
            known_ids = all(N_SPECIAL <= i < len(pieces) for i in pair)
            require(known_ids, "merges", "pairs of earlier ids, none special", pair)
            piece = pieces[pair[0]] + pieces[pair[1]]
            if piece not in known:
                known.add(piece)
                pieces.append(piece)
        return tuple(pieces)

    @cached_property
    def vocab(self) -> tuple[str, ...]:
        return tuple(" ".join(self.base.vocab[i] for i in piece) for piece in self.pieces)

    @property
    def config(self) -> dict:
        merges = [list(pair) for pair in self.merges]
        return {"tokenizer": type(self).__name__, "base": self.base.config, "merges": merges}

    @cached_property
    def engine(self) -> object:
        """The same merges as a tokenizer of the ``tokenizers`` library, on private characters, with our ids."""
        from tokenizers import Tokenizer as Engine
        from tokenizers import models

        texts = [_text(piece) for piece in self.pieces]
        vocab = {text: i for i, text in enumerate(texts) if i >= N_SPECIAL}
        return Engine(models.BPE(vocab, [(texts[a], texts[b]) for a, b in self.merges], cache_capacity=0))

    def expand(self, ids: Sequence[int]) -> np.ndarray:
        """Return the base ids that ids stand for."""
        return np.array([i for j in self._checked(ids) for i in self.pieces[j]], dtype=np.int64)

    def merge(self, base_ids: Sequence[int]) -> list[int]:
        """Return the ids that stand for base ids, none of them special."""
        return self.engine.encode(_text(base_ids)).ids

    def canonical(self, ids: Sequence[int]) -> list[int]:
        return self.merge(self.expand(ids))

    def encode(self, score: Score) -> list[int]:
        return self.merge(self.base.encode(score))

    def project(self, score: Score) -> Score:
        return self.base.project(score)

    def _decode(self, ids: np.ndarray) -> Score | None:
        return self.base._decode(self.expand(ids))

    def grammar(self) -> Grammar:
        return _BPEGrammar(self)


class _BPEGrammar(Grammar):
    """A merged id is legal where its base ids are, one after another."""

    def __init__(self, tok: BPE) -> None:
        self.tok, self.base = tok, tok.base.grammar()
        self.legal: np.ndarray | None = None  # kept until the next push: it takes a millisecond or more

    def mask(self) -> np.ndarray:
        if self.legal is None:

            @cache
            def after(piece: tuple[int, ...]) -> tuple[Grammar, np.ndarray]:
                """Return the base grammar after these base ids, and what it allows next: nothing if not even these."""
                if not piece:
                    return self.base, self.base.mask()
                grammar, allowed = after(piece[:-1])
                if not allowed[piece[-1]]:
                    return grammar, np.zeros_like(allowed)
                grammar = grammar.copy()
                grammar.push(piece[-1])
                return grammar, grammar.mask()

            self.legal = np.array([after(piece[:-1])[1][piece[-1]] for piece in self.tok.pieces])
        return self.legal

    def push(self, token_id: int) -> None:
        self.legal = None
        for base_id in self.tok.pieces[token_id]:
            self.base.push(base_id)

    @property
    def n_bars(self) -> int:
        return self.base.n_bars


def _text(ids: Iterable[int]) -> str:
    return "".join(chr(PRIVATE + i) for i in ids if i >= N_SPECIAL)
