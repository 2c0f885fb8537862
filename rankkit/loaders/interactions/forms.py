"""The forms of files with interactions: which one a file has, and how each becomes a table."""

import gzip
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from rankkit.errors import ConfigError, DataError
from rankkit.loaders.compression import SUFFIXES, compression_of, damage_named, unpacking
from rankkit.loaders.tables.arrow_files import ARROW, PARQUET, data_files, some_batches

Form = Literal["table", "movielens", "sequences", "counted_lists", "recbole", "parquet", "arrow"]

_BY_SUFFIX: dict[str, Form] = {
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".inter": "recbole",
    ".csv": "table",
    ".tsv": "table",
}
_SHARD = re.compile(r"(.+)-\d{5}-of-\d{5}\.")  # of a split that Hugging Face offers: train-00000-of-00002.parquet
_RECBOLE = {"user": "user_id", "item": "item_id", "time": "timestamp", "value": "rating"}


@dataclass(frozen=True)
class Wanted:
    """Which column is what, as asked: names, positions, or None for the name that stands for it.

    Args:
        user: Of users.
        item: Of items.
        time: Of times.
        value: Of values.
        form: Of the file, or None.
        separator: Of fields, or None.
        counts_rows: True where rows are counted from 1 below a header, for messages.
    """

    user: str | int | None
    item: str | int | None
    time: str | int | None
    value: str | int | None
    form: Form | None = None
    separator: str | None = None
    counts_rows: bool = False

    @property
    def named(self) -> dict[str, str | int]:
        """What was asked for, by role."""
        roles = {name: getattr(self, name) for name in ("user", "item", "time", "value")}
        return {name: column for name, column in roles.items() if column is not None}


def open_file(path: Path, wanted: Wanted) -> tuple[pa.Table, Wanted]:
    """The table of a file, or of the files of a folder, and which of its columns is what.

    Raises:
        DataError: If the file is not of its form.
        ConfigError: If columns are named that its form does not have.
    """
    form = form_by_name(path, wanted)
    if form in ("parquet", "arrow"):
        check_names(path, wanted)
        return _arrow_table(path, form, wanted), wanted
    text = text_of(path)
    form = form or form_by_content(path, text, wanted)
    if form in ("sequences", "counted_lists"):
        return lists_in_text(path, text, form, wanted)
    return open_text(path, text, form, wanted)


def form_by_name(path: Path, wanted: Wanted) -> Form | None:
    """What was asked for, or what the name says; None where the content has to.

    A folder is one of Parquet or Arrow files, as Hugging Face saves data sets and offers them.
    """
    if wanted.form is not None or not path.is_dir():
        suffixes = [suffix for suffix in Path(f"{path}").suffixes if suffix not in SUFFIXES]
        return wanted.form or _BY_SUFFIX.get(suffixes[-1].lower() if suffixes else "")
    has_state = (path / "state.json").is_file() or (path / "dataset_dict.json").is_file()
    has_arrow = not any(path.rglob("*.parquet")) and any(path.rglob("*.arrow"))
    return "arrow" if has_state or has_arrow else "parquet"


def shards(path: Path, form: Form) -> list[Path]:
    """The file itself, or the files of a folder, all of one data set.

    Raises:
        DataError: If there is none, or they are of several splits, of which nothing says how they belong together.
    """
    files = data_files(path, PARQUET if form == "parquet" else ARROW)
    splits = sorted({found[1] for file in files if (found := _SHARD.match(file.name))})
    if len(splits) > 1:
        raise DataError(
            f"{path}: expected the files of one split; got those of {', '.join(splits)}. Read one of them as a data "
            "set, and pass that: datasets.load_dataset(..., split='train')."
        )
    return files


def open_text(path: Path, text: bytes, form: Form, wanted: Wanted, n_before: int = 0) -> tuple[pa.Table, Wanted]:
    """The table of whole lines of text, which begin with the header where the form has one.

    Args:
        path: For messages.
        text: The lines.
        form: ``"table"``, ``"movielens"`` or ``"recbole"``.
        wanted: As asked.
        n_before: Rows of the file that came before, for messages.

    Raises:
        DataError: If the lines are not of the form.
        ConfigError: If columns are named that it does not have.
    """
    where = f"{path}, behind data row {n_before:,}" if n_before else f"{path}"
    if form == "movielens":
        _refuse_names(path, form, wanted)
        separator = "::" if b"::" in text[: text.find(b"\n")] else "\t"
        columns = replace(wanted, user=0, item=1, value=2, time=3)
        return _delimited(where, text, separator, columns, has_header=False), columns
    if form == "recbole":
        return _recbole(where, text, wanted)
    has_header = not any(isinstance(column, int) for column in wanted.named.values())
    separator = wanted.separator or _separator(text)
    return _delimited(where, text, separator, wanted, has_header=has_header), replace(wanted, counts_rows=True)


def lists_in_text(path: Path, text: bytes, form: Form, wanted: Wanted) -> tuple[pa.Table, Wanted]:
    """The table of one user a line.

    Raises:
        DataError: If a line is not of the form.
        ConfigError: If columns are named, which it does not have.
    """
    _refuse_names(path, form, wanted)
    return _lists(path, text, counted=form == "counted_lists"), replace(wanted, user="user", item="item")


def _refuse_names(path: Path, form: Form, wanted: Wanted) -> None:
    if wanted.named:
        raise ConfigError(
            f"{path}: expected no names of columns for the form {form!r}, which has none; got "
            f"{', '.join(f'{role}={name!r}' for role, name in wanted.named.items())}. Leave them out, or pass "
            "form='table'."
        )


def text_of(path: Path) -> bytes:
    """The bytes of a file of text, unpacked, without a byte order mark, its last line ended.

    Raises:
        DataError: If it is empty, or damaged.
    """
    with path.open("rb") as file:
        compression = compression_of(path, file.peek(8)[:8])
        if compression is None:
            text = file.read()
        else:
            with damage_named(path, compression):
                # Python's reader of gzip in pieces takes longer than the whole at once.
                unpacked = compression.name == "gzip"
                text = gzip.decompress(file.read()) if unpacked else unpacking(file, compression).read()
    return text_settled(path, text)


def text_settled(path: Path, text: bytes) -> bytes:
    """Text without a byte order mark, its last line ended.

    Raises:
        DataError: If it is empty.
    """
    text = text.removeprefix(b"\xef\xbb\xbf")
    if not text.strip():
        raise DataError(f"{path}: expected lines of text; got an empty file. Check the file.")
    return text if text.endswith(b"\n") else text + b"\n"


def form_by_content(path: Path, text: bytes, wanted: Wanted) -> Form:
    """What the first line says.

    Raises:
        DataError: If it says nothing.
    """
    line = text[: text.find(b"\n")].strip()
    if wanted.named or wanted.separator:
        return "table"
    fields = line.split(b"::") if b"::" in line else line.split(b"\t")
    if len(fields) == 4 and all(field.strip().isdigit() for field in fields):
        return "movielens"
    if b"," not in line and b"\t" not in line and len(line.split()) >= 2 and line.split()[1].isdigit():
        return "sequences"
    if b"," in line or b"\t" in line:
        return "table"
    raise DataError(
        f"{path}: expected a table, a MovieLens file or one user a line; got {line[:60]!r} in the first line. "
        "Say what it is with form=."
    )


def _separator(text: bytes) -> str:
    line = text[: text.find(b"\n")]
    if b"::" in line:
        return "::"
    return "\t" if line.count(b"\t") > line.count(b",") else "," if b"," in line else " "


def _delimited(path: str, text: bytes, separator: str, wanted: Wanted, *, has_header: bool) -> pa.Table:
    """A table in text. Ids stay text here, so that "07" is not 7; columns without a header are named "0", "1", ..."""
    from pyarrow import csv

    if len(separator.encode()) > 1:
        if b"\x1f" in text:
            raise DataError(f"{path}: expected text without the character \\x1f; got one. Take it out.")
        text, separator = text.replace(separator.encode(), b"\x1f"), "\x1f"
    header = text[: text.find(b"\n")].decode(errors="replace").rstrip("\r").split(separator)
    names = [name.strip().strip('"') for name in header] if has_header else [str(place) for place in range(len(header))]
    ids = {str(wanted.named.get(role, role)): pa.string() for role in ("user", "item")}
    try:
        return csv.read_csv(
            pa.BufferReader(text),
            csv.ReadOptions(column_names=names, skip_rows=int(has_header), block_size=min(len(text), 2**24) + 1),
            csv.ParseOptions(delimiter=separator, quote_char=False if separator == "\x1f" else '"'),
            csv.ConvertOptions(
                column_types=ids, null_values=["", "NA", "NULL", "nan", "NaN"], strings_can_be_null=True
            ),
        )
    except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
        raise DataError(
            f"{path}: expected a table with {len(names)} fields a row; got '{str(error)[:200]}'. Mend the file, or "
            "pass separator= or form=."
        ) from error


def _recbole(path: str, text: bytes, wanted: Wanted) -> tuple[pa.Table, Wanted]:
    """RecBole's atomic file: tabs, and a header of ``name:type``."""
    end = text.find(b"\n")
    header = text[:end].decode(errors="replace").rstrip("\r")
    if ":" not in header:
        raise DataError(
            f"{path}: expected a header such as 'user_id:token<tab>item_id:token'; got {header[:60]!r}. Pass "
            "form='table' for a file without types."
        )
    names = [field.partition(":")[0] for field in header.split("\t")]
    known: dict[str, Any] = {role: name for role, name in _RECBOLE.items() if name in names}
    columns = replace(wanted, counts_rows=True, **{**known, **wanted.named})
    return _delimited(path, "\t".join(names).encode() + text[end:], "\t", columns, has_header=True), columns


def _lists(path: Path, text: bytes, *, counted: bool) -> pa.Table:
    """One user a line: the id of the user or the number of items, then the items."""
    lines = text.split(b"\n")
    sizes = np.fromiter((len(line.split()) for line in lines), np.int64, len(lines))
    full = np.flatnonzero(sizes)
    fields = np.array(text.split(), dtype=np.bytes_)
    firsts = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes[full])])[:-1]
    heads = fields[firsts].astype(str)
    if counted:
        told = np.fromiter((int(head) if head.isdigit() else -1 for head in heads), np.int64, len(heads))
        if (told != sizes[full] - 1).any():
            place = int((told != sizes[full] - 1).argmax())
            raise DataError(
                f"{path}:{full[place] + 1}: expected the number of items and then the items; got {str(heads[place])!r} "
                f"before {sizes[full[place]] - 1} items. Mend the line, or pass form='sequences'."
            )
        users: Any = full
    else:
        users = heads
        if len(np.unique(heads)) < len(heads):
            _, first = np.unique(heads, return_index=True)
            place = int(np.setdiff1d(np.arange(len(heads)), first)[0])
            raise DataError(
                f"{path}:{full[place] + 1}: expected one line a user; got user {str(heads[place])!r} again. If the "
                "first number of a line counts the items, pass form='counted_lists'; of a table pass user= and item=."
            )
    items: Any = np.delete(fields, firsts)
    try:
        numbers: Any = items.astype(np.int64) if all(map(_is_plain, items[:1000])) else None
    except ValueError:
        numbers = None
    if numbers is not None and (np.char.str_len(items) != _digits(numbers)).any():
        numbers = None  # "07" is another id than "7"
    items = numbers if numbers is not None else np.char.decode(items, "utf-8")
    return pa.table({"user": np.repeat(users, sizes[full] - 1), "item": items})


def _is_plain(field: bytes) -> bool:
    return field.isdigit()


def _digits(numbers: Any) -> Any:
    return np.char.str_len(numbers.astype(np.bytes_))


def asked_of(wanted: Wanted) -> list[str]:
    """The names that columns have to be read by, those there are."""
    return [str(wanted.named.get(role, role)) for role in ("user", "item", "time", "value")]


def check_names(path: Path, wanted: Wanted) -> None:
    """Refuse positions of columns, where these have names.

    Raises:
        ConfigError: If one is given.
    """
    if any(isinstance(column, int) for column in wanted.named.values()):
        raise ConfigError(f"{path}: expected names of columns; got positions. Name them, as user='user_id'.")


def _arrow_table(path: Path, form: Form, wanted: Wanted) -> pa.Table:
    """The columns that are wanted, by name, of Parquet or Arrow files."""
    import pyarrow.feather as feather
    import pyarrow.parquet as pq

    if path.is_dir():
        schema, batches = some_batches(shards(path, form), asked_of(wanted))
        return pa.Table.from_batches(batches, schema)
    try:
        if form == "parquet":
            names = pq.read_schema(path).names
            return pq.read_table(path, columns=[name for name in dict.fromkeys(asked_of(wanted)) if name in names])
        return feather.read_table(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(
            f"{path}: expected a file of {form.capitalize()}; got '{str(error)[:200]}'. Check the file."
        ) from error
