"""What read_letor's keywords change: group files, chosen features, rows that are left out, rows without labels."""

import logging
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import rankkit as rk
from rankkit.data.views import select_features
from rankkit.errors import ConfigError, DataError, DataWarning
from rankkit.evaluation.matching import read_documents
from rankkit.loaders.files import convert, write
from rankkit.loaders.files import read as read_any
from rankkit.loaders.letor import reader as letor_reader
from rankkit.loaders.letor.reading import read_letor

WIDE = b"2 qid:1 1:0.5 2:3 3:7\n0 qid:1 1:-1.25 2:7e-1\n1 qid:7 1:4 3:9\n"
PLAIN = b"2 1:0.5 2:3\n0 1:1 2:4\n1 1:4 2:5\n"


@pytest.fixture
def read(tmp_path):
    """Reads bytes as the file train.txt."""
    path = tmp_path / "train.txt"

    def read_bytes(data, **options):
        path.write_bytes(data)
        return read_letor(path, **options)

    return read_bytes


@pytest.fixture(params=[24, 2**22])
def any_block_size(request, monkeypatch):
    """Blocks of a line or so, and one block for the whole file."""
    monkeypatch.setattr(letor_reader, "BLOCK_SIZE", request.param)


# Queries from a file of sizes.


@pytest.mark.parametrize("sizes", [b"2\n1\n", b"2\r\n1\r\n\r\n", b"2\n1"])
@pytest.mark.usefixtures("any_block_size")
def test_sizes_make_queries_numbered_from_1(read, tmp_path, sizes):
    (tmp_path / "sizes").write_bytes(sizes)
    data = read(PLAIN, group_file=tmp_path / "sizes")
    assert data.offsets.tolist() == [0, 2, 3]
    assert data.qids.tolist() == [1, 2]
    assert data.labels.tolist() == [2, 0, 1]
    assert data.features.tolist() == [[0.5, 3], [1, 4], [4, 5]]


def test_sizes_that_do_not_add_up(read, tmp_path):
    (tmp_path / "sizes").write_bytes(b"2\n2\n")
    with pytest.raises(
        DataError, match=r"sizes: expected sizes that add up to 3, the rows of \S+train\.txt; got 4 in 2"
    ):
        read(PLAIN, group_file=tmp_path / "sizes")


@pytest.mark.parametrize("line", ["0", "-1", "two", "1.5", "9" * 30])
def test_a_line_that_is_no_size(read, tmp_path, line):
    (tmp_path / "sizes").write_text(f"2\n{line}\n")
    with pytest.raises(DataError, match=rf"sizes:2: expected the number of rows of a query, 1 or more; got '{line}'"):
        read(PLAIN, group_file=tmp_path / "sizes")


def test_rows_without_qid_and_nothing_beside_them(read):
    with pytest.raises(DataError, match=r"train\.txt:1: .* Add the qid column, or write how many rows each query"):
        read(PLAIN)


@pytest.mark.parametrize("name", ["train.txt.query", "train.query", "train.txt.group"])
def test_rows_without_qid_take_the_group_file_beside_them(read, tmp_path, name):
    (tmp_path / name).write_bytes(b"2\n1\n")
    for cache in (False, True, True):
        with pytest.warns(DataWarning, match=rf"train\.txt: the rows of each query are counted by {name} beside it"):
            assert read(PLAIN, cache=cache).list_sizes.tolist() == [2, 1]


def test_the_group_file_that_is_asked_for_is_taken(read, tmp_path):
    (tmp_path / "train.txt.query").write_bytes(b"2\n1\n")
    (tmp_path / "sizes").write_bytes(b"1\n2\n")
    assert read(PLAIN, group_file=tmp_path / "sizes").list_sizes.tolist() == [1, 2]


def test_rows_with_qids_say_that_a_group_file_beside_them_is_left_out(read, tmp_path):
    (tmp_path / "train.txt.query").write_bytes(b"1\n1\n1\n")
    with pytest.warns(DataWarning, match=r"train\.txt: train\.txt\.query beside it is left out, since the rows have"):
        assert read(WIDE).list_sizes.tolist() == [2, 1]


# Weights in a file beside the rows.


@pytest.mark.usefixtures("any_block_size")
@pytest.mark.parametrize("cache", [False, True])
def test_weights_beside_the_rows_are_those_of_documents(read, tmp_path, cache):
    (tmp_path / "train.txt.weight").write_bytes(b"1\n0.5\n\n2e0\n")
    with pytest.warns(DataWarning, match=r"train\.txt: the rows are weighted by train\.txt\.weight beside it"):
        data = read(b"1 qid:a 1:1\n0 qid:b 1:2\n2 qid:a 1:3\n", regroup=True, cache=cache)
    assert (data.weights.tolist(), data.weights_per) == ([1, 2, 0.5], "doc")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"1\n2\n", r"train\.txt\.weight: expected 3 weights, one for each row of .*train\.txt; got 2"),
        (b"1\n-2\n1\n", r"train\.txt\.weight:2: expected the weight of a row, a finite number .*; got '-2'"),
        (b"1\nnan\n1\n", r"weight:2: .* got 'nan'"),
        (b"1\n1e39\n1\n", r"weight:2: .* got '1e39'"),
        (b"one\n1\n1\n", r"weight:1: .* got 'one'"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*beside it:rankkit.errors.DataWarning")
def test_weights_that_cannot_be_those_of_the_rows(read, tmp_path, content, message):
    (tmp_path / "train.txt.weight").write_bytes(content)
    with pytest.raises(DataError, match=message):
        read(WIDE)


@pytest.mark.parametrize("name", ["train.query", "train.txt.weight"])
def test_rows_are_not_left_out_where_another_file_counts_them(read, tmp_path, name):
    (tmp_path / name).write_bytes(b"3\n")
    with pytest.raises(ConfigError, match=rf"train\.txt: expected on_bad_line='error' with \S+{name}, which counts"):
        read(PLAIN, on_bad_line="skip")


# The index of the first feature.

ZERO_BASED = b"# Generated by dump_svmlight_file\n# Column indices are zero-based\n#\n"


@pytest.mark.usefixtures("any_block_size")
@pytest.mark.parametrize("cache", [False, True])
def test_the_comment_above_the_rows_says_where_indices_begin(read, cache):
    rows = b"1 qid:1 1:5\n0 qid:1 2:6\n"
    assert read(ZERO_BASED + rows, cache=cache).features.tolist() == [[0, 5, 0], [0, 0, 6]]
    assert read(ZERO_BASED + rows, zero_based=False, cache=cache).features.tolist() == [[5, 0], [0, 6]]
    assert read(ZERO_BASED.replace(b"zero", b"one") + rows, cache=cache).features.tolist() == [[5, 0], [0, 6]]
    assert read(rows, zero_based=True, cache=cache).features.tolist() == [[0, 5, 0], [0, 0, 6]]
    assert read(ZERO_BASED + rows, features=[2, 1], cache=cache).features.tolist() == [[0, 5], [6, 0]]


def test_what_scikit_learn_writes_is_read_as_it_was(read, tmp_path):
    from sklearn.datasets import dump_svmlight_file

    features = np.array([[0, 0.5, 7], [0, 1, 0], [0, 2, 0], [0, 3, 1]])  # the first column stands nowhere in the file
    for zero_based in (True, False):
        path = str(tmp_path / "dumped.txt")
        dump_svmlight_file(features, [2, 0, 1, 0], path, query_id=[1, 1, 2, 2], zero_based=zero_based, comment="mine")
        assert read_letor(path).features.tolist() == features.tolist()


# Features that are left out.


@pytest.mark.parametrize("cache", [False, True])
def test_dropped_features_are_called_by_their_indices(read, cache):
    rows = b"1 qid:1 1:5 2:6 3:7\n"
    data = read(rows, drop=[2], cache=cache)
    assert (data.features.tolist(), data.feature_names) == ([[5, 7]], ("1", "3"))
    data = read(rows, features=[3, 2, 1], drop=[2], cache=cache)
    assert (data.features.tolist(), data.feature_names) == ([[7, 5]], ("3", "1"))
    data = read(b"1 qid:1 0:5 1:6\n", drop=[1], zero_based=True, cache=cache)
    assert (data.features.tolist(), data.feature_names) == ([[5]], ("0",))


@pytest.mark.parametrize(
    ("drop", "message"),
    [
        ([4], r"train\.txt: expected to drop some of the features 1 to 2; got 4, which is not among them"),
        ([1, 2], "got all of them"),
    ],
)
def test_features_that_cannot_be_dropped(read, drop, message):
    with pytest.raises(ConfigError, match=message):
        read(b"1 qid:1 1:5 2:6\n", drop=drop)


def test_rows_with_qid_and_a_group_file(read, tmp_path):
    (tmp_path / "sizes").write_bytes(b"2\n1\n")
    with pytest.raises(DataError, match=r"train\.txt:1: expected rows without qid, since a file counts .* at column 3"):
        read(WIDE, group_file=tmp_path / "sizes")


# Rows without labels.


@pytest.mark.usefixtures("any_block_size")
def test_rows_that_begin_with_qid_have_no_labels(read):
    data = read(b"\n# a comment\nqid:b 1:5 # x\nqid:b 1:6\n qid:c 2:1\n")
    assert data.labels is None
    assert data.qids.tolist() == ["b", "c"]
    assert data.features.tolist() == [[5, 0], [6, 0], [0, 1]]
    assert data.doc_ids.tolist() == ["x", "", ""]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            b"qid:1 1:5\n2 qid:1 1:5\n",
            r"train\.txt:2: expected 'qid:<id> .*' without a label, as in the first row; got '2",
        ),
        (b"2 qid:1 1:5\nqid:1 1:5\n", r"train\.txt:2: expected a finite number as the label; got 'qid:1' at column 1"),
    ],
)
def test_labels_in_some_rows_only(read, text, message):
    with pytest.raises(DataError, match=message):
        read(text)


# Labels that are no grades.


def test_labels_are_any_numbers_unless_grades_are_asked_for(read):
    text = b"0.25 qid:1 1:1\n31 qid:1 1:1\n40 qid:1 1:1\n"
    with pytest.raises(DataError, match=r"train\.txt:1: expected a grade .* got '0\.25' at column 1 .*labels='any'"):
        read(text, labels="grades")
    assert read(text).labels.tolist() == [0.25, 31, 40]


# Some of the features.


@pytest.mark.parametrize("chosen", [[1], [3, 1], (2, 3), np.array([3, 2, 1])])
@pytest.mark.usefixtures("any_block_size")
def test_chosen_features_are_the_columns_in_that_order(read, chosen):
    data, whole = read(WIDE, features=chosen), read(WIDE)
    assert np.array_equal(data.features, whole.features[:, np.array(chosen) - 1])
    assert data.feature_names == tuple(str(index) for index in chosen)
    assert data.labels.tolist() == whole.labels.tolist()


def test_features_far_apart_take_no_memory(read):
    data = read(b"1 qid:1 5:2 999999999:3\n0 qid:1 7:1 2000000:4\n", features=[2_000_000, 5])
    assert data.features.tolist() == [[0, 2], [4, 0]]


@pytest.mark.usefixtures("any_block_size")
@pytest.mark.parametrize("index", [2**31 - 1, 2**31 + 1, 2**32 + 5, 10**17 - 2])
def test_indices_of_any_size_that_an_integer_holds_are_told_apart(read, index):
    text = f"1 qid:1 1:2 {index}:3 {index + 1}:4\n0 qid:1 1:1 {index + 1}:5\n".encode()
    assert read(text, features=[index + 1, 1] if index < 10**17 - 2 else [index, 1]).features.tolist() == (
        [[4, 2], [5, 1]] if index < 10**17 - 2 else [[3, 2], [0, 1]]
    )


@pytest.mark.parametrize("index", ["2147483649", "4294967297", "99999999999999999999999"])
def test_an_index_that_is_no_column_is_shown_as_it_stands_in_the_file(read, index):
    text = f"1 qid:1 1:2\n0 qid:1 1:1 {index}:5\n".encode()
    with pytest.raises(DataError, match=rf"train\.txt:2: expected feature indices below 1,000,000,000; got {index}\. "):
        read(text)
    with pytest.raises(DataError, match=rf"train\.txt:2: expected feature indices up to 4, .* got '{index}:5'"):
        read(text, n_features=4)


def test_values_of_other_features_are_passed_over(read):
    assert read(b"1 qid:1 1:2 2:oops 3:1e400\n", features=[1]).features.tolist() == [[2]]
    with pytest.raises(DataError, match="expected each feature once in a row; got '1:3'"):
        read(b"1 qid:1 1:2 1:3 2:oops\n", features=[1])


def test_a_feature_that_no_row_has_is_named(read):
    with pytest.warns(UserWarning, match=r"train\.txt: no row has feature 9\. The values are 0\."):
        data = read(WIDE, features=[9, 1])
    assert data.features.tolist() == [[0, 0.5], [0, -1.25], [0, 4]]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"features": []}, "expected features as different indices from 1 on; got"),
        ({"features": [1, 1]}, "expected features as different indices"),
        ({"features": [1, 10**17]}, "expected features of indices below 100,000,000,000,000,000; got 1000"),
        ({"features": [0, 1]}, "expected features as different indices from 1 on"),
        ({"features": [1], "n_features": 4}, "expected n_features or features; got both"),
        ({"on_bad_line": "drop"}, "expected on_bad_line='error' or 'skip'; got 'drop'"),
        ({"labels": "none"}, "expected labels='grades' or 'any'; got 'none'"),
    ],
)
def test_keywords_that_cannot_work(read, options, message):
    with pytest.raises(ConfigError, match="read_letor: " + message):
        read(WIDE, **options)


# Rows that are left out.

BAD = {2: b"0 qid:1 1:x 2:1", 4: b"1 qid:7 1:1 1:2", 5: b"nan qid:7 1:3", 7: b"2 qid:8 1:1e400", 9: b"-1 qid:8 1:1"}


def with_bad_rows(n=9):
    rows = [BAD.get(line, f"{line % 3} qid:{6 + line // 4} 1:{line} 2:0.5".encode()) for line in range(1, n + 1)]
    return b"\n".join(rows) + b"\n"


@pytest.mark.usefixtures("any_block_size")
def test_bad_rows_are_left_out_counted_and_named(read):
    with pytest.warns(
        UserWarning, match=r"train\.txt: 5 rows are left out, since they cannot be read: line 2: "
    ) as said:
        data = read(with_bad_rows(), on_bad_line="skip")
    assert len(said) == 1
    for line, text in ((2, "'1:x' at column 9"), (4, "each feature once"), (5, "'nan'"), (7, "'1e400'"), (9, "'-1'")):
        assert f"line {line}: expected" in str(said[0].message)
        assert text in str(said[0].message)
    assert data.features[:, 0].tolist() == [1, 3, 6, 8]
    assert data.labels.tolist() == [1, 0, 0, 2]
    assert data.offsets.tolist() == [0, 2, 3, 4]
    assert data.qids.tolist() == [6, 7, 8]


@pytest.mark.usefixtures("any_block_size")
def test_only_the_first_five_are_named(read):
    bad = b"0 qid:1 1:x\n" * 400
    with pytest.warns(UserWarning, match=r"400 rows are left out.*line 1: .*line 5: .* And 395 more\.$") as said:
        data = read(bad + b"1 qid:1 1:5\n", on_bad_line="skip")
    assert "line 6:" not in str(said[0].message)
    assert data.features.tolist() == [[5]]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (b"2 1:0.4", "Add the qid column"),
        (b"2 qid: 1:1", "expected an id behind 'qid:'"),
        (b"2 1:5 qid:1", "expected qid:<id> before the features"),
        (b"2 qid:1 1:5 qid:1", "expected qid:<id> before the features"),
        (b"2 qid:0 1:5", "expected the rows of a qid to stand together"),
        (b"2 qid:1 0:5", "expected feature indices from 1 on"),
        (b"2 qid:\xff 1:5", "expected ids in UTF-8"),
        (b"2 qid:1 1:\x005", "expected plain text; got NUL bytes"),
    ],
)
def test_what_touches_other_rows_is_never_left_out(read, row, message):
    with pytest.raises(DataError, match=r"train\.txt:3: .*" + message):
        read(b"0 qid:0 1:1\n0 qid:1 1:1\n" + row + b"\n", on_bad_line="skip")


def test_a_file_of_bad_rows_only(read):
    with pytest.raises(DataError, match=r"got none that can be read: line 1: expected a decimal number .* line 2: "):
        read(b"0 qid:1 1:x\n0 qid:1 1:y\n", on_bad_line="skip")


def test_nothing_is_said_where_nothing_is_left_out(read):
    assert read(WIDE, on_bad_line="skip").fingerprint == read(WIDE).fingerprint


# What is kept on disk.


@pytest.mark.parametrize("text", [WIDE, b"qid:1 1:1\nqid:2 2:3\n"])
@pytest.mark.parametrize("options", [{}, {"features": [2, 1]}, {"on_bad_line": "skip"}])
def test_the_cache_gives_the_same(read, text, options):
    plain = read(text, **options)
    for _ in range(2):
        kept = read(text, **options, cache=True)
        assert kept.fingerprint == plain.fingerprint
        assert kept.feature_names == plain.feature_names
        assert (kept.labels is None) == (plain.labels is None)


@pytest.mark.slow
def test_compilation_is_announced_once(tmp_path):
    (tmp_path / "x.txt").write_bytes(WIDE)
    code = "import sys; from rankkit import read_letor; read_letor(sys.argv[1]); read_letor(sys.argv[1])"
    command = [sys.executable, "-c", code, str(tmp_path / "x.txt")]
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache"), "PYTHONPATH": os.pathsep.join(sys.path)}
    said = [subprocess.run(command, env=environment, stderr=subprocess.PIPE, check=True).stderr for _ in range(2)]
    assert said == [b"Compiling the reader of LETOR text: some seconds, once on this machine.\n", b""]


@pytest.mark.parametrize(("folder", "often"), [("somewhere", "once on this machine"), (None, "in each process")])
def test_what_is_announced_depends_on_whether_it_can_be_kept(caplog, folder, often):
    from rankkit import compilation
    from rankkit.loaders.letor import kernels as letor_kernels

    def loop():
        pass

    loop.__module__ = letor_kernels.__name__
    kernel = SimpleNamespace(py_func=loop, stats=SimpleNamespace(cache_path=folder))
    compilation._Announcer("the reader of LETOR text", letor_kernels.__name__).on_start(
        SimpleNamespace(data={"dispatcher": kernel})
    )
    assert caplog.messages == [f"Compiling the reader of LETOR text: some seconds, {often}."]


def test_compilation_of_others_is_not_announced(caplog):
    import numba

    from rankkit.loaders.letor.lines import announced_compilation

    with caplog.at_level(logging.INFO), announced_compilation():
        numba.njit(lambda x: x + 1)(1)
    assert not [record for record in caplog.records if record.name == "rankkit"]


@pytest.mark.realdata
@pytest.mark.skipif("RANKKIT_DATA" not in os.environ, reason="RANKKIT_DATA is not set")
@pytest.mark.parametrize(("part", "n_docs", "n_queries"), [("train", 3005, 201), ("test", 768, 50)])
def test_lightgbms_own_example(part, n_docs, n_queries):
    folder = Path(os.environ["RANKKIT_DATA"]) / "lightgbm_lambdarank"
    path, group_file = folder / f"rank.{part}.gz", folder / f"rank.{part}.query"
    with pytest.warns(DataWarning, match=rf"rank\.{part}\.query beside it"):
        data = read_letor(path)
    assert (data.n_docs, data.n_queries, data.n_features) == (n_docs, n_queries, 300)
    assert data.list_sizes.tolist() == [int(line) for line in group_file.read_text().split()]


def test_what_is_dropped_is_not_kept_in_a_cache(tmp_path):
    (tmp_path / "x.txt").write_bytes(WIDE)
    data = convert(tmp_path / "x.txt", tmp_path / "y.rkcache", drop=[2])
    kept = read_any(tmp_path / "y.rkcache")
    assert kept.feature_names == data.feature_names == ("1", "3")
    assert kept.features.tolist() == data.features.tolist() == [[0.5, 7], [-1.25, 0], [4, 9]]
    with pytest.raises(DataError, match=r"x\.txt:1: expected feature indices up to 2, as many as are asked for; got 3"):
        read_any(tmp_path / "x.txt", drop=[2], n_features=2)


def test_integers_of_numpy_name_features(tmp_path):
    (tmp_path / "x.txt").write_bytes(WIDE)
    assert read_any(tmp_path / "x.txt", features=np.array([3, 1])).features.tolist() == [[7, 0.5], [0, -1.25], [9, 4]]


@pytest.mark.parametrize("cache", [False, True])
def test_a_feature_is_called_by_its_index_as_the_file_has_it(tmp_path, cache):
    path = tmp_path / "zero.txt"
    path.write_bytes(ZERO_BASED + b"1 qid:1 0:5 1:6 2:7\n0 qid:1 0:1 1:2 2:3\n")
    whole = read_letor(path, cache=cache)
    assert whole.feature_names == ("0", "1", "2")
    chosen = read_letor(path, features=[1, 2], cache=cache)
    assert chosen.feature_names == ("1", "2")
    np.testing.assert_array_equal(chosen.features, select_features(whole, ["1", "2"]).features)
    assert read_letor(path, drop=[0], cache=cache).feature_names == ("1", "2")


def test_rankers_match_features_by_the_index_in_the_file_or_refuse(tmp_path):
    zero, one = tmp_path / "zero.txt", tmp_path / "one.txt"
    rows = [f"{i % 3} qid:{i // 4} B:{i} C:{-i * i} D:{i % 2}" for i in range(12)]
    zero.write_text("# Column indices are zero-based\n" + "\n".join(rows).translate(str.maketrans("BCD", "012")) + "\n")
    one.write_text("\n".join(rows).translate(str.maketrans("BCD", "123")) + "\n")
    data = read_letor(zero)
    chosen = read_letor(zero, features=[1, 2])
    scorers = {}
    for name, train in (("whole", data), ("chosen", chosen)):
        scorers[name] = rk.LinearScorer(train.n_features, seed=0)
        rk.fit(scorers[name], "ranknet", train, epochs=1, progress=False)
    expected = rk.predict(scorers["chosen"], chosen)
    with pytest.warns(rk.DataWarning, match="0 .no feature of the ranker"):
        np.testing.assert_array_equal(rk.predict(scorers["chosen"], data), expected)  # was shifted by one column
    np.testing.assert_array_equal(rk.predict(scorers["chosen"], read_documents(zero, scorers["chosen"])), expected)
    with pytest.raises(rk.DataError, match="none named '0' among 1, 2, 3"):
        rk.predict(scorers["whole"], read_letor(one))
    with pytest.raises(rk.ConfigError, match="different indices from 1 on"):
        read_documents(one, scorers["whole"])


def test_indices_from_0_come_back_through_every_format(tmp_path):
    path = tmp_path / "zero.txt"
    path.write_bytes(ZERO_BASED + b"1 qid:1 0:5 1:6\n0 qid:1 0:1 1:2\n")
    data = read_letor(path)
    for ending in (".txt", ".txt.gz", ".parquet", ".csv", ".rkcache"):
        write(data, tmp_path / f"again{ending}")
        again = read_any(tmp_path / f"again{ending}")
        assert (again.feature_names, again.features.tolist()) == (("0", "1"), [[5, 6], [1, 2]])


@pytest.mark.parametrize("cache", [False, True])
def test_what_is_warned_of_is_a_remark_of_the_data(tmp_path, cache):
    skipped, weighted = tmp_path / "skipped.txt", tmp_path / "weighted.txt"
    skipped.write_bytes(b"1 qid:1 1:5 2:6\n0 qid:1 1:x\n0 qid:1 2:1 1:0\n")
    weighted.write_bytes(b"1 qid:1 1:5\n0 qid:1 1:1\n")
    (tmp_path / "weighted.txt.weight").write_text("1\n2\n")
    for path, options, remarks in (
        (skipped, {"on_bad_line": "skip"}, ("1 rows are left out", "1 rows have features out of order")),
        (weighted, {}, ("weighted.txt.weight",)),
    ):
        for _ in range(2):  # the second time from the cache
            with pytest.warns(DataWarning) as warned:
                data = read_letor(path, cache=cache, **options)
            assert [str(one.message) for one in warned] == [f"{path}: {remark}" for remark in data.remarks]
            assert len(data.remarks) == len(remarks)
            assert all(part in remark for part, remark in zip(remarks, data.remarks, strict=True))
        write(data, tmp_path / f"{path.stem}.rkcache")
    with pytest.warns(DataWarning) as warned:
        again = read_any(tmp_path / "skipped.rkcache")
    assert [str(one.message).partition(": ")[2] for one in warned] == list(again.remarks)
    assert len(again.remarks) == 2
