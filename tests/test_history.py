"""Training's history: its curves, and a forecast that says how sure it is."""

import math

import numpy as np
import pytest

from musiclab.history import History, learning_rate_factor, show_live


def run(law, iters=1000, judged=20, done=None):
    """A history whose validation loss is ``law`` of the learning rate spent, up to ``done`` judgements."""
    spent = np.cumsum([learning_rate_factor(i, iters) for i in range(1, iters + 1)])
    every = iters // judged
    valid = [(i, float(law(spent[i - 1]))) for i in range(every, iters + 1, every)][: done or judged]
    best = min(valid, key=lambda pair: pair[1])
    return History(iters, train=valid, valid=valid, best_iter=best[0], best_valid=best[1])


def test_warm_up_then_cosine():
    factors = [learning_rate_factor(i, 400) for i in range(1, 401)]
    assert np.argmax(factors) == 19
    assert (np.diff(factors[20:]) < 0).all()


@pytest.mark.parametrize("p", [0.4, 1.2, 2.5])
def test_a_power_law_is_continued(p):
    whole = run(lambda x: 0.5 + 30 * (x + 5) ** -p)
    for done in (6, 10, 15):
        low, middle, high = run(lambda x: 0.5 + 30 * (x + 5) ** -p, done=done).forecast()
        assert low <= whole.best_valid <= high
        assert middle == pytest.approx(whole.best_valid, rel=0.2)


def test_the_interval_narrows_as_the_end_comes_near():
    widths = []
    for done in (5, 10, 19):
        low, _, high = run(lambda x: 0.5 + 30 * (x + 5) ** -0.9, done=done).forecast()
        widths.append(high - low)
    assert widths[0] > widths[1] > widths[2] > 0


def test_what_was_reached_stays():
    history = run(lambda x: 1 + (x / 200 - 1) ** 2, done=14)  # got worse for a while
    assert history.valid[-1][1] > history.best_valid
    assert max(history.forecast()) <= history.best_valid


def test_a_forecast_needs_four_judgements_and_a_future():
    law = lambda x: 1 + 1 / x  # noqa: E731
    assert all(math.isnan(guess) for guess in run(law, done=3).forecast())
    assert not math.isnan(run(law, done=4).forecast()[0])
    for iters in (150, 1001):
        with pytest.raises(ValueError, match=r"iters must be in 200\.\.1000, got"):
            run(law, done=4).forecast(iters)
    near, far = run(law, done=4).forecast(250), run(law, done=4).forecast()
    assert near[1] > far[1]


def test_the_plot_shows_both_curves_the_best_and_the_forecast_until_the_end():
    labels = run(lambda x: 1 + 1 / x, done=9).plot().get_legend_handles_labels()[1]
    assert [label.split(":")[0] for label in labels] == ["training batches", "validation", "best", "forecast"]
    ended = run(lambda x: 1 + 1 / x)
    assert "forecast" not in str(ended.plot().get_legend_handles_labels()[1])
    early = run(lambda x: 1 + 1 / x, done=9)
    early.stopped = True
    assert "forecast" not in str(early.plot().get_legend_handles_labels()[1])
    assert History(10).plot().get_xlim() == (0, 10)


class Shell:
    kernel = True


@pytest.fixture
def shown(monkeypatch):
    """What a notebook would be asked to show: (picture, place, whether in the same place as before)."""
    pictures = []
    monkeypatch.setattr("IPython.get_ipython", Shell)
    monkeypatch.setattr(
        "IPython.display.display", lambda picture, display_id, update: pictures.append((picture, display_id, update))
    )
    return pictures


def test_a_notebook_sees_one_picture_that_changes(shown):
    history = run(lambda x: 1 + 1 / x, done=5)
    history.seconds = 2
    assert show_live(history, show_live(history, False))
    assert [update for *_, update in shown] == [False, True]
    assert len({place for _, place, _ in shown}) == 1
    assert all(picture.data[:4] == b"\x89PNG" and picture.alt == repr(history) for picture, *_ in shown)


def test_short_runs_and_scripts_show_nothing(shown, monkeypatch):
    history = run(lambda x: 1 + 1 / x, done=5)
    assert not show_live(history, False)
    history.seconds = 2
    monkeypatch.setattr("IPython.get_ipython", lambda: None)
    assert not show_live(history, False)
    assert shown == []
