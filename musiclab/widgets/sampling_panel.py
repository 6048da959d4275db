"""The sampling panel: every knob of generating, and the notes appear as they are drawn."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import ipywidgets

from musiclab.datasets.chorales import EXAMPLES, load_example
from musiclab.files import write_whole
from musiclab.generation import stream_score
from musiclab.midi import read_midi
from musiclab.models.base import Model
from musiclab.pretrained import load_pretrained, pretrained_names
from musiclab.sampling import Sampler
from musiclab.score import Score
from musiclab.tokenizers.base import Tokenizer
from musiclab.widgets.draft import Desk, Draft
from musiclab.widgets.knobs import LOOK, ROW, Knobs, settings

LATEST = "latest"


class SamplingPanel(Desk):
    """Music by a model at the press of a button, with every knob that there is.

    *Generate* draws notes that appear as they come, *Again* does so with the next seed, *Stop* leaves them as they are.
    With one seed, turning a knob changes only what that knob changes. *Keep* gives what is in sight a letter: press
    letters to compare, and what plays goes on in the other one. A page without a kernel shows a picture.

    Parameters
    ----------
    model : Model
    tok : Tokenizer
    primer : Score, optional
        What to continue; the examples and a MIDI file of one's own can be picked too.
    sampler : Sampler, optional
        Where the knobs begin.
    n_bars : int
        Bars in all, the primer's included.
    rules : sequence of str or Rule
        As in ``stream_score``. Each can be switched off; below the roll stands what each has cost.

    Attributes
    ----------
    sampler : Sampler
        What the knobs say; set it, and they follow.
    score : Score
        What is in sight.
    history : list of (Sampler, Score)
        All that was made.
    kept : list of Score
        Those kept: A, B and so on.
    shown : ipywidgets.ToggleButtons
        Which of them is in sight, if not the latest.
    draft : Draft
        The roll.

    Notes
    -----
    Notebook: 10_control_and_streaming.

    Examples
    --------
    >>> from musiclab.models import GRU
    >>> from musiclab.tokenizers import Melody
    >>> panel = SamplingPanel(GRU(len(Melody().vocab), width=8), Melody(), n_bars=1)
    >>> score = panel.finish()
    >>> panel.keep()
    >>> panel.again()
    >>> new = panel.draft.finish()
    >>> panel.shown.value = "A"
    >>> panel.score == panel.kept[0] == score, [sampler.seed for sampler, _ in panel.history]
    (True, [0, 1])
    """

    def __init__(
        self, model: Model, tok: Tokenizer, primer: Score | None = None, sampler: Sampler | None = None,
        n_bars: int = 8, rules: Sequence = (),
    ) -> None:  # fmt: skip
        name, draft = getattr(model, "name", type(model).__name__), Draft()
        self._models, self._made_with, self.history, self._takes = {name: (model, tok)}, Sampler(), [], {LATEST: {}}
        given = {} if primer is None else {"the primer given": primer}
        self._primers = {**given, "no primer": None, **{name: load_example(name) for name in EXAMPLES}}
        names = [*dict.fromkeys([name, *pretrained_names()])]
        self._model = ipywidgets.Dropdown(options=names, description="model", **LOOK)
        self._primer = ipywidgets.Dropdown(options=[*self._primers], description="primer", **LOOK)
        self._bars = ipywidgets.IntSlider(n_bars, min=1, max=max(32, n_bars), description="bars in all", **LOOK)
        self._primer_bars = ipywidgets.IntSlider(2, min=1, max=16, description="bars of primer", **LOOK)
        self._knobs = Knobs(sampler or Sampler())
        upload = ipywidgets.FileUpload(accept=".mid,.midi", description="Primer from MIDI", layout={"width": "190px"})
        upload.observe(lambda change: self.tell(self.read_primer, *_last_file(change["new"])), "value")
        self.shown = ipywidgets.ToggleButtons(
            options=[LATEST], style={"button_width": "auto"}, layout={"display": "none"}
        )
        self.shown.observe(self._compare, "value")
        pickers = ipywidgets.Box([self._model, self._bars, self._primer, self._primer_bars], layout=ROW)
        acts = {"Generate": self.write, "Again": self.again, "Stop": draft.stop, "Keep": self.keep}
        super().__init__(draft, rules, acts, above=[pickers, self._knobs], beside=[upload, self.shown])
        draft.observe(lambda change: change["new"] or self._remember(), "running")
        ipywidgets.dlink((draft, "running"), (self.buttons["Stop"], "disabled"), lambda running: not running)
        ipywidgets.dlink((draft, "running"), (self.buttons["Keep"], "disabled"), lambda on: on or not len(self.score))

    sampler = property(lambda self: self._knobs.sampler, lambda self, sampler: setattr(self._knobs, "sampler", sampler))
    kept = property(lambda self: [take["score"] for name, take in self._takes.items() if name != LATEST])

    @property
    def primer(self) -> Score | None:
        score = self._primers[self._primer.value]
        return score and score.bars(0, self._primer_bars.value)

    def write(self) -> None:
        """Begin anew with what the knobs say; the page asks for more, or ``finish`` does."""
        name, primer, sampler, n_bars = self._model.value, self.primer, self.sampler, self._bars.value
        model, tok = self._models.setdefault(name, self._models.get(name) or load_pretrained(name))
        draws = stream_score(model, tok, primer, sampler, n_bars, rules=self._rules_on())
        self.shown.value, self._made_with, self.draft.caption = LATEST, sampler, f"{n_bars} bars by {name}"
        self.draft.start(tok, draws, primer, n_bars, title=settings(sampler), source=f"{name}: {settings(sampler)}")

    def again(self) -> None:
        """Write with the next seed."""
        self._knobs.sliders["seed"].value += 1
        self.write()

    def keep(self) -> None:
        """Give what is in sight the next letter."""
        letter, take = chr(ord("A") + len(self.kept)), self.draft.take()
        self._takes[letter] = {**take, "title": f"{letter}: {self.score.title}"}
        self.shown.options, self.shown.layout.display = [*self._takes], ""

    def _compare(self, change: dict) -> None:
        """Show one of those kept, or the latest again."""
        if change["old"] == LATEST:
            self._takes[LATEST] = self.draft.take()
        self.draft.show_take(self._takes[change["new"]])

    def read_primer(self, name: str, data: bytes) -> None:
        """Make the bytes of a MIDI file a primer, and pick it."""
        with tempfile.TemporaryDirectory() as folder:
            self._primers[name] = read_midi(write_whole(Path(folder, "primer.mid"), data))
        self._primer.options, self._primer.value = [*self._primers], name

    def _remember(self) -> None:
        if len(self.score):
            self.history.append((self._made_with, self.score))


def _last_file(value: dict | tuple) -> tuple[str, bytes]:
    """Return name and bytes of the last file uploaded: ipywidgets 7 keeps them in a dict by name, 8 in a tuple."""
    files = value.items() if isinstance(value, dict) else [(file["name"], file) for file in value]
    name, file = list(files)[-1]
    return name, bytes(file["content"])
