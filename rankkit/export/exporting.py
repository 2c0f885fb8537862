"""export(): write a model for a target, prove that it gives the same there, and only then put it in place."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from rankkit.data.labelled_examples import LabelledExamples
from rankkit.data.ranking_dataset import RankingDataset
from rankkit.errors import ConfigError
from rankkit.export.artefacts.install import digests, folder_beside, move, name_file, place, versions_in_use
from rankkit.export.artefacts.manifest import Manifest
from rankkit.export.encoders.manifest import EncoderManifest
from rankkit.export.exportable import exportable
from rankkit.export.runtimes.int8 import MAX_DROP
from rankkit.export.targets import find_target
from rankkit.files.places import check_place
from rankkit.models.encoders import Encoder
from rankkit.models.scorers import Scorer

Data: TypeAlias = RankingDataset | LabelledExamples | NDArray[Any]


def export(
    source: str | Path | Scorer | Encoder,
    to: str,
    out: str | Path,
    *,
    data: Data | Callable[[], Data] | None = None,
    metric: str | None = None,
    max_drop: float = MAX_DROP,
    **options: Any,
) -> Manifest | EncoderManifest:
    """Write a ranker or an encoder for a target, with a manifest, if it gives there what it gives here.

    The artefact is written beside ``out``, replayed on sample rows, on some hundred random ones and on ``data``, and
    moved into place only when every score is within ``1e-5 * max(1, |score|)`` and no pair of documents further apart
    than that is ordered otherwise; of an encoder, when every embedding is within ``1e-5 * max(1, its largest
    |number|)``.

    Args:
        source: Folder of a saved ranker or encoder, file of a tree model, a trained scorer or encoder.
        to: A name in :data:`rankkit.export.targets.TARGETS`; encoders go to ``onnx`` and ``torch``.
        out: File or folder to write. Where the target is one file and ``out`` has no suffix, a folder to write it in.
            An artefact that is there is replaced; a folder that holds anything besides is not touched.
        data: Rows to compare scores on as well, up to 10,000; with labels, what ``int8`` is judged on. For an encoder
            inputs ``[n, *input_shape]`` or labelled examples, of which up to 1,000 are compared. A function that gives
            them is called when all else is known to work.
        metric: With ``int8``: the metric that may not drop; the ranker's first one, or ``ndcg@10``.
        max_drop: With ``int8``: how much it may drop.
        **options: Of the target, such as ``opset=18`` of ``onnx``, or of rankers ``int8=True`` and ``strings=True``.

    Returns:
        The manifest, as written: a :class:`Manifest`, or an :class:`EncoderManifest` of an encoder.

    Raises:
        ConfigError: If an option is unknown, a library is missing, or ``out`` is something else.
        DataError: If ``data`` is not for such a model.
        BundleError: If the model cannot be read.
        ExportError: If the target cannot express the model, or the results differ. Nothing is written then.
        DiskError: If ``out`` cannot be written; what was there is unchanged.
    """
    suffix = find_target(to).suffix
    check_place(out, "folder" if suffix is None else "either")
    if not isinstance(max_drop, int | float) or not np.isfinite(max_drop):
        raise ConfigError(f"max_drop: expected a finite number; got {max_drop!r}. Leave it out for {MAX_DROP:g}.")
    leaving = exportable(source)
    target = leaving.find_target(to)
    leaving.check(target, options, metric, data)
    own = None if data is None or callable(data) else leaving.rows(data)
    single = target.suffix is not None
    place_of = place(Path(out), suffix=target.suffix, name=leaving.called)
    manifest = leaving.describe(target, options)
    with folder_beside(place_of) as folder:
        score_map = target.write(leaving.source.model, manifest, folder, options)
        if single:
            name_file(folder, place_of)
        written = {"files": digests(folder), "versions": versions_in_use(leaving.source.versions)}
        manifest = replace(manifest, **written, **({} if score_map is None else {"score_map": score_map}))
        if callable(data):
            own = leaving.rows(data())
        manifest = leaving.proven(target, manifest, folder, str(place_of), own)
        manifest = leaving.judged(target, manifest, folder, own, metric, max_drop)
        move(folder, place_of, manifest, single=single)
    return cast("Manifest | EncoderManifest", manifest)


def export_onnx(
    model: Scorer | Encoder | str | Path,
    path: str | Path,
    *,
    opset: int = 18,
    int8: bool = False,
    strings: bool = False,
    data: RankingDataset | LabelledExamples | NDArray[Any] | None = None,
) -> Manifest | EncoderManifest:
    """Write a trained scorer or encoder as one ONNX file, if ONNX Runtime gives the same with it.

    The transform of a scorer, and the output of an encoder, are inside.

    Args:
        model: A trained scorer or encoder, or the folder of a saved one.
        path: The file; ``<path>.manifest.json`` is written beside it.
        opset: ONNX operator set, 18 to 23.
        int8: Keep the weights of a scorer in int8, if the metric on ``data`` allows it.
        strings: Of a scorer with columns that are no numbers: the file takes the columns themselves, text as text and
            times in seconds, in place of the matrix of codes; ``inputs`` of the manifest says which.
        data: Rows, or for an encoder inputs or labelled examples, to compare on as well.

    Returns:
        The manifest: inputs in order, parity figures, samples with their results.

    Raises:
        ConfigError, DataError, BundleError, ExportError: As :func:`export`.
    """
    more: dict[str, Any] = {"strings": True} if strings else {}
    return export(model, "onnx", path, data=data, opset=opset, int8=int8, **more)
