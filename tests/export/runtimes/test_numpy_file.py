"""Target ``numpy``: one Python file that scores as the scorer does."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from rankkit.data.synthetic import make_ranking
from rankkit.errors import ConfigError, ExportError
from rankkit.export import check, export
from rankkit.models.scorers import (
    AdditiveScorer,
    AttentionScorer,
    DASALCScorer,
    DCNScorer,
    LinearScorer,
    MLPScorer,
    TabMScorer,
)
from rankkit.models.scorers.networks.hidden import ACTIVATIONS

TRAIN = make_ranking(20, n_features=5, seed=1)
TRANSFORMS = [
    "none",
    "log1p",
    "standardize",
    "minmax",
    "quantile",
    "quantile:4",
    "piecewise:4",
    "log1p+query_standardize",
    "piecewise:3+query_minmax",
    ["log1p+standardize", "piecewise:4", "query_standardize"],
    ["piecewise:4", "log1p+missing"],
]


def fitted(scorer):
    scorer.transform.fit(TRAIN.features, TRAIN.offsets)
    return scorer


def mlp(**options):
    return fitted(MLPScorer(5, hidden=(7, 7), seed=0, **options))


def with_statistics(scorer):
    """Batch normalization that has seen batches: running statistics unlike their initial values."""
    scorer.train()
    with torch.no_grad():
        scorer(torch.from_numpy(TRAIN.features), torch.from_numpy(TRAIN.offsets))
    return scorer.eval()


@pytest.mark.parametrize("transform", TRANSFORMS, ids=str)
def test_every_transform_scores_as_in_the_scorer(transform, tmp_path):
    manifest = export(mlp(transform=transform), "numpy", tmp_path / "out", data=TRAIN)
    assert manifest.parity.n_docs > 400 + TRAIN.n_docs
    assert manifest.parity.max_relative < 2e-6
    assert check(tmp_path / "out").inversions == 0


@pytest.mark.parametrize(
    "scorer",
    [
        *(mlp(activation=name, normalization="none", transform="minmax") for name in sorted(ACTIVATIONS)),
        with_statistics(mlp(normalization="batch", residual=True)),
        mlp(n_outputs=4),
        mlp(transform=["log1p", "missing"], context="z+rank+share+gap"),
        mlp(n_outputs=4, readout="sum_of_sigmoids"),
        mlp(n_outputs=4, readout="first_output"),
        mlp(n_outputs=4, readout="sum_of_sigmoids", tied_outputs=True),
        fitted(DCNScorer(5, (7, 7), rank=2, n_outputs=4, readout="sum_of_sigmoids", tied_outputs=True, seed=0)),
        fitted(DCNScorer(5, (7,), n_cross=3, structure="stacked", transform=["piecewise:4", "log1p"], seed=0)),
        fitted(DCNScorer(5, (), context="z", seed=0)),
        fitted(AttentionScorer(5, (8,), n_inner=6, seed=0)),
        fitted(DASALCScorer(5, (8, 7), n_blocks=2, n_heads=3, head_size=4, n_outputs=3, seed=0)),
        fitted(AttentionScorer(5, (6, 8), n_inner=6, inducing=3, n_outputs=4, context="z", seed=0)),
        fitted(TabMScorer(5, (7, 6), n_members=3, seed=0)),
        fitted(TabMScorer(5, (), n_members=3, n_outputs=4, activation="gelu", context="z", seed=0)),
        fitted(AdditiveScorer(5, (7, 6), seed=0)),
        fitted(AdditiveScorer(5, (), n_outputs=4, context="z", missing_indicators=True, seed=0)),
        fitted(LinearScorer(5, bias=False)),
        fitted(LinearScorer(5, n_outputs=3)),
    ],
    ids=lambda scorer: f"{type(scorer).__name__} {scorer.options}"[:90],
)
def test_every_layer_scores_as_in_the_scorer(scorer, tmp_path):
    assert export(scorer, "numpy", tmp_path / "out").parity.max_relative < 2e-6


def test_it_runs_without_torch_and_rankkit(tmp_path):
    manifest = export(mlp(transform=["log1p+standardize", "query_minmax"]), "numpy", tmp_path / "out")
    program = f"""
import sys, json
for name in ("torch", "rankkit", "scipy"):
    sys.modules[name] = None
sys.path.insert(0, {str(tmp_path / "out")!r})
from ranker import FEATURES, score
import numpy as np
samples = json.load(open({str(tmp_path / "out" / "manifest.json")!r}))["samples"]
rows = np.array(samples["features"], np.float64)
scores = score(rows, samples["offsets"])
assert scores.dtype == np.float32, scores.dtype
assert len(FEATURES) == 5
print(json.dumps(scores.tolist()))
"""
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == pytest.approx(manifest.samples.scores.tolist(), abs=1e-5)


def test_the_code_holds_what_it_needs_and_no_more(tmp_path):
    export(fitted(LinearScorer(5, transform="minmax")), "numpy", tmp_path / "out")
    text = (tmp_path / "out" / "ranker.py").read_text()
    assert "def minmax(" in text
    assert "def linear(" in text
    assert "def gelu(" not in text
    assert "import math" not in text
    assert "LARGEST" not in text
    assert "pickle=True" not in text
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["manifest.json", "ranker.npz", "ranker.py"]


def test_it_says_which_features_it_wants(tmp_path):
    export(fitted(LinearScorer(5)), "numpy", tmp_path / "out")
    scope = {"__file__": str(tmp_path / "out" / "ranker.py"), "__name__": "ranker"}
    exec((tmp_path / "out" / "ranker.py").read_text(), scope)  # noqa: S102 - as a user would import it
    with pytest.raises(ValueError, match=r"expected features \[document, 5\]; got \[2, 4\]"):
        scope["score"](np.zeros((2, 4)))


def test_names_of_features_cannot_leave_their_quotes(tmp_path):
    scorer = fitted(LinearScorer(5))
    scorer.feature_names = ('"""', "');import os;('", "a\nb", "Länge\\", "{x}")
    manifest = export(scorer, "numpy", tmp_path / "out")
    assert check(tmp_path / "out").max_relative < 1e-5
    scope = {"__file__": str(tmp_path / "out" / "ranker.py"), "__name__": "ranker"}
    exec((tmp_path / "out" / "ranker.py").read_text(), scope)  # noqa: S102 - as a user would import it
    assert scope["FEATURES"] == manifest.feature_names


def test_changed_code_is_not_run_even_if_the_manifest_agrees(tmp_path):
    from rankkit.export.artefacts.install import digest

    out = tmp_path / "out"
    export(fitted(LinearScorer(5)), "numpy", out)
    with (out / "ranker.py").open("a") as file:
        file.write(f"\nopen({str(tmp_path / 'ran')!r}, 'w')\n")
    with pytest.raises(ExportError, match="damaged or was changed"):
        check(out)
    manifest = json.loads((out / "manifest.json").read_text())
    manifest["files"]["ranker.py"] = digest(out / "ranker.py")
    (out / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ExportError, match="other code, which is not run"):
        check(out)
    assert not (tmp_path / "ran").exists()


def test_sizes_in_a_forged_manifest_take_no_memory(tmp_path):
    out = tmp_path / "out"
    export(fitted(LinearScorer(5)), "numpy", out)
    manifest = json.loads((out / "manifest.json").read_text())
    manifest["scorer"]["options"]["n_features"] = 10**12
    (out / "manifest.json").write_text(json.dumps(manifest))
    check(out)  # the code does not depend on sizes
    manifest["scorer"]["options"]["n_features"] = 10**30
    (out / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ExportError):
        check(out)


def test_other_weights_are_noticed_by_the_code_itself(tmp_path):
    for seed in (0, 1):
        export(fitted(LinearScorer(5, seed=seed)), "numpy", tmp_path / str(seed))
    (tmp_path / "1" / "ranker.npz").replace(tmp_path / "0" / "ranker.npz")
    path = tmp_path / "0" / "ranker.py"
    with pytest.raises(ValueError, match="expected the weights that were exported"):
        exec(path.read_text(), {"__file__": str(path), "__name__": "ranker"})  # noqa: S102


def test_a_layer_without_a_numpy_form_is_named(tmp_path):
    scorer = mlp()
    scorer.hidden[0].activation = nn.Hardswish()
    with pytest.raises(ExportError, match=r"got activation Hardswish\. Export to 'onnx' or 'torch'"):
        export(scorer, "numpy", tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_it_has_no_options(tmp_path):
    with pytest.raises(ConfigError, match="'opset'"):
        export(fitted(LinearScorer(5)), "numpy", tmp_path / "out", opset=18)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hidden": [4] * 20_000}, "hidden of 20,000 entries"),
        ({"transform": [["minmax"]]}, "AttributeError"),
        ({"n_features": 10**30}, "expected the module of a scorer"),
        ({"activation": ["relu"]}, "TypeError"),
    ],
    ids=["layers", "transform", "features", "activation"],
)
def test_options_that_make_no_sense_are_an_export_error(options, message, tmp_path):
    out = tmp_path / "out"
    export(mlp(), "numpy", out)
    manifest = json.loads((out / "manifest.json").read_text())
    manifest["scorer"]["options"].update(options)
    (out / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ExportError, match=message) as error:
        check(out)
    assert len(str(error.value)) < 1000
