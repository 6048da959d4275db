"""What a check says to a student: a sign, a promise, and in plain words what is still missing."""

from dataclasses import dataclass


@dataclass(frozen=True, repr=False)
class Feedback:
    """What came of each promise of an exercise; its text says in plain words what is still missing.

    Attributes
    ----------
    rows : tuple of (sign, promise, reason)
        The sign is ``"✓"``, ``"·"`` for not written or not right yet, ``"!"`` where the answer stops with an error.
    """

    rows: tuple[tuple[str, str, str], ...]

    @property
    def passed(self) -> bool:
        """Whether every promise is kept."""
        return all(sign == "✓" for sign, _, _ in self.rows)

    def __repr__(self) -> str:
        return "\n".join(
            f"{sign} {promise}{reason and chr(10) + '    ' + reason}" for sign, promise, reason in self.rows
        )
