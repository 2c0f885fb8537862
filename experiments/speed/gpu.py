"""What a CUDA device gives: is it equal to the CPU, does a step wait for it, how long does everything take.

    python experiments/speed/gpu.py               # under 8 minutes
    python experiments/speed/gpu.py --rehearse    # the same code, small, with the CPU in place of the device

Prints Markdown tables. Without a device it says so, and runs nothing.
"""

import argparse
import inspect
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor

import rankkit as rk
from rankkit import registry
from rankkit.models.scorers.readout import n_outputs_for
from rankkit.objectives import draws
from rankkit.placement import as_on_device
from rankkit.registry.tables import OBJECTIVES, SCORERS
from rankkit.tasks.gradient.objectives import build_objective, readout_of
from rankkit.tasks.ranking.device_batches import Feed
from rankkit.tasks.ranking.steps import ranking_step
from rankkit.training.gradient.optimizers import clip_gradients

N_FEATURES = 136
PAIRWISE = ("ranknet", "lambdarank", "lambdaloss_ndcg2pp", "approx_ndcg")
PAIR_SIZES = ((64, 240), (256, 1_000), (8, 5_000))
PASSES = 6  # over the pairs of a list, at least: differences, values and slopes are written once and read once
N_RUNS = 7


@dataclass(frozen=True)
class Size:
    """How much is done.

    Args:
        n_queries: Of the epoch that is timed.
        list_size: Documents of each, on the average.
        n_small: Queries of the checks.
        pairs: Lists and their size, for pair losses.
        n_epochs: Of the training that is timed.
    """

    n_queries: int
    list_size: int
    n_small: int
    pairs: tuple[tuple[int, int], ...]
    n_epochs: int


FULL = Size(31_417, 120, 200, PAIR_SIZES, 3)  # 3.77 million documents
SMALL = Size(60, 12, 12, ((4, 20), (1, 50)), 2)


def main() -> int:
    """Run all of it, or say why not."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--rehearse", action="store_true", help="small, with the CPU in place of the device")
    rehearsed = parser.parse_args().rehearse
    if not (rehearsed or torch.cuda.is_available()):
        print("gpu.py: this torch sees no CUDA device, so nothing was run; --rehearse runs it small on the CPU.")
        return 0
    started = time.perf_counter()
    size, device = (SMALL, torch.device("cpu")) if rehearsed else (FULL, torch.device("cuda", 0))
    torch.set_float32_matmul_precision("highest")  # or products would differ from the CPU's
    torch.manual_seed(0)
    print(f"{'Rehearsed on the CPU' if rehearsed else named(device)}, torch {torch.__version__}, {date.today()}.")
    with as_on_device() if rehearsed else nullcontext():
        for part in (equality, waiting, epochs, pairs, scoring):
            print()
            part(size, device)
            print(f"\n({part.__name__}: {time.perf_counter() - started:.0f} s since the start)", file=sys.stderr)
    return 0


def named(device: torch.device) -> str:
    """The device, its memory, and the driver."""
    known = torch.cuda.get_device_properties(device)
    told = Path("/proc/driver/nvidia/version")
    driver = told.read_text().splitlines()[0].split("Module")[-1].split()[0] if told.exists() else "unknown"
    return f"{known.name}, {known.total_memory / 2**30:.0f} GiB, driver {driver}, CUDA {torch.version.cuda}"


def lists(n_queries: int, list_size: int, device: torch.device, n_features: int = N_FEATURES) -> rk.RankingDataset:
    """Lists of one half to one and a half times the size, with numbers that are drawn on the device."""
    random = np.random.default_rng(0)
    sizes = random.integers(list_size // 2, list_size + list_size // 2 + 1, n_queries)
    n_docs = int(sizes.sum())
    generator = torch.Generator(device).manual_seed(0)
    features = torch.randn(n_docs, n_features, generator=generator, device=device)
    true = torch.randn(n_features, generator=generator, device=device) / n_features**0.5
    noise = torch.randn(n_docs, generator=generator, device=device)
    labels = (features @ true + noise).mul_(0.8).add_(0.5).round_().clamp_(0, 4)
    qids = np.repeat(np.arange(n_queries), sizes)
    return rk.from_arrays(features.cpu().numpy(), labels.cpu().numpy(), qids=qids)


def scorer_for(objective: Callable[..., Tensor], data: rk.RankingDataset, name: str = "mlp") -> Any:
    """A scorer with the outputs that an objective reads, its transform fitted."""
    readout = readout_of(objective)
    outputs = {} if readout is None else {"n_outputs": n_outputs_for(readout, 5), "readout": readout}
    dropped = {"dropout": 0.0} if "dropout" in inspect.signature(registry.find("scorer", name)).parameters else {}
    scorer = registry.find("scorer", name)(data.n_features, seed=0, **outputs, **dropped)
    scorer.transform.fit(data.features, data.offsets)
    return scorer


@contextmanager
def drawn_on_the_host() -> Iterator[None]:
    """Objectives draw the same random numbers on every device."""

    def on_host(draw: Callable[..., Tensor], *, place: int) -> Callable[..., Tensor]:
        def drawn(mask: Tensor, *rest: Any) -> Tensor:
            given = [*rest]
            given[place] = torch.Generator().manual_seed(1)
            return draw(mask.cpu(), *given).to(mask.device)

        return drawn

    with ExitStack() as stack:
        for name, place in (("draw_uniform", 1), ("draw_gumbel", 2)):
            own = on_host(getattr(draws, name), place=place)
            for module in [*sys.modules.values()]:
                if getattr(module, "__name__", "").startswith("rankkit.objectives.") and hasattr(module, name):
                    stack.enter_context(patch.object(module, name, own))
        yield


def gradient_of(scorer: Any, objective: Callable[..., Tensor], feed: Feed) -> tuple[float, Tensor]:
    """Loss and gradient, as one vector, of one step; both on the host."""
    scorer.train().zero_grad()
    loss = ranking_step(objective)(scorer, feed.take(np.arange(feed.data.n_queries)))
    loss.backward()
    return float(loss.detach()), torch.cat([one.grad.flatten().cpu() for one in scorer.parameters()])


def far(found: Tensor, expected: Tensor) -> float:
    """The length of a difference, as a share of what was expected."""
    return float((found - expected).norm() / expected.norm().clamp(min=1e-12))


def equality(size: Size, device: torch.device) -> None:
    """Losses, gradients, scores and metrics on both."""
    data, cpu = lists(size.n_small, 40, device), torch.device("cpu")
    on_cpu, on_device = Feed(data, cpu), Feed(data, device)
    rows: list[tuple[Any, ...]] = []
    with drawn_on_the_host():
        for name in OBJECTIVES:
            objective = build_objective(name, {})
            scorer = scorer_for(objective, data, "linear")
            loss, slopes = _on_the_cpu(gradient_of, scorer, objective, on_cpu)
            other, others = gradient_of(scorer.to(device), objective, on_device)
            rows.append((name, abs(other - loss) / max(1e-12, abs(loss)), far(others, slopes)))
    print("Share by which the device differs from the CPU, a step of each objective with the linear scorer:\n")
    table(("objective", "loss", "gradient"), rows)
    rows = []
    for name in SCORERS:
        objective = build_objective("softmax", {})
        scorer = scorer_for(objective, data, name)
        _, slopes = _on_the_cpu(gradient_of, scorer, objective, on_cpu)
        scores = torch.from_numpy(_on_the_cpu(rk.predict, scorer, data))
        metrics = _on_the_cpu(rk.evaluate, scorer, data, ["ndcg@10", "mrr@10", "map"]).means
        _, others = gradient_of(scorer.to(device), objective, on_device)
        other = rk.evaluate(scorer, data, ["ndcg@10", "mrr@10", "map"]).means
        apart = max(abs(other[metric] - metrics[metric]) for metric in metrics)
        rows.append((name, far(others, slopes), far(torch.from_numpy(rk.predict(scorer, data)), scores), apart))
    print("\nThe same of each scorer with `softmax`; of metrics the largest difference:\n")
    table(("scorer", "gradient", "scores", "ndcg@10, mrr@10, map"), rows)


def _on_the_cpu(call: Callable[..., Any], *given: Any) -> Any:
    """What a call gives the CPU's own way, in a rehearsal too."""
    with patch("rankkit.placement._as_elsewhere", _Never()):
        return call(*given)


class _Never:
    def get(self) -> bool:
        return False


def waiting(size: Size, device: torch.device) -> None:
    """How often a step waits for the device, of each objective and scorer."""
    data = lists(size.n_small, 40, device, 8)
    feed = Feed(data, device)
    cases = [(name, "linear") for name in OBJECTIVES] + [("mse", name) for name in SCORERS]
    rows = []
    for name, of_scorer in cases:
        objective = build_objective(name, {})
        scorer = scorer_for(objective, data, of_scorer).to(device).train()
        step = ranking_step(objective)
        optimizer = torch.optim.AdamW(scorer.parameters(), fused=True)

        def once(scorer: Any = scorer, step: Any = step, optimizer: torch.optim.Optimizer = optimizer) -> None:
            with rk.objectives.options.checked_later():
                loss = step(scorer, feed.take(np.arange(min(8, data.n_queries))))
            loss.backward()
            clip_gradients(optimizer, 1.0)
            optimizer.step()

        once()  # what is done once may wait
        n_waits = waits(once, device)
        if n_waits:
            rows.append((name, of_scorer, n_waits))
    print(
        f"Of {len(cases)} steps those that wait for the device"
        f"{', of which the CPU tells nothing' if device.type == 'cpu' else ''}:\n"
    )
    table(("objective", "scorer", "times"), rows)


def waits(call: Callable[[], None], device: torch.device) -> int:
    """How often a call waits for the device, as torch tells."""
    if device.type == "cpu":
        call()
        return 0
    torch.cuda.synchronize()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            call()
        finally:
            torch.cuda.set_sync_debug_mode("default")
    return sum("synchroniz" in str(one.message) for one in told)


def epochs(size: Size, device: torch.device) -> None:
    """Seconds of an epoch, by objective and by how many queries make a batch."""
    data = lists(size.n_queries, size.list_size, device)
    rows = []
    for name, objective, batch_queries, precision in (
        ("linear", "softmax", 512, "fp32"),
        ("mlp", "softmax", 64, "fp32"),
        ("mlp", "softmax", 512, "fp32"),
        ("mlp", "softmax", 512, "bf16"),
        ("mlp", "lambdarank", 512, "fp32"),
    ):
        scorer = scorer_for(build_objective(objective, {}), data, name)
        given: dict[str, Any] = {"batch_queries": batch_queries, "batch_docs": 65_536, "precision": precision}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that no validation data says which epoch is best
            history = rk.fit(scorer, objective, data, epochs=size.n_epochs, device=str(device), progress=False, **given)
        speed = statistics.median(record.docs_per_second for record in history.epochs[1:])
        rows.append((name, objective, batch_queries, precision, f"{data.n_docs / speed:.2f}", f"{speed:,.0f}"))
    print(f"An epoch of {data.n_docs:,} documents x {data.n_features} features (to be below 2 s):\n")
    table(("scorer", "objective", "queries a batch", "precision", "s", "documents a second"), rows)


def pairs(size: Size, device: torch.device) -> None:
    """Pair losses against the bandwidth of the memory."""
    bandwidth = copied(device, 2**28 if device.type == "cuda" else 2**22)
    print(f"A copy moves {bandwidth / 1e9:,.0f} GB/s. Tensor code moves at least {PASSES} numbers of each pair:\n")
    rows = []
    for name in PAIRWISE:
        objective = build_objective(name, {})
        for n_queries, list_size in size.pairs:
            scores = torch.randn(n_queries, list_size, device=device, requires_grad=True)
            labels = torch.randint(0, 5, (n_queries, list_size), device=device).float()
            mask = torch.ones_like(labels, dtype=torch.bool)

            def once(given: tuple[Tensor, ...] = (scores, labels, mask), objective: Any = objective) -> None:
                torch.autograd.grad(objective(*given), given[0])

            seconds, peak = timed(once, device), extra_memory(once, device)
            n_pairs = n_queries * list_size**2
            least = n_pairs * PASSES * scores.element_size() / bandwidth
            told = (f"{seconds * 1e3:.2f}", f"{least * 1e3:.2f}", f"{seconds / least:.1f}", f"{n_pairs / seconds:.2e}")
            rows.append((name, f"{n_queries} x {list_size:,}", *told, f"{peak / 2**20:,.0f}"))
    table(("objective", "lists", "ms", "limit, ms", "times the limit", "pairs a second", "extra MiB"), rows)


def scoring(size: Size, device: torch.device) -> None:
    """Scores and metrics of the default scorer."""
    data = lists(max(20, size.n_queries // 10), size.list_size, device)
    scorer = scorer_for(build_objective("softmax", {}), data).to(device)
    one = rk.from_arrays(data.features[:100], None, qids=np.zeros(min(100, data.n_docs)))
    rows = []
    for what, n_docs, call in (
        ("predict", data.n_docs, lambda: rk.predict(scorer, data)),
        ("predict, one query", one.n_docs, lambda: rk.predict(scorer, one)),
        ("evaluate, ndcg@10", data.n_docs, lambda: rk.evaluate(scorer, data, ["ndcg@10"])),
    ):
        seconds = timed(call, device)
        rows.append((what, f"{n_docs:,}", f"{seconds * 1e3:.2f}", f"{n_docs / seconds:,.0f}"))
    print("The default scorer, from the memory of the host:\n")
    table(("what", "documents", "ms", "documents a second"), rows)


def timed(call: Callable[[], object], device: torch.device) -> float:
    """Seconds of a call, the median of some after two to warm up."""
    found = []
    for number in range(2 + N_RUNS):
        if device.type == "cuda":
            torch.cuda.synchronize()
        start = time.perf_counter()
        call()
        if device.type == "cuda":
            torch.cuda.synchronize()
        if number >= 2:
            found.append(time.perf_counter() - start)
    return statistics.median(found)


def extra_memory(call: Callable[[], object], device: torch.device) -> int:
    """Bytes of the device that a call takes beside what is held; 0 of the CPU, which does not tell."""
    if device.type == "cpu":
        return 0
    torch.cuda.reset_peak_memory_stats()
    held = torch.cuda.memory_allocated()
    call()
    return int(torch.cuda.max_memory_allocated() - held)


def copied(device: torch.device, n_bytes: int) -> float:
    """Bytes a second that a copy reads and writes."""
    source = torch.empty(n_bytes, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    return 2 * n_bytes / timed(lambda: target.copy_(source), device)


def table(head: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    """Print Markdown; shares in three digits."""
    print(f"| {' | '.join(head)} |\n|{'--|' * len(head)}")
    for row in rows:
        print(f"| {' | '.join(f'{cell:.1e}' if isinstance(cell, float) else str(cell) for cell in row)} |")


if __name__ == "__main__":
    raise SystemExit(main())
