"""Make data/examples: the note tables of two chorales, as ``load_chorales`` has them.

python data/make_examples.py
"""

import json
from dataclasses import replace

from musiclab.datasets.cache import data_path, describe
from musiclab.datasets.chorales import EXAMPLES, load_chorales

TITLES = ("Befiehl du deine Wege", "Schaut hin, dort liegt im finstern Stall")


def main() -> None:
    scores = {score.title: score for score in load_chorales().test}
    for name, title in zip(EXAMPLES, TITLES, strict=True):
        number = name.replace("bwv", "BWV ")
        score = replace(
            scores[number],
            title=f"{title}, {number}",
            source=f"J. S. Bach; note table from music21 corpus, bach/{name}.mxl",
        )
        rows = ",\n  ".join(json.dumps(row) for row in score.notes.tolist())
        about = ",\n ".join(f'"{key}": {json.dumps(value)}' for key, value in describe(score).items())
        data_path("examples", f"{name}.json").write_text(f'{{\n {about},\n "notes": [\n  {rows}\n ]\n}}\n')


if __name__ == "__main__":
    main()
