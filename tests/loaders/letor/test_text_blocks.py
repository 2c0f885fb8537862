"""Blocks of text: what of a mapped file stays in memory."""

import sys

import numpy as np
import pytest

from rankkit.loaders.letor import text_blocks
from tests.file_limits import mapped_bytes


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_text_that_is_read_in_blocks_is_not_kept_in_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(text_blocks, "_KEPT", 2**20)
    line = b"1 qid:1 1:0.5\n"
    text = line * (2**25 // len(line))
    (tmp_path / "large.txt").write_bytes(text)
    found, most, before = 0, 0, mapped_bytes()
    for block in text_blocks.text_blocks(tmp_path / "large.txt", 2**18):
        assert block.data[-1] == ord("\n")
        found += int(block.data.sum(dtype=np.int64))
        most = max(most, mapped_bytes() - before)
    assert found == len(text) // len(line) * sum(line)
    assert most < 2**23
