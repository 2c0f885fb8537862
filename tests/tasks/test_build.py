import pytest

import rankkit as rk
from rankkit.errors import ConfigError
from rankkit.objectives import DualLearning
from rankkit.tasks.gradient.objectives import build_objective
from rankkit.tasks.ranking.build import build_scorer


@pytest.mark.parametrize(
    ("objective", "n_outputs", "readout"),
    [
        ("ranknet", 1, None),
        ("cross_entropy", 5, "expected_grade"),
        ("ordinal", 4, "sum_of_sigmoids"),
        ("listwide_softmax", 5, "first_output"),
    ],
)
def test_a_scorer_has_the_outputs_that_its_objective_reads(objective, n_outputs, readout):
    data = rk.make_ranking(20, seed=0)
    assert data.labels.max() == 4
    scorer = build_scorer("mlp", {"hidden": [4]}, objective, data, seed=0)
    assert (scorer.n_outputs, scorer.readout) == (n_outputs, readout)
    history = rk.fit(scorer, build_objective(objective, {}), data, epochs=1, progress=False)
    assert len(history.epochs) == 1


def test_stated_outputs_are_kept():
    data = rk.make_ranking(20, seed=0)
    assert build_scorer("linear", {"n_outputs": 7}, "cross_entropy", data, seed=0).n_outputs == 7


def test_labels_of_too_few_grades_are_refused():
    data = rk.from_arrays([[0.0], [1.0]], [0, 1], ["q", "q"])
    with pytest.raises(ConfigError, match=r"^train: expected labels of more grades .* ordinal; got 0\.\.1"):
        build_scorer("linear", {}, "ordinal", data, seed=0)


def test_an_objective_with_weights_is_built_anew_each_time():
    first, second = (build_objective("dual_learning", {"n_positions": 3}) for _ in range(2))
    assert isinstance(first, DualLearning)
    assert first is not second
