"""``rankkit margin-sweep`` as a user types it; the module is rankkit.cli.training.margin_sweep."""

import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from rankkit.cli.training.margin_sweep import margin_sweep
from rankkit.errors import ConfigError, RankkitError
from tests.loaders.image_files import png, write_zip

SMALL = [
    *("--train", "digits", "--encoder", "mlp", "--set", "encoder.hidden=[16]", "--set", "encoder.n_dims=8"),
    *("--set", "training.epochs=2", "--set", "training.device=cpu"),
]


@pytest.fixture
def command():
    """The command alone, as a user would type it without its name."""
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(margin_sweep)

    def run(*words):
        result = CliRunner().invoke(app, [str(word) for word in words])
        if isinstance(result.exception, RankkitError):
            raise result.exception
        return result

    return run


def test_it_prints_the_table_and_writes_table_and_pictures(command, tmp_path):
    out = tmp_path / "sweep"
    result = command(*SMALL, "--margins", "0.1,0.4", "--seeds", 2, "--out", out)
    assert result.exit_code == 0, result.output
    frame = pd.read_csv(out / "sweep.csv")
    assert frame[["margin", "seed"]].values.tolist() == [[0.1, 0], [0.1, 1], [0.4, 0], [0.4, 1]]
    assert {path.name for path in out.iterdir()} == {"runs.json", "sweep.csv", "sweep.png", "sweep.svg"}
    assert (out / "sweep.png").read_bytes().startswith(b"\x89PNG")
    means = frame.groupby("margin")["valid_eer"].mean()
    assert f"best by validation EER: margin {means.idxmin():g}" in " ".join(result.output.split())
    assert "[4/4] margin 0.4, seed 1: valid EER" in result.output
    for part in ("train", "valid", "test"):
        assert f"{part:<6} LabelledExamples(" in result.output

    again = command(*SMALL, "--margins", "0.1", "--margins", "0.4", "--seeds", 2, "--out", out, "--resume")
    assert "seed 1: valid EER" not in again.output  # nothing was left to train
    assert "margin" in again.output
    pd.testing.assert_frame_equal(pd.read_csv(out / "sweep.csv"), frame)


@pytest.mark.parametrize(
    "objective", ["supcon", "soft_margin_triplet", "lossless_triplet", "pairwise_hinge", "arcface"]
)
def test_an_objective_without_a_margin_between_examples_is_refused(command, tmp_path, objective):
    with pytest.raises(ConfigError, match=r"expected an objective of pairs or triplets with a margin; got \w+"):
        command(*SMALL, "--objective", objective, "--out", tmp_path / "sweep")
    assert not (tmp_path / "sweep").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--objective", "triplit"], "Did you mean"),
        (["--margins", "0.1,much"], "--margins: expected numbers such as 0.05,0.1,0.2; got '0.1,much'"),
        (["--margins", "0"], "expected margins above 0"),
        (["--set", "objective.margin=0.5"], "expected no objective.margin in a margin sweep.*Use --margins"),
        (["--set", "evaluation.ways=[5]"], "expected no evaluation.ways in a margin sweep"),
        (["--set", "training.epoch=2"], "Did you mean 'epochs'"),
        (["--set", "encoder.distance=cosine_similarity"], "a distance whose smaller values are nearer"),
        (["--set", "data.held_out=0.6"], "data.held_out: expected a share of the classes above 0 and below 0.5"),
        (["--out", __file__], "expected to write it; got a file where a folder has to be"),
    ],
)
def test_what_cannot_work_is_told(command, tmp_path, words, message):
    with pytest.raises(RankkitError, match=message):
        command(*SMALL, "--out", tmp_path / "sweep", *words)


def test_images_are_read_as_train_reads_them(command, tmp_path, monkeypatch):
    read = []
    monkeypatch.setattr(
        "rankkit.comparison.margins.sweep.sweep_margins",
        lambda *given, **named: read.extend((*given, *named.values())) or 1 / 0,
    )
    members = {f"c{label}/{place}.png": png(label) for label in range(8) for place in range(2)}
    data = write_zip(tmp_path / "images.zip", members)
    words = ("--set", "data.size=8", "--set", "data.colour=true", "--set", "data.ink=dark")
    result = command("--train", data, "--out", tmp_path / "sweep", *words)
    assert isinstance(result.exception, ZeroDivisionError)
    assert "inputs [3 x 8 x 8]" in result.output
    assert all(part.inputs.min() > 0.9 for part in read if hasattr(part, "inputs"))
