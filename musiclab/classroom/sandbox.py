"""The room around a student's process: what it sees, how much it may take, and its one door, a line of messages."""

import builtins
import contextlib
import functools
import io
import os
import pickle
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

import psutil

from musiclab.classroom import desk

PACKAGE = Path(desk.__file__).parents[1]
# What may travel besides numbers, texts, lists and the like, which need no name.
_PLAIN = {
    "builtins": "bool bytearray complex dict float frozenset int list range set slice str tuple",
    "collections": "Counter OrderedDict defaultdict deque",
    "numpy": "dtype ndarray",
    **dict.fromkeys(("numpy._core.multiarray", "numpy.core.multiarray"), "_reconstruct scalar"),
    **dict.fromkeys(("numpy._core.numeric", "numpy.core.numeric"), "_frombuffer"),
    "musiclab.score": "Key Part Score Tempo TimeSignature",
}
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/alternatives", "/etc/fonts")
_WALLS = "bwrap --unshare-user --unshare-all --disable-userns --die-with-parent --new-session --cap-drop ALL"
_KEPT = ("MUSICLAB_CACHE", "MUSICLAB_QUICK", "OMP_NUM_THREADS", "PYTHONHASHSEED", "MPLBACKEND")


class Limits(NamedTuple):
    """How much the code of one submission may take.

    Attributes
    ----------
    cell_s, total_s : float
        Seconds for one cell, and for all of a submission.
    memory_mb : int
        MiB for one process, and for all of them together.
    processes : int
        How many at a time.
    """

    cell_s: float = 30.0
    total_s: float = 600.0
    memory_mb: int = 4096
    processes: int = 64


class Stopped(BaseException):
    """The student's process ended or was ended; no ``except Exception`` in a check may swallow it."""


class _PlainData(pickle.Unpickler):
    """Reads data, and no class or function but those of ``_PLAIN``: what a student sends cannot act here."""

    def find_class(self, module: str, name: str) -> Any:
        if name not in _PLAIN.get(module, "").split():
            raise TypeError(f"the answer must be plain data, got a thing of {module}.{name}")
        return super().find_class(module, name)


class Room:
    """A student's process in its sandbox. Whatever it does wrong ends it and raises :class:`Stopped`."""

    def __init__(self, limits: Limits) -> None:
        self._limits, self._home = limits, "/tmp/home" if sandboxed() else tempfile.mkdtemp(prefix="musiclab-")
        self._door, there = socket.socketpair()
        processes = limits.processes if sandboxed() else -1  # outside, the system would count all of the user's
        words = map(str, (there.fileno(), limits.memory_mb, int(limits.total_s), processes))
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        self._process = subprocess.Popen(
            [*walls(self._home), sys.executable, "-P", desk.__file__, *words], process_group=0,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, pass_fds=[there.fileno()],
            env=kept | {"PATH": "/usr/bin:/bin", "HOME": self._home, "USER": "student", "LANG": "C.UTF-8"},
            cwd="/" if sandboxed() else self._home,
        )  # fmt: skip
        there.close()
        self._line, self._why = Connection(os.dup(self._door.fileno())), "its process ended"
        Thread(target=self._watch, daemon=True).start()

    def ask(self, action: str, text: str, *given: Any, **named: Any) -> Any:
        """Ask the desk for something and return its answer, or raise what it raised, as a built-in error."""
        try:
            self._line.send_bytes(pickle.dumps((action, text, given, named)))
            kind, value = _PlainData(io.BytesIO(self._line.recv_bytes(desk.MOST_BYTES))).load()
        except (EOFError, OSError):
            self.end()
            raise Stopped(self._why) from None
        if kind:
            raise _error(str(kind), str(value))
        return value

    def _watch(self) -> None:
        """End the room when its process ends, or when what is in there takes too much, whoever is waiting for what."""
        root, gone = psutil.Process(self._process.pid), ""
        while self._process.poll() is None and not gone:
            time.sleep(0.1)
            with contextlib.suppress(psutil.Error):
                everyone = [root, *root.children(recursive=True)]
                if len(everyone) > self._limits.processes:
                    gone = f"it ran more than {self._limits.processes} processes"
                elif sum(process.memory_info().rss for process in everyone) > self._limits.memory_mb << 20:
                    gone = f"it used more than {self._limits.memory_mb} MiB"
        self._why = gone or self._why
        self.end()

    def end(self) -> None:
        """End everything in the room, and shut its door."""
        with contextlib.suppress(psutil.Error):
            for process in psutil.Process(self._process.pid).children(recursive=True):
                process.kill()
        self._process.kill()
        self._process.wait()
        with contextlib.suppress(OSError):
            self._door.shutdown(socket.SHUT_RDWR)  # whoever waits for an answer need not
        if not sandboxed():
            shutil.rmtree(self._home, ignore_errors=True)


def _error(kind: str, text: str) -> Exception:
    known = getattr(builtins, kind, None)
    with contextlib.suppress(TypeError):  # some take more than a text, and some are no errors
        if issubclass(known, Exception):
            return known(text)
    return RuntimeError(f"{kind}: {text}")


def walls(home: str) -> list[str]:
    """Return the command that runs another one in a sandbox, or nothing where there is none.

    Inside there is no network, no other process and no file but Python, its libraries, musiclab and its cache, all
    read-only; only ``home`` can be written to, in memory.
    """
    if not sandboxed():
        return []
    seen = [*_SYSTEM, sys.base_prefix, sys.prefix, PACKAGE, PACKAGE.parent / "data", os.environ.get("MUSICLAB_CACHE")]
    mounts = [word for path in seen if path and Path(path).exists() for word in ("--ro-bind", str(path), str(path))]
    small = f"--size {256 << 20} --tmpfs"
    # A read-only /proc: through another one, a teacher who is root would let students set the kernel's parameters.
    rest = f"--proc /proc --remount-ro /proc --dev /dev {small} /dev/shm --remount-ro /dev {small} {home}"
    return [*_WALLS.split(), *mounts, *rest.split(), "--chdir", home, "--remount-ro", "/"]


@functools.cache
def sandboxed() -> bool:
    """Return whether bubblewrap works here; warn if it does not."""
    try:
        subprocess.run([*_WALLS.split(), "--ro-bind", "/", "/", "true"], check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        reason = str(getattr(error, "stderr", "") or error).strip()
        text = "submissions run with limits on time and memory, but can use the network and read your files. On Linux: "
        warnings.warn(f"no sandbox here ({reason}): {text}apt install bubblewrap", stacklevel=2)
        return False
    return True
