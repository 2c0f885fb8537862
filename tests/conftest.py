"""Shape checks on every call, one thread, and where real data lies."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from jaxtyping import install_import_hook

from tests import forked

PACKAGE = Path(__file__).parent.parent / "rankkit"
FOLDERS = ("distances", "objectives")
SOURCES = sorted(path.relative_to(PACKAGE) for folder in FOLDERS for path in (PACKAGE / folder).rglob("*.py"))
# Checked at every call in tests only. Kernels are left out: numba compiles plain functions.
CHECKED = [
    "rankkit.ranking",
    "rankkit.data.batch",
    "rankkit.metrics.at_r",
    "rankkit.metrics.engine",
    "rankkit.metrics.graded",
    "rankkit.metrics.binary",
    "rankkit.metrics.padded",
    "rankkit.metrics.pairs",
    "rankkit.metrics.user_models",
    *(
        ".".join(["rankkit", *path.with_suffix("").parts])
        for path in SOURCES
        if not path.stem.endswith(("kernels", "__init__"))
    ),
]
# Small tensors gain nothing from threads, and on a busy machine waiting threads take most of the processor time.
torch.set_num_threads(1)
os.environ.setdefault("OMP_NUM_THREADS", "1")  # of the processes that tests start
forked.executable()  # now, so that the workers of pytest-xdist share one
install_import_hook(CHECKED, "beartype.beartype")


@pytest.fixture(autouse=True)
def _same_random_numbers_in_every_test():
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def forked_workers() -> Iterator[None]:
    """The workers of comparisons that a test makes in its own process are forked, as :mod:`tests.forked` says."""
    from rankkit.comparison.runs.pool import COMMAND, run_all

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(run_all.__kwdefaults__, "command", (forked.executable(), *COMMAND[1:]))
        yield


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data sets that RANKKIT_DATA names; tests that ask for it are marked ``realdata``."""
    folder = os.environ.get("RANKKIT_DATA")
    if not folder:
        pytest.skip("RANKKIT_DATA names no folder")
    return Path(folder)
