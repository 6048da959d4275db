"""The examination of one submission: the teacher's cells run here, the student's in a room of their own.

A process of its own: it reads a plan from stdin and writes a line of JSON, [role, name, why], for each check (without
a why if it is passed) and for each other cell that went wrong. What the student made is called through the room's door.
So no check ever enters the room, and nothing in there can change how a check runs.
"""

import json
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from symtable import symtable

from musiclab.classroom.desk import end_with_parent, limit, new_shell, run_cell
from musiclab.classroom.sandbox import Limits, Room, Stopped
from musiclab.feedback import in_words


class Examination:
    """A walk through a plan. After a death it is made again in a new room, without the cell that was guilty."""

    def __init__(self, plan: list[dict], limits: Limits, tell: Callable[[str, str, str], None]) -> None:
        self.plan, self.limits, self.tell = plan, limits, tell
        self.shell, self.names, self.guilty = new_shell(), set(), set()
        signal.signal(signal.SIGALRM, self._ring)

    def _ring(self, *_: object) -> None:
        raise Stopped(f"it ran for more than {self.limits.cell_s:g} s")

    def run(self) -> None:
        self.restore(0)
        for number in range(len(self.plan)):
            if not self.step(number):
                self.restore(number + 1)
        self.room.end()

    def restore(self, stop: int) -> None:
        """Open a new room and lead it to where the cells before ``stop`` lead, without checks and guilty ones."""
        self.room = Room(self.limits)
        self.room.ask("run", "")  # it has started: from here on a cell's time is the cell's
        cells = (n for n in range(stop) if self.plan[n]["role"] != "check" and n not in self.guilty)
        if not all(map(self.step, cells)):
            self.restore(stop)

    def step(self, number: int) -> bool:
        """Run a cell and tell how it went; return whether the room has survived it."""
        role, name, source, texts = self.plan[number].values()
        if role == "answer":
            self.names |= bound_names(self.shell.transform_cell(source))
        error = self.attempt(self.run_here, source) if role in ("given", "check") else None
        for text in texts:
            error = error if isinstance(error, Stopped) else self.attempt(self.room.ask, "run", text) or error
        if error or role == "check":
            self.tell(role, name or f"{role} cell", why(error) if error else "")
        if isinstance(error, Stopped):
            self.guilty.add(number)
            self.room.end()
        return not isinstance(error, Stopped)

    def attempt(self, do: Callable, *given: str) -> BaseException | None:
        """Do something within the time for a cell, and return what it raised."""
        try:
            signal.setitimer(signal.ITIMER_REAL, self.limits.cell_s)
            do(*given)
        except (Exception, Stopped) as error:
            return error
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)

    def run_here(self, source: str) -> None:
        """Run the teacher's text; the answers' names stand for what the student's code has made of them so far."""
        for name in self.names:
            self.shell.user_ns.pop(name, None)
            try:
                self.shell.user_ns[name] = self.room.ask("value", name)
            except KeyError:  # the student's code has no such name
                continue
            except Exception:  # a function, most likely
                self.shell.user_ns[name] = partial(self.room.ask, "call", name)
        run_cell(self.shell, source)


def bound_names(source: str) -> set[str]:
    """Return the names that a cell's own lines bind, those of what it imports left out.

    Examples
    --------
    >>> sorted(bound_names("n = 3\\ndef double(x):\\n    y = 2 * x\\n    return y"))
    ['double', 'n']
    """
    symbols = symtable(source, "the answer", "exec").get_symbols()
    return {symbol.get_name() for symbol in symbols if symbol.is_assigned() and not symbol.is_imported()}


def why(error: BaseException) -> str:
    """Return what went wrong in words for a student."""
    stopped = isinstance(error, Stopped)
    return (f"your code was stopped: {error}" if stopped else in_words(type(error).__name__, str(error)))[:500]


def main() -> None:
    end_with_parent()
    given = json.load(sys.stdin)
    report = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what the teacher's own cells print is no report
    limits = Limits(*given["limits"])
    limit(limits.memory_mb, int(limits.total_s), -1)
    Examination(given["plan"], limits, lambda *found: print(json.dumps(found), file=report, flush=True)).run()


if __name__ == "__main__":
    main()
