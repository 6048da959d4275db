"""Training: it learns, it stops, it resumes exactly, and it can be interrupted."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from musiclab import training
from musiclab.models import GRU
from musiclab.training import _Batches, fit, token_nll

DATA = [[1, *([4 + i % 3, 8, 9] * 6), 2] for i in range(12)]


def small(seed=0):
    torch.manual_seed(seed)
    return GRU(12, width=16, dropout=0.1)


def test_learns_and_keeps_the_best_weights():
    model = small()
    history = fit(model, DATA, DATA[:3], iters=120, batch_ids=128, lr=1e-2, device="cpu")
    judged = np.concatenate(token_nll(model, DATA[:3])).mean()
    assert judged == pytest.approx(history.best_valid, abs=1e-5)
    assert judged < 0.4 < 2 < history.valid[0][1]
    assert not model.training


def test_the_same_seed_gives_the_same_weights_and_leaves_the_global_seed_alone():
    torch.manual_seed(5)
    expected = torch.rand(1)
    models = []
    for seed in (1, 1, 2):
        models.append(small())
        torch.manual_seed(5)
        fit(models[-1], DATA, iters=10, seed=seed, device="cpu")
        assert torch.rand(1) == expected
    a, b, c = (m.out.weight for m in models)
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


def test_stops_early_when_validation_gets_no_better():
    history = fit(small(), DATA, [[1, 7, 3, 7, 2]], iters=400, lr=2e-2, patience=3, device="cpu")
    assert history.done < 400 and history.stopped
    assert history.done - history.best_iter == 3 * 20


def test_resume_after_kill_is_bit_exact(tmp_path):
    script = tmp_path / "train.py"
    script.write_text(
        "import sys, torch\n"
        "from musiclab.models import GRU\nfrom musiclab.training import fit\n"
        f"data = {DATA!r}\n"
        "torch.manual_seed(0)\nmodel = GRU(12, width=16, dropout=0.1)\n"
        "fit(model, data, data[:2], iters=600, batch_ids=128, checkpoint=sys.argv[1], device='cpu')\n"
        "torch.save(model.state_dict(), sys.argv[2])\n"
    )

    def start(name):
        command = [sys.executable, str(script), str(tmp_path / f"{name}.ckpt"), str(tmp_path / f"{name}.pt")]
        return subprocess.Popen(command, stderr=subprocess.DEVNULL)

    killed = start("killed")
    while not (tmp_path / "killed.ckpt").exists():
        assert killed.poll() is None
        time.sleep(0.02)
    os.kill(killed.pid, signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    assert not (tmp_path / "killed.pt").exists()
    assert start("killed").wait() == 0
    assert start("whole").wait() == 0
    a, b = (torch.load(tmp_path / f"{name}.pt", weights_only=True) for name in ("killed", "whole"))
    assert all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.slow
def test_two_processes_train_as_one(tmp_path):
    script = tmp_path / "train.py"
    script.write_text(
        "import json, os, sys, torch\n"
        "from musiclab import training\nfrom musiclab.models import GRU\n"
        f"data = {DATA!r} + [[1, *[4, 8, 9] * 60, 2]]\n"  # the last is a batch of its own, which cannot be shared
        "rank = int(os.environ.get('RANK', 0))\n"
        "torch.manual_seed(rank)\nmodel = GRU(12, width=16)\n"
        "save = training._Run.save\n"
        "training._Run.save = lambda *args: (open(f'{sys.argv[2]}.{rank}', 'w'), save(*args))\n"
        "h = training.fit(model, data, data[:3], iters=40, batch_ids=64, checkpoint=sys.argv[1], device='cpu')\n"
        "facts = [h.train, h.valid, model.out.weight.tolist()]\n"
        "json.dump(facts, open(f'{sys.argv[1]}.{rank}.json', 'w'))\n"
    )
    launch = {"one": [], "two": ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]}
    for name, launcher in launch.items():
        command = [sys.executable, *launcher, str(script), str(tmp_path / name), str(tmp_path / f"saved-{name}")]
        done = subprocess.run(command, stderr=subprocess.PIPE, text=True)
        assert done.returncode == 0, done.stderr[-2000:]
        assert done.stderr.count("0/40 [00:00<?, ?it/s]") == 1  # one bar
    assert sorted(path.name for path in tmp_path.glob("saved*")) == ["saved-one.0", "saved-two.0"]
    one, first, second = (json.loads((tmp_path / f"{n}.json").read_text()) for n in ("one.0", "two.0", "two.1"))
    assert first == second
    for a, b in zip(one, first, strict=True):
        assert np.allclose(a, b, atol=1e-4, rtol=0)


def test_a_checkpoint_of_another_run_is_refused(tmp_path):
    fit(small(), DATA, iters=5, checkpoint=tmp_path / "c", device="cpu")
    with pytest.raises(ValueError, match="the checkpoint's seed must be 1"):
        fit(small(), DATA, iters=5, seed=1, checkpoint=tmp_path / "c", device="cpu")


def test_resuming_an_early_stop_stays_stopped(tmp_path):
    settings = {"iters": 400, "lr": 2e-2, "patience": 3, "device": "cpu", "checkpoint": tmp_path / "c"}
    first = fit(small(), DATA, [[1, 7, 3, 7, 2]], **settings)
    again = fit(small(), DATA, [[1, 7, 3, 7, 2]], **settings)
    assert again.train == first.train and again.stopped


def test_other_data_or_iterations_are_refused(tmp_path):
    fit(small(), DATA, iters=5, checkpoint=tmp_path / "c", device="cpu")
    with pytest.raises(ValueError, match=r"the checkpoint's data must be .*or delete"):
        fit(small(), DATA[:5], iters=5, checkpoint=tmp_path / "c", device="cpu")
    for length in ({"iters": 9}, {"budget": "9s"}):
        with pytest.raises(ValueError, match=r"the checkpoint's iters must be .* or delete .* to begin anew, got 5"):
            fit(small(), DATA, **length, checkpoint=tmp_path / "c", device="cpu")


class Clock:
    """A clock that each iteration and each judgement moves on; a busy machine makes iterations ten times as slow."""

    def __init__(self, monkeypatch, validation=0.5):
        self.now, self.slow, self.rates, self.times = 100.0, 1, [], []
        step, mean_nll = training._Run.step, training._mean_nll

        def timed_step(run, i, iters):
            self.now += 0.05 * self.slow
            loss = step(run, i, iters)
            self.rates.append(run.optimizer.param_groups[0]["lr"] / 2e-3)
            self.times.append(self.now - 100)
            return loss

        def timed_nll(*given):
            self.now += validation
            return mean_nll(*given)

        monkeypatch.setattr(training._Run, "step", timed_step)
        monkeypatch.setattr(training, "_mean_nll", timed_nll)
        monkeypatch.setattr("time.monotonic", lambda: self.now)


@pytest.mark.parametrize("busy", [0, 40, 200], ids=["never", "from the 40th iteration", "from the 200th"])
def test_a_budget_is_kept_and_the_schedule_ends_with_it_however_busy_the_machine(monkeypatch, busy):
    clock = Clock(monkeypatch)

    def timed(run, i, iters, step=training._Run.step):
        clock.slow = 10 if busy and i > busy else 1
        return step(run, i, iters)

    monkeypatch.setattr(training._Run, "step", timed)
    history = fit(small(), DATA, DATA[:2], budget="30s", patience=99, device="cpu")
    assert 30 <= clock.now - 100 <= 30 + 0.5 + 0.5  # an iteration and a judgement may have begun before the end
    assert history.done == history.iters == len(clock.rates)
    assert 15 <= len(history.valid) <= 21
    assert max(clock.rates) > 0.9 and clock.rates[-1] < 0.08
    assert clock.times[np.argmax(clock.rates)] < 30 / 4
    assert 0.4 < np.interp(15, clock.times, clock.rates) < 0.62  # half the time, half the way down


def test_a_slow_judgement_leaves_time_to_train(monkeypatch):
    clock = Clock(monkeypatch, validation=6.0)
    history = fit(small(), DATA, DATA[:2], budget="30s", device="cpu")
    assert clock.now - 100 <= 30 + 6.05
    assert history.done > 60 and len(history.valid) <= 6


def test_a_budget_cut_off_goes_on_for_the_time_left(monkeypatch, tmp_path):
    clock = Clock(monkeypatch)
    settings = {"budget": "30s", "checkpoint": tmp_path / "c", "device": "cpu"}
    with monkeypatch.context() as interrupted:
        real = training._Run.step
        interrupted.setattr(training._Run, "step", lambda run, i, n: real(run, i, n) if i < 150 else 1 / 0)
        with pytest.raises(ZeroDivisionError):
            fit(small(), DATA, DATA[:2], **settings)
    began = clock.now
    history = fit(small(), DATA, DATA[:2], **settings)
    assert 30 <= history.seconds <= 31 and clock.now - began < 22
    with pytest.raises(ValueError, match=r"the checkpoint's budget must be 60.0, .* got 30.0"):
        fit(small(), DATA, DATA[:2], **settings | {"budget": "1m"})


def test_interrupting_returns_the_history_so_far(monkeypatch):
    real = training._Run.step

    def step(self, i, iters):
        if i == 40:
            raise KeyboardInterrupt
        return real(self, i, iters)

    monkeypatch.setattr(training._Run, "step", step)
    history = fit(small(), DATA, DATA[:2], iters=100, device="cpu")
    assert history.done == 35
    assert history.best_valid < 3


def test_every_epoch_uses_every_sequence_once():
    variants = [[[1, i, 2], [1, i, i, 2]] for i in range(10, 60)]
    batches = _Batches(variants, batch_ids=20, max_ids=99, seed=3)
    for epoch in range(3):
        drawn = [ids[1] for k in range(batches.per_epoch) for ids in batches[epoch * batches.per_epoch + k]]
        assert sorted(drawn) == list(range(10, 60))
    assert {len(ids) for k in range(batches.per_epoch) for ids in batches[k]} == {3, 4}


def test_long_sequences_are_seen_through_a_window():
    ids = list(range(1000))
    batches = _Batches([ids], batch_ids=64, max_ids=50, seed=0)
    windows = [batches[i][0] for i in range(40)]
    assert all(w == list(range(w[0], w[0] + 50)) for w in windows)
    assert len({w[0] for w in windows}) > 30


def test_token_nll_reads_long_sequences_in_passes(monkeypatch):
    model, ids = small(), [1, *([4, 8, 9, 5] * 30), 2]
    whole = token_nll(model, [ids])[0]
    monkeypatch.setattr("musiclab.training.PASS", 7)
    assert np.allclose(token_nll(model, [ids, ids[:9]])[0], whole, atol=1e-5)


def test_token_nll_does_not_depend_on_the_batch():
    model, ragged = small(), [DATA[0], DATA[1][:5], DATA[2][:9]]
    together = token_nll(model, ragged)
    for ids, nll in zip(ragged, together, strict=True):
        assert np.allclose(nll, token_nll(model, [ids])[0], atol=1e-5)
        assert len(nll) == len(ids) - 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "fit must be given either iters or budget"),
        ({"iters": 1, "budget": "1s"}, "fit must be given either iters or budget"),
        ({"budget": "soon"}, "budget must be a time such as '60s', '10m' or '2h', got 'soon'"),
    ],
)
def test_refuses_unclear_lengths(arguments, message):
    with pytest.raises(ValueError, match=message):
        fit(small(), DATA, device="cpu", **arguments)


def test_refuses_empty_and_too_short_data():
    with pytest.raises(ValueError, match="train must be at least one sequence"):
        fit(small(), [], iters=1)
    for bad in ([[1]], [[]], [[1, 99]]):
        with pytest.raises(ValueError, match="a sequence must be at least two ids below 12"):
            fit(small(), DATA, bad, iters=1, device="cpu")
    with pytest.raises(ValueError, match="a sequence must be at least two ids below 12"):
        fit(small(), [[1]], iters=1, device="cpu")
    with pytest.raises(ValueError, match="a sequence must be at least two ids below 12"):
        fit(small(), [DATA[0], []], iters=1, device="cpu")
    with pytest.raises(ValueError, match=r"device must be 'auto' or one of \['cpu'.* got 'gpu'"):
        fit(small(), DATA, iters=1, device="gpu")
