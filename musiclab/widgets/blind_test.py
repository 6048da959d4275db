"""The blind test: two excerpts of hidden origin, equally loud. Which is the human's?"""

import itertools
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import numpy as np
import traitlets

from musiclab.audio import SAMPLE_RATE, audio_bytes, render
from musiclab.errors import require
from musiclab.metrics.listening import Answer, Share, judge_share, write_ballot
from musiclab.score import Score
from musiclab.widgets.player import Player, page

LOUDNESS = 0.1  # root mean square of each excerpt, -20 dBFS: room for peaks nine times as high


class Question(NamedTuple):
    """Two excerpts in the order in which they are heard, their sources, and whether they only test attention."""

    shown: tuple[str, str]
    scores: tuple[Score, Score]
    is_catch: bool


def draw_questions(scores: Mapping[str, Sequence[Score]], human: str, catch: str = "", seed: int = 0) -> list[Question]:
    """Return a question for each score that is not the human's, and one with the same excerpt twice, in random order.

    The i-th score of a source is heard beside the i-th of the human's, which begin again when they are used up; which
    of the two comes first is drawn for each.

    Raises
    ------
    ValueError
        If there is no such source, or nothing to compare.

    Examples
    --------
    >>> tune, noise = Score([(0, 24, 60)]), Score([(0, 24, 61)])
    >>> sorted(question.is_catch for question in draw_questions({"Bach": [tune], "GRU": [noise]}, "Bach"))
    [False, True]
    """
    require(len(scores) > 1 and human in scores, "scores", f"of {human!r} and of others", list(scores))
    require(catch in ("", *scores), "catch", f"one of {list(scores)}", repr(catch))
    require(all(len(score) for some in scores.values() for score in some), "scores", "of notes", "an empty one")
    humans, rng = scores[human], np.random.default_rng(seed)
    pairs = [Question((human, human), (humans[0], humans[0]), True)]
    for name in (name for name in scores if name != human):
        pairs += [Question((human, name), two, name == catch) for two in zip(itertools.cycle(humans), scores[name])]
    drawn = zip(rng.permutation(len(pairs)), rng.choice((1, -1), len(pairs)), strict=True)
    return [Question(pairs[i].shown[::way], pairs[i].scores[::way], pairs[i].is_catch) for i, way in drawn]


class BlindTest(Player):
    """A listening test: two excerpts, A and B, at the same loudness; choose which is the human's, and so on to the end.

    Nothing in the page tells the sources before the last answer: not a title, not a note, only sound. Then come the
    result, with its interval, and all excerpts under their names, to hear again and to see. The ballot is written
    as JSON, and the page offers it for download; ``musiclab.merge_ballots`` reads those of a class. Keys: A and B to
    listen, 1 and 2 to answer.

    Parameters
    ----------
    scores : mapping of str to sequence of Score
        Excerpts by source, best of 10 to 20 seconds and with the same instruments.
    human : str
        The source that is the human's.
    catch : str
        A source that nobody who listens takes for the human's: its questions show who attends.
    seed : int
        Of the order.
    listener : str
        A name for the ballot; if none is given, an invented one, which tells nobody's.
    folder : str or Path
        Where the ballot is written.

    Attributes
    ----------
    questions : list of Question
    answers : list of Answer
        Those so far; with :meth:`answer` the test is driven without a page.
    result : Share
        Of those that are no catch trials.
    path : Path
        The ballot, once the last question is answered.

    Notes
    -----
    Notebook: 11_how_good_is_the_model.

    Examples
    --------
    >>> import tempfile
    >>> tune, noise = Score([(0, 24, 60)]), Score([(0, 24, 61)])
    >>> test = BlindTest({"Bach": [tune], "GRU": [noise]}, human="Bach", folder=tempfile.mkdtemp())
    >>> while len(test.answers) < len(test.questions):
    ...     test.answer(test.questions[len(test.answers)].shown.index("Bach"))
    >>> test.result.verdict, test.path.suffix
    ('cannot tell', '.json')
    """

    _esm = page("player", "blind")

    said = traitlets.Unicode("").tag(sync=True)
    progress, marks, told = (traitlets.List().tag(sync=True) for _ in range(3))

    def __init__(
        self, scores: Mapping[str, Sequence[Score]], human: str, catch: str = "", seed: int = 0, listener: str = "",
        folder: str | Path = ".",
    ) -> None:  # fmt: skip
        self.questions, self.answers = draw_questions(scores, human, catch, seed), []
        self.human, self.listener = human, listener or f"listener-{secrets.token_hex(3)}"
        self.path = Path(folder, f"ballot-{self.listener}.json")
        super().__init__(Score([], title=f"Which of the two is {human}'s?"))
        self._ask()

    @property
    def result(self) -> Share:
        right = [answer.is_right(self.human) for answer in self.answers if not answer.is_catch]
        return judge_share(sum(right), len(right))

    def answer(self, choice: int) -> None:
        """Answer the question with 0 or 1, the first or the second; then comes the next one, or the result."""
        done, n = len(self.answers), len(self.questions)
        require(done < n and choice in (0, 1), "choice", "0 or 1, until the test is over", choice)
        question, seconds = self.questions[done], round(perf_counter() - self._began, 1)
        self.answers.append(Answer(self.listener, question.shown, choice, seconds, question.is_catch))
        self._ask() if done + 1 < n else self._tell()

    def _ask(self) -> None:
        """Put the next question: both excerpts in one sound, and ``marks`` to say where each begins and ends."""
        waves = [render(score, synthesizer=self.synthesizer) for score in self.questions[len(self.answers)].scores]
        first, second = (wave * (LOUDNESS / np.sqrt(np.mean(wave**2))) for wave in waves)
        sound = np.concatenate([first, np.zeros(SAMPLE_RATE // 2, np.float32), second])
        with self.hold_sync():
            self.progress, self.duration = [len(self.answers), len(self.questions)], len(sound) / SAMPLE_RATE
            self.marks = [[0, len(first) / SAMPLE_RATE], [self.duration - len(second) / SAMPLE_RATE, self.duration]]
            self.audio, self.position, self.region, self._began = audio_bytes(sound), 0.0, [], perf_counter()

    def _tell(self) -> None:
        write_ballot(self.answers, self.path)
        self.told = [[*answer, answer.is_right(self.human)] for answer in self.answers]
        self.said, self.progress = f"{self.human}'s was found in {self.result!r}.", [len(self.answers)] * 2

    def _answer(self, widget, content: dict, buffers) -> None:
        super()._answer(widget, content, buffers)
        if content.get("number") == len(self.answers):  # of two pages that show the test, the first counts
            self.answer(content["choice"])
        elif content.get("ask") == "ballot":
            self.send({"file": self.path.name}, [self.path.read_bytes()])
        elif content.get("ask") == "excerpt":
            self.show(self.questions[content["i"]].scores[content["j"]])

    def __repr__(self) -> str:
        return f"BlindTest({len(self.answers)} of {len(self.questions)} answered)"

    def _draw(self, figure) -> None:
        figure.set_figheight(0.6)
        figure.text(0.01, 0.4, "A blind test: run the notebook to listen.", fontsize=12)
