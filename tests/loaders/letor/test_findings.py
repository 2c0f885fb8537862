"""All findings of a file at once, against counts by hand."""

import pytest

from rankkit.errors import DataError, DataWarning
from rankkit.loaders.letor import findings as letor_findings
from rankkit.loaders.letor import kernels as letor_kernels
from rankkit.loaders.letor import lines as letor_lines
from rankkit.loaders.letor.findings import find_all
from rankkit.loaders.letor.lines import parse_lines
from rankkit.loaders.letor.reading import read_letor

TEXT = (
    b"\xef\xbb\xbf2 qid:1 1:0.5 2:3\r\n"  # byte order mark, CRLF
    b"0 qid:1 1:x 2:1\n"  # no number
    b"0 qid:1 2:1\n"
    b"1 1:5\n"  # no qid
    b"1 qid:2 1:NULL 2:nan\n"  # two missing values
    b"1 qid:2 1:1 1:2\n"  # twice
    b"0 qid:1 1:5 2:1\n"  # comes back
    b"3 qid:3 2:1 1:3\n"  # out of order
    b"3 qid:3\n"  # no features
    b"2 qid:4 2:y 1:z\n"  # no number
    b"\n"
    b"1 qid:4 1:2 2:\xc3\xa9"  # no number, no newline
)


@pytest.fixture
def find(tmp_path):
    """Finds in bytes as the file x.txt."""

    def find_in(data, **options):
        (tmp_path / "x.txt").write_bytes(data)
        return find_all(tmp_path / "x.txt", **options)

    return find_in


@pytest.mark.parametrize("block_size", [30, 2**22])
def test_every_kind_is_counted_with_its_lines(find, monkeypatch, block_size):
    monkeypatch.setattr(letor_findings, "BLOCK_SIZE", block_size)
    found = {finding.what.split(";")[0].split(", such")[0]: finding for finding in find(TEXT)}
    errors = {what: (finding.count, finding.lines) for what, finding in found.items() if finding.is_error}
    assert errors == {
        "expected a decimal number as value": (3, (2, 10, 12)),
        "expected '<label> qid:<id> <feature>:<value> ...'": (1, (4,)),
        "expected each feature once in a row": (1, (6,)),
        "qid that comes back after others": (1, (7,)),
    }
    notes = {what.split(".")[0]: finding.count for what, finding in found.items() if not finding.is_error}
    assert notes == {
        "byte order mark at the beginning": 1,
        "lines that end with CRLF": 1,
        "values are NULL or nan": 2,
        "rows have features out of order": 1,
        "rows have no features": 1,
    }
    assert [finding.is_error for finding in find(TEXT)] == sorted((f.is_error for f in find(TEXT)), reverse=True)


def test_a_clean_file_has_none(find):
    assert find(b"1 qid:1 1:2 # a\n\n0 qid:1 1:3\nqid") != []
    assert find(b"1 qid:1 1:2 # a\n\n0 qid:1 1:3\n") == []
    assert find(b"qid:1 1:2\nqid:1 1:3\n") == []


def test_only_five_lines_are_named(find):
    (finding,) = find(b"0 qid:1 1:x\n" * 1000)
    assert (finding.count, finding.lines) == (1000, (1, 2, 3, 4, 5))
    assert str(finding).startswith(
        "1,000 x expected a decimal number as value; got '1:x' at column 9 of '0 qid:1 1:x'."
    )
    assert str(finding).endswith("(lines 1, 2, 3, 4, 5, ...)")


@pytest.mark.parametrize(
    ("text", "is_mendable"),
    [(b"0 qid:1 1:x\n", True), (b"0 1:x\n", False), (b"0 qid:1 1:1 3000000:1\n", False), (b"0 qid:1 0:1\n", False)],
)
def test_what_can_be_read_all_the_same(find, text, is_mendable):
    (finding,) = find(b"0 qid:1 1:1\n" + text)
    assert finding.is_mendable == is_mendable
    assert finding.lines == (2,)


def test_a_last_line_cut_short(find):
    (finding,) = find(b"0 qid:1 1:1 2:2\n0 qid:1 1:1 2:2\n0 qid:1 1:1")
    assert "last line with 1 features and no newline, all others have 2 or more" in finding.what
    assert (finding.lines, finding.is_error) == ((3,), False)


def test_group_files_are_added_up(find, tmp_path):
    (tmp_path / "sizes").write_text("2\n2\n")
    (finding,) = find(b"0 1:1\n1 1:2\n2 1:3\n", group_file=tmp_path / "sizes")
    assert "sizes that add up to 3, the rows of the file; got 4" in finding.what
    (tmp_path / "sizes").write_text("2\n1\n")
    assert find(b"0 1:1\n1 1:2\n2 1:3\n", group_file=tmp_path / "sizes") == []


def test_a_file_that_is_no_text(find):
    with pytest.raises(DataError, match=r"x\.txt: expected UTF-8 text; got UTF-16"):
        find("0 qid:1 1:2\n".encode("utf-16"))


@pytest.mark.parametrize(
    "row",
    [
        b"0 qid:1 1:1e999\n",  # each kind that is found behind the compiled loop
        b"1e999 qid:1 1:1\n",
        b"0 qid:1 1:1 # \xff\n",
        b"0 qid:\xff 1:1\n",
    ],
)
def test_lines_that_python_finds_are_found_in_one_pass(find, monkeypatch, row):
    calls = []

    def counted(*arguments):
        calls.append(arguments)
        return parse_lines(*arguments)

    monkeypatch.setattr(letor_lines, "parse_lines", counted)
    (finding,) = find(b"0 qid:1 1:1\n" + row * 500 + b"0 qid:2 1:1\n")
    assert (finding.count, finding.lines) == (500, (2, 3, 4, 5, 6))
    assert len(calls) <= 2  # whatever their number


def test_lines_are_parsed_once_however_many_have_missing_values(tmp_path, monkeypatch):
    parsed = []

    def counted(data, *others):
        lines = parse_lines(data, *others)
        parsed.append(int(lines.stats[letor_kernels.N_ROWS]))
        return lines

    (tmp_path / "x.txt").write_bytes(b"0 qid:1 1:1\n" + b"0 qid:1 1:NULL\n" * 500 + b"0 qid:1 1:1\n")
    monkeypatch.setattr(letor_lines, "parse_lines", counted)
    with pytest.warns(DataWarning, match="500 rows are left out"):
        data = read_letor(tmp_path / "x.txt", missing="error", on_bad_line="skip")
    assert data.n_docs == 2
    assert sum(parsed) == 2


def test_every_row_of_a_query_without_text_is_found(find):
    text = b"0 qid:a 1:1\n0 qid:\xff 1:1\n# no row\n\n1 qid:\xff 1:2\n0 qid:b 1:x\n0 qid:\xff 1:2 # qid:c\n"
    counts = {finding.what.split(";")[0]: (finding.count, finding.lines) for finding in find(text)}
    assert counts["expected ids in UTF-8"] == (3, (2, 5, 7))
    assert counts["expected a decimal number as value"] == (1, (6,))
