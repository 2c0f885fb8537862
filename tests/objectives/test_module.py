import pytest
import torch

from rankkit.errors import ConfigError
from rankkit.objectives import Objective, bce_loss, cross_entropy_loss, mse_loss, pairwise_hinge_loss, ranknet_loss
from rankkit.objectives.module import option_names

S, Y = torch.tensor([[3.0, 2.0, 1.0]]), torch.tensor([[0.0, 2.0, 1.0]])
MASK = torch.tensor([[True, True, False]])


def test_it_computes_what_the_function_computes():
    objective = Objective(pairwise_hinge_loss, margin=2.0)
    weights = torch.tensor([3.0])
    expected = pairwise_hinge_loss(S, Y, MASK, margin=2.0, weights=weights, reduction="none")
    assert torch.equal(objective(S, Y, MASK, weights=weights, reduction="none"), expected)
    assert torch.equal(objective(S, Y), pairwise_hinge_loss(S, Y, margin=2.0))


def test_its_repr_names_function_and_options():
    assert repr(Objective(mse_loss)) == "Objective(mse_loss)"
    assert (
        repr(Objective(bce_loss, max_label=4.0, relevant_from=2))
        == "Objective(bce_loss, max_label=4.0, relevant_from=2)"
    )


def test_the_readout_of_the_function_is_its_own():
    assert Objective(cross_entropy_loss).readout == "expected_grade"
    assert not hasattr(Objective(ranknet_loss), "readout")


def test_it_holds_no_parameters():
    assert list(Objective(ranknet_loss).parameters()) == []
    assert Objective(ranknet_loss, sigma=2.0).state_dict() == {}


@pytest.mark.parametrize(
    ("function", "name", "message"),
    [
        (ranknet_loss, "sigam", "ranknet_loss: expected one of its options; got 'sigam'. Did you mean 'sigma'?"),
        (bce_loss, "zzz", "bce_loss: expected one of its options; got 'zzz'. Known: max_label, relevant_from."),
        (mse_loss, "margin", "mse_loss: expected one of its options; got 'margin'. It has none."),
        (mse_loss, "weights", "mse_loss: expected one of its options; got 'weights'. Pass weights= in the call."),
    ],
)
def test_unknown_options(function, name, message):
    with pytest.raises(ConfigError) as caught:
        Objective(function, **{name: 1.0})
    assert str(caught.value) == message


def test_a_function_of_the_user_works():
    def doubled(scores, labels, mask=None, *, factor=2.0, weights=None, reduction="mean"):
        return factor * mse_loss(scores, labels, mask, weights=weights, reduction=reduction)

    assert option_names(doubled) == ["factor"]
    torch.testing.assert_close(Objective(doubled, factor=3.0)(S, Y), 3 * mse_loss(S, Y))
