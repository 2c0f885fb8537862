"""What the last layer of each network scores: hidden values, from which the scores follow."""

import pytest
import torch

import rankkit as rk

OFFSETS = torch.tensor([0, 3, 3, 4, 30])
FEATURES = torch.randn(30, 5, generator=torch.Generator().manual_seed(0))
OWN = {
    "attention": {"n_blocks": 1, "n_inner": 8},
    "dasalc": {"n_blocks": 1, "head_size": 4},
    "dcn": {"structure": "stacked"},
}


@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("hidden", [(8,), (8, 6)])
@pytest.mark.parametrize("transform", ["standardize", "piecewise:4"])
@pytest.mark.parametrize("name", ["mlp", "dcn", "attention", "dasalc", "tabm"])
def test_scores_are_the_last_layer_of_hidden_values(name, transform, hidden, n_outputs):
    options = {"hidden": hidden, "transform": transform, "n_outputs": n_outputs, **OWN.get(name, {})}
    if n_outputs > 1:
        options["readout"] = "expected_grade"
    scorer = rk.build("scorer", name, 5, **options, seed=0)
    scorer.transform.fit(FEATURES, OFFSETS)
    for part in (FEATURES, FEATURES[:4]):  # few documents take another way through a piecewise encoding
        offsets = OFFSETS if len(part) == 30 else OFFSETS[:-1]
        values = scorer.eval().hidden_values(part, offsets)
        assert values.shape[-2:] == (len(part), scorer.output.weight.shape[-1])
        outputs = scorer.output(values).squeeze(-1) if n_outputs == 1 else scorer.output(values)
        found = outputs.mean(dim=0) if name == "tabm" else outputs
        torch.testing.assert_close(found, scorer(part, offsets))


def test_members_without_hidden_layers_score_the_inputs():
    scorer = rk.build("scorer", "tabm", 5, hidden=(), n_members=3, transform="none", seed=0).eval()
    values = scorer.hidden_values(FEATURES, OFFSETS)
    assert torch.equal(values, FEATURES.expand(3, -1, -1))
    torch.testing.assert_close(scorer.output(values).squeeze(-1), scorer.members(FEATURES, OFFSETS))
