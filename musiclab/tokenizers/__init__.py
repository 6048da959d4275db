"""Tokenizers: a score to a list of integers and back, one scheme a file."""

from musiclab.tokenizers.abc_text import ABCText
from musiclab.tokenizers.base import Grammar, Tokenizer, load_tokenizer
from musiclab.tokenizers.bpe import BPE
from musiclab.tokenizers.chorale import Chorale
from musiclab.tokenizers.chorale_grid import ChoraleGrid
from musiclab.tokenizers.interop import from_miditok, to_miditok
from musiclab.tokenizers.melody import Melody
from musiclab.tokenizers.midilike import MIDILike
from musiclab.tokenizers.remi import REMI
from musiclab.tokenizers.tsd import TSD

__all__ = [
    "BPE", "REMI", "TSD", "ABCText", "Chorale", "ChoraleGrid", "Grammar", "MIDILike", "Melody", "Tokenizer",
    "from_miditok", "load_tokenizer", "to_miditok",
]  # fmt: skip
