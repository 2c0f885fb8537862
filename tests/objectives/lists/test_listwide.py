import pytest
import torch

import rankkit as rk
from rankkit.errors import ConfigError, DataError
from rankkit.objectives import listwide_softmax_loss, softmax_loss
from tests.oracles import listwise as oracle
from tests.oracles.objectives import slopes


def lists(n_outputs=4):
    generator = torch.Generator().manual_seed(n_outputs)
    scores = torch.randn(3, 6, n_outputs, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, n_outputs, (3, 6), generator=generator).double()
    labels[1] = 0
    weights = torch.rand(3, 6, generator=generator, dtype=torch.float64) + 0.5
    return scores, labels, torch.arange(6) < torch.tensor([[2], [4], [6]]), weights


@pytest.mark.parametrize("n_outputs", [2, 4])
@pytest.mark.parametrize("strength", [0.0, 0.1, 3.0])
def test_equal_to_slow_loops_in_value_and_gradient(n_outputs, strength):
    scores, labels, mask, weights = lists(n_outputs)
    scores.requires_grad_()
    values = listwide_softmax_loss(scores, labels, mask, weights=weights, strength=strength, reduction="none")
    values.sum().backward()
    for query in range(3):
        docs = mask[query]
        listed, grades, weighing = (tensor[query][docs].tolist() for tensor in (scores, labels, weights))

        def flat(numbers, grades, weighing=weighing):
            rows = [numbers[i : i + n_outputs] for i in range(0, len(numbers), n_outputs)]
            return oracle.listwide_softmax(rows, grades, weights=weighing, strength=strength)

        numbers = [number for outputs in listed for number in outputs]
        assert values[query].item() == pytest.approx(flat(numbers, grades), rel=1e-12)
        expected = slopes(flat, numbers, grades)
        assert scores.grad[query][docs].flatten().tolist() == pytest.approx(expected, rel=1e-6, abs=1e-8)


def test_without_strength_it_is_the_softmax_loss_over_the_documents():
    scores, labels, mask, _ = lists()
    found = listwide_softmax_loss(scores, labels, mask, strength=0.0, reduction="none")
    expected = softmax_loss(scores[..., 0], labels, mask, normalize=False, reduction="none") / mask.sum(dim=1)
    torch.testing.assert_close(found[[0, 2]], expected[[0, 2]], rtol=1e-12, atol=0)
    assert found[1] == 0


def test_outputs_of_the_list_are_learnt_as_ordinal_regression_of_its_best_grade():
    # All documents of a list are given the same outputs, as by RankFormer's head for the list.
    scores, labels, mask, _ = lists()
    scores[..., 1:] = scores[:, :1, 1:]
    best = torch.where(mask, labels, 0).amax(dim=1, keepdim=True)
    quality = rk.ordinal_loss(scores[:, :1, 1:], best, reduction="none") / 3
    found = listwide_softmax_loss(scores, labels, mask, strength=2.0, reduction="none")
    ranked = listwide_softmax_loss(scores, labels, mask, strength=0.0, reduction="none")
    torch.testing.assert_close(found - ranked, 2 * quality, rtol=1e-12, atol=0)


def test_lists_without_a_relevant_document_teach():
    scores, labels, mask, _ = lists()
    scores.requires_grad_()
    listwide_softmax_loss(scores[1:2], labels[1:2], mask[1:2]).backward()
    assert (scores.grad[1, :4, 1:] > 0).all()
    assert (scores.grad[1, ..., 0] == 0).all()


def test_documents_are_ranked_by_the_first_output():
    data = rk.make_ranking(20, n_features=4, seed=0)
    scorer = rk.LinearScorer(4, n_outputs=5, readout="first_output", seed=0)
    rk.fit(scorer, listwide_softmax_loss, data, epochs=2, progress=False)
    with torch.no_grad():
        outputs = scorer.eval()(torch.tensor(data.features), torch.tensor(data.offsets))
    assert outputs.shape == (data.n_docs, 5)
    assert rk.predict(scorer, data) == pytest.approx(outputs[:, 0].numpy())


def test_labels_and_options_that_cannot_work():
    scores, labels = torch.zeros(1, 2, 3), torch.tensor([[0.0, 2.0]])
    for bad in (3.0, 0.5, -1.0):
        with pytest.raises(DataError, match=r"^listwide_softmax_loss: expected whole labels from 0 to 2"):
            listwide_softmax_loss(scores, labels.where(labels == 0, bad))
    with pytest.raises(ConfigError, match=r"^listwide_softmax_loss: expected strength of at least 0"):
        listwide_softmax_loss(scores, labels, strength=-0.1)
