"""Messages in the words of the command line."""

import warnings

import pytest
from typer.main import get_command

from rankkit.cli.app import app
from rankkit.cli.experiments.wording import _SECTIONS, in_words_of, speaking_as
from rankkit.errors import DataError, DataWarning
from rankkit.training import fit, fit_encoder

OPTIONS = {
    "qid": ("--qid",),
    "labels": ("--labels",),
    "regroup": ("--regroup",),
    "zero_based": ("--zero-based", "--one-based"),
    "features": ("--features",),
    "n_features": ("--n-features",),
    "weight": ("--weight",),
}


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("Name the column of query ids with qid=.", "Name the column of query ids with --qid."),
        ("Pass labels='any' if so meant.", "Pass --labels any if so meant."),
        ("Pass regroup=True, or zero_based=False.", "Pass --regroup, or --one-based."),
        ("Pass n_features=12, or features=[...].", "Pass --n-features 12, or --features."),
        ("Pass weight=None.", "Pass --weight ''."),
        ("Pass learning_rate=0.5.", "Pass learning_rate=0.5."),
        ("got 'qid=3' at column 2. Pass qid=.", "got 'qid=3' at column 2. Pass --qid."),
        ("Correct the row, or pass gain= of the largest label. So.", "Correct the row. So."),
        ("fit: expected x", "training: expected x"),
        (
            "/data/label=1/train.csv: expected x; got y. Pass qid=.",
            "/data/label=1/train.csv: expected x; got y. Pass --qid.",
        ),
        ("qid=1/t.csv: 2 columns. Pass qid=.", "qid=1/t.csv: 2 columns. Pass --qid."),
        (
            "/x/qid=1: expected a; got b. Convert /x/qid=1 again.",
            "/x/qid=1: expected a; got b. Convert /x/qid=1 again.",
        ),
        (
            "x.npz: expected a; got b. Save it with numpy.savez(path, inputs=..., labels=...).",
            "x.npz: expected a; got b. Save it with numpy.savez(path, inputs=..., labels=...).",
        ),
        ("x: expected a; got b. Name rankkit.read_folds().", "x: expected a; got b. Name rankkit train --folds."),
    ],
)
def test_keywords_become_options(said, meant):
    assert in_words_of(OPTIONS, said) == meant


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("Pass qid=.", "Pass --set data.qid=VALUE."),
        ("Choose the columns with features=[...].", "Choose the columns with --set data.features=VALUE."),
        ("Pass regroup=True to join them.", "Pass --set data.regroup=true to join them."),
        (
            "Lower learning_rate=0.1, set clip_norm=1, or look.",
            "Lower training.learning_rate=0.1, set training.clip_norm=1, or look.",
        ),
    ],
)
def test_keywords_become_keys_where_there_is_no_option(said, meant):
    assert in_words_of({"settings": ("--set",)}, said) == meant


def test_an_address_is_no_keyword():
    said = "--set: expected key=value such as training.learning_rate=1e-3; got 'training'. Add training.epochs=1."
    assert in_words_of({"settings": ("--set",)}, said) == said


def test_every_key_is_one():
    import inspect

    from rankkit.cli.experiments.config import READING

    assert set(_SECTIONS["data"]) == set(READING)
    known = {**inspect.signature(fit).parameters, **inspect.signature(fit_encoder).parameters}
    assert set(_SECTIONS["training"]) <= set(known)


def test_warnings_are_said_once_each_and_others_as_before(capsys):
    def warn_of_both():
        with speaking_as(OPTIONS):
            for _ in range(2):
                warnings.warn("a column. Pass qid=.", DataWarning, stacklevel=1)
            warnings.warn("of others", UserWarning, stacklevel=1)

    with pytest.warns(UserWarning, match="of others") as told:
        warn_of_both()
    assert capsys.readouterr().err == "rankkit: warning: a column. Pass --qid.\n"
    assert len(told) == 1


def test_errors_keep_their_class():
    with pytest.raises(DataError, match="Pass --qid") as raised, speaking_as(OPTIONS):
        raise DataError("x: expected a; got b. Pass qid=.")
    assert type(raised.value) is DataError


def test_options_of_commands_are_known_by_the_names_of_keywords():
    train = {parameter.name: parameter.opts for parameter in get_command(app).commands["train"].params}
    assert train["doc_id"] == ["--doc-id"]
    assert train["settings"] == ["--set"]
