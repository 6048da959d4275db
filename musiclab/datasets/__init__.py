"""Corpora: scores in a train, valid and test split, each with a card that says where they come from."""

from musiclab.datasets.cache import data_path
from musiclab.datasets.card import Card, Corpus
from musiclab.datasets.chorales import load_chorales

__all__ = ["Card", "Corpus", "data_path", "load_chorales"]
