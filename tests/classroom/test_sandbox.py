"""The room around a student's process: what it sees, and that it ends, whoever is waiting for what."""

import time

import psutil
import pytest

from musiclab.classroom.sandbox import Limits, Room, Stopped, sandboxed

# At most 10 processes and 700 MB, which end by themselves within 20 seconds; the cell itself is over at once.
LATER = """
import os, time
if not os.fork():
    {what}
    time.sleep(20)
    os._exit(0)
"""
MANY = "for _ in range(10):\n        if not os.fork():\n            time.sleep(20)\n            os._exit(0)"
MUCH = "block = bytearray(700_000_000)\n    block[::4096] = block[::4096]"


@pytest.fixture
def room():
    if not sandboxed():
        pytest.skip("no sandbox here: apt install bubblewrap")
    room = Room(Limits(memory_mb=500, processes=6))
    room.ask("run", "")
    yield room
    room.end()


@pytest.mark.parametrize(("what", "why"), [(MANY, "more than 6 processes"), (MUCH, "more than 500 MiB")])
def test_what_goes_on_in_the_background_is_seen(room, what, why) -> None:
    family = psutil.Process(room._process.pid)
    room.ask("run", LATER.format(what=what))
    with pytest.raises(Stopped, match=why):
        for _ in range(200):
            time.sleep(0.1)
            room.ask("run", "")
    assert not family.is_running()


def test_an_ended_room_says_so(room) -> None:
    room.end()
    with pytest.raises(Stopped, match="its process ended"):
        room.ask("run", "")


def test_only_home_can_be_written_to(room) -> None:
    room.ask(
        "run",
        "open('here', 'w').write('x')\nimport os, pathlib, tempfile\nhome = os.getcwd() == str(pathlib.Path.home())",
    )
    assert room.ask("value", "home") is True
    for path in ("/x", "/usr/x", "/tmp/x", "/dev/x", "/proc/sys/kernel/hostname"):
        with pytest.raises(OSError, match="Read-only"):
            room.ask("run", f"open({path!r}, 'r+' if 'proc' in {path!r} else 'w')")


def test_errors_come_back_as_built_in_ones(room) -> None:
    with pytest.raises(ZeroDivisionError, match="division by zero"):
        room.ask("run", "1 / 0")
    with pytest.raises(RuntimeError, match="SystemExit"):
        room.ask("run", "raise SystemExit('x')")
    with pytest.raises(ValueError, match="Odd: 3"):
        room.ask("run", "class Odd(ValueError): pass\nraise Odd(3)")
    with pytest.raises(KeyError):
        room.ask("value", "nothing")
