"""musiclab: make music with deep learning, hear it, see it, and judge it."""

__version__ = "0.1.0"
