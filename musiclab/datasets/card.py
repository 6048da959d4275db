"""What every corpus carries beside its scores: a card that says where it comes from and what is in it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from textwrap import fill

import numpy as np

from musiclab.pitch import key_name
from musiclab.score import Score

# What the corpus inside music21 says of itself, and where its files lie.
MUSIC21_NOTE = (
    "music21's corpus note: 'distributed with the permission of the encoders [...]. Some encodings included in the "
    "corpus may not be used for commercial uses or have other restrictions'"
)
MUSIC21_FOLDER = "the corpus in the music21 package (cuthbertlab), folder "


@dataclass(frozen=True, repr=False)
class Card:
    """Where a corpus comes from, on what terms, and what is in it; its repr is the card as text.

    Attributes
    ----------
    name, origin, licence : str
        The licence in the words of the source.
    sizes : mapping of str to int
        Scores per split.
    bars : int
        Bars of all scores together.
    keys, metres : mapping of str to int
        In how many scores a key signature or metre comes first.
    remarks : tuple of str
        What else a user must know.
    """

    name: str
    origin: str
    licence: str
    sizes: Mapping[str, int]
    bars: int
    keys: Mapping[str, int]
    metres: Mapping[str, int]
    remarks: tuple[str, ...] = ()

    def __repr__(self) -> str:
        rows = [("origin", self.origin), ("licence", self.licence), ("scores", self.sizes), ("bars", f"{self.bars:,}")]
        rows += [("keys", self.keys), ("metres", self.metres), *(("note", remark) for remark in self.remarks)]
        return "\n".join([self.name, *(_row(name, value) for name, value in rows if value not in ("0", {}))])


@dataclass(frozen=True, repr=False)
class Corpus:
    """Scores (or arrays) for training, validation and test, and the card that describes them; its repr is the card."""

    train: Sequence
    valid: Sequence
    test: Sequence
    card: Card

    def __repr__(self) -> str:
        return repr(self.card)


def corpus_of(splits: Mapping[str, Iterable[Score | np.ndarray]], **about: str | tuple[str, ...]) -> Corpus:
    """Return the corpus of these scores, its card counted from them; of arrays only the sizes are known."""
    splits = {name: tuple(split) for name, split in splits.items()}
    scores = [score for split in splits.values() for score in split if isinstance(score, Score)]
    card = Card(
        sizes={name: len(split) for name, split in splits.items()},
        bars=sum(score.n_bars for score in scores),
        keys=_most_common(key_name(*score.keys[0][1:]) if score.keys else "not stated" for score in scores),
        metres=_most_common("{}/{}".format(*score.time_signatures[0][1:]) for score in scores),
        **about,
    )
    return Corpus(**splits, card=card)


def _most_common(words: Iterable[str]) -> dict[str, int]:
    return dict(Counter(sorted(words)).most_common())


def _row(name: str, value: str | Mapping[str, int]) -> str:
    text = value if isinstance(value, str) else ", ".join(f"{key} {n}" for key, n in value.items())
    indent = {"initial_indent": f"  {name:<9}", "subsequent_indent": " " * 11}
    return fill(text, 100, break_on_hyphens=False, break_long_words=False, **indent)
