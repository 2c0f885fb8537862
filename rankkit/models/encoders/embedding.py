"""embed(): the embeddings of many inputs, as an array."""

from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rankkit.errors import ConfigError, DataError
from rankkit.models.encoders.encoder import Encoder, check_inputs
from rankkit.models.scorers.evaluation_mode import evaluation_mode
from rankkit.models.scorers.scorer import check_count


def embed(
    encoder: Encoder,
    inputs: NDArray[Any] | Tensor,
    *,
    batch_size: int = 1024,
    device: torch.device | str | None = None,
) -> NDArray[np.float32]:
    """Embed every input, with dropout off, batch normalization by its running statistics, and no gradients.

    Args:
        encoder: Its training flags and its device are afterwards as before.
        inputs: Numbers ``[n, *input_shape]``; they are taken to the type of the weights, and not scaled.
        batch_size: How many inputs to embed at once.
        device: Where to embed; None: where the encoder is.

    Returns:
        float32 ``[n, n_dims]``, in the order of the inputs.

    Raises:
        ConfigError: If it is no encoder.
        ShapeError: If the inputs have another shape than the encoder takes.
        DataError: If inputs are no array of numbers, or an embedding is not finite.

    Example:
        >>> from rankkit.models.encoders import MLPEncoder
        >>> embed(MLPEncoder(3, n_dims=2, seed=0), np.ones((5, 3))).shape
        (5, 2)
    """
    if not hasattr(encoder, "input_shape"):
        raise ConfigError(
            f"embed: expected an encoder; got {type(encoder).__name__}. Score documents with rankkit.predict."
        )
    check_count("embed", "batch_size", batch_size)
    if isinstance(inputs, np.ndarray) and inputs.dtype.kind not in "biufc":
        raise DataError(f"embed: expected numbers as inputs; got an array of {inputs.dtype}. Convert them to float32.")
    if not isinstance(inputs, np.ndarray | Tensor):
        raise DataError(
            f"embed: expected an array or a tensor of inputs; got {type(inputs).__name__}. Pass numpy.asarray(inputs), "
            "or the inputs of LabelledExamples."
        )
    check_inputs("embed", inputs.shape, encoder.input_shape)
    found = np.empty((len(inputs), encoder.n_dims), np.float32)
    module = cast(nn.Module, encoder)
    kind = next((weight.dtype for weight in module.parameters() if weight.is_floating_point()), torch.float32)
    with evaluation_mode(module, device) as place, torch.inference_mode():
        for start in range(0, len(inputs), batch_size):
            block = inputs[start : start + batch_size]
            if not isinstance(block, Tensor):
                # torch warns about arrays that cannot be written to (memory-mapped ones), and refuses strides below 0
                # and the byte order of other machines.
                block = torch.from_numpy(np.array(block, block.dtype.newbyteorder("=")))
            values = encoder(block.to(place, kind))
            found[start : start + batch_size] = values.float().cpu().numpy()
    good = np.isfinite(found).all(axis=1)
    if not good.all():
        raise DataError(
            f"embed: expected finite embeddings; got NaN or infinity for input {int(np.argmin(good))}. "
            "Look for such numbers among the inputs and the weights."
        )
    return found
