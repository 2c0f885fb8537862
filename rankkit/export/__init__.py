"""Export: a trained ranker or encoder where it serves, with proof that it gives the same there."""

from rankkit.export.artefacts.manifest import Manifest as Manifest
from rankkit.export.artefacts.parity import Parity as Parity
from rankkit.export.checking import check as check
from rankkit.export.encoders.manifest import EncoderManifest as EncoderManifest
from rankkit.export.encoders.parity import EmbeddingParity as EmbeddingParity
from rankkit.export.exporting import export as export
from rankkit.export.exporting import export_onnx as export_onnx
from rankkit.export.targets import TARGETS as TARGETS
from rankkit.export.targets import find_target as find_target
