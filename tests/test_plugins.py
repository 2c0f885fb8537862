"""A package that extends rankkit, made in a temporary folder: trained, saved, loaded, compared, exported, served."""

import json
import os
from pathlib import Path

import pytest

import rankkit as rk
from tests import forked

ROOT = Path(__file__).parent.parent
PARTS = '''
import torch
from torch import nn

from rankkit import register


class Tanh(nn.Module):
    """One hidden layer.

    Args:
        n_features: Columns of the data.
        width: Of the hidden layer.
    """

    def __init__(self, n_features: int, *, width: int = 8) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(n_features, width), nn.Tanh(), nn.Linear(width, 1))

    def forward(self, features):
        return self.layers(features.nan_to_num())


class Mean(nn.Module):
    """The features and their mean over the query.

    Args:
        n_features: Columns of the data.
    """

    def __init__(self, n_features: int) -> None:
        super().__init__()
        self.own, self.mean = nn.Linear(n_features, 1), nn.Linear(n_features, 1)

    def forward(self, features, offsets):
        features = features.nan_to_num()
        query = torch.searchsorted(offsets[1:], torch.arange(features.shape[0]), right=True)
        sums = features.new_zeros(offsets.shape[0] - 1, features.shape[1]).index_add(0, query, features)
        means = sums / (offsets[1:] - offsets[:-1]).clamp(min=1)[:, None]
        return (self.own(features) + self.mean(means[query]))[:, 0]


def squares_loss(scores, labels, mask, *, power: float = 2.0):
    """How far scores are from labels.

    Args:
        power: Of the distance.
    """
    return ((scores - labels).abs() ** power)[mask].mean()


def top_label(scores, labels, mask, *, k=None):
    """The label of the first document."""
    if not labels.numel():
        return labels.new_zeros(len(labels))
    best = scores.masked_fill(~mask, -torch.inf).argmax(dim=1, keepdim=True)
    return labels.gather(1, best)[:, 0].double()


@register("transform", "halve")
class Halve(nn.Module):
    needs_fit, missing = False, 0.0

    def __init__(self, n_inputs: int) -> None:
        super().__init__()
        self.n_outputs = n_inputs

    def forward(self, features, offsets):
        return features / 2

    def output_names(self, names):
        return [f"halve({name})" for name in names]
'''
ENTRY_POINTS = """
[rankkit.scorers]
tanh_layer = extended.parts:Tanh
[rankkit.objectives]
squares = extended.parts:squares_loss
[rankkit.metrics]
top_label = extended.parts:top_label
"""
COMPARISON = """
scorers = [{name = "tanh_layer", width = 4}, "extended.parts:Mean"]
objectives = ["squares"]
seeds = 1
metric = "top_label"
plugins = ["extended"]
[data]
train = "train.txt"
valid = "valid.txt"
test = "valid.txt"
[training]
epochs = 1
[grid]
"scorer.tanh_layer.width" = [2, 3]
[evaluation]
metrics = ["ndcg@10", "top_label"]
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with the package as if it were installed, some data, and a run that trained with it."""
    folder = tmp_path_factory.mktemp("plugins")
    write_package(folder, "1.2")
    rk.write(rk.make_ranking(30, n_features=5, seed=1), folder / "train.txt")
    rk.write(rk.make_ranking(15, n_features=5, seed=2), folder / "valid.txt")
    (folder / "compare.toml").write_text(COMPARISON)
    (folder / "train.toml").write_text(
        'plugins = ["extended"]\nout = "run"\nscorer = {name = "tanh_layer", width = 5}\n'
        'objective = {name = "squares", power = 3.0}\n[data]\ntrain = "train.txt"\nvalid = "valid.txt"\n'
        '[training]\nepochs = 2\nmetric = "top_label"\n'
    )
    done = rankkit(folder, "train", "--config", "train.toml")
    assert done.returncode == 0, done.stderr
    assert "squares trains Tanh(n_features=5, width=5)" in done.stdout
    return folder


def write_package(folder, version):
    package, about = folder / "extended", folder / "extended_parts.dist-info"
    package.mkdir(exist_ok=True)
    about.mkdir(exist_ok=True)
    (package / "__init__.py").write_text("from extended import parts\n")
    (package / "parts.py").write_text(PARTS)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: extended-parts\nVersion: {version}\n")
    (about / "top_level.txt").write_text("extended\n")
    (about / "entry_points.txt").write_text(ENTRY_POINTS)


def python(folder, *words):
    path = os.pathsep.join([str(folder), str(ROOT)])
    return forked.python(*words, cwd=folder, env={**os.environ, "PYTHONPATH": path})


def rankkit(folder, *words):
    return python(folder, "-m", "rankkit", *words)


def run_lines(folder, *lines):
    done = python(folder, "-c", "import warnings; import rankkit as rk\n" + "\n".join(lines))
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_run_says_what_it_is_made_of(place):
    model = json.loads((place / "run" / "model.json").read_text())
    assert model["scorer"] == {"name": "tanh_layer", "options": {"n_features": 5, "width": 5}}
    assert model["plugins"] == [{"package": "extended", "version": "1.2"}]
    assert 'plugins = [\n    "extended",\n]' in (place / "run" / "experiment.toml").read_text()


def test_nothing_loads_it_but_its_name(place):
    alone = rankkit(place, "evaluate", "run", "valid.txt")
    assert alone.returncode == 2
    assert "expected the plugin 'extended' 1.2" in alone.stderr
    assert "Name it: --plugin extended" in alone.stderr
    named = rankkit(place, "evaluate", "run", "valid.txt", "--plugin", "extended", "-m", "top_label", "--json")
    assert named.returncode == 0, named.stderr
    assert "top_label" in named.stdout
    by_place = rankkit(
        place, "train", "--train", "train.txt", "--scorer", "extended.parts:Mean", "--out", place / "never"
    )
    assert by_place.returncode == 2
    assert 'plugins = ["extended"] in the experiment file' in by_place.stderr
    assert not (place / "never").exists()
    unknown = rankkit(place, "train", "--train", "train.txt", "--scorer", "tanh_layer", "--out", place / "never")
    assert "One of another package needs --plugin PACKAGE" in unknown.stderr


def test_in_python_too(place):
    output = run_lines(
        place,
        "try: rk.load('run')",
        "except rk.BundleError as error: print(error)",
        "import sys; assert 'extended' not in sys.modules",
        "scorer = rk.load('run', plugins=['extended'])",
        "print(scorer.options, rk.evaluate(scorer, rk.read('valid.txt'), 'top_label').means)",
        "rk.save(scorer, 'again'); print(rk.load('again').options)",
    )
    assert "rankkit.load(path, plugins=['extended'])" in output
    assert output.count("'width': 5") == 2


def test_another_version_is_told_and_other_code_is_refused(place, tmp_path):
    write_package(tmp_path, "2.0")
    output = run_lines(
        tmp_path,
        "warnings.simplefilter('error')",
        f"try: rk.load({str(place / 'run')!r}, plugins=['extended'])",
        "except rk.DataWarning as line: print(line)",
    )
    assert "saved with extended 1.2, loaded with 2.0" in output
    run = tmp_path / "run"
    run.mkdir()
    for file in (place / "run").glob("*.*"):
        (run / file.name).write_bytes(file.read_bytes())
    model = json.loads((run / "model.json").read_text())
    for changed, message in (
        ({"scorer": {"name": "extended.parts:register", "options": {}}}, "expected a class"),
        ({"plugins": []}, "which the bundle does not name as a plugin"),
        ({"scorer": {"name": "os:system", "options": {}}}, "expected code of a package that was loaded"),
    ):
        (run / "model.json").write_text(json.dumps({**model, **changed}))
        done = python(tmp_path, "-c", "import rankkit as rk; rk.load('run', plugins=['extended'])")
        assert "BundleError" in done.stderr
        assert message in done.stderr


def test_compared(place):
    done = rankkit(place, "compare", "compare.toml", "--out", "compared", "--jobs", "1")
    assert done.returncode == 0, done.stderr + done.stdout
    for system in ("tanh_layer squares width=2", "tanh_layer squares width=3", "extended.parts:Mean squares"):
        assert system.split()[0] in done.stdout
    again = rankkit(place, "compare", "--out", "compared", "--resume")
    assert again.returncode == 2
    assert "--plugin PACKAGE" in again.stderr
    assert rankkit(place, "compare", "--out", "compared", "--resume", "--plugin", "extended").returncode == 0


def test_what_a_script_registers_is_not_compared(place):
    output = run_lines(
        place,
        "from rankkit.cli.kinds.commands import load_comparison",
        "from pathlib import Path",
        "plan = load_comparison(Path('compare.toml')).plan()",
        "import extended.parts, torch",
        "class Own(extended.parts.Tanh): pass",
        "rk.register('scorer', 'own', Own)",
        "from dataclasses import replace",
        "systems = [replace(one, model=replace(one.model, name='own')) for one in plan.systems]",
        "try: rk.compare(replace(plan, systems=tuple(systems)), 'own')",
        "except rk.ConfigError as error: print(error)",
    )
    assert "expected the scorer 'own' of a package that each worker process can load; got one of '__main__'" in output


def test_exported_and_served(place):
    output = run_lines(
        place,
        "rk.load_plugin('extended')",
        "import extended.parts, torch, numpy as np",
        "from fastapi.testclient import TestClient",
        "from rankkit.serving.app import create_app",
        "from rankkit.serving.scoring.ranker import ServedRanker",
        "from rankkit.serving import Settings",
        "from rankkit.export import export",
        "print(rk.export_onnx('run', 'run/tanh.onnx').parity.inversions)",
        "data = rk.read('valid.txt')",
        "mean = rk.build('scorer', 'extended.parts:Mean', 5, seed=0)",
        "rk.fit(mean, 'squares', rk.read('train.txt'), epochs=1, progress=False)",
        "rk.save(mean, 'mean')",
        "manifest = export('mean', 'torch', 'mean/mean.pt2', data=data)",
        "print(manifest.listwise, manifest.parity.inversions)",
        "class Untraced(extended.parts.Mean):",
        "    def forward(self, features, offsets):",
        "        return super().forward(features, offsets) * (1.0 if features.sum() > 0 else 2.0)",
        "untraced = rk.build('scorer', Untraced, 5, seed=0); rk.register('scorer', 'untraced', Untraced)",
        "try: export(untraced, 'torch', 'mean/untraced.pt2')",
        "except rk.ExportError as error: print(error)",
        "from pathlib import Path",
        "for target in ('solr', 'numpy', 'vespa'):",
        "    try: export('mean', target, 'mean/' + target)",
        "    except rk.ExportError as error: print(error)",
        "app = create_app({'tanh': ServedRanker.load(Path('run'))}, Settings())",
        "rows = data.features[:3].tolist()",
        "with TestClient(app) as client:",
        "    body = {'queries': [{'query_id': 'a', 'features': rows}]}",
        "    found = client.post('/score', json=body).json()['queries'][0]['scores']",
        "print(np.allclose(found, rk.predict(rk.load('run'), np.array(rows))))",
    )
    lines = output.splitlines()
    assert lines[0] == "0"
    assert lines[1] == "True 0"
    assert lines.pop(2).startswith("torch: expected a model that torch.export can trace for any number of rows")
    assert lines[2].startswith("solr: expected a linear or mlp scorer")
    assert lines[3].startswith("numpy: expected layers that have a numpy form")
    assert "Mean, which takes offsets and does not say listwise = False" in lines[4]
    assert lines[5] == "True"


def test_the_estimator_takes_it_by_name_and_by_class(place):
    output = run_lines(
        place,
        "import pickle, numpy as np",
        "from sklearn.base import clone",
        "rk.load_plugin('extended')",
        "from extended.parts import Tanh",
        "data = rk.read('train.txt')",
        "X, y, qid = data.features, data.labels, np.repeat(np.arange(30), data.list_sizes)",
        "for scorer in ('tanh_layer', Tanh, 'extended.parts:Mean'):",
        "    options = {} if scorer == 'extended.parts:Mean' else {'scorer__width': 3}",
        "    ranker = clone(rk.Ranker('squares', scorer, epochs=1, **options)).fit(X, y, qid=qid)",
        "    print(ranker.scorer_.options, 0 < ranker.score(X, y, qid=qid) < 1)",
        "try: rk.Ranker('squares', Tanh, scorer__hidden=3).fit(X, y, qid=qid)",
        "except rk.ConfigError as error: print(error)",
        "ranker = rk.Ranker('squares', 'tanh_layer', epochs=1).fit(X, y, qid=qid)",
        "open('ranker.pickle', 'wb').write(pickle.dumps(ranker))",
    )
    assert output.count("'width': 3} True") == 2
    assert "{'n_features': 5} True" in output
    assert "expected an option of Tanh behind 'scorer__'; got 'scorer__hidden'" in output
    again = "import pickle; print(pickle.load(open('ranker.pickle', 'rb')).scorer_.options)"
    assert run_lines(place, again) == "{'n_features': 5, 'width': 8}\n"


def test_what_it_adds_keeps_the_promises(place):
    run_lines(
        place,
        "rk.load_plugin('extended')",
        "from rankkit.testing import check_metric, check_scorer",
        "check_scorer('tanh_layer', width=3)",
        "import extended.parts; check_scorer(extended.parts.Mean)",
        "check_metric(extended.parts.top_label)",
    )


def test_a_transform_of_it_makes_the_bundle_need_it(place):
    output = run_lines(
        place,
        "rk.load_plugin('extended')",
        "scorer = rk.LinearScorer(5, transform='halve+standardize', seed=0)",
        "rk.fit(scorer, 'ranknet', rk.read('train.txt'), epochs=1, progress=False)",
        "rk.save(scorer, 'halved'); print(rk.load('halved').transform.spec)",
    )
    assert output == "halve+standardize\n"
    alone = rankkit(place, "score", "halved", "valid.txt", "--out", "scores.csv")
    assert "expected the plugin 'extended'" in alone.stderr


def test_scores_of_a_script_survive_saving_in_it(tmp_path):
    output = run_lines(
        tmp_path,
        "from torch import nn",
        "class Own(nn.Linear):",
        "    def __init__(self, n_features: int, bias: bool = False): super().__init__(n_features, 1, bias=bias)",
        "own = rk.build('scorer', Own, 3, seed=1)",
        "try: rk.save(own, 'own')",
        "except rk.ConfigError as error: print(error)",
        "rk.register('scorer', 'own', Own); rk.save(own, 'own')",
        "print(rk.load('own').options)",
        "try: rk.save(Own(3), 'by_hand')",
        "except rk.ConfigError as error: print(error)",
    )
    assert "a class of your own that is registered" in output
    assert "{'n_features': 3, 'bias': False}" in output
    assert "Build it with rankkit.build('scorer', 'own', ...)" in output
    done = python(tmp_path, "-c", "import rankkit as rk; rk.load('own')")
    assert "Register the class first" in done.stderr
