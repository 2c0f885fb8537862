"""The page at /docs in a real browser: its buttons send what stands there and show the answer."""

import json
import threading
import time

import pytest

from tests.browser import EXECUTABLE, WHY_SKIPPED, Browser

pytestmark = pytest.mark.skipif(EXECUTABLE is None, reason=WHY_SKIPPED)


@pytest.fixture
def address(ranker_of, scorer):
    """Where a service listens, in a thread."""
    import uvicorn

    from rankkit.serving import Settings
    from rankkit.serving.app import create_app

    app = create_app(ranker_of(scorer), Settings(engine="torch"))
    config = uvicorn.Config(app, port=0, ws="none", http="h11", log_config=None)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(30)


def test_the_page_sends_and_shows(address, tmp_path):
    with Browser(tmp_path) as page:
        page.call("Page.navigate", url=f"{address}/docs")
        wait_for(page, "document.readyState === 'complete' && location.pathname === '/docs'")
        assert page.run("document.documentElement.scrollWidth <= innerWidth")

        page.click("section[data-path='/rank'] button")
        wait_for(page, "document.querySelector(\"section[data-path='/rank'] pre\").textContent")
        status, _, answer = page.run(
            "document.querySelector(\"section[data-path='/rank'] pre\").textContent"
        ).partition("\n")
        assert status == "200"
        assert {document["id"] for document in json.loads(answer)["documents"]} == {"a", "b"}

        page.run("document.querySelector(\"section[data-path='/score'] textarea\").value = '{'")
        page.click("section[data-path='/score'] button")
        wait_for(page, "document.querySelector(\"section[data-path='/score'] pre\").textContent.startsWith('422')")

        page.click("section[data-path='/metrics'] button")
        wait_for(
            page, "document.querySelector(\"section[data-path='/metrics'] pre\").textContent.includes('rankkit_info')"
        )
        assert all(url.startswith((f"{address}/", "data:")) for url in page.requests), page.requests
        # The refused body is the one thing that a browser notes.
        assert [problem for problem in page.problems if "422" not in problem] == []


def wait_for(page, condition):
    end = time.monotonic() + 30
    while not page.run(f"Boolean({condition})"):
        assert time.monotonic() < end, condition
        time.sleep(0.02)
