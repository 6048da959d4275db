"""Tokenizers: a score to a list of integers and back, one scheme a file."""

from musiclab.tokenizers.base import Grammar, Tokenizer, load_tokenizer
from musiclab.tokenizers.chorale import Chorale

__all__ = ["Chorale", "Grammar", "Tokenizer", "load_tokenizer"]
