"""A model, its tokenizer and its card, in one folder: ``model.safetensors`` and ``config.json``.

Nothing is pickled: weights are plain tensors, the rest is text.
"""

import copy
import json
from pathlib import Path

import torch
from safetensors.torch import load_file
from safetensors.torch import save as to_bytes

from musiclab import __version__
from musiclab.datasets.cache import data_path
from musiclab.errors import MissingData, require
from musiclab.files import write_whole
from musiclab.models import Model, build_model
from musiclab.tokenizers import Tokenizer, load_tokenizer
from musiclab.training import pick_device

FORMAT = 1


def save(model: Model, tok: Tokenizer, folder: str | Path, card: dict | None = None, half: bool = False) -> Path:
    """Write a model, its tokenizer and its card into a folder and return the folder.

    Parameters
    ----------
    model : Model
    tok : Tokenizer
    folder : path
        Made if missing; what it held under these names is replaced.
    card : dict, optional
        What a user must know, ready for JSON: data, licence, seed, command, nll, ...
    half : bool
        Store weights in 16-bit floats, half the size.

    Examples
    --------
    >>> import tempfile
    >>> from musiclab.models import GRU
    >>> from musiclab.tokenizers import Chorale
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = save(GRU(len(Chorale().vocab), width=8), Chorale(), folder, card={"data": "none"})
    ...     model, tok = load_pretrained(path, device="cpu")
    >>> tok == Chorale(), model.card["data"]
    (True, 'none')
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    stored = copy.deepcopy(model).to("cpu", torch.float16 if half else torch.float32)  # counts stay whole numbers
    facts = {"format": FORMAT, "musiclab": __version__, "model": model.config, "tokenizer": tok.config}
    facts["card"] = card or {}
    write_whole(folder / "model.safetensors", to_bytes(stored.state_dict()))
    write_whole(folder / "config.json", (json.dumps(facts, indent=1, ensure_ascii=False) + "\n").encode())
    return folder


def pretrained_names() -> list[str]:
    """Return the names of the models that come with musiclab.

    Examples
    --------
    >>> "chorale-transformer" in pretrained_names()
    True
    """
    return sorted(path.parent.name for path in data_path("models").glob("*/config.json"))


def load_pretrained(name: str | Path, device: str = "auto") -> tuple[Model, Tokenizer]:
    """Return a trained model, ready to sample, with its tokenizer; it carries its card, ``model.card``, and its name.

    Parameters
    ----------
    name : str or path
        One of :func:`pretrained_names`, or a folder that :func:`save` wrote.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"mps"``.

    Raises
    ------
    MissingData
        If there is no such model.
    ValueError
        If it was written by a newer version of musiclab.

    Notes
    -----
    Notebook: 00_hello_music.
    """
    folder = Path(name)
    if not (folder / "config.json").is_file():
        folder = data_path("models", str(name))
    if not (folder / "config.json").is_file():
        raise MissingData(f"model must be a folder with config.json or one of {pretrained_names()}, got {str(name)!r}")
    facts = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    newer = f"{facts['format']}, by musiclab {facts['musiclab']} (this is {__version__}: pip install -U musiclab)"
    require(facts["format"] <= FORMAT, "checkpoint format", f"at most {FORMAT}", newer)
    model = build_model(facts["model"])
    model.load_state_dict(load_file(folder / "model.safetensors"))  # into 32 bits, whatever was stored
    model.card, model.name = facts["card"], folder.name
    return model.to(pick_device(device)).eval(), load_tokenizer(facts["tokenizer"])
