"""The split of a comparison of encoders: classes to train on, to choose on and to report on."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rankkit.data.labelled_examples import LabelledExamples
from rankkit.errors import ConfigError, DataError, ShapeError
from rankkit.files.records import write_json, write_parquet
from rankkit.loaders.examples.files import NAMED, check_form, read_in_form
from rankkit.tasks.splitting import ONLY, Split, check_same_data, expand


@dataclass(frozen=True)
class ExampleSource:
    """Where labelled examples lie and how they become training, validation and test data: encoders are compared.

    Args:
        train: What :func:`rankkit.read_labelled` reads: a path, in which ``$NAME`` stands for an environment variable,
            or one of its names.
        valid: Validation examples, on which everything is chosen.
        test: Test examples, on which nothing is chosen.
        held_out: The share of the training classes that becomes the test data where there is none.
        valid_held_out: The share of those that are left that becomes the validation data where there is none.
        held_out_by: ``"class"``, or ``"group"``: groups of classes stay together.
        split_seed: Of both.
        reading: Options of :func:`rankkit.read_labelled`; size, colour and ink count for image files alone.
    """

    train: str
    valid: str | None = None
    test: str | None = None
    held_out: float | None = None
    valid_held_out: float | None = None
    held_out_by: Literal["class", "group"] = "class"
    split_seed: int = 0
    reading: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for part, path, share in (
            ("test", self.test, "held_out"),
            ("valid", self.valid, "valid_held_out"),
        ):
            fraction = getattr(self, share)
            if (path is None) == (fraction is None):
                got = "none" if path is None else "both"
                raise ConfigError(
                    f"data: expected {part} = PATH or {share} = a share of the classes; got {got}. Give one of them."
                )
            if fraction is not None and not 0 < fraction < 1:
                raise ConfigError(f"data: expected {share} between 0 and 1; got {fraction}. Write {share} = 0.2.")


def anchor_ids(test: LabelledExamples) -> NDArray[Any]:
    """What test examples are called: their ids, or where they have none their places."""
    return np.arange(test.n_examples) if test.ids is None else test.ids


def example_split_names(source: ExampleSource) -> list[str]:
    """The names of the splits that a source has: there is one."""
    return [ONLY]


def check_example_files(source: ExampleSource) -> None:
    """Raise DataError if a file is not there, ConfigError if an environment variable of its path is not set.

    ConfigError too if colour or ink is asked for, and no file takes it: the runs would note an ink that none had.
    """
    paths = [expand(path) for path in (source.train, source.valid, source.test) if path is not None]
    for path in paths:
        if path not in NAMED and not Path(path).exists():
            raise DataError(
                f"{path}: expected a file, a folder, {' or '.join(map(repr, NAMED))}; got No such file or "
                "directory. Check the path."
            )
    check_form(paths, colour=source.reading.get("colour", False), ink=source.reading.get("ink", "light"))


def load_example_split(source: ExampleSource, name: str) -> Split[LabelledExamples]:
    """Read the split.

    Raises:
        DataError: If a part on which something is measured has only one class, of which every encoder finds all, or no
            two examples of any class, or if test examples share an id.
        ShapeError: If inputs of the parts differ in shape.
    """
    train = _read(source, source.train)
    parts: dict[str, LabelledExamples] = {}
    for part, path, share in (
        ("test", source.test, source.held_out),
        ("valid", source.valid, source.valid_held_out),
    ):
        if path is not None:
            parts[part] = _read(source, path)
        elif share is not None:
            train, parts[part] = train.split_classes(share, seed=source.split_seed, by=source.held_out_by)
    for part in ("valid", "test"):
        _check_measurable(part, parts[part])
        if parts[part].input_shape != train.input_shape:
            raise ShapeError(
                f"compare: expected {part} inputs {list(train.input_shape)}, as those to train on; got "
                f"{list(parts[part].input_shape)}. Bring {part} = PATH into that shape."
            )
    ids = parts["test"].ids
    if ids is not None and len(np.unique(ids)) < len(ids):
        raise DataError(
            f"compare: expected test examples with ids that are all different; got {len(np.unique(ids)):,} for "
            f"{len(ids):,} examples. Name each example once, or leave the ids out."
        )
    return Split(name, train, parts["valid"], parts["test"])


def _read(source: ExampleSource, path: str) -> LabelledExamples:
    path, options = expand(path), dict(source.reading)
    if isinstance(options.get("size"), list):  # as JSON gives a pair back
        options["size"] = tuple(options["size"])
    return read_in_form(path, **options)


def _check_measurable(part: str, examples: LabelledExamples) -> None:
    if examples.n_classes < 2:
        raise DataError(
            f"compare: expected at least two classes in the {part} data, to tell apart; got {examples.n_classes}. "
            f"Hold out a larger share of the classes, or name {part} = PATH."
        )
    if examples.class_sizes.max() < 2:
        raise DataError(
            f"compare: expected two examples of a class in the {part} data, one to find the other; got "
            f"{examples.n_classes:,} classes of one. Check that labels are classes, not ids."
        )


def write_example_split(split: Split[LabelledExamples], folder: Path) -> None:
    """Write what the results need to know of a split, once: about.json, queries.parquet.

    ``queries`` has a row for each test example, which is an anchor: qid, digest of its content, list_size and
    n_relevant (the other test examples, and those of its class), class.

    Raises:
        DataError: If other data was written there before.
    """
    import pandas as pd

    if check_same_data(folder, split.fingerprints):
        return
    test = split.test
    inputs = _digests(test)
    names = np.array(test.class_names)[test.labels]
    queries = pd.DataFrame(
        {
            "qid": anchor_ids(test),
            "digest": [_digest(f"{one} {name}".encode()) for one, name in zip(inputs, names, strict=True)],
            "list_size": test.n_examples - 1,
            "n_relevant": test.class_sizes[test.labels] - 1,
            "class": names,
        }
    )
    write_parquet(folder / "queries.parquet", queries)
    others = (split.train, split.valid)
    known = {digest for part in others for digest in _digests(part)}
    parts = (("train", split.train), ("valid", split.valid), ("test", test))
    write_json(
        folder / "about.json",
        {
            "name": split.name,
            "input_shape": list(test.input_shape),
            "parts": {name: {"n_classes": part.n_classes, "n_examples": part.n_examples} for name, part in parts},
            "n_shared_queries": sum(digest in known for digest in inputs),
            "n_seen_classes": len({name for part in others for name in part.class_names} & set(test.class_names)),
            "fingerprints": split.fingerprints,
        },
    )


def _digests(examples: LabelledExamples) -> list[str]:
    """Of the numbers of each example: finds one example under two names."""
    return [_digest(np.ascontiguousarray(one).tobytes()) for one in examples.inputs]


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=8).hexdigest()
