"""What the examples in docstrings take for granted, ``import torch``; and a mark of its room on each test."""

from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent
ROOMS = sorted({path.parent.name for tree in ("tests", "rankkit") for path in ROOT.glob(f"{tree}/*/*.py")})
# Those that stand in no room: of the house, its pages, its commands as processes, its largest functions.
WHOLE = "whole"


def pytest_configure(config: pytest.Config) -> None:
    """Make the names of rooms known as markers."""
    for room in ROOMS:
        config.addinivalue_line("markers", f"{room}: tests of rankkit/{room} and the examples in it")
    config.addinivalue_line("markers", f"{WHOLE}: tests that stand in no room")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test with its room, by where it stands: ``pytest -m "serving and not slow"``."""
    for item in items:
        parts = item.path.relative_to(ROOT).parts
        item.add_marker(parts[1] if len(parts) > 2 else WHOLE)


@pytest.fixture(autouse=True)
def _examples_know_torch(doctest_namespace: dict[str, Any]) -> None:
    import torch

    doctest_namespace["torch"] = torch
