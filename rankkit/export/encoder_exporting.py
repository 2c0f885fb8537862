"""export_encoder(): write an encoder for a target, prove that it embeds the same there, then put it in place."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankkit.data.labelled_examples import LabelledExamples
from rankkit.errors import ConfigError, DataError
from rankkit.export.embedding_parity import gate_embeddings, measure_embeddings
from rankkit.export.encoder_manifest import EncoderManifest, EncoderSamples, known_distance
from rankkit.export.encoder_source import EncoderSource
from rankkit.export.encoder_targets import EncoderTarget, find_encoder_target
from rankkit.export.install import digests, folder_beside, move, name_file, place, versions_in_use
from rankkit.export.samples import random_inputs, sample_inputs
from rankkit.models.encoders.encoder import check_inputs

DATA_INPUTS = 1_000


def export_encoder(
    source: EncoderSource, to: str, out: Path, *, data: Any, metric: str | None, options: Mapping[str, Any]
) -> EncoderManifest:
    """Write an encoder for a target, with a manifest, if it embeds there as it does here.

    The file is written beside ``out``, replayed on the manifest's samples, on more random inputs and on ``data``, and
    moved into place only when every embedding is within ``1e-5 * max(1, its largest |number|)``.

    Args:
        source: The encoder.
        to: ``"onnx"`` or ``"torch"``.
        out: File to write, or a folder to write it in.
        data: Inputs ``[n, *input_shape]`` or labelled examples to compare on as well, up to 1,000 of them; or a
            function that gives them.
        metric: None: it goes with int8, which encoders do not have.
        options: Of the target, such as the ``opset`` of ``onnx``.

    Raises:
        ConfigError: If an option is unknown, a library is missing, or ``out`` is something else.
        ExportError: If the target takes rankers only, or the embeddings differ. Nothing is written then.
    """
    target = find_encoder_target(to)
    if options.get("int8") or metric is not None:
        raise ConfigError(
            "int8: expected a ranker, whose metric says what rounding does; got an encoder. Leave int8 and metric out."
        )
    own = None if data is None or callable(data) else _inputs(source, data)
    out = place(out, suffix=target.suffix, name="encoder")
    manifest = _describe(target, source, options)
    with folder_beside(out) as folder:
        target.write(source.model, manifest, folder, options)
        name_file(folder, out)
        manifest = replace(manifest, files=digests(folder), versions=versions_in_use(source.versions))
        if callable(data):
            own = _inputs(source, data())
        manifest = _proven(target, source, manifest, folder, str(out), own)
        move(folder, out, manifest, single=True)
    return manifest


def _describe(target: EncoderTarget, source: EncoderSource, options: Mapping[str, Any]) -> EncoderManifest:
    inputs = sample_inputs(source.input_shape)
    return EncoderManifest(
        target=target.name,
        encoder=source.encoder,
        input_shape=source.input_shape,
        n_dims=source.model.n_dims,
        output=source.model.output,
        distance=known_distance(source.model.distance),
        objective=source.objective,
        protocol=source.protocol,
        data_fingerprint=source.data_fingerprint,
        versions=versions_in_use(source.versions),
        weights_sha256=source.weights_sha256,
        samples=EncoderSamples(inputs, source.embeddings(inputs)),
        options=dict(options),
    )


def _proven(
    target: EncoderTarget,
    source: EncoderSource,
    manifest: EncoderManifest,
    folder: Path,
    where: str,
    data: NDArray[np.float32] | None,
) -> EncoderManifest:
    """The manifest with parity figures, if the file embeds as the encoder does."""
    parts = [manifest.samples.inputs, random_inputs(source.input_shape)]
    if data is not None:
        parts.append(data)
    inputs = np.concatenate(parts)
    parity = measure_embeddings(source.embeddings(inputs), target.replay(folder, manifest, inputs))
    gate_embeddings(
        where,
        parity,
        action=f"Nothing was written: {target.name} computes otherwise on such inputs; choose another target.",
    )
    return replace(manifest, parity=parity)


def _inputs(source: EncoderSource, data: Any) -> NDArray[np.float32]:
    """Up to 1,000 of the user's inputs, from everywhere: examples often lie class by class."""
    try:
        found = np.asarray(data.inputs if isinstance(data, LabelledExamples) else data, np.float32)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"export: expected inputs [n, ...] or LabelledExamples for an encoder; got {type(data).__name__}. "
            "Pass examples.inputs."
        ) from error
    check_inputs("export", found.shape, source.input_shape)
    if len(found) <= DATA_INPUTS:
        return found
    return found[np.linspace(0, len(found) - 1, DATA_INPUTS).astype(np.int64)]
