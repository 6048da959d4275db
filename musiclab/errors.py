"""The few errors of our own, each a subclass of a built-in one, and the one way to raise them.

Every message says what was wrong, what was got and what is allowed.
"""

from importlib import import_module
from types import ModuleType


class MidiError(ValueError):
    """A MIDI file that cannot be read; the text begins with its path."""


class TokenError(ValueError):
    """Ids that a tokenizer's grammar does not allow.

    Attributes
    ----------
    position : int
        Index of the first offending id.
    word : str
        Its word.
    reason : str
        Why it may not stand there.

    Examples
    --------
    >>> TokenError(5, "Hold", "there is nothing to hold")
    TokenError('Hold at position 5: there is nothing to hold')
    """

    def __init__(self, position: int, word: str, reason: str) -> None:
        super().__init__(f"{word} at position {position}: {reason}")
        self.position, self.word, self.reason = position, word, reason


class MissingData(FileNotFoundError):
    """Data that is not on this machine; the text is the command that fetches it."""


def require(ok: bool, name: str, allowed: str, got: object) -> None:
    """Raise ``ValueError: name must be allowed, got got`` unless ``ok``.

    Examples
    --------
    >>> require(False, "top_p", "in (0, 1]", 1.5)
    Traceback (most recent call last):
    ...
    ValueError: top_p must be in (0, 1], got 1.5
    """
    if not ok:
        raise ValueError(f"{name} must be {allowed}, got {got}")


def optional(library: str, what: str, install: str) -> ModuleType:
    """Return the module of an optional library; the error, if it is not installed, is the command that installs it.

    Examples
    --------
    >>> optional("nonsense", "engraved notation", "pip install nonsense")
    Traceback (most recent call last):
    ...
    ImportError: engraved notation needs nonsense: pip install nonsense
    """
    try:
        return import_module(library)
    except ImportError as error:
        raise ImportError(f"{what} needs {library}: {install}") from error
