"""The report in a real browser: no error, no request, and its scripts do what they say."""

import pytest

from tests.browser import EXECUTABLE, WHY_SKIPPED, Browser

pytestmark = pytest.mark.skipif(EXECUTABLE is None, reason=WHY_SKIPPED)
FIRST_CELLS = "[...document.querySelectorAll('{} tbody tr')].filter((r) => !r.hidden).map((r) => r.cells[{}].innerText)"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with Browser(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture
def opened(browser, page):
    browser.problems.clear()
    browser.requests.clear()
    browser.open(page)
    return browser


def column(browser, selector, at):
    return browser.run(FIRST_CELLS.format(selector, at))


def test_the_driver_hears_of_errors(browser, tmp_path):
    (tmp_path / "bad.html").write_text("<img src=missing.png><script>console.error('one'); undefinedName()</script>")
    browser.problems.clear()
    browser.requests.clear()
    browser.open(tmp_path / "bad.html")
    problems = " ".join(browser.problems)
    assert "one" in problems
    assert "undefinedName" in problems
    assert len(browser.requests) == 2


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (390, False)])
def test_it_opens_without_errors_requests_or_overflow(opened, page, width, dark):
    opened.requests.clear()
    opened.open(page, width=width, dark=dark)
    assert opened.problems == []
    assert opened.requests == [page.as_uri()]
    assert opened.run("document.documentElement.scrollWidth") == width
    background = opened.run("getComputedStyle(document.body).backgroundColor")
    assert background == ("rgb(21, 24, 28)" if dark else "rgb(255, 255, 255)")
    line = opened.run("getComputedStyle(document.querySelector('figure svg path[style*=\"--c0\"]')).stroke")
    assert line == ("rgb(127, 176, 238)" if dark else "rgb(47, 109, 181)")


def test_the_page_of_encoders_works_without_the_parts_that_are_for_rankers(browser, encoders):
    browser.problems.clear()
    browser.open(encoders.folder / "report.html", width=390)
    assert browser.problems == []
    assert browser.run("document.documentElement.scrollWidth") == 390
    means = [f"{row.mean:.4f}" for row in encoders.standings["map_at_r"].rows]
    browser.click("table.systems th:nth-child(2) button")
    assert column(browser, "table.systems", 1)[: len(means)] == means[::-1]


def test_columns_sort_both_ways_by_value(opened, finished):
    table = "table.systems"
    means = [f"{row.mean:.4f}" for row in finished.standings["ndcg@10"].rows]
    n = len(means)
    assert column(opened, table, 1)[:n] == means
    opened.click(f"{table} th:nth-child(2) button")
    assert column(opened, table, 1)[:n] == means[::-1]
    opened.click(f"{table} th:nth-child(1) button")
    assert column(opened, table, 0)[:n] == sorted(finished.systems)
    assert opened.run("document.querySelector('table.systems th').getAttribute('aria-sort')") == "ascending"
    opened.click(f"{table} th:nth-child(1) button")
    assert column(opened, table, 0)[:n] == sorted(finished.systems, reverse=True)
    opened.click(f"{table} th:nth-child(6) button")
    deltas = [row.delta for row in finished.standings["ndcg@10"].rows if row.delta is not None]
    expected = [f"{delta:+.4f}" for delta in sorted(deltas, reverse=True)]
    assert column(opened, table, 5)[:n] == [*expected, "baseline"]
    assert opened.problems == []


def test_systems_are_filtered_by_name(opened):
    opened.type("#filter", "LINEAR")
    assert set(column(opened, "table.systems", 0)) == {"linear softmax", "linear cross_entropy"}
    opened.run("document.getElementById('filter').value = ''")
    opened.type("#filter", "no such system")
    assert column(opened, "table.systems", 0) == []


def test_the_query_picker(opened, finished):
    values = finished.values["ndcg@10"]
    systems = opened.run("data.systems")
    for number, system in enumerate(systems):
        opened.run(f"ofSystem.value = '{number}'; ofSystem.dispatchEvent(new Event('change'))")
        shown = [float(words) for words in column(opened, "#worst", 4 + number)]
        worst = values[system][finished.queries["n_relevant"] > 0].sort_values()[:20]
        assert shown == pytest.approx(worst.tolist(), abs=1e-4)

    qid = column(opened, "#worst", 0)[3]
    opened.click("#worst tbody tr:nth-child(4) button")
    assert opened.run("title.textContent").startswith(f"Query {qid} (")
    run = next(run for run in finished.runs_of(systems[0]) if qid in run.per_query["qid"].astype(str).tolist())
    docs = finished.docs(run.spec.split)
    mine = (docs["qid"].astype(str) == qid).to_numpy()
    frame = docs[mine].assign(score=run.scores()[mine]).reset_index(drop=True)
    best = frame.sort_values(["score", "label"], ascending=[False, True], kind="stable").head(10)
    expected = [f"{label:g}#{place + 1}" for place, label in zip(best.index, best["label"], strict=True)]
    assert [words.replace("\n", "") for words in column(opened, "#top", 2)[1:]] == expected

    opened.type("#query", qid)
    assert all(qid in words for words in column(opened, "#worst", 0))
    assert opened.problems == []


def test_it_fits_on_paper_and_is_light_there(opened):
    opened.call("Emulation.setDeviceMetricsOverride", width=720, height=1000, deviceScaleFactor=1, mobile=False)
    dark = [{"name": "prefers-color-scheme", "value": "dark"}]
    opened.call("Emulation.setEmulatedMedia", media="print", features=dark)
    assert opened.run("document.documentElement.scrollWidth") == 720
    assert opened.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert opened.run("getComputedStyle(document.querySelector('.controls')).display") == "none"
    opened.call("Emulation.setEmulatedMedia", media="")
