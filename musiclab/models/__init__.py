"""Models of id sequences, all with one signature: ``logits, state = model(ids, state=None)``."""

from musiclab.models.base import Model, build_model
from musiclab.models.grid import GridGRU, GridTransformer
from musiclab.models.mixture import Mixture
from musiclab.models.ngram import NGram, RelativeNGram
from musiclab.models.relative import RelativeTransformer
from musiclab.models.rnn import GRU, LSTM
from musiclab.models.transformer import Transformer

__all__ = [
    "GRU", "LSTM", "GridGRU", "GridTransformer", "Mixture", "Model", "NGram", "RelativeNGram", "RelativeTransformer",
    "Transformer", "build_model",
]  # fmt: skip
