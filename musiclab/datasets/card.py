"""What every corpus carries beside its scores: a card that says where it comes from and what is in it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from textwrap import fill

from musiclab.pitch import key_name
from musiclab.score import Score

# What the corpus inside music21 says of itself, and where its files lie.
MUSIC21_NOTE = (
    "music21's corpus note: 'distributed with the permission of the encoders [...]. Some encodings included in the "
    "corpus may not be used for commercial uses or have other restrictions'"
)
MUSIC21_FOLDER = "the corpus in the music21 package (cuthbertlab), folder "


class Card:
    """Where a corpus comes from, on what terms, and what is in it; its repr is the card as text.

    Attributes
    ----------
    name, origin, licence : str
        The licence in the words of the source.
    sizes : dict of str to int
        Scores per split.
    bars : int
        Bars of all scores together.
    keys, metres : dict of str to int
        In how many scores a key signature or metre comes first.
    remarks : sequence of str
        What else a user must know.
    """

    def __init__(self, splits: Mapping[str, Sequence], name: str, origin: str, licence: str, remarks=()) -> None:
        self.name, self.origin, self.licence, self.remarks = name, origin, licence, remarks
        self.sizes = {split: len(items) for split, items in splits.items()}
        scores = [score for items in splits.values() for score in items if isinstance(score, Score)]
        self.bars = sum(score.n_bars for score in scores)
        self.keys = _counted(key_name(*score.keys[0][1:]) if score.keys else "not stated" for score in scores)
        self.metres = _counted("{}/{}".format(*score.time_signatures[0][1:]) for score in scores)

    def __repr__(self) -> str:
        rows = [("origin", self.origin), ("licence", self.licence), ("scores", self.sizes), ("bars", f"{self.bars:,}")]
        rows += [("keys", self.keys), ("metres", self.metres), *(("note", remark) for remark in self.remarks)]
        return "\n".join([self.name, *(_row(name, value) for name, value in rows if value not in ("0", {}))])


class Corpus:
    """Scores (or arrays) for training, validation and test, and the card that describes them; its repr is the card.

    Parameters
    ----------
    splits : mapping of "train", "valid" and "test" to scores
        They become attributes, each a tuple.
    **about
        The card's ``name``, ``origin``, ``licence`` and ``remarks``; what is in the corpus is counted.
    """

    def __init__(self, splits: Mapping[str, Sequence], **about: str | Sequence[str]) -> None:
        self.train, self.valid, self.test = (tuple(splits[name]) for name in ("train", "valid", "test"))
        self.card = Card(splits, **about)

    def __repr__(self) -> str:
        return repr(self.card)


def _counted(words: Iterable[str]) -> dict[str, int]:
    return dict(Counter(sorted(words)).most_common())


def _row(name: str, value: str | Mapping[str, int]) -> str:
    text = value if isinstance(value, str) else ", ".join(f"{key} {n}" for key, n in value.items())
    indent = {"initial_indent": f"  {name:<9}", "subsequent_indent": " " * 11}
    return fill(text, 100, break_on_hyphens=False, break_long_words=False, **indent)
