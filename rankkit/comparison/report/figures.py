"""Figures of the report: drawn by matplotlib, inlined as SVG whose colours are the page's, light or dark."""

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

N_COLORS = 8
"""Systems that a chart tells apart."""

# matplotlib takes colours as numbers, the page has them as variables that follow its theme. These stand for those.
_TEXT, _GRID = "#010200", "#010201"
_VARIABLES = {_TEXT: "var(--quiet)", _GRID: "var(--line)"}
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "rankkit",
    "text.parse_math": False,
    "font.size": 9,
    "text.color": _TEXT,
    "axes.labelcolor": _TEXT,
    "axes.edgecolor": _GRID,
    "axes.grid": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": _GRID,
    "grid.linewidth": 0.6,
    "xtick.color": _TEXT,
    "ytick.color": _TEXT,
    "lines.linewidth": 1.6,
    "lines.markersize": 4,
}


@dataclass(frozen=True)
class Chart:
    """A figure with what belongs to it.

    Args:
        title: Stands above.
        caption: How to read it; stands below.
        svg: The drawing.
        systems: Those it shows, by their place among the systems that have a colour.
        head: Of the table of its numbers.
        rows: Of the same; empty: no table.
    """

    title: str
    caption: str
    svg: str
    systems: Sequence[int] = ()
    head: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = field(default=())


def color(place: int) -> str:
    """The colour of a system."""
    return f"#0101{place % N_COLORS:02x}"


def dashes(place: int) -> str:
    """Of its line: the second half of the systems is dashed, so that colour does not have to tell all apart."""
    return "-" if place % N_COLORS < N_COLORS // 2 else "--"


def draw(name: str, label: str, onto: "Callable[[Axes], None]", *, width: int = 360, height: int = 225) -> str:
    """Draw one pair of axes.

    Args:
        name: Another one for each figure of a page: begins its ids.
        label: What it shows, for those who do not see it.
        onto: Draws.
        width: In points; about that of a phone, so that text is never drawn much smaller than set.
        height: In points.

    Returns:
        An ``<svg>`` element that can stand in HTML.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(width / 72, height / 72), layout="constrained")
        FigureCanvasSVG(figure)
        onto(figure.add_subplot())
        text = io.StringIO()
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None})
    return _inline(text.getvalue(), name, label)


def _inline(svg: str, name: str, label: str) -> str:
    """Without what belongs to a file of its own: prolog, metadata, styles for everything, ids that others may have."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|font-family:[^;\"]*(; |(?=\"))", "", svg, flags=re.DOTALL)
    box = re.search(r'viewBox="[^"]*"', svg)
    opening = f'<svg {box[0] if box else ""} role="img" aria-label="{escape(label)}">'
    svg = opening + svg[svg.index(">") + 1 :]
    svg = svg.replace("xlink:href", "href")
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', svg))
    svg = re.sub(r' id="([^"]*)"', lambda found: f' id="{name}-{found[1]}"' if found[1] in used else "", svg)
    svg = re.sub(r'(href="#|url\(#)', rf"\g<1>{name}-", svg)
    svg = re.sub(r'\s(d|x|y|width|height|transform)="[^"]*"', _rounded, svg)
    svg = re.sub(r"#0101(\d\d)", lambda found: f"var(--c{int(found[1])})", svg)
    for number, variable in _VARIABLES.items():
        svg = svg.replace(number, variable)
    return re.sub(r"\s*\n\s*", " ", svg).replace("> <", "><").strip()


def _rounded(attribute: re.Match[str]) -> str:
    return re.sub(r"(\.\d\d)\d+", r"\1", attribute[0])
