"""What precision="auto" is: bfloat16 on a processor that computes it, for batches and layers that gain from it."""

import pytest
import torch
from torch import nn

import rankkit as rk
from rankkit.tasks.gradient import precision
from rankkit.tasks.gradient.precision import choose_precision, computes_bf16

CPU = torch.device("cpu")
WIDE = rk.MLPScorer(3, hidden=(128, 128), transform="log1p+standardize", seed=0)


@pytest.fixture(params=[True, False])
def processor(request, monkeypatch):
    """One that computes in bfloat16, and one that does not."""
    monkeypatch.setattr(precision, "computes_bf16", lambda: request.param)
    return request.param


def test_bfloat16_where_the_processor_computes_it_and_it_gains(processor):
    chosen = choose_precision(WIDE, CPU, 4000)
    assert chosen.precision == ("bf16" if processor else "fp32")
    assert ("does not" not in chosen.why) == processor


@pytest.mark.parametrize(
    ("model", "place", "docs", "why"),
    [
        (WIDE, torch.device("cuda", 0), 5000, "GPU"),
        (WIDE, CPU, None, "rankers alone"),
        (WIDE, CPU, 3999, "batches of about 3,999 documents"),
        (rk.LinearScorer(200), CPU, 5000, "no layer"),
        (rk.MLPScorer(3, hidden=(127, 127), transform="none"), CPU, 5000, "no layer"),
        # 160 columns of bins times 256: a table, not a product.
        (rk.MLPScorer(5, hidden=(256,), transform="piecewise:32"), CPU, 5000, "no layer"),
        (nn.Sequential(nn.Linear(3, 100), nn.ReLU(), nn.Linear(100, 1)), CPU, 5000, "no layer"),
    ],
)
def test_float32_where_it_does_not_gain_or_was_not_compared(monkeypatch, model, place, docs, why):
    monkeypatch.setattr(precision, "computes_bf16", lambda: True)
    chosen = choose_precision(model, place, docs)
    assert chosen.precision == "fp32"
    assert why in chosen.why


def test_the_default_scorer_gains(monkeypatch):
    monkeypatch.setattr(precision, "computes_bf16", lambda: True)
    assert choose_precision(rk.MLPScorer(136), CPU, 5000).precision == "bf16"


@pytest.mark.parametrize(
    ("known", "expected"),
    [({"amx_bf16": True}, True), ({"avx512_bf16": True, "amx_bf16": False}, True), ({"avx512_f": True}, False)],
)
def test_what_a_processor_computes_is_what_torch_knows_of_it(monkeypatch, known, expected):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: known)
    assert computes_bf16() is expected


def test_a_run_is_that_of_the_chosen_precision_and_says_so(tmp_path, processor):
    train = rk.make_ranking(60, n_features=3, list_size=(70, 70), seed=0)

    def weights(asked, **options):
        scorer = rk.MLPScorer(3, hidden=(128, 128), transform="log1p+standardize", seed=0)
        history = rk.fit(scorer, "softmax", train, epochs=2, precision=asked, progress=False, device="cpu", **options)
        return history, list(scorer.state_dict().values())

    history, found = weights("auto", out=tmp_path)
    chosen = "bf16" if processor else "fp32"
    assert history.chosen["precision"].startswith(f"{chosen}, as this processor")
    assert f"Precision {chosen}, as this processor" in str(history)
    explicit, expected = weights(chosen)
    assert explicit.chosen == {}
    assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))
    other, _ = weights("auto", out=tmp_path, resume=True)
    assert other.chosen == history.chosen
    saved = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert saved["identity"]["precision"] == chosen


def test_another_name_is_refused():
    with pytest.raises(rk.ConfigError, match="precision: expected one of fp32, bf16, auto"):
        rk.fit(rk.LinearScorer(2), "softmax", rk.make_ranking(5, n_features=2), precision="half", progress=False)
