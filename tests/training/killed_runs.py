"""Kills training runs at given points and resumes them; prints what came of each as JSON.

    python tests/training/killed_runs.py FOLDER '[["step", 3], ["write", 2], ...]'

One process imports torch once and forks a child for each run, so that twenty kills take seconds. A point is a kind and
the how manieth time: after a step, half-way through writing a checkpoint, before or after it is flushed, before or
after it gets its name, half-way through a line of metrics.jsonl.
"""

import json
import os
import signal
import sys
from io import BytesIO
from pathlib import Path

import torch

import rankkit.training.gradient.checkpoint as checkpoint_module
import rankkit.training.history as history_module
from rankkit.data.synthetic import make_ranking
from rankkit.models.scorers import MLPScorer
from rankkit.objectives import listnet_loss
from rankkit.training import Callback, fit

EPOCHS = 3


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def counted(function, nth, before, after):
    """The function, with something done around its nth call."""
    calls = 0

    def wrapper(*args, **kwargs):
        nonlocal calls
        calls += 1
        if calls == nth:
            before(*args)
        result = function(*args, **kwargs)
        if calls == nth:
            after()
        return result

    return wrapper


def nothing(*args):
    pass


def write_half(content, file):
    buffer = BytesIO()
    torch_save(content, buffer)
    file.write(buffer.getvalue()[: buffer.tell() // 2])
    file.flush()
    die()


def append_half(path, record):
    with path.open("a") as file:
        file.write('{"epoch": 1, "st')
    die()


torch_save = torch.save


class DieAfterStep(Callback):
    def __init__(self, step):
        self.step = step

    def on_step(self, record):
        if record.step == self.step:
            die()


def arm(kind, nth):
    """Put the death in its place; give the callbacks of the run."""
    if kind == "step":
        return [DieAfterStep(nth)]
    if kind == "write":
        torch.save = counted(torch.save, nth, write_half, nothing)
    elif kind == "before fsync":
        os.fsync = counted(os.fsync, nth, lambda *args: die(), nothing)
    elif kind == "after fsync":
        os.fsync = counted(os.fsync, nth, nothing, die)
    elif kind == "before replace":
        Path.replace = counted(Path.replace, nth, lambda *args: die(), nothing)
    elif kind == "after replace":
        Path.replace = counted(Path.replace, nth, nothing, die)
    elif kind == "append":
        name = "append_metrics"
        setattr(checkpoint_module, name, counted(history_module.append_metrics, nth, append_half, nothing))
    else:
        raise ValueError(kind)
    return []


def train(folder, callbacks=(), *, resume):
    """One run of twelve steps; dropout draws from torch's generator, each step leaves a checkpoint."""
    scorer = MLPScorer(10, hidden=(8,), dropout=0.3, seed=1)
    fit(
        scorer,
        listnet_loss,
        make_ranking(16, seed=0),
        make_ranking(10, seed=1),
        epochs=EPOCHS,
        batch_queries=4,
        out=folder,
        resume=resume,
        checkpoint_every=0,
        callbacks=callbacks,
        device="cpu",
        seed=3,
    )
    torch_save(scorer.state_dict(), folder / "final.pt")


def in_child(work):
    """Run it in a forked child; give how the child ended (0, an exit code, or minus a signal)."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def losses(folder):
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [[line["epoch"], line["step"], line["loss"], line["valid_ndcg@10"]] for line in lines]


def main():
    folder, points = Path(sys.argv[1]), json.loads(sys.argv[2])
    torch.set_num_threads(1)
    # Here, not in a child: what it compiles and imports, the children find done.
    train(folder / "whole", resume=False)
    expected = torch.load(folder / "whole" / "final.pt", weights_only=True)
    results = []
    for number, (kind, nth) in enumerate(points):
        run = folder / str(number)
        killed = in_child(lambda run=run, kind=kind, nth=nth: train(run, arm(kind, nth), resume=True))
        finished_before = (run / "final.pt").exists()
        resumed = in_child(lambda run=run: train(run, resume=True))
        weights = torch.load(run / "final.pt", weights_only=True)
        results.append(
            {
                "killed": killed,
                "finished before": finished_before,
                "resumed": resumed,
                "same weights": all(torch.equal(weights[name], expected[name]) for name in expected),
                "same metrics": losses(run) == losses(folder / "whole"),
                "left over": [path.name for path in run.glob("*partial*")] + [p.name for p in run.glob(".*")],
            }
        )
    sys.stdout.write(json.dumps(results))


if __name__ == "__main__":
    main()
