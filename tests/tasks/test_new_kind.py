"""A fourth kind of models, in one file: which of four options a person takes. Rankkit knows nothing of it before."""

import json
import os
import subprocess
import sys
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import rankkit as rk
from rankkit.errors import DataError
from rankkit.tasks.derived import task_of_rows
from rankkit.tasks.task import Route

FILE = "choices.csv"


@dataclass(frozen=True, eq=False)
class Choices:
    inputs: np.ndarray  # float32 [n, 3]
    taken: np.ndarray  # int64 [n]

    def __len__(self):
        return len(self.taken)

    @property
    def fingerprint(self):
        return f"{self.inputs.sum():.6f} {self.taken.sum()}"


@dataclass(frozen=True)
class ChoiceSource:
    file: str


class LinearChooser(nn.Module):
    n_dims, learning_rate = 4, 0.1

    def __init__(self, n_inputs, *, bias=True):
        super().__init__()
        self.input_shape, self.options = (n_inputs,), {"n_inputs": n_inputs, "bias": bias}
        self.layer = nn.Linear(n_inputs, self.n_dims, bias=bias)

    def forward(self, inputs):
        return self.layer(inputs)


def read(path):
    table = pd.read_csv(path)
    return Choices(table[["a", "b", "c"]].to_numpy(np.float32), table["taken"].to_numpy(np.int64))


def load(source):
    whole = read(source.file)
    return tuple(Choices(whole.inputs[rows], whole.taken[rows]) for rows in np.split(np.arange(len(whole)), 3))


def predict(model, data):
    with torch.no_grad():
        return model.eval()(torch.from_numpy(data.inputs)).numpy()


def judge(scores, data, metrics):
    qids = np.repeat(np.arange(len(data)), 4)
    return rk.evaluate_scores(scores.ravel(), np.eye(4)[data.taken].ravel(), qids=qids, metrics=metrics)


def loss(model, objective, data, rows):
    scores = model(torch.from_numpy(data.inputs)[rows])
    labels = nn.functional.one_hot(torch.from_numpy(data.taken)[rows], 4).float()
    return objective(scores, labels, torch.ones_like(scores, dtype=torch.bool))


def choose(model, body):
    if not isinstance(body, dict) or not isinstance(body.get("context"), list) or len(body["context"]) != 3:
        raise DataError("context: expected three numbers; got something else. Send them.")
    return {"option": int(model(torch.tensor(body["context"])).argmax())}


CHOICE = task_of_rows(
    "choice", model="chooser", data=Choices, source=ChoiceSource, load=load, read=read, metric="mrr",
    build_for=lambda train: (train.inputs.shape[1],), predict=predict, judge=judge, loss=loss,
    export="rankkit.export.encoders.leaving:EncoderExport", routes={"choose": Route(choose)},
)  # fmt: skip
if __name__ == "test_new_kind":  # imported as a plugin, not collected as a test
    rk.register("task", "choice", CHOICE)
    rk.register("chooser", "linear", LinearChooser)


def started(folder, *words):
    path = f"{Path(__file__).parent}{os.pathsep}{Path(rk.__file__).parents[1]}"
    words = [sys.executable, "-m", "rankkit", *words, "--plugin", "test_new_kind"]
    kept = {"cwd": folder, "env": {**os.environ, "PYTHONPATH": path}, "text": True}
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kept)


def rankkit(folder, *words):
    process = started(folder, *words)
    told, errors = process.communicate()
    assert process.returncode == 0, errors
    return told


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("choices")
    inputs = np.random.default_rng(0).normal(size=(300, 3)).round(3)
    taken = (inputs @ np.random.default_rng(1).normal(size=(3, 4))).argmax(axis=1)
    pd.DataFrame(inputs, columns=list("abc")).assign(taken=taken).to_csv(folder / FILE, index=False)
    (folder / "train.toml").write_text(
        'chooser = "linear"\nobjective = "softmax"\ndata.file = "choices.csv"\nout = "run"'
    )
    systems = 'choosers = ["linear", {name = "linear", bias = false}]\nobjectives = ["softmax"]\nseeds = 2\n'
    (folder / "compare.toml").write_text(f'data.file = "choices.csv"\n{systems}training.epochs = 3')
    assert "best on the validation data" in rankkit(folder, "train", "--config", "train.toml")
    return folder


def test_it_is_trained_saved_loaded_and_evaluated(folder):
    assert json.loads((folder / "run" / "model.json").read_text())["chooser"]["options"] == {
        "n_inputs": 3,
        "bias": True,
    }
    report = json.loads(rankkit(folder, "evaluate", "run", FILE, "-m", "mrr", "--json"))
    assert report["metrics"]["mrr"]["mean"] > 0.9
    with pytest.raises(rk.BundleError, match="expected the plugin 'test_new_kind'"):
        rk.load(folder / "run")


def test_it_is_compared(folder):
    told = rankkit(folder, "compare", "compare.toml", "--out", "compared")
    assert "linear bias=False softmax" in told
    assert "linear softmax" in (folder / "compared" / "report.html").read_text()


def test_it_is_exported_and_served(folder):
    assert "max difference" in rankkit(folder, "export", "run", "--to", "onnx", "--out", "c.onnx", "--data", FILE)
    assert "files are as exported" in rankkit(folder, "export", "--check", "c.onnx")
    with started(folder, "serve", "run", "--port", "0") as service:
        address = service.stdout.readline().split(" on ")[1].partition(",")[0]
        body = json.dumps({"context": [0.3, -1.0, 2.0]}).encode()
        assert json.load(urllib.request.urlopen(f"{address}/choose", body)) in [{"option": n} for n in range(4)]
        service.terminate()
