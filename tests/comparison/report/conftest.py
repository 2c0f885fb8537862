import pytest

from rankkit.comparison.report import write_report


@pytest.fixture(scope="session")
def page(finished):
    """The page that the command left."""
    return finished.folder / "report.html"


@pytest.fixture
def report(tmp_path):
    """Writes the report of results, gives its text."""

    def write(results):
        write_report(results, tmp_path / "report.html")
        return (tmp_path / "report.html").read_text(encoding="utf-8")

    return write
