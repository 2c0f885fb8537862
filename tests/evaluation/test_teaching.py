"""Labels from a teacher: a rankkit scorer, trees, scikit-learn, anything with predict()."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

import rankkit as rk
from rankkit.errors import ConfigError, DataError

DATA = rk.make_ranking(20, n_features=3, seed=1)


class Teacher:
    def __init__(self, answer):
        self.answer = answer

    def predict(self, features):
        return self.answer(features)


def test_a_saved_scorer_teaches(tmp_path):
    scorer = rk.MLPScorer(3, hidden=(4,), transform="none", seed=0)
    rk.save(scorer, tmp_path / "teacher")
    taught = rk.pseudo_labels(rk.load(tmp_path / "teacher"), DATA)
    np.testing.assert_array_equal(taught.labels, rk.predict(scorer, DATA))
    assert taught.labels.dtype == np.float32
    assert taught.features is DATA.features
    assert taught.qids is DATA.qids


def test_labels_stand_beside_their_documents_whatever_the_rows_were():
    # Rows of two queries mixed: the data set regroups them.
    rng = np.random.default_rng(0)
    features = rng.normal(size=(6, 3)).astype(np.float32)
    mixed = rk.from_arrays(features, np.arange(6.0), [1, 2, 1, 2, 1, 2])
    scorer = rk.LinearScorer(3, transform="none", seed=0)
    taught = rk.pseudo_labels(scorer, mixed)
    np.testing.assert_array_equal(taught.in_row_order(taught.labels), rk.predict(scorer, mixed))
    first = rk.pseudo_labels(Teacher(lambda x: x[:, 0]), mixed)
    np.testing.assert_array_equal(first.labels, mixed.features[:, 0])


def test_trees_and_scikit_learn_teach():
    lightgbm = pytest.importorskip("lightgbm")
    trees = lightgbm.train(
        {"objective": "lambdarank", "num_leaves": 7, "verbose": -1, "min_data_in_leaf": 5, "num_threads": 1},
        lightgbm.Dataset(DATA.features, DATA.labels, group=DATA.list_sizes),
        num_boost_round=5,
    )
    np.testing.assert_allclose(rk.pseudo_labels(trees, DATA).labels, trees.predict(DATA.features), rtol=1e-6)
    linear = LinearRegression().fit(DATA.features, DATA.labels)
    np.testing.assert_allclose(rk.pseudo_labels(linear, DATA).labels, linear.predict(DATA.features), rtol=1e-5)


def test_a_student_learns_the_order_of_its_teacher():
    teacher = Teacher(lambda x: x @ np.array([2.0, -1.0, 0.5], dtype=np.float32))
    taught = rk.pseudo_labels(teacher, DATA)
    student = rk.LinearScorer(3, transform="none", seed=3)
    rk.fit(student, rk.kl_distillation_loss, taught, epochs=60, learning_rate=0.1, seed=0)
    weights = np.array(list(student.weights.values()))
    cosine = weights @ [2.0, -1.0, 0.5] / np.linalg.norm(weights) / np.linalg.norm([2.0, -1.0, 0.5])
    assert cosine > 0.99


def test_unlabelled_documents_are_taught():
    bare = rk.from_arrays(DATA.features, None, DATA.qids.repeat(DATA.list_sizes))
    assert rk.pseudo_labels(Teacher(lambda x: x[:, 0]), bare).labels is not None


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda x: x, r"expected \d+ scores, one a document; got an array of shape \(\d+, 3\)"),
        (lambda x: x[:-1, 0], "one a document"),
        (lambda x: np.where(np.arange(len(x)) == 3, np.nan, x[:, 0]), "expected finite scores; got nan for document 3"),
        (lambda x: x[:, 0].astype(np.float64) + 1e300, "expected finite scores; got 1e"),
    ],
)
def test_answers_that_are_no_scores(answer, message):
    with pytest.raises(DataError, match=f"pseudo_labels: .*{message}"):
        rk.pseudo_labels(Teacher(answer), DATA)


def test_what_is_no_teacher():
    with pytest.raises(ConfigError, match=r"expected a scorer, or a model with predict\(features\); got str"):
        rk.pseudo_labels("runs/teacher", DATA)
    with pytest.raises(DataError, match="pseudo_labels: expected 5 features"):
        rk.pseudo_labels(rk.LinearScorer(5, seed=0), DATA)
