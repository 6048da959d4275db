"""The Validate button: what a student presses before handing in."""

import os
from html import escape

import ipywidgets as widgets

from musiclab.classroom.validation import validate
from musiclab.errors import require


class Validate(widgets.VBox):
    """A button that runs this notebook, as it was last saved, in a fresh kernel, and lists what is still missing.

    Parameters
    ----------
    path : str, optional
        The notebook's file; the one that the button stands in, where Jupyter says which that is.
    timeout : int
        Seconds for a cell.

    Attributes
    ----------
    feedback : Feedback or None
        What the last run found.

    Raises
    ------
    ValueError
        When pressed, if the notebook's file is not known.

    Notes
    -----
    Notebook: assignments.

    Examples
    --------
    >>> Validate("a1.ipynb")
    Validate('a1.ipynb')
    """

    def __init__(self, path: str = "", timeout: int = 60) -> None:
        self.path = path or os.environ.get("JPY_SESSION_NAME", "")
        self.timeout, self.feedback, self._shown = timeout, None, widgets.HTML()
        self._button = widgets.Button(description="Validate", icon="check", button_style="primary")
        self._button.on_click(lambda _: self.run())
        super().__init__([self._button, self._shown])

    def run(self) -> None:
        """Run the notebook and show what is missing."""
        require(self.path != "", "path", "the notebook's file, as in Validate('a1.ipynb')", "nothing")
        self._button.disabled, self._shown.value = True, "Running the notebook from top to bottom ..."
        try:
            self.feedback = validate(self.path, self.timeout)
            said = repr(self.feedback) or "No check was found."
        except (ValueError, OSError) as error:
            said = str(error)
        finally:
            self._button.disabled = False
        self._shown.value = f'<pre style="white-space: pre-wrap">{escape(said)}</pre>'

    def __repr__(self) -> str:
        return f"Validate({self.path!r})"
