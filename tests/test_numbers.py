"""What counts as a number, and that every function of data asks so."""

import math

import pytest

import rankkit as rk
from rankkit.loaders.tables.writers import write_letor

NO_WHOLE = [math.nan, math.inf, -1, 1.5, True, "3", []]


@pytest.fixture(scope="module")
def data():
    return rk.make_ranking(12, n_features=2, seed=0)


@pytest.fixture(scope="module")
def path(data, tmp_path_factory):
    path = tmp_path_factory.mktemp("numbers") / "train.txt"
    write_letor(data, path)
    return path


WHOLE = {
    "split seed": lambda data, path, value: rk.split(data, (0.5, 0.5), seed=value),
    "subsample seed": lambda data, path, value: rk.subsample(data, n_queries=2, seed=value),
    "subsample n_queries": lambda data, path, value: rk.subsample(data, n_queries=value),
    "filter_queries min_docs": lambda data, path, value: rk.filter_queries(data, min_docs=value),
    "filter_queries max_docs": lambda data, path, value: rk.filter_queries(data, max_docs=value),
    "split_classes seed": lambda data, path, value: rk.read_labelled("digits").split_classes(0.3, seed=value),
    "make_ranking n_queries": lambda data, path, value: rk.make_ranking(value),
    "make_ranking n_features": lambda data, path, value: rk.make_ranking(3, n_features=value),
    "make_ranking list_size": lambda data, path, value: rk.make_ranking(3, list_size=(value, 9)),
    "make_ranking seed": lambda data, path, value: rk.make_ranking(3, seed=value),
    "read n_features": lambda data, path, value: rk.read(path, n_features=value),
    "read_letor features": lambda data, path, value: rk.read_letor(path, features=[value]),
    "read_letor drop": lambda data, path, value: rk.read_letor(path, drop=[value]),
    "read_letor n_threads": lambda data, path, value: rk.read_letor(path, n_threads=value),
}
SHARES = {
    "split": lambda data, value: rk.split(data, (value, 0.5)),
    "subsample fraction": lambda data, value: rk.subsample(data, fraction=value),
    "split_classes fraction": lambda data, value: rk.read_labelled("digits").split_classes(value),
    "make_ranking noise": lambda data, value: rk.make_ranking(3, noise=value),
}


@pytest.mark.parametrize("value", NO_WHOLE, ids=repr)
@pytest.mark.parametrize("option", WHOLE)
def test_what_is_no_whole_number_is_refused_by_name(option, value, data, path):
    with pytest.raises(rk.ConfigError, match=option.split()[-1]):
        WHOLE[option](data, path, value)


@pytest.mark.parametrize("value", [math.nan, math.inf, 10**400, -0.5, True, "0.5", []], ids="{!r:.9}".format)
@pytest.mark.parametrize("option", SHARES)
def test_what_is_no_share_is_refused_by_name(option, value, data):
    with pytest.raises(rk.ConfigError, match=option.split()[-1]):
        SHARES[option](data, value)


@pytest.mark.parametrize("value", [math.nan, -1, "yes", []], ids=repr)
def test_zero_based_is_yes_no_or_nothing(path, value):
    with pytest.raises(rk.ConfigError, match="zero_based=True, False or None"):
        rk.read(path, zero_based=value)
