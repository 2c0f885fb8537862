import sys

import pytest

from rankkit.__main__ import main


class Answer:
    """What a command gave back."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err


@pytest.fixture
def rankkit(monkeypatch, capsys):
    """Run the command line as a user would: ``rankkit("train", "--train", path)``."""

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["rankkit", *map(str, words)])
        with pytest.raises(SystemExit) as end:
            main()
        captured = capsys.readouterr()
        return Answer(end.value.code or 0, captured.out, captured.err)

    return run


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    """A folder with small train.txt, vali.txt and test.txt."""
    from rankkit.data.synthetic import make_ranking
    from rankkit.loaders.files import write

    folder = tmp_path_factory.mktemp("data")
    for seed, name in enumerate(("train", "vali", "test")):
        write(make_ranking(20, n_features=4, seed=seed), folder / f"{name}.txt")
    return folder


@pytest.fixture(scope="session")
def trained(files, tmp_path_factory):
    """The folder of a small finished run."""
    from rankkit.cli.kinds.commands import load_experiment
    from rankkit.cli.training.run import run

    out = tmp_path_factory.mktemp("runs") / "small"
    settings = ["scorer.hidden=[8]", "training.epochs=2"]
    data = {"train": str(files / "train.txt"), "valid": str(files / "vali.txt")}
    run(load_experiment(None, {"data": data, "out": str(out)}, settings))
    return out
