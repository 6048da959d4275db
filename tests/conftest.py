"""What holds for all tests: no window opens, one thread computes, and the same examples are drawn each time."""

import os

from hypothesis import settings

os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # small networks gain nothing from more, and lose much on a busy machine

# No deadline: how fast this machine is today is not what is tested.
settings.register_profile("musiclab", deadline=None, derandomize=True)
settings.load_profile("musiclab")
