"""Recurrent networks: everything remembered is one hidden vector per layer."""

from __future__ import annotations

from torch import Tensor, nn

from musiclab.models.base import Dropout, Model


class GRU(Model):
    """Gated recurrent units (Cho et al. 2014) between an embedding and a linear output.

    Parameters
    ----------
    vocab_size : int
    width : int
        Size of the embedding and of each hidden layer.
    layers : int
    dropout : float in [0, 1)
        On the embedding, between layers and before the output.

    Examples
    --------
    >>> import torch
    >>> logits, state = GRU(vocab_size=10, width=16)(torch.tensor([[1, 4, 5]]))
    >>> logits.shape, state.shape
    (torch.Size([1, 3, 10]), torch.Size([1, 1, 16]))
    """

    def __init__(self, vocab_size: int, width: int = 128, layers: int = 1, dropout: float = 0.0) -> None:
        super().__init__(vocab_size=vocab_size, width=width, layers=layers, dropout=dropout)
        self.embed = nn.Embedding(vocab_size, width)
        self.cells = nn.GRU(width, width, layers, batch_first=True, dropout=dropout if layers > 1 else 0.0)
        self.drop = Dropout(dropout)
        self.out = nn.Linear(width, vocab_size)

    def forward(self, ids: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        hidden, state = self.cells(self.drop(self.embed(ids)), state)  # (B, T, D), (L, B, D)
        return self.out(self.drop(hidden)), state  # (B, T, V)
