"""Encoders: shapes, outputs, seeds, options, distances, and what cannot work."""

import copy
import json
import math

import numpy as np
import pytest
import torch

from rankkit.distances import DISTANCES, Cosine, VerificationHead, WeightedL1
from rankkit.errors import ConfigError, DataError, ShapeError
from rankkit.models.encoders import ConvEncoder, MLPEncoder, Siamese, Triplet, WrappedEncoder, embed
from rankkit.registry import ENCODERS
from rankkit.testing.encoders import PROMISES, EncoderCase

PICTURES = torch.rand(5, 1, 8, 8, generator=torch.Generator().manual_seed(1))


def conv(**options):
    return ConvEncoder((1, 8, 8), n_dims=3, channels=(4, 5), **{"seed": 0, **options})


def mlp(**options):
    return MLPEncoder((1, 8, 8), n_dims=3, hidden=(6,), **{"seed": 0, **options})


def wrapped(**options):
    return WrappedEncoder(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 3)), 3, **options)


EVERY = pytest.mark.parametrize("make", [conv, mlp, wrapped])


VARIANTS = [
    ("conv", {"n_dims": 3, "channels": (4, 5)}),
    ("conv", {"n_dims": 3, "channels": (4, 5), "output": "sigmoid", "distance": "weighted_l1"}),
    ("mlp", {"n_dims": 3, "hidden": (6,)}),
    ("mlp", {"n_dims": 3, "hidden": (6,), "output": "linear", "distance": "l1", "dropout": 0.5}),
]


def test_every_encoder_of_the_registry_is_tried():
    assert {name for name, _ in VARIANTS} == set(ENCODERS)


@pytest.mark.parametrize("promise", PROMISES)
@pytest.mark.parametrize(("name", "options"), VARIANTS, ids=str)
def test_promise(name, options, promise):
    PROMISES[promise](EncoderCase(ENCODERS[name], options))


@pytest.mark.parametrize("make", [conv, mlp])
def test_without_a_seed_weights_come_from_the_global_generator(make):
    before = torch.get_rng_state()
    make(seed=None)
    assert not torch.equal(torch.get_rng_state(), before)


@EVERY
def test_outputs(make):
    linear, sigmoid, unit = (make(output=output).eval() for output in ("linear", "sigmoid", "unit"))
    for encoder in (sigmoid, unit):
        encoder.load_state_dict(linear.state_dict())
    values = linear(PICTURES)
    assert values.shape == (5, 3)
    torch.testing.assert_close(sigmoid(PICTURES), 1 / (1 + (-values).exp()))
    torch.testing.assert_close(unit(PICTURES), values / values.square().sum(1, keepdim=True).sqrt())
    assert [encoder.output for encoder in (linear, sigmoid, unit)] == ["linear", "sigmoid", "unit"]


@EVERY
def test_a_zero_vector_of_output_unit_stays_zero_with_a_zero_gradient(make):
    encoder = make(output="unit").eval()
    with torch.no_grad():
        for weight in encoder.parameters():
            weight.zero_()
    embeddings = encoder(PICTURES)
    embeddings.sum().backward()
    assert torch.equal(embeddings, torch.zeros(5, 3))
    assert all(bool((weight.grad == 0).all()) for weight in encoder.parameters() if weight.grad is not None)


@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize("make", [conv, mlp])
def test_options_build_the_same_encoder_again(make, distance):
    encoder = make(distance=distance)
    again = type(encoder)(**json.loads(json.dumps(encoder.options)))
    assert again.options == encoder.options
    assert repr(again) == repr(encoder)
    assert again.input_shape == (1, 8, 8)
    assert torch.equal(again.eval()(PICTURES), encoder.eval()(PICTURES))
    assert again.distance.name == distance


@EVERY
def test_a_learned_distance_is_a_submodule(make):
    encoder = make(distance="weighted_l1")
    assert encoder.distance.n_dims == encoder.n_dims == 3
    assert "distance.raw_weights" in dict(encoder.named_parameters())
    encoder.distance.matrix(encoder(PICTURES), encoder(PICTURES)).sum().backward()
    assert encoder.distance.raw_weights.grad.abs().sum() > 0


def test_a_distance_may_be_an_object_or_a_function():
    distance = Cosine()
    assert mlp(distance=distance).distance is distance
    assert mlp(distance=distance).options["distance"] == "cosine"
    farthest = mlp(distance=lambda x, y: (x - y).abs().amax(1))
    assert farthest.distance.matrix(torch.eye(3), torch.zeros(1, 3)).tolist() == [[1.0], [1.0], [1.0]]
    assert farthest.options["distance"] is farthest.distance


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (2, 3), (8, 8), (28, 28), (31, 17)])
def test_any_size_of_picture_goes_with_any_number_of_blocks(size):
    encoder = ConvEncoder((2, *size), n_dims=4, channels=(3, 4, 5, 6), seed=0)
    assert encoder(torch.rand(3, 2, *size)).shape == (3, 4)


def test_with_group_normalization_an_embedding_does_not_depend_on_its_batch():
    encoder = conv(normalization="group")
    torch.testing.assert_close(encoder(PICTURES)[:2], encoder(PICTURES[:2]))
    assert not torch.allclose(conv()(PICTURES)[:2], conv()(PICTURES[:2]))


def test_an_mlp_without_hidden_layers_is_a_linear_map():
    encoder = MLPEncoder(4, n_dims=3, hidden=(), output="linear", seed=0)
    expected = torch.eye(4) @ encoder.projection.weight.T + encoder.projection.bias
    torch.testing.assert_close(encoder(torch.eye(4)), expected)
    assert encoder.input_shape == (4,)


@pytest.mark.parametrize("distance", ["euclidean", "l1", "cosine", "dot", "verification"])
@pytest.mark.parametrize("make", [mlp, wrapped])
def test_siamese_is_one_encoder_applied_twice(make, distance):
    encoder = make(distance=distance)
    siamese = Siamese(encoder)
    assert {weight.data_ptr() for weight in siamese.parameters()} == {w.data_ptr() for w in encoder.parameters()}
    x, y = PICTURES, PICTURES.flip(0)
    torch.testing.assert_close(siamese(x, y), siamese(y, x))  # symmetry
    torch.testing.assert_close(siamese(x, y), encoder.distance.pairwise(encoder(x), encoder(y)))
    siamese(x, y).sum().backward()
    # Two networks with weights of their own: the shared gradient is the sum of theirs.
    left, right = copy.deepcopy(encoder), copy.deepcopy(encoder)
    for weight in (*left.parameters(), *right.parameters()):
        weight.grad = None
    left.distance.pairwise(left(x), right(y)).sum().backward()
    for shared, one, other in zip(encoder.parameters(), left.parameters(), right.parameters(), strict=True):
        expected = sum(branch.grad for branch in (one, other) if branch.grad is not None)
        torch.testing.assert_close(shared.grad, expected)


def test_kochs_network():
    encoder = WrappedEncoder(torch.nn.Identity(), 2, output="linear", distance="verification")
    encoder.distance.set_weights([-2.0, 1.0], bias=1.0)
    x, y = torch.tensor([[0.2, 0.8]]), torch.tensor([[0.6, 0.8]])
    logit = Siamese(encoder)(x, y)
    assert logit.item() == pytest.approx(-2 * 0.4 + 1)
    assert logit.sigmoid().item() == pytest.approx(0.549834, abs=1e-6)
    assert Siamese(encoder)(x, x).item() == 1.0  # identical inputs: the bias


def test_triplet_is_one_encoder_applied_three_times():
    encoder = mlp()
    triplet = Triplet(encoder)
    assert {weight.data_ptr() for weight in triplet.parameters()} == {w.data_ptr() for w in encoder.parameters()}
    inputs = [PICTURES, PICTURES.flip(0), PICTURES + 0.5]
    embeddings = triplet(*inputs)
    gradients = [torch.randn(5, 3) for _ in inputs]
    torch.autograd.backward(embeddings, gradients)
    together = [weight.grad.clone() for weight in encoder.parameters()]
    encoder.zero_grad()
    for branch, gradient in zip(inputs, gradients, strict=True):
        encoder(branch).backward(gradient)
    for weight, expected in zip(encoder.parameters(), together, strict=True):
        torch.testing.assert_close(weight.grad, expected)
    assert repr(triplet).startswith("Triplet(MLPEncoder(")
    assert repr(Siamese(encoder)).startswith("Siamese(MLPEncoder(")


@EVERY
def test_embed_is_the_forward_pass_in_eval_mode(make):
    encoder = make().train()
    list(encoder.modules())[-1].eval()
    flags = [module.training for module in encoder.modules()]
    statistics = {name: value.clone() for name, value in encoder.state_dict().items()}
    found = embed(encoder, PICTURES.numpy(), batch_size=2)
    assert [module.training for module in encoder.modules()] == flags
    assert all(torch.equal(value, statistics[name]) for name, value in encoder.state_dict().items())
    assert found.dtype == np.float32
    assert found.shape == (5, 3)
    np.testing.assert_allclose(found, encoder.eval()(PICTURES).detach().numpy(), rtol=1e-5, atol=1e-6)


def test_embed_takes_any_numbers_and_layout():
    encoder = MLPEncoder(3, n_dims=2, dropout=0.5, seed=0).double()
    whole = np.arange(12).reshape(4, 3)
    expected = encoder.eval()(torch.from_numpy(whole).double()).detach().numpy()
    encoder.train()
    read_only = whole.astype(np.uint8)
    read_only.flags.writeable = False
    others = (read_only, np.asfortranarray(whole), whole.astype(np.float16), whole.astype(">f8"))
    for inputs in (whole, torch.from_numpy(whole), *others):
        np.testing.assert_allclose(embed(encoder, inputs), expected, rtol=1e-6)
    np.testing.assert_allclose(embed(encoder, whole[::-1]), expected[::-1], rtol=1e-6)
    assert embed(encoder, whole[:0]).shape == (0, 2)
    assert embed(WrappedEncoder(torch.nn.Identity(), 3), whole).shape == (4, 3)  # no weights


def test_embed_restores_the_encoder_after_an_error():
    encoder = MLPEncoder(3, n_dims=2, seed=0).train()
    with pytest.raises(DataError, match=r"embed: expected finite embeddings; got NaN or infinity for input 2\."):
        embed(encoder, np.array([[0, 0, 0], [1, 1, 1], [1, math.nan, 1]]), batch_size=2)
    assert encoder.training
    with pytest.raises(ShapeError, match=r"embed: expected inputs \[n, 3\]; got \[4, 2\]"):
        embed(encoder, np.zeros((4, 2)))
    for inputs in (np.zeros((4, 3), object), np.full((4, 3), "1")):
        with pytest.raises(DataError, match="embed: expected numbers as inputs; got an array of "):
            embed(encoder, inputs)
    with pytest.raises(ConfigError, match="batch_size of at least 1; got 0"):
        embed(encoder, np.zeros((4, 3)), batch_size=0)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda: mlp(output="sigmod"),
            "MLPEncoder: expected the name of an output; got 'sigmod'. Did you mean 'sigmoid'?",
        ),
        (lambda: conv(distance="euclid"), "Did you mean 'euclidean'?"),
        (lambda: mlp(distance=WeightedL1(4)), "expected a distance of 3 dimensions; got 'weighted_l1' of 4"),
        (lambda: wrapped(distance=VerificationHead(2)), "expected a distance of 3 dimensions; got 'verification' of 2"),
        (lambda: MLPEncoder(0), "each size in input_shape of at least 1; got 0"),
        (lambda: MLPEncoder("28"), "expected the shape of one input; got '28'"),
        (lambda: MLPEncoder(()), "expected input_shape of at least one axis; got ()"),
        (lambda: MLPEncoder(True), "each size in input_shape of at least 1; got True"),
        (lambda: MLPEncoder(3, hidden=8), "expected the widths of the hidden layers; got 8"),
        (lambda: MLPEncoder(3, hidden=[0]), "each width in hidden of at least 1; got 0"),
        (lambda: MLPEncoder(3, dropout=1), "expected dropout from 0 to below 1; got 1"),
        (lambda: MLPEncoder(3, n_dims=0), "n_dims of at least 1; got 0"),
        (lambda: ConvEncoder((28, 28)), "expected input_shape of (channels, height, width); got (28, 28)"),
        (lambda: ConvEncoder((1, 8, 8), channels=()), "expected the channels of the blocks; got ()"),
        (lambda: ConvEncoder((1, 8, 8), channels=[2.0]), "each width in channels of at least 1; got 2.0"),
        (lambda: conv(normalization="grup"), "Did you mean 'group'?"),
        (lambda: WrappedEncoder(torch.nn.Identity(), 0), "n_dims of at least 1; got 0"),
    ],
)
def test_options_that_cannot_work(build, message):
    with pytest.raises(ConfigError) as error:
        build()
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("encoder", "inputs", "message"),
    [
        (mlp(), torch.zeros(2, 64), r"MLPEncoder: expected inputs \[n, 1, 8, 8\]; got \[2, 64\]"),
        (conv(), torch.zeros(1, 8, 8), r"ConvEncoder: expected inputs \[n, 1, 8, 8\]; got \[1, 8, 8\]"),
        (wrapped(input_shape=(1, 8, 8)), torch.zeros(2, 64), r"WrappedEncoder: expected inputs \[n, 1, 8, 8\]"),
        (WrappedEncoder(torch.nn.Identity(), 3), torch.zeros(2, 4), r"expected \[2, 3\] of the module; got \[2, 4\]"),
    ],
)
def test_inputs_of_another_shape(encoder, inputs, message):
    with pytest.raises(ShapeError, match=message):
        encoder(inputs)
