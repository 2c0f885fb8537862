"""rankkit.cli.using.export: ``rankkit export`` and ``rankkit export --check`` as a user types them."""

import json

import numpy as np
import pytest

import rankkit as rk
from rankkit.cli.using import export as command
from rankkit.export import TARGETS


@pytest.fixture(scope="module")
def artefact(trained, tmp_path_factory):
    from rankkit.export import export

    out = tmp_path_factory.mktemp("exported") / "out"
    export(trained, "numpy", out)
    return out


def test_a_run_is_exported_proven_and_checked(rankkit, trained, files, tmp_path):
    out = tmp_path / "served"
    answer = rankkit("export", trained, "--to", "numpy", "--out", out, "--data", files / "test.txt")
    assert answer.code == 0, answer.err
    shown = dict(line.split("  ", 1) for line in answer.out.splitlines())
    test = rk.read(files / "test.txt")
    manifest = json.loads((out / "manifest.json").read_text())
    assert shown["target"].strip() == "numpy"
    assert shown["inversions"].strip() == "0"
    assert float(shown["max difference"]) == pytest.approx(manifest["parity"]["max_difference"], rel=0.1)
    assert shown["compared on"].strip() == f"{manifest['parity']['n_docs']:,} documents"
    assert manifest["parity"]["n_docs"] > test.n_docs
    assert shown["check"].strip() == f"rankkit export --check {out}"
    assert "from ranker import score" in shown["next"]

    scope = {"__file__": str(out / "ranker.py"), "__name__": "ranker"}
    exec((out / "ranker.py").read_text(), scope)  # noqa: S102 - as a user would import it
    assert np.allclose(scope["score"](test.features), rk.predict(rk.load(trained), test), atol=1e-5)

    answer = rankkit("export", "--check", out)
    assert answer.code == 0, answer.err
    assert "files are as exported; max difference" in answer.out
    assert "0 inversions" in answer.out


def test_what_the_rows_to_compare_on_warn_of_is_said(rankkit, trained, files, tmp_path):
    (tmp_path / "odd.txt").write_bytes(b"\xef\xbb\xbf" + (files / "test.txt").read_bytes())
    answer = rankkit("export", trained, "--to", "numpy", "--out", tmp_path / "a", "--data", tmp_path / "odd.txt")
    assert answer.code == 0, answer.err
    assert answer.err.count("odd.txt: begins with a UTF-8 byte order mark, which is skipped.") == 1


def test_a_damaged_artefact_fails_the_check(rankkit, trained, tmp_path):
    out = tmp_path / "served"
    assert rankkit("export", trained, "--to", "numpy", "--out", out).code == 0
    content = bytearray((out / "ranker.npz").read_bytes())
    content[200] ^= 255
    (out / "ranker.npz").write_bytes(content)
    answer = rankkit("export", "--check", out)
    assert answer.code == 2
    assert "ranker.npz: expected the file that was exported" in answer.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "expected RUN, --to and --out; got no RUN and no --to and no --out"),
        (("RUN", "--to", "numpy"), "got no --out"),
        (("RUN", "--to", "onxx", "--out", "OUT"), "Did you mean 'onnx'?"),
        (("RUN", "--to", "numpy", "--out", "OUT", "--opset", "18"), "got 'opset'. Leave it out."),
        (("RUN", "--to", "onnx", "--out", "OUT", "--int8"), "expected labelled data"),
        (("RUN", "--to", "onnx", "--out", "OUT", "--strings"), "got one of numbers alone"),
        (("RUN", "--to", "numpy", "--out", "OUT", "--set", "depth"), "expected an option of the target, as name=value"),
        (("RUN", "--to", "numpy", "--out", "OUT", "--set", "data=x"), "expected an option of the target"),
        (("RUN", "--to", "numpy", "--out", "OUT", "--set", "depth=3"), "got 'depth'"),
        (("RUN", "--check", "OUT"), "--check: expected it by itself"),
        (("--check", "OUT", "--opset", "18"), "--check: expected it by itself"),
        (("--check", "OUT"), "got nothing there"),
        (("OUT", "--to", "numpy", "--out", "OUT"), "expected the folder of a saved model"),
        (("RUN", "--to", "numpy", "--out", "RUN"), "which is or holds something else"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, tuple) else "",
)
def test_what_cannot_be_done_is_said_in_one_line(words, message, rankkit, trained, tmp_path):
    named = {"RUN": trained, "OUT": tmp_path / "out"}
    answer = rankkit("export", *(named.get(word, word) for word in words))
    assert answer.code == 2
    assert message in answer.err
    assert answer.err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_other_scores_and_warnings_are_told(rankkit, tmp_path):
    scorer = rk.LinearScorer(2, transform="standardize", seed=0)
    scorer.transform.fit(np.array([[-1, 2], [-3, 5]], np.float32), np.array([0, 2]))
    rk.save(scorer, tmp_path / "run", objective="ranknet")
    answer = rankkit("export", tmp_path / "run", "--to", "elasticsearch", "--out", tmp_path / "my engine")
    assert answer.code == 0, answer.err
    shown = dict(line.split("  ", 1) for line in answer.out.splitlines())
    assert shown["scores there"].strip().startswith("in the same order, score ")
    assert shown["check"].strip() == f"rankkit export --check '{tmp_path / 'my engine'}'"
    assert answer.err.startswith("rankkit: warning: elasticsearch: functions give no values below 0")
    assert answer.err.count("\n") == 1


def test_every_target_has_a_next_step():
    assert set(TARGETS) <= set(command.NEXT)


def test_options_of_a_target_are_numbers_booleans_or_text():
    assert command._options(["opset=20", "int8=true", "name=my_model"]) == {
        "opset": 20,
        "int8": True,
        "name": "my_model",
    }


def test_the_help_names_every_target(rankkit):
    text = rankkit("export", "--help").out
    assert all(name in text for name in TARGETS)


def test_a_single_file_is_named_in_what_is_shown(rankkit, artefact, capsys):
    from rankkit.export.artefacts.manifest import read_manifest

    command._show(read_manifest(artefact / "manifest.json"), artefact)
    shown = capsys.readouterr().out
    assert str(artefact / "manifest.json") in shown
    assert "4, NaN is a missing value" in shown


@pytest.mark.slow
def test_onnx_from_the_command_line(rankkit, trained, files, tmp_path):
    pytest.importorskip("onnxscript", reason="the [export] extra is not installed")
    out = tmp_path / "ranker.onnx"
    answer = rankkit(
        "export", trained, "--to", "onnx", "--out", out, "--opset", "20", "--int8", "--data", files / "vali.txt",
        "--set", "max_drop=0.2",
    )  # fmt: skip
    assert answer.code == 0, answer.err
    assert "in int8" in answer.out
    assert rankkit("export", "--check", out).code == 0
    assert rankkit("export", "--check", tmp_path).code == 0
