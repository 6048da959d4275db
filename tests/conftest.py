"""What holds for all tests: no window opens, and the same examples are drawn each time."""

import os

from hypothesis import settings

os.environ.setdefault("MPLBACKEND", "Agg")

# No deadline: how fast this machine is today is not what is tested.
settings.register_profile("musiclab", deadline=None, derandomize=True)
settings.load_profile("musiclab")
