"""What a check says: a sign, what was looked at, and in plain words what is still missing or would mend it."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, repr=False)
class Feedback:
    """What came of each promise of an exercise, or of each thing that was looked at.

    Attributes
    ----------
    rows : tuple of (sign, promise, reason)
        The sign is ``"✓"``, ``"·"`` for not written or not right yet, ``"!"`` where the answer stops with an error.
    """

    rows: tuple[tuple[str, str, str], ...]

    @classmethod
    def of(cls, findings: Sequence[tuple[str, str, str]]) -> "Feedback":
        """Return the feedback of findings: a name, what was found, and what mends it (nothing where all is well).

        Examples
        --------
        >>> Feedback.of([("loops", "few", ""), ("sound", "none", "pip install tinysoundfont")])
        ✓ loops  few
        · sound  none
            pip install tinysoundfont
        """
        width = max(len(name) for name, *_ in findings)
        return cls(tuple(("·" if mend else "✓", f"{name:{width}}  {found}", mend) for name, found, mend in findings))

    @property
    def passed(self) -> bool:
        """Whether every promise is kept."""
        return all(sign == "✓" for sign, *_ in self.rows)

    def __repr__(self) -> str:
        return "\n".join(f"{sign} {promise}" + f"\n    {reason}" * bool(reason) for sign, promise, reason in self.rows)


def in_words(kind: str, text: str) -> str:
    """Return what went wrong in words for a student, given the name of an error and what it says.

    Examples
    --------
    >>> in_words("AssertionError", "3 should become 6"), in_words("NotImplementedError", "")
    ('3 should become 6', 'not written yet')
    >>> in_words("KeyError", "'C4'")
    "your code stops: KeyError: 'C4'"
    """
    if kind == "NotImplementedError":
        return "not written yet"
    return (text or "a condition does not hold") if kind == "AssertionError" else f"your code stops: {kind}: {text}"
