"""The experiment on faces runs through, small; it needs the folder of real data."""

import runpy
import sys
from pathlib import Path

import pandas as pd
import pytest

FOLDER = Path(__file__).parent.parent / "experiments" / "faces"


@pytest.mark.realdata
def test_the_experiment_on_faces_prints_its_tables_and_draws_its_pictures(real_data, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("RANKKIT_DATA", str(real_data))
    monkeypatch.syspath_prepend(str(FOLDER))
    main = runpy.run_path(str(FOLDER / "run.py"))["main"]
    monkeypatch.setitem(main.__globals__, "SYSTEMS", [("supcon", True)])
    threads = []
    monkeypatch.setattr("torch.set_num_threads", threads.append)  # it would stay so for the tests to come
    main(["--quick", "--out", str(tmp_path)])
    sys.modules.pop("gallery", None)
    out = capsys.readouterr().out
    assert threads == [1]
    assert "[20, 7, 10] persons" in out
    pixels, learnt = (
        next(line for line in out.splitlines() if line.startswith(f"| {name} |")).split(" | ")
        for name in ("raw pixels", "supcon, augmented")
    )
    assert float(pixels[2]) == pytest.approx(0.15, abs=0.03)  # the EER of pixels follows from the data alone
    assert 0 < float(learnt[2]) < 0.5
    assert "Least EER on validation persons: supcon, augmented" in out
    assert out.count("* best by validation EER: margin") == 2
    assert "| other 80 |" in out
    for name in ("queries.png", "margins-triplet.png", "margins-contrastive.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")
    assert pd.read_csv(tmp_path / "margins-triplet.csv")["margin"].tolist() == [0.1, 0.4]
