"""Models of id sequences, all with one signature: ``logits, state = model(ids, state=None)``."""

from musiclab.models.base import Model, build_model
from musiclab.models.grid import GridTransformer
from musiclab.models.relative import RelativeTransformer
from musiclab.models.rnn import GRU, LSTM
from musiclab.models.transformer import Transformer

__all__ = ["GRU", "LSTM", "GridTransformer", "Model", "RelativeTransformer", "Transformer", "build_model"]
