import io
import sys

from rankkit.training.callbacks import StepRecord
from rankkit.training.history import EpochRecord
from rankkit.training.progress import ProgressBar


class Terminal(io.StringIO):
    def isatty(self):
        return True


def drive(bar):
    with bar:
        bar.on_epoch_end(EpochRecord(1, 5, 0.5, "ndcg@10", 0.4321, 1e-3, 1000.0, 1.0))
        bar.on_step(StepRecord(2, 6, 0.25, 1e-3, 100, 31000.0))


def test_a_terminal_shows_epoch_loss_metric_and_speed(monkeypatch):
    terminal = Terminal()
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", terminal)
    drive(ProgressBar(3, 500, 500, shown=True))
    shown = terminal.getvalue()
    for part in ("epoch 2/3", "0.2500", "ndcg@10 0.4321", "31,000 docs/s"):
        assert part in shown


def test_it_is_silent_where_no_one_watches_or_wants_it(monkeypatch, capsys):
    drive(ProgressBar(3, 500, 0, shown=True))
    assert capsys.readouterr() == ("", "")
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    drive(ProgressBar(3, 500, 0, shown=False))
    assert terminal.getvalue() == ""
