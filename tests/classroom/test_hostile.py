"""Hostile submissions: each gets what was earned, the batch goes on, and neither process nor file is left over.

Safe by itself, whatever the marking does: nothing here forks more than 100 times or takes more than 1.5 GB, what is
started ends by itself within a minute, and cases of forks and memory are tried in the sandbox only.
"""

import base64
import contextlib
import csv
import io
import os
import socket
import textwrap
import threading
import zipfile
from pathlib import Path

import psutil
import pytest

from musiclab.classroom.grading import grade
from musiclab.classroom.sandbox import Limits, sandboxed
from tests.classroom.conftest import TWICE, code, handed_in, write

LIMITS = Limits(cell_s=6, total_s=60, memory_mb=1200, processes=40)
MARK = "musiclab_hostile_test"  # in the name of whatever a hostile submission writes or starts

# What is earned with what stands in place of the first answer, worth 2 points; the second answer, worth 1, is right.
# None: it breaks its own process, which may cost the second answer too, and must not earn the first. {RIGHT} stands for
# a right answer; {MARK}, {HERE} and {PORT} for what the test knows.
ANSWERS = {
    "an infinite loop": (
        1,
        """
        while True: pass
        """,
    ),
    "an infinite loop in the function": (
        1,
        """
        def twice(x):
            while True: pass
        """,
    ),
    "a loop that swallows interrupts": (
        1,
        """
        while True:
            try:
                while True: pass
            except BaseException: pass
        """,
    ),
    "a loop in C": (
        1,
        """
        sum(iter(int, 1))
        """,
    ),
    "os._exit": (
        1,
        """
        import os; os._exit(0)
        """,
    ),
    "os._exit in the function": (
        1,
        """
        import os
        def twice(x):
            os._exit(0)
        """,
    ),
    "sys.exit": (
        1,
        """
        import sys; sys.exit(0)
        """,
    ),
    "a segfault": (
        1,
        """
        import ctypes; ctypes.string_at(0)
        """,
    ),
    "kill -9 of oneself": (
        1,
        """
        import os; os.kill(os.getpid(), 9)
        """,
    ),
    "kill of everybody": (
        1,
        """
        import os
        with __import__('contextlib').suppress(OSError):
            os.kill(-1, 9)
        """,
    ),
    "an exit later on": (
        1,
        """
        import os, threading, time
        def twice(x): return 2 * x
        def die():
            time.sleep(.05); os._exit(1)
        threading.Thread(target=die, daemon=True).start()
        time.sleep(1)
        """,
    ),
    "signals ignored": (
        1,
        """
        import signal
        for s in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}: signal.signal(s, signal.SIG_IGN)
        while True: pass
        """,
    ),
    "input": (
        1,
        """
        twice = int(input())
        """,
    ),
    "an error that does not print": (
        1,
        """
        class Bad(Exception):
            def __str__(self): raise Bad
        def twice(x): raise Bad
        """,
    ),
    "an error that prints for ever": (
        1,
        """
        class Bad(Exception):
            def __str__(self):
                while True: pass
        def twice(x): raise Bad
        """,
    ),
    "deep recursion": (
        1,
        """
        import sys; sys.setrecursionlimit(10**9)
        def twice(x): return twice(x)
        """,
    ),
    "100 MB of output": (
        3,
        """
        {RIGHT}
        for _ in range(100): print('x' * 10**6)
        """,
    ),
    "100 MB of output past Python": (
        3,
        """
        {RIGHT}
        import os
        for _ in range(100): os.write(2, b'x' * 10**6)
        """,
    ),
    "a huge result": (
        1,
        """
        def twice(x): return 'x' * 10**8
        """,
    ),
    "a result that unfolds": (
        1,
        """
        def twice(x):
            a = [0] * 10
            for _ in range(9): a = [a] * 10
            return a
        """,
    ),
    "orphans": (
        3,
        """
        {RIGHT}
        import subprocess
        subprocess.Popen(['sh', '-c', 'sleep 55; : {MARK}'], start_new_session=True)
        """,
    ),
    "patched builtins": (
        0,
        """
        import builtins
        builtins.isinstance = lambda *_: True
        builtins.AssertionError = builtins.type = type('T', (int,), {})
        """,
    ),
    "a patched exec": (
        None,
        """
        import builtins
        builtins.exec = builtins.eval = lambda *_, **__: True
        """,
    ),
    "an AST transformer": (
        1,
        """
        import ast
        class Drop(ast.NodeTransformer):
            def visit_Assert(self, node): return ast.Pass()
        get_ipython().ast_transformers.append(Drop())
        """,
    ),
    "an input transformer": (
        1,
        """
        get_ipython().input_transformers_cleanup.append(lambda lines: [l.replace('assert', '') for l in lines])
        """,
    ),
    "fake modules": (
        1,
        """
        import sys, types, math
        math.isclose = lambda *_, **__: True
        sys.modules['math'] = types.ModuleType('math')
        def half(x): return 0
        """,
    ),
    "an object that equals everything": (
        1,
        """
        class Any(int):
            __eq__ = lambda *_: True
            __hash__ = int.__hash__
        def twice(x): return Any()
        """,
    ),
    "the check's text": (
        1,
        """
        import gc, inspect
        found = [o for o in gc.get_objects() if isinstance(o, str) and 'below zero' in o]
        frames = [f.f_locals for f in __import__('sys')._current_frames().values()]
        def twice(x): return 2 * x if found or 'below zero' in str(frames) else x
        """,
    ),
    "forged messages": (
        None,
        """
        import os, pickle, struct
        class Evil:
            def __reduce__(self): return os.system, ('touch /tmp/{MARK}',)
        for reply in (pickle.dumps(('', Evil())), pickle.dumps(('', 6)), b'nonsense'):
            for fd in range(3, 64):
                try:
                    os.write(fd, struct.pack('!i', len(reply)) + reply)
                except OSError: pass
        """,
    ),
    "a message without an end": (
        None,
        """
        import os, struct
        for fd in range(3, 64):
            try: os.write(fd, struct.pack('!i', 10**6))
            except OSError: pass
        while True: pass
        """,
    ),
    "null bytes": (
        1,
        """
        def twice(x): return '\0'
        """,
    ),
    "half a letter": (
        1,
        """
        def twice(x): return '\ud800'
        """,
    ),
    "names of all the world": (
        3,
        """
        def twice(été):
            数 = été
            return 数 + 数
        """,
    ),
    "magics": (
        1,
        """
        %%script false
        def twice(x): return 2 * x
        """,
    ),
    "a patched line": (
        None,
        """
        import musiclab.classroom.desk as d, pickle
        d.reply = pickle.dumps = lambda *_: b''
        """,
    ),
}  # fmt: skip
SANDBOX_ONLY = {
    "memory": (
        1,
        """
        x = bytearray(2 * 10**9); x[::4096] = x[::4096]
        """,
    ),
    "memory in many processes": (
        1,
        """
        import os, time
        for _ in range(8):
            if not os.fork():
                x = bytearray(180_000_000); x[::4096] = x[::4096]
                time.sleep(20); os._exit(0)
        time.sleep(20)
        """,
    ),
    "a full disk": (
        3,
        """
        {RIGHT}
        block = bytes(10**7)
        with __import__('contextlib').suppress(OSError):
            for i in range(60): open(f'{i}', 'wb').write(block)
        """,
    ),
    "100 forks": (
        1,
        """
        import os, time
        for _ in range(100):
            if not os.fork():
                time.sleep(20); os._exit(0)
        time.sleep(20)
        """,
    ),
    "writing outside": (
        1,
        """
        import pathlib, sys
        targets = ['/', '/usr', '/etc', '/dev', '/tmp', sys.prefix, '{HERE}', '/var/tmp']
        for t in targets:
            try: pathlib.Path(t, '{MARK}').write_text('x')
            except OSError: pass
        """,
    ),
    "settings of the system": (
        1,
        """
        import os
        opened = []
        for root, _, names in os.walk('/proc'):
            if root.startswith('/proc/sys') or root == '/proc':
                for name in names:
                    try: opened.append(os.close(os.open(f'{root}/{name}', os.O_WRONLY)))
                    except OSError: pass
        def twice(x): return 2 * x if opened else x
        """,
    ),
    "reading the key": (
        1,
        """
        import os, musiclab
        seen = [name for root in ('{HERE}', musiclab.__path__[0] + '/..') for _, _, names in os.walk(root)
            for name in names if name.endswith('.ipynb')]
        def twice(x): return 2 * x if seen else x
        """,
    ),
    "reading others by their process": (
        1,
        """
        import glob
        seen = [open(p, 'rb').read() for p in glob.glob('/proc/[0-9]*/cmdline')]
        def twice(x): return 2 * x if any(b'examination' in s for s in seen) else x
        """,
    ),
    "the network": (
        1,
        """
        import socket
        def reach():
            with socket.create_connection(('127.0.0.1', {PORT}), 2) as s: s.send(b'x')
        try:
            reach()
        except OSError: pass
        def twice(x): return x
        """,
    ),
}  # fmt: skip


def files(folder: Path, key: Path) -> dict[str, float]:
    """Write what is hostile as a file, not as code, and return what each is worth."""
    made = {}

    def hand_in(name: str, worth: float, submission: dict | None = None, text: str | None = None) -> None:
        made[name] = worth
        if submission is not None:
            write(folder / name / "source.ipynb", submission)
        elif text is not None:
            (folder / f"{name}.ipynb").write_text(text)

    hand_in("malformed JSON", 0, text='{"cells": [')
    hand_in("nested too deep", 0, text="[" * 10**6)
    hand_in("a giant", 0, text='{"cells": [], "x": "' + "x" * 21_000_000 + '"}')
    hand_in("an empty file", 0, text="")
    hand_in("wrong types", 0, text='{"cells": [{"cell_type": 1, "source": [1], "metadata": []}]}')
    hand_in("a link to the key", 0)
    (folder / "a link to the key.ipynb").symlink_to(key)
    hand_in("a folder that is a link", 0)
    (folder / "a folder that is a link").symlink_to(key.parent)
    hand_in("a link in a folder", 0)
    (folder / "a link in a folder").mkdir()
    (folder / "a link in a folder" / "source.ipynb").symlink_to(key)
    hand_in("a pipe", 0)
    os.mkfifo(folder / "a pipe.ipynb")
    hand_in("an empty folder", 0)
    (folder / "an empty folder").mkdir()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("bomb", bytes(200_000_000))
    hand_in("a zip.zip", 0)
    (folder / "a zip.zip").write_bytes(packed.getvalue())
    attached = handed_in()
    text = {"cell_type": "markdown", "metadata": {}, "source": "![](attachment:a.zip)", "id": "bomb"}
    attached["cells"].append(
        text | {"attachments": {"a.zip": {"application/zip": base64.b64encode(packed.getvalue()).decode()}}}
    )
    hand_in("a bomb attached", 3, attached)
    for name, kernel in (("a kernel of its own", {"name": "nonsense"}), ("a kernel that is a number", 3)):
        strange = handed_in()
        strange["metadata"]["kernelspec"] = kernel
        hand_in(name, 3, strange)
    listed = handed_in()
    listed["cells"][1]["metadata"]["nbgrader"]["grade_id"] = ["twice"]
    hand_in("a name that is a list", 1, listed)
    hand_in("Zoë Müller 音楽 \u202e🎵 'quoted' & <b>", 3, handed_in())
    hand_in("=HYPERLINK(1)", 3, handed_in())
    hand_in("x" * 240, 3, handed_in())
    many = handed_in()
    many["cells"] += [code("a = 1") for _ in range(500)]
    hand_in("500 cells more", 3, many)
    return made


def grade_all(
    folder: Path, answers: dict, make_files: bool = False, port: int = 0
) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Hand everything in, grade it, and return the points got and those earned."""
    key = write(folder / "key" / "source.ipynb", handed_in())
    inbox = folder / "in"
    inbox.mkdir()
    earned = files(inbox, key) if make_files else {}
    known = {"{RIGHT}": TWICE, "{MARK}": MARK, "{HERE}": str(folder), "{PORT}": str(port)}
    for name, (worth, answer) in answers.items():
        answer = textwrap.dedent(answer).strip()
        for word, text in known.items():
            answer = answer.replace(word, text)
        write(inbox / name / "source.ipynb", handed_in(twice=answer))
        earned[name] = worth
    write(inbox / "zz the last one is honest.ipynb", handed_in())
    earned["zz the last one is honest"] = 3
    table = grade(inbox, key, folder / "out" / "grades.csv", jobs=2, limits=LIMITS)
    with table.open(newline="", encoding="utf-8") as lines:
        got = {
            row["student"].removeprefix("'"): [float(row["doubles"]), float(row["halves"])]
            for row in csv.DictReader(lines)
        }
    return got, earned


def assert_earned(got: dict[str, list[float]], earned: dict[str, float | None]) -> None:
    assert got.keys() == earned.keys()
    wrong = {
        name: (got[name], worth) for name, worth in earned.items() if worth is not None and sum(got[name]) != worth
    }
    assert not wrong
    assert not [name for name, worth in earned.items() if worth is None and got[name][0]]  # no point for a forgery


def assert_nothing_left(folder: Path) -> None:
    mine = [p for p in psutil.process_iter(["cmdline"]) if MARK in " ".join(p.info["cmdline"] or [])]
    assert not mine
    for place in (folder, Path("/tmp"), Path("/dev/shm"), Path("/"), Path("/var/tmp"), Path("/usr"), Path("/etc")):
        assert not (place / MARK).exists()
    assert not list(Path("/tmp").glob("musiclab-*"))


@pytest.mark.slow
def test_each_gets_what_was_earned(tmp_path: Path) -> None:
    calls = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=listen, args=(server, calls), daemon=True).start()
        answers = ANSWERS | (SANDBOX_ONLY if sandboxed() else {})
        got, earned = grade_all(tmp_path, answers, make_files=True, port=server.getsockname()[1])
    assert len(earned) >= 25
    assert_earned(got, earned)
    assert_nothing_left(tmp_path)
    assert not calls


def listen(server: socket.socket, calls: list) -> None:
    with contextlib.suppress(OSError):
        while True:
            calls.append(server.accept())


FEW = (
    "os._exit in the function", "an object that equals everything", "an AST transformer", "fake modules", "orphans",
    "forged messages",
)  # fmt: skip


def test_a_few_hostile_ones(tmp_path: Path) -> None:
    if not sandboxed():
        pytest.skip("no sandbox here: apt install bubblewrap")
    got, earned = grade_all(tmp_path, {name: ANSWERS[name] for name in FEW})
    assert_earned(got, earned)
    assert_nothing_left(tmp_path)
