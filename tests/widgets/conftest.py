"""What tests of several widgets need."""

import pytest


@pytest.fixture
def short_chunks(monkeypatch):
    """A chunk holds a few words at most, however fast the machine is."""
    monkeypatch.setattr("musiclab.widgets.draft._CHUNK_SECOND", 0.0005)
