"""The processes that train together: one, unless a launcher started several.

``accelerate launch -m musiclab train ...`` starts one for each GPU of one machine or of many, and
``torchrun --nproc-per-node 2 -m musiclab train ... --device cpu`` two on a CPU. Each takes its share of the sequences
of every batch; sums over all make their gradients and losses those of one process with the whole batch.
"""

import os

import torch
from torch import Tensor, nn


def rank() -> int:
    """Return this process's number among those that a launcher started, 0 for the first or the only one.

    Examples
    --------
    >>> rank()
    0
    """
    return int(os.environ.get("RANK", 0)) if "LOCAL_RANK" in os.environ else 0


class Team:
    """This process among those that train together: its device, its share of the work, and sums over all.

    Parameters
    ----------
    model : Module
        Moved to the device; every process gets the first one's weights.
    device : torch.device
        Of several processes on CUDA each gets a GPU of its own.

    Raises
    ------
    ImportError
        If several processes were launched and accelerate is not installed.

    Examples
    --------
    >>> alone = Team(nn.Linear(1, 1), torch.device("cpu"))
    >>> alone.rank, alone.share([1, 2, 3]), alone.total(torch.tensor(3.0))
    (0, [1, 2, 3], tensor(3.))
    """

    def __init__(self, model: nn.Module, device: torch.device) -> None:
        self.device, self.rank, self.size = device, rank(), 1
        if "LOCAL_RANK" in os.environ and int(os.environ.get("WORLD_SIZE", 1)) > 1:
            from accelerate import Accelerator  # pip install accelerate
            from accelerate.utils import broadcast

            self._accelerator = Accelerator(cpu=device.type == "cpu")
            self.device = self._accelerator.device
            self.size = self._accelerator.num_processes
            broadcast(model.to(self.device).state_dict())
        model.to(self.device)

    def share(self, whole):
        """Return this process's part of a sequence, or of the rows of a tensor; together they are the whole."""
        return whole[self.rank :: self.size]

    def total(self, part: Tensor) -> Tensor:
        """Return the sum over all processes, the same for each of them."""
        return part if self.size == 1 else self._accelerator.reduce(part.to(self.device), "sum")

    def sum_gradients(self, model: nn.Module, loss: Tensor) -> Tensor:
        """Put the sum of all gradients in the place of each process's own, and return the sum of the losses."""
        for weights in model.parameters():
            if weights.grad is not None:
                weights.grad = self.total(weights.grad)
        return self.total(loss)
