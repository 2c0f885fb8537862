"""``rankkit train --folds``: rankkit.cli.training.fold_runs."""

import numpy as np
import pytest

import rankkit as rk
from rankkit.cli.training import fold_runs
from rankkit.data.synthetic import make_ranking


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two folds, the second with twice the queries."""
    folder = tmp_path_factory.mktemp("folds")
    for number in (1, 2):
        for seed, part in enumerate(("train", "vali", "test")):
            data = make_ranking(10 * number, n_features=4, seed=10 * number + seed)
            rk.write(data, folder / f"Fold{number}" / f"{part}.txt")
    return folder


WORDS = ("--set", "scorer.hidden=[8]", "--set", "training.epochs=1")


def test_a_run_a_fold_and_a_table_over_all_queries(rankkit, folder, tmp_path):
    out = tmp_path / "run"
    answer = rankkit("train", "--folds", folder, "--out", out, *WORDS)
    assert answer.code == 0, answer.err
    values, lines = [], answer.out.splitlines()
    table = lines[lines.index("test data of 2 folds") + 1 :][:4]
    for number in (1, 2):
        report = rk.evaluate(rk.load(out / f"Fold{number}"), rk.read(folder / f"Fold{number}" / "test.txt"))
        values.append(report.per_query)
        assert table[number].split() == [
            f"Fold{number}", str(10 * number), f"{report.means['ndcg@10']:.4f}", f"{report.means['mrr@10']:.4f}"
        ]  # fmt: skip
    means = [np.nan_to_num(np.concatenate([fold[metric] for fold in values])).mean() for metric in values[0]]
    assert table[0].split() == ["fold", "queries", "ndcg@10", "mrr@10"]
    assert table[3].split() == ["all", "30", f"{means[0]:.4f}", f"{means[1]:.4f}"]
    assert "rankkit: gain 2^label - 1" in answer.out.split("All folds")[1]


def test_resume_runs_what_is_not_finished(rankkit, folder, tmp_path, monkeypatch):
    out = tmp_path / "run"
    first = rankkit("train", "--folds", folder, "--out", out, *WORDS).out.split("test data of")[1]
    (out / "Fold2" / fold_runs.RESULT).unlink()
    ran = []
    run = fold_runs.run
    monkeypatch.setattr(fold_runs, "run", lambda fold, **options: (ran.append(fold.out.name), run(fold, **options))[1])
    answer = rankkit("train", "--out", out, "--resume")
    assert answer.code == 0, answer.err
    assert ran == ["Fold2"]
    assert answer.out.split("test data of")[1] == first

    answer = rankkit("train", "--out", out, "--resume", "--set", "training.epochs=2")
    assert answer.code == 2
    assert "Fold1: expected the finished run of the same experiment; it is that of another." in answer.err
    answer = rankkit("train", "--folds", folder, "--out", out)
    assert answer.code == 2
    assert "it holds one" in answer.err


def test_folds_without_test_data_are_measured_on_validation_data(rankkit, tmp_path):
    for part in ("train", "valid"):
        rk.write(make_ranking(10, n_features=4), tmp_path / "data" / f"{part}.csv")
    answer = rankkit("train", "--folds", tmp_path / "data", "--out", tmp_path / "run", *WORDS)
    assert "valid data of 1 fold\n" in answer.out


def test_folds_without_either_are_trained(rankkit, tmp_path):
    rk.write(make_ranking(10, n_features=4), tmp_path / "data" / "train.txt")
    answer = rankkit("train", "--folds", tmp_path / "data", "--out", tmp_path / "run", *WORDS)
    assert answer.code == 0, answer.err
    assert "All folds" not in answer.out
    assert (tmp_path / "run" / "data" / "model.json").is_file()


def test_the_greatest_grade_may_differ_between_folds(rankkit, tmp_path):
    for number, grade in ((1, 2), (2, 4)):
        data = make_ranking(10, n_features=4, seed=number)
        labels = np.minimum(data.labels, grade)
        for part in ("train", "test"):
            rk.write(rk.from_arrays(data.features, labels, np.repeat(data.qids, data.list_sizes)),
                     tmp_path / "data" / f"Fold{number}" / f"{part}.txt")  # fmt: skip
    answer = rankkit("train", "--folds", tmp_path / "data", "--out", tmp_path / "run", *WORDS,
                     "--set", "evaluation.metrics=['err@10']")  # fmt: skip
    assert answer.code == 0, answer.err
    assert "greatest grade" not in answer.out.split("All folds")[1]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--folds", "data", "--train", "x.txt"), "expected files or a folder of folds; got both"),
        (("--folds", "absent"), "absent: expected a folder of folds; got No such file or directory"),
        ((), "expected training data; got none. Name --train FILE or --folds FOLDER"),
    ],
)
def test_mistakes(rankkit, tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    answer = rankkit("train", *words, "--out", "run", "--set", "data.n_features=4")
    assert answer.code == 2
    assert message in answer.err
    assert not (tmp_path / "run").exists()
