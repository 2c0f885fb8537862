"""Names become objects: rankkit's own, and those that are registered."""

import subprocess
import sys

import pytest
from torch import nn

import rankkit
from rankkit.errors import ConfigError
from rankkit.registry import (
    ENCODERS,
    KINDS,
    OBJECTIVES,
    SCORERS,
    find,
    load_plugin,
    name_of,
    names,
    package_of,
    place_of,
    register,
    unregister,
)


class Own(nn.Module):
    def __init__(self, n_features: int, *, width: int = 3) -> None:
        super().__init__()


@pytest.fixture
def own():
    register("scorer", "own", Own)
    yield "own"
    unregister("scorer", "own")


@pytest.mark.parametrize("kind", KINDS)
def test_every_entry_is_where_its_table_says(kind):
    for entries in KINDS[kind]:
        for name in entries.built_in:
            assert callable(entries[name]) or kind == "task"
            assert find(kind, name) is entries[name]
            assert name_of(kind, entries[name]) == name
            assert package_of(entries[name]) == "rankkit"


def test_nothing_is_imported_for_the_names():
    probe = "import sys; from rankkit.registry import names; names('objective'); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", probe], check=True)


def test_what_trains_encoders_is_what_reads_one_score():
    known = names("embedding objective")
    assert "supcon" in known
    assert "ranknet" in known
    assert "ordinal" not in known
    assert find("embedding objective", "ranknet") is OBJECTIVES["ranknet"]
    with pytest.raises(ConfigError, match="got 'ordinal'"):
        find("embedding objective", "ordinal")


def test_a_registered_one_is_found_like_rankkits_own(own):
    assert find("scorer", "own") is SCORERS["own"] is Own
    assert names("scorer")[: len(SCORERS.built_in) + 1] == [*SCORERS.built_in, "own"]
    assert "own" not in SCORERS.built_in
    assert name_of("scorer", Own) == "own"
    assert package_of(Own) == Own.__module__.partition(".")[0]
    assert register("scorer", "own", Own) is Own  # again is no harm
    unregister("scorer", "own")
    assert "own" not in SCORERS
    assert len(SCORERS) == len(SCORERS.built_in)


def test_as_a_decorator():
    @rankkit.register("metric", "constant")
    def constant(scores, labels, mask):
        """One."""

    try:
        assert find("metric", "constant") is constant
    finally:
        unregister("metric", "constant")


def test_rankkits_own_cannot_be_taken_back():
    unregister("encoder", "mlp")
    assert "mlp" in ENCODERS


def test_an_objective_that_takes_embeddings_shares_the_names_of_the_others():
    with pytest.raises(ConfigError, match="got 'ranknet', which is rankkit"):
        register("embedding objective", "ranknet", lambda x, y, *, same: 0)
    with pytest.raises(ConfigError, match="got 'supcon', which is rankkit"):
        register("objective", "supcon", lambda scores, labels, mask: 0)


def in_a_notebook():
    """A class that a cell defines, another one each time."""
    return type("Cell", (Own,), {"__module__": "__main__", "__qualname__": "Cell"})


def test_a_cell_that_runs_again_replaces_what_it_registered():
    try:
        register("scorer", "cell", in_a_notebook())
        again = register("scorer", "cell", in_a_notebook())
        assert SCORERS["cell"] is again
        with pytest.raises(ConfigError, match=r"got 'cell', which is __main__\.Cell"):
            register("scorer", "cell", Own)
    finally:
        unregister("scorer", "cell")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("scorer", "mlp", Own), "expected a name that no other scorer has; got 'mlp', which is rankkit.models"),
        (("scorer", "My-Scorer", Own), "expected a name of lower-case words, as 'my_scorer'; got 'My-Scorer'"),
        (("scorer", "a__b", Own), "got 'a__b'"),
        (("scorer", "", Own), "got ''"),
        (("scorer", "a:b", Own), "got 'a:b'"),
        (("skorer", "own", Own), r"kind: expected one of .*scorer, .*; got 'skorer'\. Did you mean 'scorer'"),
        (("scorer", "own", Own(3)), "expected a class as scorer 'own'"),
        (("scorer", "own", type("Own", (), {"__init__": lambda self, *sizes: None})), r"got \*sizes in"),
        (("objective", "own", 3), "expected a function or a class as objective 'own'; got 3"),
    ],
)
def test_what_cannot_be_registered(given, message):
    with pytest.raises(ConfigError, match=message):
        register(*given)


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        ("objective", "ranknett", r"got 'ranknett'\. Did you mean 'ranknet'\?$"),
        ("scorer", "own", r"One of another package needs --plugin PACKAGE, or rankkit\.load_plugin\('PACKAGE'\)\."),
        ("target", "solrr", r"target: expected the name of one; got 'solrr'\. Did you mean 'solr'\?$"),
        ("scorer", "somewhere.module:Class", r"--plugin somewhere, plugins = \[\"somewhere\"\]"),
        ("scorer", "rankkit.models.scorers:MLPScorer", "expected code of a package that was loaded"),
        ("scorer", "../evil:Class", "expected a name, or a place such as 'package.module:Object'"),
        ("scorer", "os:path.join", "expected a name, or a place"),
    ],
)
def test_what_is_not_there(kind, name, message):
    with pytest.raises(ConfigError, match=message):
        find(kind, name)


def test_places():
    assert place_of(Own) in (None, f"{__name__}:Own")  # pytest need not have put this module where imports look
    assert place_of(nn.Linear) == "torch.nn.modules.linear:Linear"
    assert place_of(in_a_notebook()) is None
    assert place_of(lambda: 0) is None


@pytest.mark.parametrize(
    ("package", "message"),
    [
        ("no_such_package", r"plugin: expected a package that can be imported; got no module 'no_such_package'\."),
        ("my-package", "expected the name of a package, as one imports it; got 'my-package'"),
        ("a/b", "got 'a/b'"),
        (3, "got 3"),
    ],
)
def test_what_is_no_plugin(package, message):
    with pytest.raises(ConfigError, match=message):
        load_plugin(package)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "x = 1\nraise ValueError('no such\\nweather')\n",
            r"got ValueError \(no such\) at .*failing\.py:2\. Mend it there",
        ),
        ("def f(:\n", r"got SyntaxError \(.*\) at .*failing\.py:1\. Mend it there"),
    ],
)
def test_a_plugin_that_fails_is_named_with_its_place(tmp_path, monkeypatch, text, message):
    (tmp_path / "failing.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigError, match=message):
        load_plugin("failing")
