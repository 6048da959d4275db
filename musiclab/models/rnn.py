"""Recurrent networks: everything remembered is one hidden vector per layer, two in an LSTM."""

from typing import Any, ClassVar

from torch import Tensor, nn

from musiclab.models.base import Dropout, Model


class Recurrent:
    """What GRU and LSTM share: cells between an embedding and a linear output; not a model by itself."""

    kind: ClassVar[type[nn.RNNBase]]

    def __init__(self, vocab_size: int, width: int = 128, layers: int = 1, dropout: float = 0.0) -> None:
        super().__init__(vocab_size=vocab_size, width=width, layers=layers, dropout=dropout)
        self.embed = nn.Embedding(vocab_size, width)
        self.cells = self.kind(width, width, layers, batch_first=True, dropout=dropout if layers > 1 else 0.0)
        self.drop = Dropout(dropout)
        self.out = nn.Linear(width, vocab_size)

    def forward(self, ids: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        hidden, state = self.cells(self.drop(self.embed(ids)), state)  # (B, T, D), state (L, B, D)
        return self.out(self.drop(hidden)), state  # (B, T, V)


class GRU(Recurrent, Model):
    """Gated recurrent units (Cho et al. 2014) between an embedding and a linear output.

    Parameters
    ----------
    vocab_size : int
    width : int
        Size of the embedding and of each hidden layer.
    layers : int
    dropout : float in [0, 1)
        On the embedding, between layers and before the output.

    Notes
    -----
    Notebook: 04_recurrent_composer.

    Examples
    --------
    >>> import torch
    >>> logits, state = GRU(vocab_size=10, width=16)(torch.tensor([[1, 4, 5]]))
    >>> logits.shape, state.shape
    (torch.Size([1, 3, 10]), torch.Size([1, 1, 16]))
    """

    kind = nn.GRU


class LSTM(Recurrent, Model):
    """Long short-term memory (Hochreiter and Schmidhuber 1997; Gers et al. 2000 for the forget gate).

    Beside the hidden vector it carries a second one, the cell, which its gates may leave alone for as long as they
    like: ``state`` is the pair (hidden, cell).

    Parameters
    ----------
    vocab_size, width, layers, dropout
        As for :class:`GRU`.

    Notes
    -----
    Notebook: 04_recurrent_composer.

    Examples
    --------
    >>> import torch
    >>> logits, (hidden, cell) = LSTM(vocab_size=10, width=16)(torch.tensor([[1, 4, 5]]))
    >>> logits.shape, hidden.shape, cell.shape
    (torch.Size([1, 3, 10]), torch.Size([1, 1, 16]), torch.Size([1, 1, 16]))
    """

    kind = nn.LSTM
