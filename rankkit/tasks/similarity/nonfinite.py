"""Why a loss or a gradient of an encoder is not finite: weights, inputs, embeddings or the objective."""

import torch
from torch import nn

from rankkit.tasks.gradient.nonfinite import blame_weights
from rankkit.tasks.gradient.work import BadStep
from rankkit.tasks.similarity.batches import ExampleFeed

_SHOWN = 8


class ExampleBlame:
    """Examines an encoder and a batch of examples after a step that is not finite.

    Args:
        encoder: That was trained.
        feed: Gives the examples of the batch again.
        learning_rate: Of the settings, for the message.
    """

    def __init__(self, encoder: nn.Module, feed: ExampleFeed, learning_rate: float) -> None:
        self._encoder, self._feed, self._learning_rate = encoder, feed, learning_rate

    @torch.no_grad()
    def __call__(self, bad: BadStep) -> str:
        """The message."""
        classes = sorted({self._feed.data.class_names[label] for label in self._feed.data.labels[bad.rows].tolist()})
        shown = ", ".join(classes[:_SHOWN]) + (f" and {len(classes) - _SHOWN} more" if len(classes) > _SHOWN else "")
        return f"{bad} (classes {shown}). {self._cause(bad)}"

    def _cause(self, bad: BadStep) -> str:
        overflow = blame_weights(self._encoder, bad, self._learning_rate)
        if overflow is not None:
            return overflow
        batch = self._feed.take(bad.rows)
        if not bool(batch.inputs.isfinite().all()):
            return "The inputs hold NaN or infinity. Mend them."
        embeddings = self._encoder(batch.inputs)
        if not bool(embeddings.isfinite().all()):
            return (
                "The inputs are finite, yet the embeddings are not: they overflow inside the encoder. "
                f"Lower learning_rate={self._learning_rate:g}, or scale the inputs to about 0 to 1."
            )
        return (
            "Inputs and embeddings are finite: the "
            f"{'objective' if bad.what == 'loss' else 'gradient of the objective'} is not finite for them. "
            f"Lower learning_rate={self._learning_rate:g}, set clip_norm=1, or look into the objective."
        )
