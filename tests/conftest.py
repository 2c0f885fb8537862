"""Shape checks on every call, one compile thread, and where real data lies."""

import os
from pathlib import Path

import pytest
import torch
from jaxtyping import install_import_hook

OBJECTIVES = sorted((Path(__file__).parent.parent / "rankkit" / "objectives").glob("*.py"))
# Checked at every call in tests only. Kernels are left out: numba compiles plain functions.
CHECKED = [
    "rankkit.ranking",
    "rankkit.batch",
    "rankkit.metrics.engine",
    "rankkit.metrics.graded",
    "rankkit.metrics.binary",
    *(f"rankkit.objectives.{path.stem}" for path in OBJECTIVES if not path.stem.endswith(("kernels", "__init__"))),
]
install_import_hook(CHECKED, "beartype.beartype")


@pytest.fixture(autouse=True)
def _same_random_numbers_in_every_test():
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data sets that RANKKIT_DATA names; tests that ask for it are marked ``realdata``."""
    folder = os.environ.get("RANKKIT_DATA")
    if not folder:
        pytest.skip("RANKKIT_DATA names no folder")
    return Path(folder)
