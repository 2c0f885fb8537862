import gzip
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_svmlight_file

from rankkit.errors import ConfigError, DataError
from rankkit.loaders.letor import reader as letor_reader
from rankkit.loaders.letor import survey as letor_survey
from rankkit.loaders.letor.reading import read_letor
from tests.oracles.letor_agreement import check_agreement

LINES = b"2 qid:1 1:0.5 2:3\n0 qid:1 1:-1.25 2:7e-1\n1 qid:7 1:4 2:0\n"


@pytest.fixture
def read(tmp_path):
    """Reads bytes as the file train.txt."""
    path = tmp_path / "train.txt"

    def read_bytes(data, **options):
        path.write_bytes(data)
        return read_letor(path, **options)

    return read_bytes


@pytest.fixture(params=[48, 2**22])
def any_block_size(request, monkeypatch):
    """Blocks of a line or so, and one block for the whole file."""
    monkeypatch.setattr(letor_reader, "BLOCK_SIZE", request.param)


# What a clean file gives.


@pytest.mark.usefixtures("any_block_size")
def test_a_small_file(read):
    data = read(LINES)
    assert data.features.tolist() == [[0.5, 3], [-1.25, np.float32(0.7)], [4, 0]]
    assert data.features.dtype == np.float32
    assert data.labels.tolist() == [2, 0, 1]
    assert data.offsets.tolist() == [0, 2, 3]
    assert data.qids.tolist() == [1, 7]
    assert data.qids.dtype == np.int64
    assert data.doc_ids is None
    assert data.rows is None


def test_numba_is_loaded_only_where_a_file_is_read():
    code = "import sys, rankkit.loaders.letor.reading; sys.exit('numba' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_features_left_out_are_zero(read):
    data = read(b"1 qid:1 2:5 4:6\n0 qid:1 1:1\n0 qid:2 3:2 5:9\n")
    assert data.features.tolist() == [[0, 5, 0, 6, 0], [1, 0, 0, 0, 0], [0, 0, 2, 0, 9]]


def test_features_that_come_late_in_a_file_that_began_dense(read):
    n_rows = letor_survey.FIRST_LOOK // 10
    data = read(b"0 qid:1 1:1\n" * n_rows + b"0 qid:1 1:1 7:2\n")
    assert data.features.shape == (n_rows + 1, 7)
    assert data.features[:, 0].min() == 1
    assert data.features[:-1, 1:].max() == 0
    assert data.features[-1].tolist() == [1, 0, 0, 0, 0, 0, 2]


def test_n_features_pads(read):
    assert read(LINES, n_features=4).features.tolist()[2] == [4, 0, 0, 0]


def test_zero_based(read):
    assert read(b"1 qid:1 0:5 1:6\n0 qid:1 1:2\n", zero_based=True).features.tolist() == [[5, 6], [0, 2]]


@pytest.mark.parametrize("ending", [b"\r\n", b" \n", b"\t\r\n", b"\n\n", b"\n# a comment line\n", b"\n   \n"])
@pytest.mark.usefixtures("any_block_size")
def test_line_ends_and_skipped_lines_change_nothing(read, ending):
    data = read(LINES.replace(b"\n", ending).replace(b" 2:", b" \t 2:"))
    plain = read(LINES)
    assert np.array_equal(data.features, plain.features)
    assert data.labels.tolist() == [2, 0, 1]
    assert data.fingerprint == plain.fingerprint


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["1", "-2", "30"], [1, -2, 30]),
        (["a", "7", "b:c"], ["a", "7", "b:c"]),
        (["01", "1"], ["01", "1"]),
        (["99999999999999999999", "5"], ["99999999999999999999", "5"]),
        (["9223372036854775807", "-9223372036854775808"], [2**63 - 1, -(2**63)]),
        (["9223372036854775808"], ["9223372036854775808"]),
        (["+1", "-0"], ["+1", "-0"]),
    ],
)
@pytest.mark.usefixtures("any_block_size")
def test_qids_are_integers_only_where_that_loses_nothing(read, texts, expected):
    data = read("".join(f"0 qid:{text} 1:1\n" for text in texts).encode())
    assert data.qids.tolist() == expected


@pytest.mark.parametrize(
    ("comment", "doc_id"),
    [
        ("#docid = GX008-86-4444840 inc = 1 prob = 0.086622", "GX008-86-4444840"),
        ("# docid=X", "X"),
        ("#  some text: 1:2 # more ", "some text: 1:2 # more"),
        ("#docid =", "docid ="),
        ("# Zürich", "Zürich"),
        ("#", ""),
    ],
)
@pytest.mark.usefixtures("any_block_size")
def test_comments_name_documents(read, comment, doc_id):
    text = f"1 qid:1 1:2 {comment}\n0 qid:1 1:3\n0 qid:1 1:3 #last\n"
    data = read(text.encode())
    assert data.doc_ids.tolist() == [doc_id, "", "last"]
    assert read(text.encode(), doc_ids=False).doc_ids is None


@pytest.mark.usefixtures("any_block_size")
def test_gzip_gives_the_same(read, tmp_path):
    path = tmp_path / "train.txt.gz"
    path.write_bytes(gzip.compress(LINES))
    assert read_letor(path).fingerprint == read(LINES).fingerprint
    (tmp_path / "packed").write_bytes(gzip.compress(LINES[:18]) + gzip.compress(LINES[18:]))
    assert read_letor(tmp_path / "packed").fingerprint == read(LINES).fingerprint


@pytest.mark.parametrize("n_features", [None, 2])
def test_a_pipe_can_be_read(tmp_path, n_features):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen([sys.executable, "-c", f"open({str(pipe)!r}, 'wb').write({LINES!r})"]):
        assert read_letor(pipe, n_features=n_features).n_docs == 3


@pytest.mark.parametrize("n_threads", [1, 2, 5])
def test_the_number_of_threads_changes_nothing(tmp_path, monkeypatch, n_threads):
    rng = np.random.default_rng(0)
    rows = [
        f"{i % 3} qid:{i // 7} " + " ".join(f"{j + 1}:{v:.6g}" for j, v in enumerate(rng.normal(size=9)))
        for i in range(2000)
    ]
    path = tmp_path / "train.txt"
    path.write_text("\n\n".join(rows) + "\n")
    whole = read_letor(path)
    monkeypatch.setattr(letor_reader, "BLOCK_SIZE", 1000)
    assert read_letor(path, n_threads=n_threads).fingerprint == whole.fingerprint
    assert whole.n_docs == 2000


# Exactness.

DECIMALS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False, width=32).map(repr),
    st.floats(allow_nan=False, allow_infinity=False, min_value=-3e38, max_value=3e38).map(repr),
    st.floats(-1e6, 1e6).map("{:.6f}".format),
    st.integers(-(10**25), 10**25).map(str),
    st.from_regex(r"\A[+-]?[0-9]{1,25}\.?[0-9]{0,25}(e[+-]?[0-9])?\Z"),
    st.from_regex(r"\A-?\.[0-9]{1,12}(E-?[0-3][0-9])?\Z"),
).filter(lambda text: abs(float(text)) < 3.4e38)


@given(st.lists(DECIMALS, min_size=1, max_size=40))
@example(
    ["16777217", "0.1", "1e-45", "7e-46", "3.4028235e38", "1e-400", "-0", "5.", ".5", "0" * 400 + "1", "1e-0000001"]
)
@example(["9007199254740993", "9007199791611904.5", "8.5899345920000005e9", "1.00000005960464477539062500000001"])
@settings(deadline=None)
def test_values_are_float32_of_pythons_float(tmp_path_factory, texts):
    path = tmp_path_factory.mktemp("exact") / "x.txt"
    path.write_text("1 qid:1 " + " ".join(f"{i}:{text}" for i, text in enumerate(texts, 1)) + "\n")
    expected = np.array([np.float32(float(text)) for text in texts])
    assert np.array_equal(read_letor(path).features[0].view(np.int32), expected.view(np.int32))


@given(st.integers(0, 2**31 - 2**24), st.integers(-3, 3), st.sampled_from([19, 25, 40]))
@settings(deadline=None)
def test_values_near_the_middle_of_two_floats(tmp_path_factory, bits, nudge, n_digits):
    """The decimals around a point half way between two float32 values are where a second rounding would show."""
    from decimal import Decimal, localcontext

    low, high = (np.uint32(bits + up).view(np.float32).item() for up in (0, 1))
    if not high < 3.4e38:
        return
    with localcontext() as context:
        context.prec = 200
        middle = (Decimal(low) + Decimal(high)) / 2
        middle += nudge * middle * Decimal(10) ** -(n_digits - 2)
        context.prec = n_digits
        text = str(+middle)
    path = tmp_path_factory.mktemp("middle") / "x.txt"
    path.write_text(f"{text} qid:1 1:{text} 2:-{text}\n")
    data = read_letor(path, labels="any")
    assert data.features[0].tolist() == [np.float32(float(text)), -np.float32(float(text))]
    assert data.labels[0] == np.float32(float(text))


@pytest.mark.parametrize("n_hard", [3, 5000])
def test_many_values_that_need_python(read, n_hard):
    text = "1.0000000596046447753906250000000001"  # a hair above the middle of 1 and the next float32
    data = read(f"{text} qid:1 1:{text}\n".encode() * n_hard, labels="any")
    assert (data.features == np.float32(float(text))).all()
    assert (data.labels == np.float32(float(text))).all()


@pytest.mark.parametrize("template", ["{:.6f}", "{:.6g}", "{!r}", "{:.0f}", "{:.12e}"])
def test_equals_scikit_learn(tmp_path, template):
    rng = np.random.default_rng(1)
    values = rng.normal(size=(300, 23)) * 10.0 ** rng.integers(-4, 6, size=(300, 23))
    values[rng.random(values.shape) < 0.2] = 0
    path = tmp_path / "x.txt"
    path.write_text(
        "".join(
            f"{i % 5} qid:{i // 20} "
            + " ".join(f"{j}:{template.format(float(v))}" for j, v in enumerate(row, 1))
            + "\n"
            for i, row in enumerate(values)
        )
    )
    features, labels, qids = load_svmlight_file(str(path), query_id=True, zero_based=False)
    data = read_letor(path)
    assert np.array_equal(data.features, features.toarray().astype(np.float32))
    assert np.array_equal(data.labels, labels.astype(np.float32))
    assert np.array_equal(np.repeat(data.qids, data.list_sizes), qids)


# Agreement with the oracle.

ROW = st.fixed_dictionaries(
    {
        "label": st.integers(0, 4),
        "qid": st.sampled_from(["1", "2", "x", "q:1"]),
        "features": st.dictionaries(st.integers(1, 12), st.floats(width=32, allow_nan=False, allow_infinity=False)),
        "comment": st.sampled_from(["", " # d", "#docid = a b", " #é"]),
    }
)


def as_text(row):
    values = " ".join(f"{index}:{value!r}" for index, value in row["features"].items())
    return f"{row['label']} qid:{row['qid']} {values}{row['comment']}\n"


@given(st.lists(ROW, min_size=1, max_size=12), st.booleans())
@settings(deadline=None)
def test_rows_written_as_text_come_back(tmp_path_factory, rows, small):
    path = tmp_path_factory.mktemp("rows") / "x.txt"
    path.write_text("".join(map(as_text, rows)), newline="")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(letor_reader, "BLOCK_SIZE", 40 if small else 2**22)
        check_agreement(path)


PIECES = [
    *[
        b"1 qid:1 1:0.5 2:3",
        b"0 qid:1 ",
        b"2 qid:b 3:1e3",
        b"\n",
        b"\n",
        b"\n",
        b" ",
        b"\t",
        b"\r",
        b"#",
        b"# c",
        b"1",
        b":",
    ],
    *[
        b"qid:",
        b"-",
        b"+",
        b".",
        b"e5",
        b"nan",
        b"NULL",
        b"inf",
        b"NaN",
        b"\0",
        b"\xff",
        b"\xc3\xa9",
        b"0",
        b" 2:",
        b" 1:2",
    ],
    *[
        b"123456789",
        b"1e400",
        b"0x1p3",
        b"1_0",
        b"docid = d",
        b" 4:7 3:8",
        b"\xef\xbb\xbf",
        b"\x0b",
        b" 100001:1",
        b" 0:3",
    ],
]
TEXTS = st.lists(st.sampled_from(PIECES), min_size=1, max_size=25).map(b"".join)


@st.composite
def mutated(draw):
    """Good rows with a few bytes changed."""
    text = bytearray("".join(map(as_text, draw(st.lists(ROW, min_size=1, max_size=5)))).encode())
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(text) - 1))
        text[place : place + draw(st.integers(0, 2))] = draw(st.one_of(st.binary(max_size=2), st.sampled_from(PIECES)))
    return bytes(text)


OPTIONS = st.fixed_dictionaries(
    {
        "zero_based": st.booleans(),
        "labels": st.sampled_from(["grades", "any"]),
        "features": st.sampled_from([None, None, (1,), (3, 1, 100_001)]),
        "skip": st.booleans(),
    }
)


@given(st.one_of(TEXTS, mutated(), st.binary(max_size=60)), OPTIONS, st.booleans())
@example(b"1 qid:1 1:0.5 2:3", {}, False)
@example(b"1 qid:1 1:5#x\n\n#\n1 qid:2 2:1 1:2 # y", {"zero_based": True}, False)
@example(b"1 qid:1", {}, True)
@example(b"qid:1 1:5\nqid:2 1:x\nqid:2 1:7", {"skip": True}, True)
@example(b"1 qid:1 5:1 1:2 3:x 7:1", {"features": (7, 1)}, False)
@example(b"1 qid:1 1:0.5 2:3\0", {"features": (1,)}, False)
@example(b"\n qid:xxxxxxx 1:0", {}, False)
@example(b"\x1f\x8b\n0 qid:x", {"features": (1,), "skip": True}, False)
@settings(deadline=None, max_examples=400)
def test_whatever_comes_is_refused_or_read_as_the_oracle_does(tmp_path_factory, data, options, small):
    path = tmp_path_factory.mktemp("bytes") / "x.txt"
    path.write_bytes(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(letor_reader, "BLOCK_SIZE", 8 if small else 2**22)
        check_agreement(path, **options)


# Bad input: what is refused. Each row stands as line 3 of a file.

BAD_ROWS = {
    "no qid": (
        b"2 1:0.4",
        "expected '<label> qid:<id> <feature>:<value> ...'; got '1:0.4' at column 3 of '2 1:0.4'. Add",
    ),
    "empty qid": (b"2 qid: 1:1", "expected an id behind 'qid:'; got 'qid:' at column 3"),
    "text as value": (
        b"2 qid:1 1:0.5 2:x7 3:1",
        "expected a decimal number as value; got '2:x7' at column 15 of '2 qid:1",
    ),
    "hexadecimal value": (b"2 qid:1 1:0x1p3", "expected a decimal number as value; got '1:0x1p3'"),
    "decimal comma": (b"2 qid:1 1:0,5", "expected a decimal number as value; got '1:0,5'"),
    "underscore": (b"2 qid:1 1:1_000", "expected a decimal number as value; got '1:1_000'"),
    "empty value": (b"2 qid:1 1:0.5 2:", "expected a value behind the colon; got '2:' at column 15"),
    "text as label": (b"good qid:1 1:1", "expected a finite number as the label; got 'good' at column 1"),
    "nan as label": (b"nan qid:1 1:1", "expected a finite number as the label; got 'nan'"),
    "infinite label": (b"1e60 qid:1 1:1", "expected a finite number as the label; got '1e60'"),
    "label beyond double": (b"1e600 qid:1 1:1", "expected a finite number as the label; got '1e600'"),
    "negative label": (b"-1 qid:1 1:1", "expected a label of 0 or more; got '-1' at column 1"),
    "infinite value": (b"2 qid:1 1:inf", "expected a value that float32 can hold; got '1:inf'"),
    "-Infinity": (b"2 qid:1 1:-Infinity", "expected a value that float32 can hold; got '1:-Infinity'"),
    "value beyond float32": (b"2 qid:1 1:1e39", "expected a value that float32 can hold; got '1:1e39'"),
    "value beyond double": (b"2 qid:1 1:1e400", "expected a value that float32 can hold; got '1e400' at column 11"),
    "index 0": (b"2 qid:1 0:5 1:2", "expected feature indices from 1 on; got '0:5' at column 9"),
    "negative index": (b"2 qid:1 -1:5", "expected '<feature>:<value>' with an integer index; got '-1:5'"),
    "no colon": (b"2 qid:1 1:5 7", "expected '<feature>:<value>' with an integer index; got '7' at column 13"),
    "duplicate index": (b"2 qid:1 1:5 2:1 2:3", "expected each feature once in a row; got '2:3' at column 17"),
    "duplicate out of order": (b"2 qid:1 3:5 2:1 3:3", "expected each feature once in a row; got '3:3' at column 17"),
    "qid behind features": (b"2 1:5 qid:1", "expected qid:<id> before the features; got 'qid:1' at column 7"),
    "second qid": (b"2 qid:1 1:5 qid:1", "expected qid:<id> before the features; got 'qid:1' at column 13"),
    "NUL": (b"2 qid:1 1:\x005", "expected plain text; got NUL bytes in"),
    "NUL in a comment": (b"2 qid:1 1:5 # a\0b", "expected plain text; got NUL bytes in"),
    "NUL in a qid": (b"2 qid:a\0 1:5", "expected plain text; got NUL bytes in"),
    "qid not in UTF-8": (b"2 qid:\xff 1:5", "expected ids in UTF-8; got '\\xff' at column 7"),
    "doc id not in UTF-8": (b"2 qid:1 1:5 #\xff", "expected ids in UTF-8; got '\\xff' at column 14"),
    "index far away": (
        b"2 qid:1 3000000:1",
        "expected feature indices up to 100,000; got 3,000,000. Pass n_features=3000000",
    ),
    "qid that came before": (
        b"2 qid:0 1:1",
        "expected the rows of a qid to stand together; got qid 0 again, after others",
    ),
}


@pytest.mark.parametrize("name", BAD_ROWS)
@pytest.mark.usefixtures("any_block_size")
def test_a_bad_row_is_refused_with_file_line_and_text(read, name):
    row, message = BAD_ROWS[name]
    with pytest.raises(DataError, match=r"train\.txt:3: " + re.escape(message)):
        read(b"0 qid:0 1:1\n0 qid:1 1:1 2:1 3:1\n" + row + b"\n")


@pytest.mark.parametrize("label", ["1.5", "40"])
@pytest.mark.usefixtures("any_block_size")
def test_labels_that_are_no_grades_are_read_unless_grades_were_asked_for(read, label):
    text = f"0 qid:0 1:1\n{label} qid:1 1:1\n".encode()
    assert read(text).labels.tolist() == [0, float(label)]
    with pytest.raises(DataError, match=f"expected a grade as the label, a whole number from 0 to 31; got '{label}'"):
        read(text, labels="grades")


@pytest.mark.usefixtures("any_block_size")
def test_the_first_bad_line_is_named_across_threads(read):
    lines = [b"0 qid:1 1:1\n"] * 50
    lines[20], lines[33] = b"0 qid:1 1:bad\n", b"0 qid:1 1:worse\n"
    with pytest.raises(DataError, match=r"train\.txt:21: .*got '1:bad'"):
        read(b"".join(lines), n_threads=4)


def test_long_lines_are_shortened(read):
    with pytest.raises(DataError, match=r"at column 9 of '2 qid:1 x x x.*\.\.\.'\. Correct") as caught:
        read(b"2 qid:1 " + b"x " * 500 + b"\n")
    assert len(str(caught.value).split("train.txt:1: ")[1]) < 220


def test_an_index_above_n_features(read):
    with pytest.raises(
        DataError, match=r"train\.txt:1: expected feature indices up to 1, as many as are asked for; got '2:3'"
    ):
        read(LINES, n_features=1)


@pytest.mark.parametrize("data", [b"", b"\n\n", b"# only a comment\n", b"   "])
def test_a_file_without_rows(read, data):
    with pytest.raises(DataError, match=r"train\.txt: expected rows .*; got none"):
        read(data)


def test_rows_without_any_feature(read):
    with pytest.raises(DataError, match=r"train\.txt: expected features; got 2 rows without any"):
        read(b"1 qid:1\n0 qid:1\n")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf16(read, encoding):
    with pytest.raises(DataError, match=r"expected (UTF-8|plain) text; got (UTF-16|NUL bytes)"):
        read(LINES.decode().encode(encoding))


def test_a_missing_file(tmp_path):
    with pytest.raises(DataError, match=r"none\.txt: expected a readable file; got No such file or directory"):
        read_letor(tmp_path / "none.txt")


def test_other_kinds_of_file_are_named(read):
    with pytest.raises(DataError, match="expected text, plain or compressed; got zip data"):
        read(b"PK\x03\x04....")


def test_text_named_gz(tmp_path):
    (tmp_path / "x.gz").write_bytes(LINES)
    with pytest.raises(DataError, match=r"x\.gz: expected gzip data, as the name says; got b'2 qid:1 '"):
        read_letor(tmp_path / "x.gz")


@pytest.mark.parametrize(
    "damage", [lambda d: d[:-12], lambda d: d[:40] + bytes(20) + d[60:], lambda d: d[:-8] + bytes(8)]
)
def test_damaged_gzip(tmp_path, damage):
    (tmp_path / "x.gz").write_bytes(damage(gzip.compress(LINES + os.urandom(100).hex().encode())))
    with pytest.raises(DataError, match=r"x\.gz: expected a whole gzip file; got damaged data"):
        read_letor(tmp_path / "x.gz")


def test_data_larger_than_the_memory(read, monkeypatch):
    monkeypatch.setattr(letor_reader, "memory_size", lambda: 2**20)
    with pytest.raises(DataError, match=r"expected data that fits the memory, 0\.0 GiB; got about \S+ rows of 100,000"):
        read(LINES, n_features=100_000)


@pytest.mark.parametrize("options", [{"n_features": 0}, {"n_threads": -1}, {"missing": "drop"}])
def test_bad_options(read, options):
    with pytest.raises(ConfigError, match="read_letor: expected"):
        read(LINES, **options)


# What is allowed, with a word about it.


@pytest.mark.usefixtures("any_block_size")
def test_missing_values_are_nan_and_counted(read):
    text = b"1 qid:1 1:NULL 2:5\n0 qid:1 1:nan 2:NaN\n"
    with pytest.warns(
        UserWarning, match=r"train\.txt: 3 values are NULL or nan \(first in line 1\)\. They are kept as NaN"
    ):
        data = read(text)
    assert np.array_equal(data.features, [[np.nan, 5], [np.nan, np.nan]], equal_nan=True)
    with pytest.raises(
        DataError, match=r"train\.txt:1: expected a number, since missing='error'; got 'NULL' at column 11"
    ):
        read(text, missing="error")


@pytest.mark.usefixtures("any_block_size")
def test_features_out_of_order_are_sorted(read):
    with pytest.warns(UserWarning, match=r"train\.txt: 2 rows have features out of order \(first in line 2\)"):
        data = read(b"0 qid:1 1:1 2:2 3:3\n0 qid:1 3:3 1:1 2:2\n0 qid:1 2:2 1:1\n")
    assert data.features.tolist() == [[1, 2, 3], [1, 2, 3], [1, 2, 0]]


@pytest.mark.usefixtures("any_block_size")
def test_rows_without_features_are_counted(read):
    with pytest.warns(UserWarning, match=r"train\.txt: 1 rows have no features \(first in line 2\)"):
        data = read(b"0 qid:1 1:1\n1 qid:1\n")
    assert data.features.tolist() == [[1], [0]]


@pytest.mark.parametrize("packed", [False, True])
def test_a_byte_order_mark_is_skipped(tmp_path, packed):
    text = b"\xef\xbb\xbf" + LINES
    (tmp_path / "x").write_bytes(gzip.compress(text) if packed else text)
    with pytest.warns(UserWarning, match="byte order mark"):
        assert read_letor(tmp_path / "x").n_docs == 3


@pytest.mark.usefixtures("any_block_size")
def test_a_last_line_cut_short(read):
    assert read(LINES[:-1]).n_docs == 3  # a missing newline alone is no reason for a word
    with pytest.warns(UserWarning, match="last line has 1 features and no newline, all others have 2 or more"):
        read(LINES[:-5])


@pytest.mark.usefixtures("any_block_size")
def test_regroup(read):
    text = b"1 qid:1 1:1 #a\n2 qid:2 1:2 #b\n3 qid:1 1:3 #c\n"
    data = read(text, regroup=True)
    assert data.qids.tolist() == [1, 2]
    assert data.offsets.tolist() == [0, 2, 3]
    assert data.features[:, 0].tolist() == [1, 3, 2]
    assert data.labels.tolist() == [1, 3, 2]
    assert data.doc_ids.tolist() == ["a", "c", "b"]
    assert data.rows.tolist() == [0, 2, 1]
    assert data.in_row_order(data.labels).tolist() == [1, 2, 3]


# Real files, with the counts that the README beside them states.

REAL_FILES = [
    ("mq2008/Fold1/train.txt.gz", 9630, 471, 46, True),
    ("mq2008/Fold1/vali.txt.gz", 2707, 157, 46, True),
    ("mq2008/Fold1/test.txt.gz", 2874, 156, 46, True),
    ("mslr_web30k_5k/msn1.fold1.train.5k.txt.gz", 5000, 43, 136, False),
    ("clueweb09_webis/part1.txt.gz", 5309, 12, 42, True),
    ("clueweb09_webis/part2.txt.gz", 5584, 12, 42, True),
    ("clueweb09_webis/part3.txt.gz", 4686, 12, 42, True),
    ("trec_news_2018/trec_news_2018.train", 782, 45, 5, False),
    ("trec_news_2018/trec_news_2018.test", 41, 5, 5, False),
    ("msrd/letor47/train.txt.gz", 230_090, 9745, 47, True),
    ("msrd/letor47/vali.txt.gz", 77_710, 3292, 47, True),
]


@pytest.mark.realdata
@pytest.mark.skipif("RANKKIT_DATA" not in os.environ, reason="RANKKIT_DATA is not set")
@pytest.mark.parametrize(("name", "n_docs", "n_queries", "n_features", "has_ids"), REAL_FILES)
def test_real_files(name, n_docs, n_queries, n_features, has_ids):
    path = Path(os.environ["RANKKIT_DATA"]) / name
    data = read_letor(path)
    assert (data.n_docs, data.n_queries, data.n_features) == (n_docs, n_queries, n_features)
    assert (data.doc_ids is not None) == has_ids
    if n_docs < 10_000:
        features, labels, qids = load_svmlight_file(str(path), query_id=True, zero_based=False)
        assert np.array_equal(data.features, features.toarray().astype(np.float32))
        assert np.array_equal(data.labels, labels.astype(np.float32))
        assert np.array_equal(np.repeat(data.qids, data.list_sizes), qids)


def test_a_file_that_shrinks_while_it_is_read_is_said_in_words(tmp_path):
    path = tmp_path / "train.txt"
    path.write_text("1 qid:1 1:5\n")
    with pytest.raises(DataError, match="expected a file that stays as it is; got fewer than 3 lines"):
        letor_survey._largest_written(path, 3)
