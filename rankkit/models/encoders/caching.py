"""embed_in_chunks(): the embeddings of a batch too large for memory, with the gradients of the whole batch."""

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from rankkit.errors import ConfigError
from rankkit.models.scorers.scorer import check_count
from rankkit.randomness import computed_twice


def embed_in_chunks(encoder: nn.Module, inputs: Tensor, chunk_size: int) -> Tensor:
    """Embed a batch chunk by chunk, keeping the activations of none, so that a loss over all of it can be trained.

    Losses with negatives from the batch get better with its size, and adding up the gradients of small batches is not
    the same: it gives no more negatives. Here every input is encoded twice, as in gradient caching: now, without
    keeping activations, and in the backward pass, a chunk at a time, with the random numbers (dropout) it had. Memory
    holds the embeddings, what the loss needs, and the activations of one chunk. Gradients are those of the whole batch,
    up to rounding.

    Args:
        encoder: ``[n, *input_shape]`` to ``[n, n_dims]``. Batch normalization in training mode is refused, since it
            would see chunks and not the batch.
        inputs: ``[n, *input_shape]``.
        chunk_size: Inputs to encode at once. From n on, this is one ordinary forward pass.

    Returns:
        ``[n, n_dims]``, with gradient.

    Raises:
        ConfigError: If the encoder has batch normalization in training mode, or the chunk size is no count.

    Example:
        >>> from rankkit.models.encoders import MLPEncoder
        >>> encoder = MLPEncoder(3, n_dims=2, seed=0)
        >>> embeddings = embed_in_chunks(encoder, torch.eye(3), chunk_size=2)
        >>> encoder.distance.matrix(embeddings, embeddings).mean().backward()
        >>> encoder.projection.weight.grad.shape
        torch.Size([2, 256])

    References:
        Gao, Zhang, Han, Callan, "Scaling Deep Contrastive Learning Batch Size under Memory Limited Setup", RepL4NLP
        2021, section 3; Chen, Xu, Zhang, Guestrin, "Training Deep Nets with Sublinear Memory Cost", 2016.
    """
    check_count("embed_in_chunks", "chunk_size", chunk_size)
    if len(inputs) <= chunk_size:
        whole: Tensor = encoder(inputs)
        return whole
    refuse_batch_norm("embed_in_chunks", encoder)
    return torch.cat([_embed_twice(encoder, chunk) for chunk in inputs.split(chunk_size)])


def _embed_twice(encoder: nn.Module, chunk: Tensor) -> Tensor:
    contexts = computed_twice()
    if contexts is None:  # torch's global generators draw, which checkpoint puts back itself
        return checkpoint(encoder, chunk, use_reentrant=False)  # type: ignore[no-any-return]
    return checkpoint(  # type: ignore[no-any-return]
        encoder, chunk, use_reentrant=False, preserve_rng_state=False, context_fn=lambda: contexts
    )


def refuse_batch_norm(where: str, encoder: nn.Module) -> None:
    """Raise ConfigError if chunks of a batch would be normalised one by one."""
    for name, module in encoder.named_modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and (module.training or module.running_mean is None):
            raise ConfigError(
                f"{where}: expected an encoder that embeds each input by itself; got batch normalization in "
                f"training mode ({name or 'the encoder'}). Use normalization='group', or freeze it with eval()."
            )
