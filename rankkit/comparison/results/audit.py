"""The fairness audit: had every system the same data, seeds, trials and way of choosing?"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from rankkit.comparison.systems.externals import EXTERNALS
from rankkit.comparison.trials import n_trials, seeds_of
from rankkit.tasks.known import task_of

if TYPE_CHECKING:
    from rankkit.comparison.plan import System
    from rankkit.comparison.results.outcomes import Outcomes

Level = Literal["ok", "note", "fail"]
_PARTS = ("train", "valid", "test")
_FEW = 0.1
"""Up to this share of training queries that teach an order, it is said."""


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Args:
        level: "fail" where the comparison is not fair, "note" where a reader should know, "ok".
        check: What was looked at.
        text: What was found.
    """

    level: Level
    check: str
    text: str

    def __str__(self) -> str:
        return f"{self.level.upper() if self.level == 'fail' else self.level}: {self.check}: {self.text}"


def audit(results: "Outcomes") -> tuple[Finding, ...]:
    """Check a comparison; :class:`rankkit.comparison.results.results.Results` holds the findings as ``audit``.

    That all runs share one protocol and the same data is no finding: other results are refused.
    """
    return (
        _splits(results),
        *_leaks(results),
        *_in_time(results),
        *_split_rules(results),
        *_teaching(results),
        *_seen_classes(results),
        *_trained_elsewhere(results),
        _seeds(results),
        _trials(results),
        *_weights(results),
        _selection(results),
        _last_epoch(results),
        _versions(results),
    )


def is_fair(findings: Iterable[Finding]) -> bool:
    """Whether no check failed."""
    return all(finding.level != "fail" for finding in findings)


def _splits(results: "Outcomes") -> Finding:
    missing = [system.name for system in results.plan.systems if system.name not in results.systems]
    if missing:
        return Finding("fail", "splits", f"left out, since no seed finished on every split: {', '.join(missing)}")
    n_splits = len(results.splits)
    return Finding("ok", "splits", f"every system on the same {'split' if n_splits == 1 else f'{n_splits} splits'}")


def _leaks(results: "Outcomes") -> list[Finding]:
    words = task_of(results.plan.source).words
    about = {split: results.about(split) for split in results.splits}
    shared = {split: found["n_shared_queries"] for split, found in about.items() if "n_shared_queries" in found}
    if not shared:  # of recommenders, whose users are those of the training data: the rule of the split says it
        return []
    found = {split: number for split, number in shared.items() if number}
    if found:
        listed = ", ".join(f"{number} of {split}" for split, number in found.items())
        text = f"stand in the training or validation data, {words.same}: {listed}"
        return [Finding("fail", f"test {words.queries}", text)]
    return [Finding("ok", f"test {words.queries}", "none stands in the training or validation data of its split")]


def _in_time(results: "Outcomes") -> list[Finding]:
    """Of rankers whose data has times: whether any split learns from queries later than those that it is tested on."""
    times = {split: found for split in results.splits if (found := results.about(split).get("times"))}
    if not times:
        return []
    leaks = [
        f"{found['n_later'][part]:,} {'training' if part == 'train' else 'validation'} queries of {split}"
        for split, found in times.items()
        for part in ("train", "valid")
        if found["n_later"][part]
    ]
    if leaks:
        text = (
            f"later than the first test query are {', '.join(leaks)}. Deal queries out in order of time: by, n_windows"
        )
        return [Finding("fail", "splits leak forward", text)]
    first, last = min(found["test"][0] for found in times.values()), max(found["test"][1] for found in times.values())
    shown = " to ".join(time if isinstance(time, str) else f"{time:.10g}" for time in (first, last))
    text = f"no split learns from queries later than those it is tested on, of {shown}"
    return [Finding("ok", "splits in time", text)]


def _split_rules(results: "Outcomes") -> list[Finding]:
    """Of recommenders: how the log was split, and what that means."""
    lines = [line for split in results.splits for line in results.about(split).get("split", [])]
    return [Finding("note", f"split, {check}", text) for check, _, text in (line.partition(": ") for line in lines)]


def _teaching(results: "Outcomes") -> list[Finding]:
    """Of rankers: whether few training queries have documents of different labels, which alone teach an order."""
    few = []
    for split in results.splits:
        about = results.about(split)
        n_queries = about["parts"]["train"].get("n_queries", 0)
        n_teaching = about.get("n_teaching_queries", n_queries)
        if n_teaching <= _FEW * n_queries and n_queries:
            few.append(f"{n_teaching:,} of {n_queries:,} of {split}")
    if not few:
        return []
    text = f"few have documents of different labels, from which an order is learnt: {', '.join(few)}"
    return [Finding("note", "training queries", text)]


def _seen_classes(results: "Outcomes") -> list[Finding]:
    """Of encoders: whether test classes are new to them."""
    seen = {split: results.about(split).get("n_seen_classes") for split in results.splits}
    findings = []
    for split, number in seen.items():
        if number is None:
            continue
        n_classes = results.about(split)["parts"]["test"]["n_classes"]
        if number:
            text = f"{number:,} of {n_classes:,} have examples in the training or validation data"
            findings.append(Finding("note", "test classes", f"{text}: the values tell little of unseen classes"))
        else:
            findings.append(Finding("ok", "test classes", "none has examples in the training or validation data"))
    return findings


def _trained_elsewhere(results: "Outcomes") -> list[Finding]:
    """Of systems that were saved before: whether they were trained on the data that they are measured on."""
    model = task_of(results.plan.source).model
    of_part = {part: {results.about(split)["fingerprints"][part] for split in results.splits} for part in _PARTS}
    unknown, seen = [], []
    for system in results.plan.systems:
        if system.external is None or system.external.name != "saved" or system.name not in results.systems:
            continue
        learnt_from = {run.config[model].get("data_fingerprint") for run in results.runs_of(system.name)}
        if learnt_from & (of_part["test"] | of_part["valid"]):
            seen.append(system.name)
        elif not learnt_from <= of_part["train"]:
            unknown.append(system.name)
    findings = []
    if seen:
        findings.append(Finding("fail", "trained elsewhere", f"on validation or test data: {', '.join(seen)}"))
    if unknown:
        text = f"on data that nobody here knows, which may hold the test data: {', '.join(unknown)}"
        findings.append(Finding("note", "trained elsewhere", text))
    return findings


def _seeds(results: "Outcomes") -> Finding:
    expected = {system.name: set(seeds_of(results.plan, system)) for system in results.plan.systems}
    short = {name: expected[name] - set(results.seeds(name)) for name in results.systems}
    lacking = [f"{name} lacks {', '.join(map(str, sorted(seeds)))}" for name, seeds in short.items() if seeds]
    if lacking:
        return Finding("fail", "seeds", "; ".join(lacking))
    once = [name for name in results.systems if len(expected[name]) < len(results.plan.seeds)]
    listed = ", ".join(map(str, results.plan.seeds))
    note = f"; without randomness, run once: {', '.join(once)}" if once else ""
    return Finding("ok", "seeds", f"every system with {listed}{note}")


def _trials(results: "Outcomes") -> Finding:
    if results.plan.search is None:
        tuned = _learning(results)
        return Finding("ok", "trials", f"no search: one option set for each of {len(tuned)} systems that learn")
    planned = {system.name: n_trials(results.plan, system) for system in _learning(results)}
    few = [f"{name} {count}" for name, count in planned.items() if count < results.plan.search.trials]
    if few:
        return Finding(
            "fail", "trials", f"{results.plan.search.trials} option sets of each system, but of {', '.join(few)}"
        )
    finished = _finished_trials(results)
    lost = [
        f"{name} {finished[name]}" for name, count in planned.items() if finished[name] < count * len(results.splits)
    ]
    if lost:
        return Finding("fail", "trials", f"some failed; finished: {', '.join(lost)}")
    how = {"random": "drawn at random", "tpe": "proposed by TPE"}[results.plan.search.sampler]
    return Finding(
        "ok", "trials", f"{results.plan.search.trials} option sets of every system that learns, {how}, on every split"
    )


def _finished_trials(results: "Outcomes") -> Mapping[str, int]:
    first = results.plan.seeds[0]
    runs = [run for run in (*results.runs, *results.trials) if run.spec.seed == first]
    return {name: sum(run.spec.system.name == name for run in runs) for name in results.systems}


def _learning(results: "Outcomes") -> "list[System]":
    """Systems that have options worth a search: trained ones and trees."""
    return [
        system
        for system in results.plan.systems
        if system.name in results.systems
        and (system.external is None or EXTERNALS[system.external.name].module is not None)
    ]


def _weights(results: "Outcomes") -> list[Finding]:
    """Of data with weights: whether all systems that learn could take them."""
    kinds = {str(per) for split in results.splits if (per := results.about(split).get("weights_per"))}
    if not kinds:
        return []
    whose = " and ".join(sorted({"query": "queries", "doc": "documents"}[per] for per in kinds))
    without = {run.spec.system.name for run in results.runs if run.outcome.get("ignores_weights")}
    if without:
        listed = ", ".join(system.name for system in _learning(results) if system.name in without)
        return [Finding("note", "weights", f"those of {whose} did not reach {listed}, which cannot take them")]
    return [Finding("ok", "weights", f"those of {whose} in the training data reached every system that learns")]


def _selection(results: "Outcomes") -> Finding:
    blind = sorted({run.spec.system.name for run in results.runs if run.outcome["valid"] is None})
    if blind:
        return Finding(
            "fail", "selection", f"without a number for {results.plan.metric} on validation: {', '.join(blind)}"
        )
    return Finding(
        "ok", "selection", f"by {results.plan.metric} (rankkit's protocol) on the validation data, for every system"
    )


def _last_epoch(results: "Outcomes") -> Finding:
    """A system whose last epoch is the best was stopped while it still got better."""
    cut: dict[str, list[bool]] = {}
    for run in results.runs:
        chosen = run.outcome["chosen"]
        ends = {"best_epoch": "epochs", "trees": "trees_grown"}
        for best, last in ends.items():
            if best in chosen:
                cut.setdefault(run.spec.system.name, []).append(chosen[best] == chosen[last])
    often = [
        f"{name} ({sum(ended)} of {len(ended)} runs)" for name, ended in cut.items() if 2 * sum(ended) > len(ended)
    ]
    if often:
        return Finding("note", "length", f"best at the very end, so longer training may help: {', '.join(often)}")
    return Finding("ok", "length", "no system was mostly best at the very end of its training")


def _versions(results: "Outcomes") -> Finding:
    seen: dict[str, set[str]] = {}
    for run in results.runs:
        environment = run.environment
        for name, version in environment["versions"].items():
            seen.setdefault(name, set()).add(version)
        for name in ("processor", "threads", "cuda"):
            seen.setdefault(name, set()).add(str(environment[name]))
    several = {name: values for name, values in seen.items() if len(values) > 1}
    if several:
        listed = "; ".join(f"{name}: {', '.join(sorted(values))}" for name, values in several.items())
        return Finding("note", "environment", f"not the same for all runs: {listed}. Compare costs with care.")
    return Finding("ok", "environment", "same versions, processor and threads for all runs")
