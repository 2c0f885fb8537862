"""What every encoder promises: embeddings of its shape and output, and a model that can be built again."""

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from rankkit import bundle
from rankkit.data.labelled_examples import from_labelled_arrays
from rankkit.models.building import build
from rankkit.models.encoders import embed
from rankkit.objectives.embedding import supcon_loss
from rankkit.registry import find
from rankkit.testing.promises import Promise, check_all, expect, expect_near, expect_same
from rankkit.testing.scorers import known_by_name
from rankkit.training import fit_encoder


@dataclass(frozen=True)
class EncoderCase:
    """A class of encoders with options.

    Args:
        made: The class.
        options: What it is built with.
        input_shape: Of one input.
    """

    made: Callable[..., nn.Module]
    options: Mapping[str, Any] = field(default_factory=dict)
    input_shape: Sequence[int] = (1, 8, 8)

    def build(self, seed: int | None = 0) -> Any:
        """A fresh one."""
        return build("encoder", self.made, tuple(self.input_shape), **{**self.options, "seed": seed})

    def inputs(self, n: int = 6) -> Tensor:
        """Inputs between 0 and 1."""
        return torch.rand(n, *self.input_shape, generator=torch.Generator().manual_seed(1))


def embeddings_have_the_shape_and_output_that_it_says(case: EncoderCase) -> None:
    """``[n, n_dims]``; of output ``unit`` of length 1, of ``sigmoid`` between 0 and 1."""
    encoder = case.build().eval()
    found = encoder(case.inputs()).detach()
    expect(found.shape == (6, encoder.n_dims), f"expected [6, {encoder.n_dims}], got {list(found.shape)}")
    expect(found.isfinite().all(), "expected finite embeddings")
    if encoder.output == "unit":
        expect_near(found.norm(dim=1), torch.ones(6), "expected length 1 of output unit", rtol=1e-4)
    if encoder.output == "sigmoid":
        expect(((found > 0) & (found < 1)).all(), "expected numbers between 0 and 1 of output sigmoid")


def its_distance_compares_them(case: EncoderCase) -> None:
    """Every pair of rows, with a gradient."""
    encoder = case.build().eval()
    found = encoder(case.inputs())
    expect(encoder.distance.matrix(found, found).shape == (6, 6), "expected a distance of every pair")
    expect(encoder.distance.pairwise(found, found.flip(0)).shape == (6,), "expected a distance of each pair")


def options_build_the_same_encoder_again(case: EncoderCase) -> None:
    """By way of JSON, as in a bundle."""
    encoder = case.build()
    again = build("encoder", case.made, **json.loads(json.dumps(encoder.options)))
    expect(again.options == encoder.options, f"expected the same options again, got {again.options}")
    again.load_state_dict(encoder.state_dict())
    expect_same([again.eval()(case.inputs())], [encoder.eval()(case.inputs())], "expected the same embeddings")


def a_saved_encoder_embeds_the_same(case: EncoderCase) -> None:
    """By way of a bundle."""
    encoder = case.build().eval()
    with tempfile.TemporaryDirectory() as folder, known_by_name("encoder", case.made):
        bundle.save(encoder, Path(folder) / "bundle")
        loaded = bundle.load(Path(folder) / "bundle")
    expect_same([loaded(case.inputs())], [encoder(case.inputs())], "expected the same embeddings of a loaded encoder")
    expect(loaded.distance.name == encoder.distance.name, "expected the same distance of a loaded encoder")


def a_seed_gives_the_same_weights(case: EncoderCase) -> None:
    """Another seed gives others, and torch's global generator stays as it was."""
    before = torch.random.get_rng_state()
    first, second, other = case.build(1), case.build(1), case.build(2)
    expect(torch.equal(before, torch.random.get_rng_state()), "expected torch's global generator left as it was")
    expect_same(first.state_dict().values(), second.state_dict().values(), "expected the same weights of one seed")
    differ = any(not torch.equal(*both) for both in zip(first.parameters(), other.parameters(), strict=True))
    expect(differ, "expected other weights of another seed")


def gradients_reach_every_weight(case: EncoderCase) -> None:
    """And are finite."""
    encoder = case.build().train()
    found = encoder(case.inputs())
    (found * torch.randn(found.shape, generator=torch.Generator().manual_seed(2))).sum().backward()
    for name, weight in encoder.named_parameters():
        if not name.startswith("distance."):
            expect(weight.grad is not None and weight.grad.isfinite().all(), f"expected a gradient for {name}")


def embed_gives_the_forward_pass_in_eval_mode(case: EncoderCase) -> None:
    """Whatever the size of a batch."""
    encoder = case.build().train()
    found = torch.from_numpy(embed(encoder, case.inputs().numpy(), batch_size=4))
    expect(encoder.training, "expected the mode left as it was")
    expect_near(found, encoder.eval()(case.inputs()).detach(), "expected the forward pass", rtol=1e-5, atol=1e-6)


def training_changes_it(case: EncoderCase) -> None:
    """By an objective over classes."""
    encoder = case.build()
    before = [weight.detach().clone() for weight in encoder.parameters()]
    data = from_labelled_arrays(case.inputs(24).numpy(), np.arange(24) % 4)
    fit_encoder(encoder, supcon_loss, data, epochs=1, batch_classes=4, device="cpu", progress=False)
    changed = [not torch.equal(*both) for both in zip(before, encoder.parameters(), strict=True)]
    expect(any(changed), "expected weights that training changes")


PROMISES: dict[str, Promise[EncoderCase]] = {
    check.__name__: check
    for check in (
        embeddings_have_the_shape_and_output_that_it_says,
        its_distance_compares_them,
        options_build_the_same_encoder_again,
        a_saved_encoder_embeds_the_same,
        a_seed_gives_the_same_weights,
        gradients_reach_every_weight,
        embed_gives_the_forward_pass_in_eval_mode,
        training_changes_it,
    )
}


def check_encoder(
    encoder: str | Callable[..., nn.Module], *, input_shape: Sequence[int] = (1, 8, 8), **options: Any
) -> None:
    """Check that a class of encoders keeps what training, evaluation, bundles and exports rely on.

    Args:
        encoder: The class, or its name in the registry.
        input_shape: Of one input.
        **options: What to build it with, besides ``input_shape`` and ``seed``.

    Raises:
        AssertionError: If it breaks a promise; the message lists all that it breaks.
    """
    made = find("encoder", encoder) if isinstance(encoder, str) else encoder
    check_all(getattr(made, "__name__", str(made)), PROMISES, EncoderCase(made, options, input_shape))
