"""The page on speed: sections that stay, stages that fail, turns, and peers that are not there."""

import importlib
import runpy
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent.parent / "experiments" / "speed"
GOOD = 'print("## Good\\n\\nText.\\n\\n| a |\\n|---|\\n| 1 |")'


@pytest.fixture
def module(monkeypatch):
    """Import a file of the folder as its stages do."""
    monkeypatch.syspath_prepend(str(FOLDER))
    yield importlib.import_module
    for name, found in list(sys.modules.items()):  # another experiment may have a module of the same name
        if str(getattr(found, "__file__", None) or "").startswith(str(FOLDER)):
            del sys.modules[name]


@pytest.fixture
def page(tmp_path, monkeypatch):
    """From scripts of two stages and a command line to the page."""
    folder = tmp_path / "experiments" / "speed"
    folder.mkdir(parents=True)
    (folder / "intro.md").write_text("# Speed\n")
    main = runpy.run_path(str(FOLDER / "run.py"))["main"]
    monkeypatch.setitem(main.__globals__, "HERE", folder)
    monkeypatch.setitem(main.__globals__, "STAGES", ("one", "other"))

    def run(*words, one=GOOD, other=GOOD):
        (folder / "one.py").write_text(one)
        (folder / "other.py").write_text(other)
        monkeypatch.setattr(sys, "argv", ["run.py", "--page", str(folder / "README.md"), *words])
        main()
        return (folder / "README.md").read_text()

    return run


def test_a_run_writes_the_sections_in_order_and_where_they_come_from(page):
    text = page("--stages", "other,one", one=GOOD.replace("Good", "One"))
    assert text.index("## One") < text.index("## Good") < text.index("## What the stages took")
    assert "Made on: " in text
    assert f"Python {sys.version.split()[0]}" in text
    assert text.count("`experiments/speed/") == 2  # the rows of the last table
    assert "Not made yet" not in text


def test_the_sections_of_other_stages_stay_as_they_are(page):
    before = page("--stages", "one,other")
    part = before[before.index("<!-- stage other") : before.index("<!-- end")]
    after = page("--stages", "one", one=GOOD.replace("Text", "Other text"))
    assert "Other text" in after
    assert part in after


def test_a_stage_that_fails_keeps_its_section_and_the_next_ones_run(page, capfd):
    page("--stages", "one")
    with pytest.raises(SystemExit, match="one failed"):
        page("--stages", "one,other", one="print('## Half')\nraise SystemExit(3)", other=GOOD.replace("Text", "Next"))
    text = page("--stages", "other", other=GOOD.replace("Text", "Next"))
    assert "Half" not in text
    assert text.count("## Good") == 2
    assert "its former section stays" in capfd.readouterr().err


def test_a_page_says_what_was_not_made_yet(page):
    assert "Not made yet: `experiments/speed/other.py`." in page("--stages", "one")


def test_an_unknown_stage_is_refused_before_any_is_run(page):
    with pytest.raises(SystemExit, match="got 'three'"):
        page("--stages", "one,three", one="raise SystemExit(3)")


def test_ways_take_turns_after_one_call_each(module):
    measuring, order = module("measuring"), []
    ways = {"a": lambda: order.append("a"), "b": lambda: order.append("b")}
    spent = measuring.take_turns(ways, 3, least=0.0)
    assert order == ["a", "b"] * 4
    assert [len(each.turns) for each in spent.values()] == [3, 3]


def test_short_calls_are_repeated_within_a_turn(module):
    measuring, calls = module("measuring"), []
    spent = measuring.take_turns({"a": lambda: calls.append(1)}, 2, least=0.01)["a"]
    assert len(calls) > 10
    assert sum(spent.turns) < 0.01  # seconds a call


def test_ratios_are_those_of_the_turns(module):
    spent = module("measuring").Spent
    slow, fast = spent([2.0, 6.0, 80.0], 0.5, 0.0), spent([1.0, 2.0, 10.0], 1.0, 0.0)
    assert slow.over(fast) == 3.0
    assert slow.user_over(fast) == 1.5
    assert slow.user_seconds == 3.0


def test_peers_that_are_not_installed_are_named_with_what_installs_them(module, monkeypatch, capsys):
    peers = module("peers")
    monkeypatch.setitem(peers.PEERS, "Nobody", ("no_such_module", ["no-such-distribution"], "no-such-distribution"))
    found = peers.installed("Nobody", "scikit-learn")
    assert list(found) == ["scikit-learn"]
    assert found["scikit-learn"].startswith("scikit-learn 1.")
    assert "Nobody (`pip install no-such-distribution`)" in capsys.readouterr().out


def test_a_stage_prints_its_text_and_its_table(module, monkeypatch, capsys):
    monkeypatch.setattr("torch.set_num_threads", lambda n: None)  # it would stay so for the tests to come
    words = ["--queries", "50", "--resamples", "20", "--systems", "3", "--scipy_resamples", "10", "--runs", "1"]
    monkeypatch.setattr(sys, "argv", ["significance.py", *words])
    stage = module("significance")
    stage.main()
    out = capsys.readouterr().out
    assert out.startswith("## Significance\n\n`experiments/speed/significance.py`: ")
    assert out.count("\n| rankkit ") == 3
    assert "50 queries, 20 resamples." in out


def test_every_stage_is_a_script_that_begins_with_its_title(module):
    titles = [(FOLDER / f"{stage}.py").read_text().partition("\n")[0] for stage in module("run").STAGES]
    assert all(title.startswith('"""') and title.endswith(".") for title in titles)
    assert len(set(titles)) == len(titles)
