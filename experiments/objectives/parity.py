"""Every objective of the catalogue against independent computations, in value and gradient: one Markdown table.

References: slow loops over Python floats, written from the papers (tests/oracles; slopes are central differences of
sixth order, or written out), and Rax where it is installed. Run from anywhere: python experiments/objectives/parity.py
"""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[2]))

from rankkit.objectives.descriptions import ROWS
from tests.oracles import catalogue
from tests.peers import rax_losses

LIST_SIZES = (2, 3, 5, 9, 14)
LISTS_OF_A_SIZE = 2


def drawn_lists(name: str, ties: bool):
    """Lists of scores and grades, at least two grades each."""
    generator = torch.Generator().manual_seed(0)
    for size in LIST_SIZES * LISTS_OF_A_SIZE:
        scores = catalogue.example_scores(name, size, generator=generator)
        labels = torch.randperm(size, generator=generator).double()
        if ties:
            labels = torch.randint(0, 5, (size,), generator=generator).double()
            labels[0], labels[1] = 0, 2
        yield scores, labels


def worst(differences: Callable, name: str, *, ties: bool = True) -> tuple[float, float]:
    """The greatest differences in value and in a slope over all lists."""
    found = [differences(name, scores, labels) for scores, labels in drawn_lists(name, ties)]
    return max(value for value, _ in found), max(slope for _, slope in found)


def told(difference: float) -> str:
    """A difference in one digit."""
    return f"{difference:.0e}" if difference else "0"


def main() -> None:
    """Print the table."""
    references = [("slow loop", catalogue.ORACLES, catalogue.differences)]
    if importlib.util.find_spec("rax"):
        references.append(("Rax", rax_losses.OPTIONS, rax_losses.differences))
    print("| objective | paper | reference | max difference, value | max difference, gradient |")
    print("| --- | --- | --- | --- | --- |")
    for name, row in ROWS.items():
        for reference, known, differences in references:
            if name in known:
                value, slope = worst(differences, name, ties=not (reference == "Rax" and name == "listmle"))
                print(f"| `{name}` | {row.paper} | {reference} | {told(value)} | {told(slope)} |", flush=True)
    sizes = ", ".join(map(str, LIST_SIZES))
    print(
        f"\nfloat64, {LISTS_OF_A_SIZE} lists of each of {sizes} documents, default options; differences as a share of"
    )
    print("the greater of 1 and the reference. Rax: options set to its conventions (tests/peers/rax_losses.py).")


if __name__ == "__main__":
    main()
