"""The card of a corpus."""

from musiclab.datasets.card import Corpus
from musiclab.score import Score


def test_card_counts_the_scores_and_reads_as_text():
    a = Score([(0, 96, 60)], keys=[(0, -3, "minor")])
    b = Score([(0, 144, 60)], keys=[(0, 1)], time_signatures=[(0, 3, 4)])
    corpus = Corpus(
        {"train": [a, b], "valid": [a], "test": [Score([])]},
        name="Two tunes", origin="here", licence="CC0", remarks=("a remark " * 15,),
    )  # fmt: skip
    assert corpus.train == (a, b)
    assert corpus.card.sizes == {"train": 2, "valid": 1, "test": 1}
    assert corpus.card.bars == 4
    assert list(corpus.card.keys.items()) == [("C minor", 2), ("G major", 1), ("not stated", 1)]
    assert list(corpus.card.metres.items()) == [("4/4", 3), ("3/4", 1)]
    assert repr(corpus) == repr(corpus.card)
    assert repr(corpus).splitlines()[:6] == [
        "Two tunes",
        "  origin   here",
        "  licence  CC0",
        "  scores   train 2, valid 1, test 1",
        "  bars     4",
        "  keys     C minor 2, G major 1, not stated 1",
    ]
    assert max(map(len, repr(corpus).splitlines())) <= 100
