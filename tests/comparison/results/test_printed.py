"""What a comparison prints, at any width."""

import pytest

from rankkit.comparison.results.printed import summary
from rankkit.comparison.results.tables import main_table


@pytest.mark.parametrize("width", [40, 60, 80, 100, 200])
def test_no_line_is_wider_than_the_terminal(finished, width):
    lines = summary(finished, width).splitlines()
    tokens = (token for line in lines for token in line.split())
    narrowest = 48  # of the table: names, the metric and what says how sure it is
    assert max(map(len, lines)) <= max(width, narrowest, 2 + max(map(len, tokens)))


@pytest.mark.parametrize("width", [60, 80, 100])
def test_what_a_narrow_table_leaves_out_is_named(finished, width):
    text = summary(finished, width)
    (note,) = [part for part in text.split("\n\n") if "Left out for width: " in part]
    named = " ".join(note.partition("Left out for width: ")[2].partition(".")[0].split()).split(", ")
    head, _ = main_table(finished, "ndcg@10")
    shown = next(line for line in text.splitlines() if line.startswith("system"))
    assert all((name in named) != (name in shown) for name in head)


def test_a_wide_terminal_shows_all_columns_and_systems(finished):
    text = summary(finished, 200)
    assert "Left out for width" not in text
    head, rows = main_table(finished, "mrr")
    assert " ".join(head) in " ".join(text.split())
    for row in rows:
        assert " ".join(cell for cell in row if cell) in " ".join(text.split())


def test_the_verdict_comes_first(finished):
    best = finished.standings["ndcg@10"].rows[0]
    assert summary(finished, 500).startswith(f"{best.system} has the highest ndcg@10: {best.mean:.4f}")


def test_long_names_are_folded_and_kept_whole(finished, monkeypatch):
    name = "mlp hidden=[1024,512,256] lambdaloss_ndcg2pp learning_rate=0.0123456"
    head, rows = main_table(finished, "ndcg@10")
    monkeypatch.setattr("rankkit.comparison.results.printed.main_table", lambda *_: (head, [[name, *rows[0][1:]]]))
    lines = summary(finished, 80).splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("----")) + 1
    folded = [line.split("  ")[0] for line in lines[start : lines.index("", start)]]
    assert "".join("".join(folded).split()) == "".join(name.split())
    assert max(map(len, lines)) <= 80
