"""What the examples in docstrings take for granted: ``import torch``."""

from typing import Any

import pytest


@pytest.fixture(autouse=True)
def _examples_know_torch(doctest_namespace: dict[str, Any]) -> None:
    import torch

    doctest_namespace["torch"] = torch
