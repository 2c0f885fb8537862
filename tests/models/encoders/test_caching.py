"""embed_in_chunks(): gradients in chunks are those of the batch as a whole."""

import pytest
import torch
from torch import nn

from rankkit.errors import ConfigError
from rankkit.models.encoders import ConvEncoder, MLPEncoder, embed_in_chunks

INPUTS = torch.randn(10, 6, generator=torch.Generator().manual_seed(1))
TOLERANCE = {torch.float32: 1e-6, torch.float64: 1e-12}


def contrast(encoder):
    """A loss in which every embedding meets every other: rows 0 and 5, 1 and 6, ... belong together."""

    def loss(embeddings):
        values = encoder.distance.matrix(embeddings[:5], embeddings[5:])
        return nn.functional.cross_entropy(-values / 0.5, torch.arange(5))

    return loss


def in_chunks(encoder, inputs, loss_of_embeddings, chunk_size):
    loss = loss_of_embeddings(embed_in_chunks(encoder, inputs, chunk_size))
    loss.backward()
    return loss.detach()


def gradients(encoder):
    return [None if weight.grad is None else weight.grad.clone() for weight in encoder.parameters()]


def close(found, expected, tolerance):
    for ours, theirs in zip(found, expected, strict=True):
        assert (ours is None) == (theirs is None)
        if ours is not None:
            assert float((ours - theirs).abs().max()) <= tolerance


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("chunk_size", [1, 3, 5, 9, 10, 100])
@pytest.mark.parametrize("distance", ["euclidean", "cosine", "weighted_l1"])
def test_gradients_of_the_whole_batch(chunk_size, distance, dtype):
    encoder = MLPEncoder(6, n_dims=4, hidden=(8,), distance=distance, seed=0).to(dtype)
    inputs = INPUTS.to(dtype)
    whole = contrast(encoder)(encoder(inputs))
    whole.backward()
    whole = whole.detach()
    expected = gradients(encoder)
    encoder.zero_grad()
    loss = in_chunks(encoder, inputs, contrast(encoder), chunk_size)
    assert abs(float(loss - whole)) <= TOLERANCE[dtype]
    close(gradients(encoder), expected, TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("chunk_size", [1, 4, 9])
def test_with_dropout_the_second_pass_draws_what_the_first_drew(chunk_size, dtype):
    encoder = MLPEncoder(6, n_dims=4, hidden=(16, 16), dropout=0.5, distance="weighted_l1", seed=0).to(dtype)
    inputs = INPUTS.to(dtype)
    torch.manual_seed(5)
    whole = contrast(encoder)(torch.cat([encoder(chunk) for chunk in inputs.split(chunk_size)]))
    drawn_next = torch.rand(3)
    whole.backward()
    whole = whole.detach()
    expected = gradients(encoder)
    encoder.zero_grad()
    torch.manual_seed(5)
    loss = in_chunks(encoder, inputs, contrast(encoder), chunk_size)
    assert torch.equal(torch.rand(3), drawn_next)  # random numbers go on as if there had been one pass
    assert abs(float(loss - whole)) <= TOLERANCE[dtype]
    close(gradients(encoder), expected, TOLERANCE[dtype])


def test_random_numbers_of_the_loss_are_drawn_once():
    encoder = MLPEncoder(6, n_dims=4, dropout=0.5, seed=0)

    def noisy(embeddings):
        return (embeddings * torch.rand(embeddings.shape)).sum()

    torch.manual_seed(5)
    whole = noisy(torch.cat([encoder(chunk) for chunk in INPUTS.split(4)]))
    after = torch.rand(3)
    torch.manual_seed(5)
    assert torch.equal(in_chunks(encoder, INPUTS, noisy, 4), whole.detach())
    assert torch.equal(torch.rand(3), after)


def test_gradients_add_up_and_weights_of_the_loss_get_theirs():
    encoder = MLPEncoder(6, n_dims=4, seed=0).double()
    log_temperature = torch.zeros((), dtype=torch.float64, requires_grad=True)

    def loss(embeddings):
        return contrast(encoder)(embeddings) * log_temperature.exp()

    (2 * loss(encoder(INPUTS.double()))).backward()
    expected = [*gradients(encoder), log_temperature.grad.clone()]
    encoder.zero_grad()
    log_temperature.grad = None
    for _ in range(2):
        in_chunks(encoder, INPUTS.double(), loss, 3)
    close([*gradients(encoder), log_temperature.grad], expected, 1e-12)


def test_convolutions_with_group_normalization():
    encoder = ConvEncoder((1, 8, 8), n_dims=4, channels=(8, 8), normalization="group", seed=0).double()
    inputs = torch.rand(10, 1, 8, 8, dtype=torch.float64)
    contrast(encoder)(encoder(inputs)).backward()
    expected = gradients(encoder)
    encoder.zero_grad()
    in_chunks(encoder, inputs, contrast(encoder), 4)
    close(gradients(encoder), expected, 1e-12)


def test_batch_normalization_is_refused_unless_it_is_frozen_or_sees_the_batch():
    encoder = ConvEncoder((1, 8, 8), n_dims=4, channels=(4,), seed=0)
    inputs = torch.rand(10, 1, 8, 8)
    with pytest.raises(ConfigError, match=r"batch normalization in training mode \(blocks\.0\.1\)\. Use normal"):
        in_chunks(encoder, inputs, contrast(encoder), 4)
    assert gradients(encoder) == [None] * len(list(encoder.parameters()))
    in_chunks(encoder, inputs, contrast(encoder), 10)
    assert int(encoder.blocks[0][1].num_batches_tracked) == 1  # one pass, not two
    in_chunks(encoder.eval(), inputs, contrast(encoder), 4)
    with pytest.raises(ConfigError, match=r"training mode \(the encoder\)"):
        embed_in_chunks(nn.BatchNorm1d(6), INPUTS, 4)


def test_a_frozen_encoder_and_a_loss_without_embeddings():
    encoder = MLPEncoder(6, n_dims=4, seed=0)
    scale = torch.ones((), requires_grad=True)
    in_chunks(encoder, INPUTS, lambda embeddings: scale * 2, 4)
    assert all(gradient is None for gradient in gradients(encoder))
    encoder.requires_grad_(False)
    in_chunks(encoder, INPUTS, lambda embeddings: embeddings.sum() * scale, 4)
    assert scale.grad.item() == pytest.approx(2 + float(encoder(INPUTS).sum()), rel=1e-5)


def test_no_activation_stays_in_memory():
    encoder = MLPEncoder(6, n_dims=4, hidden=(512,), seed=0)
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: kept.append(tensor.numel()) or tensor, lambda t: t):
        embed_in_chunks(encoder, INPUTS, 2)
    in_chunks_kept, kept = sum(kept), []
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: kept.append(tensor.numel()) or tensor, lambda t: t):
        encoder(INPUTS)
    assert in_chunks_kept < sum(kept) / 10


def test_a_chunk_holds_at_least_one_input():
    with pytest.raises(ConfigError, match="chunk_size of at least 1; got 0"):
        embed_in_chunks(MLPEncoder(6, n_dims=4, seed=0), INPUTS, 0)
