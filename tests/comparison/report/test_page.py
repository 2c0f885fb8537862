"""The report as a file: well-formed, self-contained, safe, and with the numbers of the results."""

import json
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from rankkit.comparison import compare, read_results
from rankkit.comparison.report.page import scale_of, shown_systems
from rankkit.comparison.results.standings import Standing

VOID = {"meta", "link", "img", "br", "input"}


class Page(HTMLParser):
    """Tables with their rows, links, ids and words of a page; refuses tags that are not closed in order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.links, self.ids, self.tables, self.words = [], [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.links += [values[name] for name in ("src", "href", "srcset", "action") if name in values]
        self.ids += [values["id"]] if "id" in values else []
        assert not any(name.startswith("on") for name in values)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if {"td", "th"} & set(self.open):
            self.tables[-1][-1][-1] += data.strip()
        elif not {"style", "script"} & set(self.open):
            self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())

    def table(self, *head):
        """The rows of the first table whose header begins so."""
        return next(rows[1:] for rows in self.tables if rows and rows[0][: len(head)] == list(head))


@pytest.fixture(scope="module")
def parsed(page):
    return Page(page.read_text(encoding="utf-8"))


def test_the_command_leaves_the_report_and_says_where(finished, page):
    assert page.is_file()
    assert f"Report: {page}." in (finished.folder / "stdout.txt").read_text()


def test_resuming_a_finished_comparison_writes_it_anew(finished, page, tmp_path):
    out = tmp_path / "again"
    shutil.copytree(finished.folder, out)
    (out / "report.html").unlink()
    compare(finished.plan, out, resume=True, progress=False)
    # The command has another one below it; all the rest, figures included, is the same to the byte.
    again, before = ((folder / "report.html").read_text() for folder in (out, finished.folder))
    without_command = [re.sub(r"<dt>Command.*", "", text) for text in (again, before)]
    assert without_command[0] == without_command[1]
    first = re.search(r"<dt>Command.*?</code>", before)[0]
    assert f"{first}<br><code>" in again


def test_nothing_is_loaded_from_elsewhere(page, parsed):
    text = page.read_text(encoding="utf-8")
    assert all(link.startswith("#") for link in parsed.links)
    assert not re.search(r"https?:|@import|url\((?!#)", text)
    assert text.count("<script>") == 1
    assert "prefers-color-scheme: dark" in text
    assert "@media print" in text
    assert 'name="viewport"' in text


def test_ids_are_unique_and_references_lead_somewhere(page, parsed):
    assert len(parsed.ids) == len(set(parsed.ids))
    assert {link[1:] for link in parsed.links} <= set(parsed.ids)
    assert set(re.findall(r"url\(#([^)]+)\)", page.read_text())) <= set(parsed.ids)


def test_figures_take_their_colours_from_the_page(page):
    drawings = re.findall(r"<svg viewBox.*?</svg>", page.read_text(), flags=re.DOTALL)
    assert len(drawings) > 15
    for drawing in drawings:
        assert "var(--" in drawing
        assert not re.search(r"#[0-9a-f]{6}\b", drawing.replace("#000000", ""))
        assert "mathdefault" not in drawing


def test_the_header_says_how_the_numbers_came_about(parsed, finished):
    assert "gain 2^label - 1, discount 1/log2(1 + rank)" in parsed.text
    for split in finished.splits:
        for part, fingerprint in finished.about(split)["fingerprints"].items():
            row = next(row for row in parsed.table("split", "part") if row[0] == split and row[1] == part)
            assert row[-1] == fingerprint
    versions = finished.runs[0].environment["versions"]
    assert f"torch {versions['torch']}" in parsed.text
    assert "rankkit compare" in parsed.text
    assert finished.plan.source.train in parsed.text


def test_the_verdict_names_the_best_and_those_that_share_a_letter(parsed, finished):
    best, *others = finished.standings["ndcg@10"].rows
    assert f"{best.system} has the highest ndcg@10: {best.mean:.4f}" in parsed.text
    sentence = re.search(r"The data cannot tell it from (.*?) at 0.05", parsed.text)
    equals = [row.system for row in others if set(row.letters) & set(best.letters)]
    assert equals == re.split(", | and ", sentence[1]) if equals else sentence is None


@pytest.mark.parametrize("metric", ["ndcg@10", "mrr"])
def test_the_tables_have_the_numbers_of_the_standings(parsed, finished, metric):
    rows = {row[0]: row[1:] for row in parsed.table("system", metric)}
    for standing in finished.standings[metric].rows:
        mean, interval, deviation, letters, delta, effect, p, counts = rows[standing.system]
        assert mean == f"{standing.mean:.4f}"
        assert interval == f"[{standing.low:.4f}, {standing.high:.4f}]"
        assert deviation == ("" if standing.seed_deviation is None else f"{standing.seed_deviation:.4f}")
        assert letters == standing.letters
        if standing.delta is None:
            assert (delta, effect, p, counts) == ("baseline", "", "", "")
        else:
            assert delta == f"{standing.delta:+.4f}"
            assert effect == f"{standing.effect_size:+.2f}"
            assert p == ("<.0001" if standing.p_corrected < 1e-4 else f"{standing.p_corrected:.4f}")
            assert counts == str(standing.win_tie_loss)


def test_intervals_are_drawn_in_the_range_of_those_that_are_near():
    def rows(*bounds):
        about = {"seed_deviation": None, "n_seeds": 1, "letters": "a"}
        return [Standing(str(low), (low + high) / 2, low, high, **about) for low, high in bounds]

    near = [(0.90, 0.92), (0.89, 0.91), (0.86, 0.88)]
    assert scale_of(rows(*near)) == (0.86, 0.92)
    assert scale_of(rows(*near, (0.25, 0.29))) == (0.86, 0.92)  # random order
    assert scale_of(rows(*near, (0.81, 0.83))) == (0.81, 0.92)  # as far below them as they span


def test_the_matrix_has_every_pair_raw_above_and_corrected_below(parsed, finished):
    rows = parsed.table("system", "1", "2")
    standings = finished.standings["ndcg@10"]
    place = [standings.systems.index(row.system) for row in standings.rows]
    for above, row in enumerate(rows):
        assert row[0] == f"{above + 1} {standings.rows[above].system}"
        for other, words in enumerate(row[1:]):
            p = (standings.p if other > above else standings.p_corrected)[place[above], place[other]]
            expected = "" if other == above else "<.0001" if p < 1e-4 else f"{p:.4f}"
            assert words == expected


def test_groups_of_queries_have_their_means(parsed, finished):
    tables = [rows for rows in parsed.tables if rows and re.fullmatch(r".* \(\d+\)", rows[0][-1])]
    assert len(tables) == 3
    for head, *rows in tables:
        counts = np.array([int(name.rpartition("(")[2].rstrip(")")) for name in head[1:]])
        assert counts.sum() == len(finished.queries)
        for name, *means in rows:
            overall = np.average(np.array(means, float), weights=counts)
            assert overall == pytest.approx(finished.values["ndcg@10"][name].mean(), abs=1e-4)
    first = tables[1][0][1].partition(" ")[0].partition("\u2013")[0]
    assert int(first) == finished.queries["n_relevant"].min()


def test_cost_is_that_of_the_runs(parsed, finished):
    rows = {row[0]: row[1:] for row in parsed.table("system", "runs", "parameters")}
    for cost in finished.cost().to_dict("records"):
        assert rows[cost["system"]][0] == str(cost["runs"])
        assert rows[cost["system"]][-1] == f"{cost['scoring_100_docs_p99_ms']:.3f}"


def test_every_run_stands_there_with_what_was_chosen(parsed, finished):
    rows = parsed.table("system", "split", "seed", "options of the search")
    assert len(rows) == len(finished.runs)
    for row, run in zip(rows, finished.runs, strict=True):
        assert row[:3] == [run.spec.system.name, run.spec.split, str(run.spec.seed)]
        assert row[-1] == f"{run.outcome['test']['ndcg@10']:.4f}"


def test_every_trial_of_the_search_stands_there_with_what_it_set(parsed, finished):
    rows = parsed.table("system", "split", "trial", "options")
    searched = [run for run in (*finished.runs, *finished.trials) if run.spec.seed == 0]
    learning = ("linear softmax", "linear cross_entropy", "lightgbm-lambdarank")
    assert len(rows) == len(learning) * len(finished.splits) * finished.plan.search.trials
    by_place = {(run.spec.system.name, run.spec.split, str(run.spec.trial)): run for run in searched}
    for row in rows:
        run = by_place[tuple(row[:3])]
        assert all(name in row[3] for name in run.spec.options)
        assert row[5] == f"{run.outcome['valid']:.4f}"
    kept = {tuple(row[:3]) for row in rows if row[6] == "kept"}
    assert kept == {
        (run.spec.system.name, run.spec.split, str(run.spec.trial))
        for run in finished.runs
        if run.spec.system.name in learning and run.spec.seed == 0
    }


def test_a_fair_comparison_has_no_banner(parsed):
    assert "The fairness audit failed" not in parsed.text


def test_an_unfair_comparison_has_one(finished, report, tmp_path):
    shutil.copytree(finished.folder, tmp_path / "copy")
    about = tmp_path / "copy/splits/part1/about.json"
    about.write_text(json.dumps({**json.loads(about.read_text()), "n_shared_queries": 3}))
    (lost,) = (tmp_path / "copy/runs").glob("random-part2-seed1-*/outcome.json")
    lost.unlink()
    text = report(read_results(tmp_path / "copy"))
    banner = re.search(r'<div class="banner".*?</div>', text, flags=re.DOTALL)[0]
    assert "document for document: 3 of part1" in banner
    assert "random lacks 1" in banner
    assert "1 run(s) without an outcome" in Page(text).text


def test_names_are_escaped(finished, report):
    evil = "</script><script>alert(1)</script>\"'&$x_1$"
    plan = replace(
        finished.plan,
        systems=tuple(
            replace(system, name=evil) if system.name == "random" else system for system in finished.plan.systems
        ),
        baseline=evil,
        source=replace(finished.plan.source, train=evil),
    )
    runs = tuple(
        replace(run, spec=replace(run.spec, system=replace(run.spec.system, name=evil)))
        if run.spec.system.name == "random"
        else run
        for run in finished.runs
    )
    names = tuple(evil if name == "random" else name for name in finished.systems)
    errors = {"run": evil}
    text = report(replace(finished, plan=plan, runs=runs, systems=names, errors=errors))
    assert text.count("<script>") == 1
    assert "alert(1)</script>" not in text
    page = Page(text)
    assert evil in [row[0] for row in page.table("system", "ndcg@10")]
    assert f"Differences to {evil}, query by query" in page.text
    data = json.loads(re.search(r'type="application/json">(.*?)</script>', text, flags=re.DOTALL)[1])
    assert evil in data["systems"]


def test_without_the_baseline_there_are_no_differences_to_it(finished, report):
    systems = tuple(name for name in finished.systems if name != finished.plan.baseline)
    runs = tuple(run for run in finished.runs if run.spec.system.name in systems)
    page = Page(report(replace(finished, systems=systems, runs=runs)))
    assert "query by query" not in page.text
    assert {row[5] for row in page.table("system", "ndcg@10")} == {""}


def test_systems_without_steps_have_no_training_curves(finished, report):
    systems = ("best-feature", "random")
    runs = tuple(run for run in finished.runs if run.spec.system.name in systems)
    page = Page(report(replace(finished, systems=systems, runs=runs)))
    assert "Training over" not in page.text
    assert "Scores by label" in page.text


def test_figures_show_as_many_systems_as_have_colours(finished, monkeypatch):
    ranked = [row.system for row in finished.standings["ndcg@10"].rows]
    assert shown_systems(finished) == ranked
    monkeypatch.setattr("rankkit.comparison.report.page.N_COLORS", 2)
    others = [name for name in ranked if name != finished.plan.baseline]
    assert set(shown_systems(finished)) == {finished.plan.baseline, others[0]}


def test_one_system_that_finished_stands_alone(finished, report):
    runs = tuple(run for run in finished.runs if run.spec.system.name == "random")
    page = Page(report(replace(finished, systems=("random",), runs=runs)))
    assert "Comparison of 1 system " in page.text
    assert "random has the highest ndcg@10" in page.text
    assert "differs significantly" not in page.text
