"""Labelled examples in Parquet files: a label column, and columns of numbers, of lists or of encoded images."""

import json
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rankkit.data.labelled_examples import LabelledExamples, assemble_examples
from rankkit.errors import DataError
from rankkit.files.atomic import replacing
from rankkit.loaders.examples.images import ImageForm, decode_image, stack_images
from rankkit.loaders.tables.columns.kinds import is_list, is_number

_METADATA = b"rankkit"
_INPUTS = "inputs"
_ROWS = 4096  # rows of Arrow that are in memory beside their arrays


def read_labelled_parquet(
    path: Path, form: ImageForm, *, label: str, features: Sequence[str] | str | None, id_column: str | None
) -> LabelledExamples:
    """Read a Parquet file, one example a row.

    Inputs are, in this order of preference where ``features`` names none: a column of encoded images (bytes, or a
    struct with ``bytes`` as Hugging Face writes), a column of lists of numbers, or all columns of numbers beside the
    label and the id.

    Args:
        path: The file.
        form: How images are brought to one size; unused for numbers.
        label: The column of classes, whole numbers or text.
        features: The columns of numbers, or the one column of lists or images; None finds them.
        id_column: The column of names of examples, used where it is there; None for no names.

    Raises:
        DataError: If a column is missing or of a wrong type, a value is missing, or the file is damaged.
    """
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            schema = file.schema_arrow
            columns = _choose(schema, label, features, id_column, path)
            named = [id_column] if id_column is not None and id_column in schema.names else []
            tables = file.iter_batches(batch_size=_ROWS, columns=[*dict.fromkeys([label, *columns, *named])])
            form_or_none = form if _is_image(schema.field(columns[0]).type) else None
            labels, ids, inputs = _collect(tables, label, columns, named, form_or_none, path)
    except (pa.ArrowException, OSError, EOFError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: expected a whole Parquet file; got {error}. Write it again.") from error
    if not inputs:
        raise DataError(f"{path}: expected rows; got none. Check what was written.")
    if form_or_none is not None:
        array = stack_images(inputs, [f"{path}: row {row} (from 0)" for row in range(len(inputs))], form_or_none)
    else:
        array = np.concatenate(inputs)
    meta = _metadata(schema, path) if columns == [_INPUTS] else {}
    array = _shaped(array, meta.get("input_shape"), path)
    names = meta.get("class_names")
    if names is not None:
        places = {name: place for place, name in enumerate(names)}
        if not set(labels) <= set(places):
            raise DataError(
                f"{path}: expected labels among the class names that the file states; got "
                f"{next(repr(value) for value in labels if value not in places)}. Write the file again."
            )
        labels = [places[value] for value in labels]
    return assemble_examples(array, np.array(labels, object), class_names=names, ids=ids, where=str(path))


def write_labelled_parquet(examples: LabelledExamples, path: Path) -> None:
    """Write a Parquet file (columns id, label, inputs) that is read back bit for bit, its shape and class order too."""
    import pyarrow.parquet as pq

    n_numbers = math.prod(examples.input_shape)
    columns = {"id": pa.array(examples.ids.tolist(), pa.string())} if examples.ids is not None else {}
    columns["label"] = pa.array([examples.class_names[place] for place in examples.labels], pa.string())
    flat = pa.array(examples.inputs.reshape(-1), pa.float32())
    columns[_INPUTS] = pa.FixedSizeListArray.from_arrays(flat, n_numbers)
    meta = {"input_shape": list(examples.input_shape), "class_names": list(examples.class_names)}
    table = pa.table(columns).replace_schema_metadata({_METADATA: json.dumps(meta)})
    with replacing(path) as temporary:
        pq.write_table(table, temporary, compression="zstd", row_group_size=_ROWS)


def _choose(
    schema: pa.Schema, label: str, features: Sequence[str] | str | None, id_column: str | None, path: Path
) -> list[str]:
    """The columns of inputs: one of images or lists, or several of numbers."""
    wanted = [features] if isinstance(features, str) else list(features or ())
    listed = ", ".join(schema.names[:20])
    counts = Counter(schema.names)
    for name in (label, *wanted):
        if counts[name] != 1:
            action = "Name the column of classes with label=." if name == label else "Name a column that is there."
            raise DataError(f"{path}: expected one column {name!r}; got {listed or 'no column'}. {action}")
    if label in wanted:
        raise DataError(f"{path}: expected features without the label; got {label!r} as both. Leave it out.")
    if not wanted:
        others = [field for field in schema if field.name not in (label, id_column)]
        for one_column in (_is_image, is_list):
            found = [field.name for field in others if one_column(field.type)]
            if len(found) > 1:
                raise DataError(
                    f"{path}: expected one column of {'images' if one_column is _is_image else 'lists'}; got "
                    f"{', '.join(found)}. Name one with features=."
                )
            if found:
                return found
        wanted = [field.name for field in others if is_number(field.type)]
        if not wanted:
            raise DataError(
                f"{path}: expected columns of numbers, of lists or of images beside {label!r}; got {listed}. "
                "Name the inputs with features=."
            )
    kinds = [schema.field(name).type for name in wanted]
    one = len(wanted) == 1 and (_is_image(kinds[0]) or is_list(kinds[0]))
    wrong = [name for name, kind in zip(wanted, kinds, strict=True) if not is_number(kind)]
    if wrong and not one:
        raise DataError(
            f"{path}: expected numbers in column {wrong[0]!r}, or one column of lists or images; got "
            f"{schema.field(wrong[0]).type}. Name other columns with features=."
        )
    return wanted


def _is_image(kind: pa.DataType) -> bool:
    if pa.types.is_struct(kind):
        return bool(kind.get_field_index("bytes") >= 0 and _is_image(kind.field("bytes").type))
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _collect(
    tables: Iterator[pa.RecordBatch],
    label: str,
    columns: list[str],
    named: list[str],
    form: ImageForm | None,
    path: Path,
) -> tuple[list[Any], list[str] | None, list[NDArray[Any]]]:
    """Labels, ids and inputs: one array a batch of numbers, one an image."""
    labels: list[Any] = []
    ids: list[str] | None = [] if named else None
    inputs: list[NDArray[Any]] = []
    for batch in tables:
        start = len(labels)
        values = batch.column(label).to_pylist()
        names = batch.column(named[0]).to_pylist() if named else values
        for what, found in (("label", values), ("id", names)):
            if None in found:
                raise DataError(
                    f"{path}: row {start + found.index(None)} (from 0): expected a value in column "
                    f"{(label if what == 'label' else named[0])!r}; got none. Fill the column."
                )
        labels += values
        if ids is not None:
            ids += [str(name) for name in names]
        if form is not None:
            inputs += _images(batch.column(columns[0]), form, path, start)
        elif is_list(batch.schema.field(columns[0]).type):
            inputs.append(_lists(batch.column(columns[0]), path, start, inputs))
        else:
            numbers = [_numbers(batch.column(name)) for name in columns]
            inputs.append(np.stack(numbers, axis=1))
    return labels, ids, inputs


def _images(column: pa.Array, form: ImageForm, path: Path, start: int) -> list[NDArray[np.uint8]]:
    images = []
    for row, value in enumerate(column.to_pylist(), start):
        content = value.get("bytes") if isinstance(value, dict) else value
        where = f"{path}: row {row} (from 0)"
        if content is None:
            raise DataError(f"{where}: expected an encoded image; got none. Write the bytes of the image.")
        images.append(decode_image(content, form, where))
    return images


def _lists(column: pa.Array, path: Path, start: int, before: list[NDArray[Any]]) -> NDArray[Any]:
    lengths = pc.list_value_length(column).to_pylist()
    expected = before[0].shape[1] if before else lengths[0]
    for row, length in enumerate(lengths, start):
        if length is None or length != expected:
            raise DataError(
                f"{path}: row {row} (from 0): expected a list of {expected} numbers, as in the rows before; got "
                f"{'none' if length is None else length}. Give all examples one length."
            )
    return _numbers(column.flatten()).reshape(len(column), -1 if len(column) else 0)


def _numbers(column: pa.Array) -> NDArray[Any]:
    """Numbers as float64, missing ones as NaN, which is refused with the row that has it; float32 as it is."""
    kind = pa.float32() if column.type == pa.float32() else pa.float64()
    return np.asarray(column.cast(kind).to_numpy(zero_copy_only=False))


def _metadata(schema: pa.Schema, path: Path) -> dict[str, Any]:
    """What :func:`write_labelled_parquet` noted: the shape of an input, and the classes in their order."""
    note = (schema.metadata or {}).get(_METADATA)
    if note is None:
        return {}
    try:
        meta = json.loads(note)
        shape, names = meta["input_shape"], meta["class_names"]
        good = all(type(size) is int and size > 0 for size in shape) and all(isinstance(name, str) for name in names)
    except (ValueError, TypeError, KeyError):
        good = False
    if not good:
        raise DataError(
            f"{path}: expected the note on shape and classes that rankkit writes; got {note[:80]!r}. "
            "Write the file again."
        )
    return {"input_shape": tuple(shape), "class_names": list(names)}


def _shaped(array: NDArray[Any], shape: tuple[int, ...] | None, path: Path) -> NDArray[Any]:
    if shape is None:
        return array
    if math.prod(shape) != array.shape[1]:
        raise DataError(
            f"{path}: expected {math.prod(shape)} numbers an example, for the shape {shape} that the file states; got "
            f"{array.shape[1]}. Write the file again."
        )
    return array.reshape(len(array), *shape)
