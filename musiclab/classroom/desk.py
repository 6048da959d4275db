"""The desk: a process of its own, in a sandbox, where a student's code runs and where no check ever comes.

It is asked to run a cell, to hand over a value, or to call a function; arguments and results travel as copies.
"""

import builtins
import ctypes
import pickle
import resource
import sys
from multiprocessing.connection import Connection
from typing import Any

MOST_BYTES = 64_000_000


def end_with_parent() -> None:
    """Let the system end this process when the one that started it ends (on Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, 9)  # PR_SET_PDEATHSIG, SIGKILL


def limit(memory_mb: int, cpu_s: int, processes: int) -> None:
    """Let the system refuse this process more than so much, for ever; -1 is no limit of ours."""
    # Addresses are not memory: libraries for GPUs map many times what they use. Who starts this counts what is used.
    most = {"AS": memory_mb << 22, "CPU": cpu_s, "NPROC": processes, "FSIZE": 256 << 20, "CORE": 0}
    for name, value in most.items():
        which = getattr(resource, f"RLIMIT_{name}")
        value = min((bound for bound in (value, resource.getrlimit(which)[1]) if bound >= 0), default=-1)
        resource.setrlimit(which, (value, value))


def new_shell() -> Any:
    """Return a quiet IPython, without history: what a notebook's kernel runs cells with."""
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell(cache_size=0)
    shell.history_manager.enabled = False
    shell.showtraceback = shell.showsyntaxerror = lambda *_, **__: None
    return shell


def run_cell(shell: Any, source: str) -> None:
    """Run a cell as a notebook does, and raise what it raises."""
    done = shell.run_cell(source, store_history=False)
    if error := done.error_before_exec or done.error_in_exec:
        raise error


def reply(shell: Any, request: bytes) -> bytes:
    """Do what is asked; return the value, or what was raised as the name of a built-in error and its text."""
    try:
        action, text, given, named = pickle.loads(request)
        value = run_cell(shell, text) if action == "run" else shell.user_ns[text]
        done = pickle.dumps(("", value(*given, **named) if action == "call" else value))
        if len(done) <= MOST_BYTES:
            return done
        raise ValueError(f"a result must take at most {MOST_BYTES:,} bytes, got {len(done):,}")
    except BaseException as error:
        kind = next(k.__name__ for k in type(error).__mro__ if vars(builtins).get(k.__name__) is k)
        own = "" if kind == type(error).__name__ else f"{type(error).__name__}: "
        return pickle.dumps((kind, f"{own}{error}"[:500]))


def main() -> None:
    end_with_parent()
    number, *limits = map(int, sys.argv[1:])
    limit(*limits)
    line, shell = Connection(number), new_shell()
    while True:
        line.send_bytes(reply(shell, line.recv_bytes()))


if __name__ == "__main__":
    main()
