"""Folders of folds: the file names that data sets have, what is read when, and what is said of other folders."""

import gc
import weakref

import pytest

from rankkit.data.synthetic import make_ranking
from rankkit.errors import DataError
from rankkit.loaders import folds as folds_module
from rankkit.loaders.files import write
from rankkit.loaders.folds import FoldFiles, find_folds, read_folds


def lay(folder, *names):
    """Small data files of those names."""
    for seed, name in enumerate(names):
        write(make_ranking(3, n_features=3, seed=seed), folder / name)
    return folder


def parts(folder):
    return [
        (files.name, *(path and str(path.relative_to(folder)) for path in (files.train, files.valid, files.test)))
        for files in find_folds(folder)
    ]


MSLR = [f"Fold{number}/{part}.txt" for number in range(1, 6) for part in ("train", "vali", "test")]
LETOR3 = [f"Fold{number}/{part}set.txt" for number in (1, 2) for part in ("training", "validation", "test")]


def test_mslr_and_letor_4(tmp_path):
    lay(tmp_path, *MSLR, "Large_norm.txt")
    assert parts(tmp_path) == [
        (f"Fold{number}", *(f"Fold{number}/{part}.txt" for part in ("train", "vali", "test"))) for number in range(1, 6)
    ]


def test_letor_3(tmp_path):
    assert parts(lay(tmp_path, *LETOR3))[1] == (
        "Fold2", "Fold2/trainingset.txt", "Fold2/validationset.txt", "Fold2/testset.txt"
    )  # fmt: skip


def test_yahoo(tmp_path):
    names = [f"set{number}.{part}.txt.gz" for number in (2, 1) for part in ("train", "valid", "test")]
    assert parts(lay(tmp_path, *names)) == [
        (f"set{number}", *(f"set{number}.{part}.txt.gz" for part in ("train", "valid", "test"))) for number in (1, 2)
    ]


def test_istella(tmp_path):
    folder = lay(tmp_path / "istella", "train.txt", "test.txt")
    assert parts(folder) == [("istella", "train.txt", None, "test.txt")]
    lay(folder, "vali.txt.bz2")
    assert parts(folder) == [("istella", "train.txt", "vali.txt.bz2", "test.txt")]


def test_folds_come_in_the_order_of_their_numbers(tmp_path):
    lay(tmp_path, "Fold10/train.txt", "Fold2/train.txt", "Fold1/train.txt")
    assert [files.name for files in find_folds(tmp_path)] == ["Fold1", "Fold2", "Fold10"]


@pytest.mark.parametrize("extension", [".parquet", ".csv", ".tsv.xz", ".arrow", ".rkcache"])
def test_every_format(tmp_path, extension):
    fold = read_folds(lay(tmp_path, f"train{extension}", f"test{extension}"))[0]
    assert fold.train.fingerprint == make_ranking(3, n_features=3, seed=0).fingerprint
    assert fold.test.fingerprint == make_ranking(3, n_features=3, seed=1).fingerprint


def test_a_folder_in_the_folder_as_archives_unpack(tmp_path):
    assert len(find_folds(lay(tmp_path / "MQ2008" / "MQ2008", *MSLR).parent)) == 5
    lay(tmp_path / "MQ2008" / "agg", *MSLR)
    with pytest.raises(DataError, match=r"expected one set of folds; got agg, MQ2008\. Name one of these folders"):
        find_folds(tmp_path / "MQ2008")


def test_other_folders(tmp_path):
    lay(tmp_path, "one.txt", "trained.txt")
    with pytest.raises(
        DataError, match=r"expected Fold1, Fold2, .* \(MSLR, LETOR 4\) .* \(Yahoo\); .*; got one\.txt, "
    ):
        read_folds(tmp_path)
    with pytest.raises(DataError, match="expected a folder of folds; got a file"):
        read_folds(tmp_path / "one.txt")
    with pytest.raises(DataError, match="expected a folder of folds; got No such file"):
        read_folds(tmp_path / "none")


def test_a_part_that_is_there_twice(tmp_path):
    with pytest.raises(
        DataError, match=r"expected one file of valid data; got vali\.txt and valid\.txt\. Move one away"
    ):
        find_folds(lay(tmp_path, "train.txt", "vali.txt", "valid.txt"))


def test_caches_beside_the_files_are_no_parts(tmp_path):
    lay(tmp_path, "train.txt", "test.txt")
    for _ in range(2):
        fold = read_folds(tmp_path, cache=True)[0]
        assert (fold.train.n_docs, fold.valid, fold.test.n_features) == (fold.train.n_docs, None, 3)
    assert (tmp_path / "train.txt.rkcache").is_dir()
    assert parts(tmp_path) == [(tmp_path.name, "train.txt", None, "test.txt")]


def test_parts_have_the_width_of_the_training_data(tmp_path):
    (tmp_path / "train.txt").write_text("1 qid:1 1:1 5:2\n")
    (tmp_path / "vali.txt").write_text("1 qid:1 1:1\n")
    (tmp_path / "test.txt").write_text("1 qid:1 1:1 6:2\n")
    fold = read_folds(tmp_path)[0]
    assert fold.valid.n_features == 5
    with pytest.raises(
        DataError, match=r"test\.txt:1: expected feature indices up to 5, as many as are asked for; got '6:2'"
    ):
        fold.test  # noqa: B018
    assert read_folds(tmp_path, n_features=7)[0].test.n_features == 7


def test_one_fold_is_in_memory_at_a_time(tmp_path, monkeypatch):
    lay(tmp_path, *LETOR3)
    alive = []

    def read(path, **options):
        gc.collect()
        assert sum(part() is not None for part in alive) < 3
        data = make_ranking(3, n_features=3)
        alive.append(weakref.ref(data))
        return data

    monkeypatch.setattr(folds_module, "read", read)
    folds = read_folds(tmp_path)
    assert not alive
    for fold in folds:
        assert fold.train is fold.train
        assert fold.valid.n_features == fold.test.n_features == 3
    assert len(alive) == 6


def test_folds_are_a_sequence(tmp_path):
    folds = read_folds(lay(tmp_path, *MSLR))
    assert len(folds) == 5
    assert repr(folds[1:3]) == "Folds(Fold2, Fold3)"
    assert repr(folds[-1]) == "Fold(Fold5: train=train.txt, valid=vali.txt, test=test.txt)"
    assert isinstance(folds.files[0], FoldFiles)
    with pytest.raises(IndexError):
        folds[5]


@pytest.mark.realdata
def test_mq2008(real_data):
    fold = read_folds(real_data / "mq2008")[0]
    assert (fold.train.n_queries, fold.valid.n_queries, fold.test.n_queries) == (471, 157, 156)
    assert fold.test.n_features == 46
