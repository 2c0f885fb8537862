"""Context of features within the query: against a slow loop, and what must not matter to it."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rankkit.errors import ConfigError
from rankkit.transforms import Transform
from rankkit.transforms.context import CONTEXT, WithContext, context_steps
from tests.oracles import context as oracle

FEW = settings(max_examples=25, deadline=None)  # the first one may compile
OFFSETS = np.array([0, 3, 3, 4, 10])
# Whole numbers, a few of them: ties, and no spread that is mere rounding.
MATRICES = hnp.arrays(
    np.float32,
    st.tuples(st.just(10), st.integers(1, 3)),
    elements=st.integers(-6, 6).map(float) | st.sampled_from([0.0, 512.5, float("nan")]),
)


def beside(word, rows, offsets=OFFSETS):
    """The columns that a word adds, NaN where missing."""
    n_features = rows.shape[1]
    made = WithContext(word, list(range(n_features)))
    return made(torch.from_numpy(rows), torch.from_numpy(offsets)).numpy()[:, n_features:]


def by_loop(word, rows):
    found = np.full(rows.shape, np.nan)
    for start, stop in pairwise(OFFSETS):
        for column in range(rows.shape[1]):
            values = [None if np.isnan(x) else float(x) for x in rows[start:stop, column]]
            found[start:stop, column] = [np.nan if x is None else x for x in getattr(oracle, word)(values)]
    return found


@pytest.mark.parametrize("word", CONTEXT)
@FEW
@given(rows=MATRICES)
def test_every_word_is_what_a_slow_loop_gives(word, rows):
    np.testing.assert_allclose(beside(word, rows), by_loop(word, rows), atol=1e-5)


@pytest.mark.parametrize("word", ["rank", "gap"])
@FEW
@given(rows=MATRICES)
def test_the_compiled_loop_is_what_tensors_give_that_export_and_have_gradients(word, rows):
    features = torch.from_numpy(rows).requires_grad_()
    made = WithContext(word, list(range(rows.shape[1])))
    found = made(features, torch.from_numpy(OFFSETS))[:, rows.shape[1] :]
    np.testing.assert_array_equal(found.detach().numpy(), beside(word, rows))


@pytest.mark.parametrize("word", CONTEXT)
@FEW
@given(rows=MATRICES, seed=st.integers(0, 99))
def test_the_order_of_documents_does_not_matter(word, rows, seed):
    generator = np.random.default_rng(seed)
    shuffled = np.concatenate([generator.permutation(np.arange(*bounds)) for bounds in pairwise(OFFSETS)])
    np.testing.assert_allclose(beside(word, rows[shuffled]), beside(word, rows)[shuffled], atol=1e-6)


@pytest.mark.parametrize("word", CONTEXT)
@FEW
@given(rows=MATRICES)
def test_other_queries_do_not_matter(word, rows):
    alone = beside(word, rows[4:], np.array([0, 6]))
    np.testing.assert_array_equal(beside(word, rows)[4:], alone)


@pytest.mark.parametrize("word", CONTEXT)
def test_missing_and_infinite_values_spoil_no_other(word):
    rows = np.array([[1], [np.nan], [3], [np.nan], [3], [9]], np.float32)
    offsets = np.array([0, 6])
    found = beside(word, rows, offsets)
    there = ~np.isnan(rows)
    np.testing.assert_array_equal(np.isnan(found), ~there)
    np.testing.assert_allclose(found[there], beside(word, rows[there][:, None], np.array([0, 4]))[:, 0], atol=1e-6)
    extreme = np.array([[1], [np.inf], [-np.inf], [2]], np.float32)
    assert np.isfinite(beside(word, extreme, np.array([0, 4]))).all()


def test_a_lone_document_is_compared_with_none():
    found = [float(beside(word, np.array([[7]], np.float32), np.array([0, 1]))[0, 0]) for word in CONTEXT]
    assert dict(zip(CONTEXT, found, strict=True)) == {"z": 0, "rank": 0.5, "share": 1, "gap": 0}


@pytest.mark.parametrize("word", CONTEXT)
def test_without_documents_there_is_nothing(word):
    assert beside(word, np.zeros((0, 2), np.float32), np.array([0, 0])).shape == (0, 2)


def test_by_hand():
    rows = torch.tensor([[4.0], [1.0], [4.0], [2.0], [torch.nan]])
    found = WithContext("rank+share+gap", [0])(rows, torch.tensor([0, 5]))[:4, 1:]
    third = 1 / 3
    expected = [[2.5 * third, 1, 0], [0, 0.25, third], [2.5 * third, 1, 0], [third, 0.5, 2 * third]]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_transform_puts_it_behind_its_own_chains_with_missing_values_replaced():
    transform = Transform(["none", "log1p"], 2, context="z+rank+share+gap")
    assert transform.n_outputs == 2 * 6
    assert transform.output_names(["a", "b"])[4:8] == [
        "query_standardize(a)",
        "query_standardize(b)",
        "query_rank(a)",
        "query_rank(b)",
    ]
    out = transform(torch.tensor([[1.0, torch.nan], [2.0, 5.0]]), torch.tensor([0, 2])).numpy()
    assert out[0, 5::2].tolist() == [0, 0.5, 0, 0]  # of b: as the table of Transform has it


@pytest.mark.parametrize(
    ("context", "message"),
    [("z+ranks", "got 'ranks'.*rank"), ("", "got ''"), ("z+z", "each word once"), (["z"], r"got \['z'\]")],
)
def test_other_words_are_refused(context, message):
    with pytest.raises(ConfigError, match=message):
        context_steps(context)
