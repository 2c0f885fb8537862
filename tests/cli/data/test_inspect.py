"""``rankkit inspect``: findings, then the summary of what can be read, and the exit code."""

import pandas as pd
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
    assert "2 documents, 1 query, 1 feature" in answer.out
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
    assert "3 documents, 2 queries, 1 feature" in words


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
    assert "3 documents, 2 queries, 1 feature" in answer.out
    assert "x.txt" in page.read_text()


def test_rows_that_are_no_grades_are_all_listed(inspect):
    answer = inspect(b"1 qid:1 1:2\n0.5 qid:1 1:3\n1.5 qid:1 1:3\n", "--labels", "grades")
    words = " ".join(answer.out.split())
    assert answer.code == 1
    assert "- 2 x expected a grade as the label" in words
    assert "Pass --labels any if so meant" in words
    assert "1 document, 1 query, 1 feature" in words


def test_only_the_features_that_are_read_are_looked_at(inspect):
    answer = inspect(b"1 qid:1 1:2 2:3 200001:1\n0 qid:1 1:3 3:x\n", "--features", "1,2,7")
    assert answer.code == 0, answer.out
    assert "- 1 x feature that no row has: 7. The values are 0." in answer.out
    assert "2 documents, 1 query, 3 features" in answer.out


def test_a_folder_without_data_is_told_what_reads_folds(rankkit, tmp_path):
    answer = rankkit("inspect", tmp_path)
    assert answer.code == 2
    assert answer.err.endswith("Name a file, or rankkit train --folds for folds.\n")


def test_each_column_of_a_table_has_a_line(rankkit, tmp_path):
    frame = pd.DataFrame(
        {
            "qid": [1, 1, 2, 2],
            "label": [0, 1, 0, 1],
            "price": [1.5, None, 2.0, 3.0],
            "brand": ["oak", "elm", "oak", "elm"],
            "title": ["a", "b", "c", "d"],
            "day": pd.to_datetime(["2026-01-01", "2026-01-01", "2026-01-02", "2026-01-02"]),
            "tags": [["x"], ["x", "y"], [], ["y"]],
            "pos": [1, 2, 1, 2],
        }
    )
    frame.to_parquet(tmp_path / "log.parquet", index=False)
    answer = rankkit("inspect", tmp_path / "log.parquet", "--position", "pos", "--drop", "title")
    assert answer.code == 0, answer.err
    lines = [" ".join(line.split()) for line in answer.out.splitlines()]
    for line in (
        "column type becomes missing distinct examples",
        "qid int64 query id 0 2 1, 2",
        "label int64 label 0 2 0, 1",
        "price double number 25.0% 3 1.5, 2, 3",
        "pos int64 position 0 2 1, 2",
    ):
        assert line in lines
    text = " ".join(lines)
    assert "dropped 0 4 a, b, c" in text
    assert "category of 2 0 2 oak, elm" in text
    assert "time (days, weekday) 0 2 2026-01-01 00:00:00" in text
    assert "bag of 2, up to 2 at a time 0 4 ['x'], ['x', 'y'], []" in text


def test_kinds_are_named_on_the_command_line(rankkit, tmp_path):
    pd.DataFrame({"qid": [1, 1], "x": [1, 2], "title": ["a b", "b"]}).to_csv(tmp_path / "d.csv", index=False)
    answer = rankkit("inspect", tmp_path / "d.csv", "--columns", "title=text, x=category")
    assert answer.code == 0, answer.err
    text = " ".join(answer.out.split())
    assert "text of 64" in text
    assert "category of 2" in text
    answer = rankkit("inspect", tmp_path / "d.csv", "--columns", "title")
    assert answer.code == 2
    assert "--columns: expected names and kinds; got 'title'." in answer.err
