"""``rankkit inspect``: findings, then the summary of what can be read, and the exit code."""

import pytest


@pytest.fixture
def inspect(rankkit, tmp_path):
    """Runs the command on bytes as the file x.txt."""

    def run(data, *words):
        (tmp_path / "x.txt").write_bytes(data)
        return rankkit("inspect", tmp_path / "x.txt", *words)

    return run


def test_a_clean_file_is_summed_up(inspect):
    answer = inspect(b"1 qid:1 1:2\n0 qid:1 1:3\n")
    assert answer.code == 0
    assert "2 documents, 1 queries, 1 features" in answer.out
    assert "Errors" not in answer.out


def test_what_is_unusual_is_no_error(inspect):
    answer = inspect(b"1 qid:1 1:2\n0 qid:1 1:NULL\n")
    assert answer.code == 0
    assert "To note while reading\n- 1 x values are NULL or nan. They are read as NaN. (line 2)" in answer.out


def test_all_bad_rows_are_shown_and_the_rest_is_summed_up(inspect):
    answer = inspect(b"1 qid:1 1:2\n0 qid:1 1:x\n0 qid:2 1:3\n0 qid:1 1:4\n0 qid:2 1:1 1:2\n")
    words = " ".join(answer.out.split())
    assert answer.code == 1
    assert "- 1 x expected a decimal number as value; got '1:x' at column 9" in words
    assert "- 1 x expected each feature once in a row;" in words
    assert "- 1 x qid that comes back after others, such as 1." in words
    assert "3 documents, 2 queries, 1 features" in words


def test_rows_without_qid_leave_nothing_to_sum_up(inspect):
    answer = inspect(b"1 qid:1 1:2\n0 1:3\n")
    assert answer.code == 1
    assert "(line 2)" in answer.out
    assert "documents" not in answer.out


def test_group_file_and_page(inspect, tmp_path):
    (tmp_path / "sizes").write_text("2\n1\n")
    page = tmp_path / "page.html"
    answer = inspect(b"0 1:1\n1 1:2\n2 1:3\n", "--group-file", tmp_path / "sizes", "--html", page)
    assert answer.code == 0
    assert "3 documents, 2 queries, 1 features" in answer.out
    assert "x.txt" in page.read_text()


def test_rows_that_are_no_grades_are_all_listed(inspect):
    answer = inspect(b"1 qid:1 1:2\n0.5 qid:1 1:3\n1.5 qid:1 1:3\n", "--labels", "grades")
    words = " ".join(answer.out.split())
    assert answer.code == 1
    assert "- 2 x expected a grade as the label" in words
    assert "Pass --labels any if so meant" in words
    assert "1 documents, 1 queries, 1 features" in words


def test_only_the_features_that_are_read_are_looked_at(inspect):
    answer = inspect(b"1 qid:1 1:2 2:3 200001:1\n0 qid:1 1:3 3:x\n", "--features", "1,2,7")
    assert answer.code == 0, answer.out
    assert "- 1 x feature that no row has: 7. The values are 0." in answer.out
    assert "2 documents, 1 queries, 3 features" in answer.out


def test_a_folder_without_data_is_told_what_reads_folds(rankkit, tmp_path):
    answer = rankkit("inspect", tmp_path)
    assert answer.code == 2
    assert answer.err.endswith("Name a file, or rankkit train --folds for folds.\n")
