"""The tables of docs/experiment-files.md: every key of an experiment file with its default, read off the code.

``python -m tests.experiment_keys`` writes them into the page anew.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from rankkit import registry
from rankkit.cli.kinds.described import SECTIONS, part, section
from rankkit.comparison.systems.externals import EXTERNALS
from rankkit.options import REQUIRED, Option, in_words

PAGE = Path(__file__).parent.parent / "docs" / "experiment-files.md"
MARKED = re.compile(r"(<!-- keys of (.+?) -->\n\n).*?(\n\n<!-- end of keys -->)", re.DOTALL)


def tables() -> dict[str, str]:
    """Each table of the page by its mark."""
    scorers = (*registry.SCORERS.built_in, *registry.BOOSTED_SCORERS.built_in)
    return {
        **{name: _rows(section(name)) for name in (*SECTIONS, "training", "training of an encoder", "augment")},
        **{f"scorer {name}": _rows(part("scorer", name)) for name in scorers},
        **{f"encoder {name}": _rows(part("encoder", name)) for name in registry.ENCODERS.built_in},
        **{f"recommender {name}": _rows(part("recommender", name)) for name in registry.RECOMMENDERS.built_in},
        "external": _externals(),
        "objectives": _objectives("objective", registry.OBJECTIVES),
        "embedding objectives": _objectives("embedding objective", registry.EMBEDDING_OBJECTIVES),
    }


def filled(page: str) -> str:
    """The page with its tables as the code has them."""
    made = tables()
    return MARKED.sub(lambda found: found[1] + made[found[2]] + found[3], page)


def _table(head: str, rows: Iterator[tuple[str, ...]]) -> str:
    columns = head.split(", ")
    lines = [columns, ["---"] * len(columns), *(list(row) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _rows(described: list[Option]) -> str:
    return _table(
        "key, default, values, what it is",
        ((f"`{one.name}`", _default_of(one.default), _values(one.annotation), _lower(one.help)) for one in described),
    )


def _default_of(default: Any) -> str:
    return "required" if default is REQUIRED else _toml(default)


def _lower(text: str) -> str:
    """A sentence of a docstring as a cell."""
    text = text.replace("|", "\\|").replace(" None: ", " left out: ").rstrip(".")
    return text if text[:2].isupper() or text.startswith(("P ", "`")) else text[:1].lower() + text[1:]


def _values(annotation: Any) -> str:
    """What a key takes, in words; choices as code."""
    return re.sub(r'"([^"]*)"', r"`\1`", in_words(annotation))


def _toml(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, BaseModel):
        return f'`"{value.name}"`' if hasattr(value, "name") else ""
    if callable(value):
        return f"`{getattr(value, '__name__', value)}`"
    if isinstance(value, list | tuple) and value and isinstance(value[0], BaseModel):
        return "`" + json.dumps([item.name for item in value]) + "`"
    return f"`{json.dumps(value)}`"


def _objectives(kind: str, entries: registry.Entries) -> str:
    def rows() -> Iterator[tuple[str, ...]]:
        for name in entries.built_in:
            options = [
                f"`{one.name} = {_default_of(one.default).strip('`') or 'left out'}`" for one in part(kind, name)
            ]
            yield f"`{name}`", " ".join(options)

    return _table("objective, options with their defaults", rows())


def _externals() -> str:
    def rows() -> Iterator[tuple[str, ...]]:
        for name, external in EXTERNALS.items():
            options = " ".join(
                f"`{option}`{' (required)' if option in external.required else ''}"
                for option in sorted(external.options)
            )
            taken = f"those of {external.module}, by its names" if external.module else options
            needs = f"`pip install -e '.[{external.extra}]'`" if external.extra else ""
            yield f"`{name}`", external.kind or "all", taken, needs

    return _table("external, compared with, options, needs", rows())


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text()))
