"""Encoders on their way out: what their manifest says, and whether an artefact embeds as they do."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankkit.errors import ConfigError, DataError
from rankkit.export.artefacts.install import versions_in_use
from rankkit.export.encoders.manifest import EncoderManifest, EncoderSamples, known_distance
from rankkit.export.encoders.parity import EmbeddingParity, gate_embeddings, measure_embeddings
from rankkit.export.encoders.source import EncoderSource, source_of
from rankkit.export.encoders.targets import ENCODER_TARGETS, EncoderTarget, find_encoder_target
from rankkit.export.samples import random_inputs, sample_inputs
from rankkit.models.encoders.encoder import check_inputs

DATA_INPUTS = 1_000


@dataclass(frozen=True)
class EncoderExport:
    """The export of one encoder; :class:`rankkit.export.exportable.Exportable` describes the methods."""

    source: EncoderSource
    manifests = EncoderManifest
    targets = ENCODER_TARGETS

    @classmethod
    def of(cls, model: Any, about: Mapping[str, Any]) -> "EncoderExport":
        """The export of an encoder."""
        return cls(source_of(model, about))

    @property
    def called(self) -> str:
        """What it is, for messages and names of files."""
        return self.source.kind

    @staticmethod
    def find_target(name: str) -> EncoderTarget:
        """The target of that name."""
        return find_encoder_target(name)

    @staticmethod
    def replayed(target: EncoderTarget, folder: Path, manifest: EncoderManifest, where: str) -> EmbeddingParity:
        """How the embeddings of an artefact's samples differ from those of its manifest, within the limit."""
        samples = manifest.samples
        parity = measure_embeddings(samples.embeddings, target.replay(folder, manifest, samples.inputs))
        gate_embeddings(where, parity, action="Do not serve it: export the encoder again.")
        return parity

    def check(self, target: EncoderTarget, options: Mapping[str, Any], metric: str | None, data: object) -> None:
        """Refuse what goes with int8, which encoders do not have."""
        if options.get("int8") or metric is not None:
            raise ConfigError(
                "int8: expected a ranker, whose metric says what rounding does; got an encoder. Leave int8 and metric "
                "out."
            )

    def rows(self, data: Any) -> NDArray[np.float32]:
        """Up to 1,000 of the user's inputs, from everywhere: examples often lie class by class."""
        try:
            found = np.asarray(getattr(data, "inputs", data), np.float32)
        except (TypeError, ValueError) as error:
            raise DataError(
                f"export: expected inputs [n, ...] or LabelledExamples for an encoder; got {type(data).__name__}. "
                "Pass examples.inputs."
            ) from error
        check_inputs("export", found.shape, self.source.input_shape)
        if len(found) <= DATA_INPUTS:
            return found
        return found[np.linspace(0, len(found) - 1, DATA_INPUTS).astype(np.int64)]

    def describe(self, target: EncoderTarget, options: Mapping[str, Any]) -> EncoderManifest:
        """The manifest with sample inputs and their embeddings, before there are files and figures."""
        source = self.source
        inputs = sample_inputs(source.input_shape)
        return EncoderManifest(
            target=target.name,
            kind=source.kind,
            encoder=source.encoder,
            input_shape=source.input_shape,
            n_dims=source.model.n_dims,
            output=getattr(source.model, "output", "linear"),
            distance=None if source.distance is None else known_distance(source.distance),
            objective=source.objective,
            protocol=source.protocol,
            data_fingerprint=source.data_fingerprint,
            versions=versions_in_use(source.versions),
            weights_sha256=source.weights_sha256,
            samples=EncoderSamples(inputs, source.embeddings(inputs)),
            options=dict(options),
        )

    def proven(
        self,
        target: EncoderTarget,
        manifest: EncoderManifest,
        folder: Path,
        where: str,
        data: NDArray[np.float32] | None,
    ) -> EncoderManifest:
        """The manifest with parity figures, if the file embeds as the encoder does."""
        source = self.source
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

    def judged(
        self,
        target: EncoderTarget,
        manifest: EncoderManifest,
        folder: Path,
        data: object,
        metric: str | None,
        max_drop: float,
    ) -> EncoderManifest:
        """The manifest as it is: nothing rounds."""
        return manifest
