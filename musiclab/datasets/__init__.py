"""Corpora: scores in a train, valid and test split, each with a card that says where they come from."""

from musiclab.datasets.cache import data_path
from musiclab.datasets.card import Card, Corpus
from musiclab.datasets.catalog import corpora
from musiclab.datasets.chorales import load_chorales, load_example
from musiclab.datasets.folk import load_folk_tunes
from musiclab.datasets.jsb import load_jsb

__all__ = ["Card", "Corpus", "corpora", "data_path", "load_chorales", "load_example", "load_folk_tunes", "load_jsb"]
