"""Pairwise objectives against plain broadcasting in torch: processor time of forward and backward, and extra memory.

    OMP_NUM_THREADS=1 python experiments/speed/pairwise.py

Prints a Markdown table. One thread; medians of 5 runs after one to warm up (it compiles the kernel, then cached on
disk). Extra memory is the peak of the process during a run above what it held before (Linux with glibc only).
"""

import ctypes
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from rankkit.objectives import lambdaloss_ndcg2pp_loss, lambdarank_loss, pairwise_hinge_loss, ranknet_loss

SIZES = [(64, 100), (8, 1_000), (1, 10_000)]
N_RUNS = 5
Loss = Callable[[Tensor, Tensor], Tensor]


def broadcast(cost: Callable[[Tensor], Tensor]) -> Loss:
    """The same mean over pairs, every pair of the batch at once."""

    def loss(scores: Tensor, labels: Tensor) -> Tensor:
        pairs = labels[:, :, None] > labels[:, None]
        costs = cost(scores[:, :, None] - scores[:, None]) * pairs
        return (costs.sum((1, 2)) / pairs.sum((1, 2)).clamp(min=1)).mean()

    return loss


def broadcast_lambda(mu: float | None) -> Loss:
    """LambdaRank (mu = None) or NDCG-Loss2++, every pair of the batch at once."""

    def loss(scores: Tensor, labels: Tensor) -> Tensor:
        with torch.no_grad():
            ranks = scores.argsort(dim=1, descending=True).argsort(dim=1) + 1
            worth = 1 / torch.log2(1 + ranks.float())
            gains = torch.exp2(labels) - 1
            best = gains.sort(dim=1, descending=True).values
            gains = gains / (best / torch.log2(torch.arange(2, labels.shape[1] + 2).float())).sum(1, keepdim=True)
            weights = (worth[:, :, None] - worth[:, None]).abs()
            if mu is not None:
                apart = (ranks[:, :, None] - ranks[:, None]).abs()
                table = 1 / torch.log2(1 + torch.arange(labels.shape[1] + 1).float())
                table = torch.cat([torch.zeros(1), table[1:-1] - table[2:]])
                weights = weights + mu * table[apart]
            pairs = labels[:, :, None] > labels[:, None]
            weights = weights * (gains[:, :, None] - gains[:, None]).abs() * pairs
        return (functional.softplus(scores[:, None] - scores[:, :, None]) * weights).sum((1, 2)).mean()

    return loss


OBJECTIVES: dict[str, tuple[Loss, Loss]] = {
    "RankNet": (ranknet_loss, broadcast(lambda d: functional.softplus(-d))),
    "LambdaRank": (lambdarank_loss, broadcast_lambda(None)),
    "NDCG-Loss2++": (lambdaloss_ndcg2pp_loss, broadcast_lambda(10.0)),
    "pairwise hinge": (pairwise_hinge_loss, broadcast(lambda d: (1 - d).relu())),
}


def memory(field: str) -> int:
    """A line of the process status, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


def measure(loss: Loss, scores: Tensor, labels: Tensor) -> tuple[float, float, Tensor]:
    """Median processor seconds, peak of extra memory in MB, and the gradient."""

    def run() -> Tensor:
        given = scores.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(loss(given, labels), given)
        return gradient

    gradient = run()
    ctypes.CDLL("libc.so.6").malloc_trim(0)  # gives freed memory back, or the peak would hide in it
    Path("/proc/self/clear_refs").write_text("5")  # sets the peak back to what is held now
    held = memory("VmRSS")
    seconds = []
    for _ in range(N_RUNS):
        start = time.process_time()
        run()
        seconds.append(time.process_time() - start)
    return statistics.median(seconds), (memory("VmHWM") - held) / 1e6, gradient


def main() -> None:
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    shares = torch.tensor([0.52, 0.32, 0.13, 0.02, 0.01])  # grades as in MSLR-WEB30K
    print(
        "| objective | lists | rankkit, ms | broadcast, ms | times faster | rankkit, extra MB | broadcast, extra MB |"
    )
    print("|--|--|--|--|--|--|--|")
    for name, (ours, plain) in OBJECTIVES.items():
        for n_queries, list_size in SIZES:
            # Normal, and no two alike: the broadcast breaks ties by place, rankkit by label.
            places = torch.randperm(n_queries * list_size, generator=generator)
            scores = torch.special.ndtri((places.double() + 0.5) / len(places)).float().reshape(n_queries, list_size)
            labels = torch.multinomial(shares, n_queries * list_size, replacement=True, generator=generator)
            labels = labels.reshape(n_queries, list_size).float()
            fast, fast_extra, gradient = measure(ours, scores, labels)
            slow, slow_extra, expected = measure(plain, scores, labels)
            torch.testing.assert_close(gradient, expected, rtol=1e-4, atol=1e-6)
            print(
                f"| {name} | {n_queries} x {list_size:,} | {fast * 1e3:.2f} | {slow * 1e3:.1f} | {slow / fast:.0f} "
                f"| {fast_extra:.1f} | {slow_extra:.0f} |"
            )


if __name__ == "__main__":
    main()
