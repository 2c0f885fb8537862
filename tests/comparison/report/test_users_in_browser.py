"""One user in a real browser: the panel shows whom and what is chosen, and marks what was to be found."""

import pytest

import rankkit as rk
from rankkit.comparison import Part, Plan, Rules, System
from rankkit.tasks.recommendation.splits import LogSource
from tests.browser import EXECUTABLE, WHY_SKIPPED, Browser
from tests.models.recommenders.drawn import drawn_log

pytestmark = pytest.mark.skipif(EXECUTABLE is None, reason=WHY_SKIPPED)
CHOOSE = """(() => {{
  const list = document.getElementById('{}');
  list.value = '{}';
  list.dispatchEvent(new Event('change'));
}})()"""


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("users")
    rk.write_log(drawn_log(n_users=30, n_events=300), folder / "log")
    systems = tuple(System(name, kind="recommender", model=Part(name)) for name in ("popularity", "markov"))
    plan = Plan(LogSource(str(folder / "log"), by="leave_last"), systems, "popularity", (0,), rules=Rules(("ndcg@10",)))
    return rk.compare(plan, folder / "compared", jobs=1)


def test_one_user(compared, tmp_path):
    with Browser(tmp_path) as browser:
        browser.open(compared.folder / "report.html", width=390)
        assert browser.problems == []
        assert browser.run("document.documentElement.scrollWidth") == 390
        data = browser.run("JSON.parse(document.getElementById('user-data').textContent)")
        for system in (0, 1):
            browser.run(CHOOSE.format("served-by", system))
            for place in data["worst"][system][:3]:
                browser.run(CHOOSE.format("user", place))
                browser.run(CHOOSE.format("left", 1 - system))
                browser.run(CHOOSE.format("right", system))
                one = data["users"][place]
                cells = (
                    "[...document.querySelectorAll('#lists tbody tr')].slice(1).map((row) => row.cells[{}].textContent)"
                )
                assert browser.run(cells.format(1)) == one["lists"][1 - system]
                assert browser.run(cells.format(2)) == one["lists"][system]
                hits = browser.run("[...document.querySelectorAll('#lists td.hit')].map((cell) => cell.textContent)")
                both = [
                    item for side in zip(one["lists"][1 - system], one["lists"][system], strict=True) for item in side
                ]
                assert hits == [item for item in both if item in one["targets"]]
                wanted = browser.run("[...document.querySelectorAll('#wanted span')].map((item) => item.textContent)")
                assert wanted == one["targets"]
                met = browser.run("[...document.querySelectorAll('#met span')].map((item) => item.textContent)")
                assert met[:-1] == one["history"]
        assert browser.problems == []
