"""Models of id sequences, all with one signature: ``logits, state = model(ids, state=None)``."""

from musiclab.models.base import Mixture, Model, build_model
from musiclab.models.grid import GridGRU, GridTransformer
from musiclab.models.ngram import NGram, RelativeNGram
from musiclab.models.rnn import GRU, LSTM
from musiclab.models.transformer import RelativeTransformer, Transformer

__all__ = [
    "GRU", "LSTM", "GridGRU", "GridTransformer", "Mixture", "Model", "NGram", "RelativeNGram", "RelativeTransformer",
    "Transformer", "build_model",
]  # fmt: skip
