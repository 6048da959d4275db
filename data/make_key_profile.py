"""Prints the learned profile that musiclab/features/keys.py holds, fitted on the training chorales."""

import numpy as np

from musiclab.datasets import load_chorales
from musiclab.features.keys import fit_profile
from musiclab.score import Key


def stated_key(score):
    """Return the key signature's key, in the mode whose tonic the last bass note is; None if it is neither's."""
    fifths = score.keys[0].fifths
    final = int(score.notes["pitch"][score.notes["part"] == 3][-1])
    modes = [mode for mode, tonic in (("major", 7 * fifths), ("minor", 7 * fifths + 9)) if (final - tonic) % 12 == 0]
    return Key(0, fifths, modes[0]) if modes else None


if __name__ == "__main__":
    known = [(score, stated_key(score)) for score in load_chorales().train if stated_key(score)]
    for row in fit_profile(*zip(*known, strict=True)).round(2).tolist():
        print(f"        {tuple(row)},")
    print(len(known), "chorales", np.__version__)
