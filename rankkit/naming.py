"""What features are called: the same names on every screen and in every file."""

from collections.abc import Sequence
from functools import lru_cache


@lru_cache(maxsize=8)
def numbered(n_features: int, prefix: str = "") -> tuple[str, ...]:
    """What features without names are called: "1", "2", ..., their numbers in LETOR text.

    A prefix makes them identifiers, for engines whose expressions refer to features by name.
    """
    return tuple(f"{prefix}{number}" for number in range(1, n_features + 1))


def not_utf8(names: Sequence[str]) -> str | None:
    r"""The first name that no file can hold, as it has half of a character; None where there is none.

    >>> not_utf8(["bm25", "größe"]), not_utf8(["bm25", chr(0xD800)])
    (None, '\ud800')
    """
    try:
        "\n".join(names).encode()
    except UnicodeEncodeError:
        return next(name for name in names if any("\ud800" <= sign <= "\udfff" for sign in name))
    return None


def named(names: Sequence[str] | None, n_features: int, prefix: str = "") -> tuple[str, ...]:
    """The names of features; their numbers where they have none.

    >>> named(["bm25", "age"], 2), named(None, 2)
    (('bm25', 'age'), ('1', '2'))
    """
    return numbered(n_features, prefix) if names is None else tuple(names)
