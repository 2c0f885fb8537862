"""Steps under torch.compile beside the same steps without, in a process that checks no shapes at every call.

``python -m tests.objectives.compiled_steps BACKEND GRAPH NAME...``, where GRAPH is "whole" if no break is allowed.
"""

import sys
import warnings

import torch

from rankkit.registry import OBJECTIVES
from rankkit.testing.embedding import N_CLASSES, prototypes
from tests.objectives.embedding.batches import OBJECTIVES as EMBEDDING
from tests.objectives.embedding.batches import loss_of, named
from tests.oracles.catalogue import SEED, example_scores

LABELS = torch.tensor([[4.0, 0, 1, 2, 3], [0, 1, 0, 0, 2]], dtype=torch.float64)


def called(name):
    """A function of one tensor, and the tensor."""
    generator = torch.Generator().manual_seed(0)
    if name not in EMBEDDING:
        return (lambda scores: OBJECTIVES[name](scores, LABELS)), example_scores(
            name, *LABELS.shape, generator=generator
        )
    rows = torch.randn(12, 3, generator=generator, dtype=torch.float64).sigmoid()
    classes = torch.randint(0, N_CLASSES, (12,), generator=generator)
    options = {"prototypes": prototypes()} if name in named("prototypes") else {}
    return (lambda given: loss_of(name, given, classes, **options)), rows


def value_and_slopes(function, given):
    leaf = given.clone().requires_grad_()
    torch.manual_seed(SEED)
    loss = function(leaf)
    loss.backward()
    return loss.detach(), leaf.grad


def main(backend, graph, *names):
    """Compare cold and warm, and leave with the first difference."""
    warnings.simplefilter("ignore")
    for name in names:
        torch._dynamo.reset()
        function, given = called(name)
        compiled = torch.compile(function, backend=backend, fullgraph=graph == "whole")
        for _ in range(2):
            torch.testing.assert_close(value_and_slopes(compiled, given), value_and_slopes(function, given))
        if name not in EMBEDDING:
            compare_sizes(name, backend)


def compare_sizes(name, backend):
    """Lists of other sizes, of which the compiler makes symbols."""
    compiled = torch.compile(lambda scores, labels: OBJECTIVES[name](scores, labels), backend=backend)
    for n_docs in (5, 4, 3):
        labels = LABELS[:, :n_docs]
        scores = example_scores(name, *labels.shape, generator=torch.Generator().manual_seed(n_docs))
        same = value_and_slopes(lambda given, labels=labels: OBJECTIVES[name](given, labels), scores)
        found = value_and_slopes(lambda given, labels=labels: compiled(given, labels), scores)
        torch.testing.assert_close(found, same)


if __name__ == "__main__":
    main(*sys.argv[1:])
