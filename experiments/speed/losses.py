"""What the stages of losses share: lists as in MSLR, forward and backward, and the table."""

import torch
from measuring import extra_memory, print_table, take_turns

SIZES = [(64, 100), (8, 1_000), (1, 10_000)]
RANDOM = {"ListMLE"}  # equal labels in random order
NAMES = ["objective", "lists", "by", "ms", "user ms", "pages", "times rankkit's", "times its user ms", "extra MB"]


def lists(n_queries, list_size):
    """Scores and labels; no two scores are alike: the broadcast breaks ties by place, rankkit by label."""
    generator = torch.Generator().manual_seed(list_size)
    places = torch.randperm(n_queries * list_size, generator=generator)
    scores = torch.special.ndtri((places.double() + 0.5) / len(places)).float().reshape(n_queries, list_size)
    shares = torch.tensor([0.52, 0.32, 0.13, 0.02, 0.01])  # grades as in MSLR-WEB30K
    labels = torch.multinomial(shares, n_queries * list_size, replacement=True, generator=generator)
    return scores, labels.reshape(n_queries, list_size).float()


def by_torch(loss):
    """From a loss of scores and labels to a function without arguments that gives its gradient."""

    def prepare(scores, labels):
        def run():
            given = scores.clone().requires_grad_()
            (gradient,) = torch.autograd.grad(loss(given, labels), given)
            return gradient

        return run

    return prepare


def by_pytorchltr(loss):
    """The same; it takes whole labels and the lengths of the lists, and gives a number a list."""

    def prepare(scores, labels):
        grades, sizes = labels.long(), torch.full((len(scores),), scores.shape[1])
        return by_torch(lambda given, _: loss(given, grades, sizes).mean())(scores, labels)

    return prepare


def by_rax(loss):
    """The same, compiled by jax."""

    def prepare(scores, labels):
        import jax

        step, given = jax.jit(jax.value_and_grad(loss)), [jax.numpy.asarray(part.numpy()) for part in (scores, labels)]
        return lambda: jax.block_until_ready(step(*given))

    return prepare


def exponentials(n_numbers):
    """So many of them and nothing else, in blocks that stay in the processor's cache."""
    given, block = torch.randn(4096), torch.empty(4096)
    n_blocks, rest = divmod(int(n_numbers), len(block))

    def run():
        for _ in range(n_blocks):
            torch.exp(given, out=block)
        torch.exp(given[:rest], out=block[:rest])

    return run


def print_losses(objectives, sizes=SIZES, *, longest_of_peers=None, tolerances=(1e-4, 1e-6), limit=None):
    """The table of the stage.

    Args:
        objectives: ``{objective: {by: function of scores and labels that gives one without arguments}}``, rankkit
            first; ``"plain torch"`` has the same gradient, which is checked, with labels of which no two are alike for
            those of ``RANDOM``; those named otherwise are peers.
        sizes: Of the lists.
        longest_of_peers: Peers get no longer lists; None: all.
        tolerances: Relative and absolute, of that check.
        limit: From scores and labels to a function without arguments, and its name; None leaves the limit out.
    """
    print_table(
        NAMES,
        (
            row
            for name, forms in objectives.items()
            for size in sizes
            for row in _rows(name, forms, size, longest_of_peers, tolerances, limit)
        ),
    )


def _rows(name, forms, size, longest_of_peers, tolerances, limit):
    scores, labels = lists(*size)
    if size[1] > (longest_of_peers or size[1]):
        forms = {by: form for by, form in forms.items() if by in ("rankkit", "plain torch")}
    ways = {by: form(scores, labels) for by, form in forms.items()}
    if "plain torch" in forms:
        told = scores.roll(1).argsort(1).float() if name in RANDOM else labels
        gradients = [forms[by](scores, told)() for by in ("rankkit", "plain torch")]
        torch.testing.assert_close(*gradients, rtol=tolerances[0], atol=tolerances[1])
    # The first call compiles; for the two that were checked it is over.
    memory = {}
    for by, way in ways.items():
        if "plain torch" not in forms or by not in ("rankkit", "plain torch"):
            way()
        memory[by] = f"{extra_memory(way):,.1f}"
    if limit:
        title, prepare = limit
        ways[title] = prepare(scores, labels)
    spent = take_turns(ways, 15 if size[1] <= 100 else 5, warm=0)
    ours = spent["rankkit"]
    for by, each in spent.items():
        yield (
            name,
            f"{size[0]} x {size[1]:,}",
            by,
            f"{each.seconds * 1e3:,.2f}",
            f"{each.user_seconds * 1e3:,.2f}",
            f"{each.faults:,.0f}",
            f"{each.over(ours):,.2f}",
            f"{each.user_over(ours):,.2f}",
            memory.get(by, ""),
        )
