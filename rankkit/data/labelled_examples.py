"""LabelledExamples: images or vectors with one class each, which an encoder learns from and is measured on."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from rankkit.data.labels import check_class_names, check_inputs, check_texts, number_classes
from rankkit.errors import ConfigError, DataError, did_you_mean
from rankkit.files.mapped import digest_array
from rankkit.numbers import check_whole, is_finite


@dataclass(frozen=True, repr=False, eq=False)
class LabelledExamples:
    """Examples of classes: row i of ``inputs`` is of the class ``class_names[labels[i]]``.

    A class name may begin with a group and a slash, as in ``"Greek/character01"``: the alphabet of a character, the
    person of a signature. A name without a slash is a group of its own.

    Build one with :func:`rankkit.read_labelled` or :func:`rankkit.from_labelled_arrays`.

    Args:
        inputs: float32 ``[n, *input_shape]``, finite; images are ``[n, channels, height, width]`` in [0, 1].
        labels: int64 ``[n]``, from 0 to the number of classes - 1; every class has an example.
        class_names: One a class, all different.
        ids: ``[n]`` str, what the examples are called (names of files), or None.

    Raises:
        DataError: If the arrays do not fit together, or a number is not finite.

    Example:
        >>> examples = LabelledExamples(np.zeros((3, 2), np.float32), np.array([0, 1, 0]), ("a/one", "a/two"))
        >>> examples
        LabelledExamples(3 examples, 2 classes, 1 group, inputs [2], 1 to 2 a class)
        >>> examples.take([1]).class_names
        ('a/two',)
    """

    made_by: ClassVar = ("rankkit.read_labelled(path)", "rankkit.from_labelled_arrays(inputs, labels)")

    inputs: NDArray[np.float32]
    labels: NDArray[np.int64]
    class_names: tuple[str, ...]
    ids: NDArray[np.str_] | None = None

    def __post_init__(self) -> None:
        if self.inputs.dtype != np.float32 or self.inputs.ndim < 2:
            raise DataError(
                f"LabelledExamples: expected float32 inputs [n, ...]; got {self.inputs.dtype} {self.inputs.shape}. "
                "rankkit.from_labelled_arrays converts arrays of other types."
            )
        for name, values in (("labels", self.labels), ("ids", self.ids)):
            if values is not None and values.shape != (self.n_examples,):
                raise DataError(
                    f"LabelledExamples: expected {self.n_examples} {name}, one a row of inputs; got shape "
                    f"{values.shape}. Pass arrays of one length."
                )
        check_inputs(self.inputs, "LabelledExamples")
        check_class_names(self.class_names, "LabelledExamples")
        self._check_labels()
        if self.ids is not None:
            check_texts(self.ids.tolist(), "LabelledExamples", "ids", may_be_empty=True)

    def _check_labels(self) -> None:
        if self.labels.dtype != np.int64 or ((self.labels < 0) | (self.labels >= self.n_classes)).any():
            raise DataError(
                f"LabelledExamples: expected int64 labels from 0 to {self.n_classes - 1}, places among class_names; "
                f"got {self.labels.dtype} {np.unique(self.labels)[:10]}. rankkit.from_labelled_arrays numbers classes."
            )
        empty = np.flatnonzero(self.class_sizes == 0)
        if len(empty):
            raise DataError(
                f"LabelledExamples: expected an example of every class; got none of {self.class_names[empty[0]]!r}. "
                "Leave the class out."
            )

    @property
    def n_examples(self) -> int:
        """How many examples."""
        return int(self.inputs.shape[0])

    @property
    def n_classes(self) -> int:
        """How many classes."""
        return len(self.class_names)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one input: ``(n_features,)`` of vectors, ``(channels, height, width)`` of images."""
        return self.inputs.shape[1:]

    @property
    def class_sizes(self) -> NDArray[np.int64]:
        """int64 ``[class]``: how many examples each class has."""
        return np.bincount(self.labels, minlength=self.n_classes)

    @property
    def class_groups(self) -> tuple[str, ...]:
        """One a class: its name up to the first slash, or its whole name where there is none."""
        return tuple(name.split("/", 1)[0] for name in self.class_names)

    def __len__(self) -> int:
        return self.n_examples

    def __repr__(self) -> str:
        n_groups = len(set(self.class_groups))
        groups = "" if n_groups == self.n_classes else f" {n_groups:,} group{'s' * (n_groups != 1)},"
        classes = f"{self.n_classes:,} class{'es' * (self.n_classes != 1)}"
        shape = " x ".join(str(size) for size in self.input_shape)
        low, high = self.class_sizes.min(initial=self.n_examples), self.class_sizes.max(initial=0)
        return (
            f"LabelledExamples({self.n_examples:,} examples, {classes},{groups} inputs [{shape}], "
            f"{low if low == high else f'{low} to {high}'} a class)"
        )

    def take(self, rows: Any) -> "LabelledExamples":
        """The given examples, by position or as a boolean mask, in the given order.

        Classes without an example among them are left out, the others renumbered from 0 in their old order.

        Raises:
            DataError: If ``rows`` are neither positions nor a mask over all examples.
        """
        rows = np.asarray(rows)
        if rows.size == 0:
            rows = rows.astype(np.int64)
        positions = np.flatnonzero(rows) if rows.dtype == np.bool_ and rows.shape == (self.n_examples,) else rows
        inside = positions.dtype.kind in "iu" and positions.ndim == 1
        if not inside or ((positions < 0) | (positions >= self.n_examples)).any():
            raise DataError(
                f"LabelledExamples.take: expected positions from 0 to {self.n_examples - 1}, or a mask of "
                f"{self.n_examples}; got {rows.dtype} of shape {rows.shape}. Pass an array of whole numbers."
            )
        kept, labels = np.unique(self.labels[positions], return_inverse=True)
        return replace(
            self,
            inputs=self.inputs[positions],
            labels=labels.astype(np.int64),
            class_names=tuple(self.class_names[place] for place in kept),
            ids=None if self.ids is None else self.ids[positions],
        )

    def of_classes(self, classes: Sequence[str | int] | NDArray[Any]) -> "LabelledExamples":
        """All examples of some classes, by name or by position; they keep their order and are renumbered from 0.

        Raises:
            ConfigError: If there is no such class.
        """
        places = {name: place for place, name in enumerate(self.class_names)}
        chosen = np.zeros(self.n_classes, dtype=bool)
        for wanted in classes:
            if isinstance(wanted, str):
                if wanted not in places:
                    action = did_you_mean(wanted, self.class_names)
                    raise ConfigError(f"of_classes: expected a class that is there; got {wanted!r}. {action}")
                wanted = places[wanted]
            if not isinstance(wanted, int | np.integer) or not 0 <= wanted < self.n_classes:
                raise ConfigError(
                    f"of_classes: expected names, or places from 0 to {self.n_classes - 1}; got {wanted!r}. "
                    "Pass class_names or their places."
                )
            chosen[wanted] = True
        return self.take(chosen[self.labels])

    def split_classes(
        self, fraction: float, *, seed: int = 0, by: Literal["class", "group"] = "class"
    ) -> tuple["LabelledExamples", "LabelledExamples"]:
        """Split by class into ``(seen, unseen)``: no class, or no group, has examples in both.

        Args:
            fraction: Share of the classes (or groups) to hold back as unseen, between 0 and 1; rounded to whole ones,
                at least one and never all.
            seed: Equal seeds give equal splits.
            by: "class": every class falls where chance puts it. "group": all classes of a group (the part of the name
                before the first slash) stay together, so that whole alphabets or persons are unseen.

        Raises:
            ConfigError: If ``fraction`` or ``by`` is out of range, or there is only one class or group.
        """
        if by not in ("class", "group"):
            raise ConfigError(f"split_classes: expected by='class' or 'group'; got {by!r}. Pass one of the two.")
        units = self.class_names if by == "class" else tuple(dict.fromkeys(self.class_groups))
        if not is_finite(fraction) or not 0 < fraction < 1:
            raise ConfigError(f"split_classes: expected a fraction between 0 and 1; got {fraction!r}. Pass 0.25.")
        check_whole("split_classes: seed", seed)
        if len(units) < 2:
            action = "Hold none back, or add another class." if by == "class" else "Pass by='class'."
            raise ConfigError(
                f"split_classes: expected at least 2 {by}{'e' * (by == 'class')}s, to hold one back; got "
                f"{len(units)}: {', '.join(map(repr, units)) or 'none'}. {action}"
            )
        n_unseen = min(max(round(fraction * len(units)), 1), len(units) - 1)
        drawn = np.random.default_rng(seed).permutation(len(units))[:n_unseen]
        unseen = {units[place] for place in drawn}
        of_class = self.class_names if by == "class" else self.class_groups
        held_back = np.array([unit in unseen for unit in of_class])[self.labels]
        return self.take(~held_back), self.take(held_back)

    @cached_property
    def fingerprint(self) -> str:
        """Hexadecimal BLAKE2b digest of inputs, labels and class names: equal for equal data."""
        digest = hashlib.blake2b(digest_size=16)
        for array in (self.inputs, self.labels):
            digest.update(f"{array.dtype}{array.shape}".encode())
            digest_array(digest, array)
        digest.update("\0".join(self.class_names).encode())
        return digest.hexdigest()


def from_labelled_arrays(
    inputs: Any, labels: Any, *, class_names: Sequence[str] | None = None, ids: Any | None = None
) -> LabelledExamples:
    """Make labelled examples of arrays in memory: numpy, lists, CPU tensors, anything that numpy reads.

    Args:
        inputs: Numbers ``[n, ...]``, finite: vectors, or images with the channels first. They become float32 and are
            not scaled.
        labels: One a row: whole numbers, which become classes in the order of their size, or text, in the order of the
            alphabet.
        class_names: Names of the classes, where labels are whole numbers from 0 on: ``class_names[label]``; classes
            without an example are left out. None: the labels as text.
        ids: Names of the examples, or None.

    Raises:
        DataError: If lengths differ, or a number or label is missing or no number.

    Example:
        >>> examples = from_labelled_arrays([[0.5, 1.0], [2.0, 0.0], [1.5, 1.0]], ["cat", "ant", "cat"])
        >>> examples.labels.tolist(), examples.class_names
        ([1, 0, 1], ('ant', 'cat'))
    """
    return assemble_examples(inputs, labels, class_names=class_names, ids=ids, where="from_labelled_arrays")


def assemble_examples(
    inputs: Any, labels: Any, *, class_names: Sequence[str] | None, ids: Any | None, where: str
) -> LabelledExamples:
    """What :func:`from_labelled_arrays` does, with the name of a file in messages.

    Raises:
        DataError: As :func:`from_labelled_arrays`.
    """
    numbers = check_inputs(inputs, where)
    numbered, names = number_classes(labels, class_names, where)
    texts = None if ids is None else np.asarray(ids).astype(np.str_)
    if texts is not None:
        check_texts(texts.ravel().tolist(), where, "ids", may_be_empty=True)
    for what, values in (("labels", numbered), ("ids", texts)):
        if values is not None and values.shape != (len(numbers),):
            raise DataError(
                f"{where}: expected {len(numbers)} {what}, one a row of inputs; got shape {values.shape}. "
                "Pass arrays of one length."
            )
    return LabelledExamples(numbers, numbered, names, texts)
