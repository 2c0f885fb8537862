"""One run: fit on training data, choose on validation data, measure on test data, leave a folder that says it all."""

from dataclasses import asdict
from pathlib import Path

import numpy as np

from rankkit.comparison.cost import environment, peak_memory_mib, reset_peak_memory, scoring_milliseconds
from rankkit.comparison.externals import find_external
from rankkit.comparison.fitted import Fitted, Report
from rankkit.comparison.neural import fit_neural
from rankkit.comparison.plan import RunSpec
from rankkit.comparison.splits import Split, labels_of
from rankkit.comparison.writing import write_json, write_parquet
from rankkit.evaluation import evaluate_scores, resolve_protocol

OUTCOME = "outcome.json"
"""Written last: a run with it is finished."""


def run_one(spec: RunSpec, split: Split, folder: Path, report: Report) -> None:
    """Do one run; the files of its folder are listed in :mod:`rankkit.comparison.results`.

    Args:
        spec: What to run.
        split: Its data.
        folder: Of the run; what an earlier attempt left there is taken up or replaced.
        report: Is told how far the run is.
    """
    import pandas as pd

    write_json(folder / "run.json", spec.to_dict())
    can_reset = reset_peak_memory()
    fitted = _fit(spec, split, folder, report)
    peak = peak_memory_mib() if can_reset else None
    scores = np.asarray(fitted.score(split.test))
    evaluation = evaluate_scores(
        scores,
        labels_of(split.test),
        qids=np.repeat(split.test.qids, split.test.list_sizes),
        doc_ids=split.test.doc_ids,
        metrics=list(spec.rules.metrics),
        protocol=resolve_protocol(spec.rules.protocol, spec.rules.empty, spec.rules.ties),
    )
    counted = {name: evaluation.counted(name) for name in evaluation.per_query}
    write_parquet(folder / "per_query.parquet", pd.DataFrame({"qid": evaluation.qids, **counted}))
    write_parquet(folder / "scores.parquet", pd.DataFrame({"score": scores.astype(np.float32)}))
    write_json(
        folder / "cost.json",
        {
            "n_parameters": fitted.n_parameters,
            "seconds": fitted.seconds,
            "step_seconds": fitted.step_seconds,
            "docs_per_second": fitted.docs_per_second,
            "peak_memory_mib": peak,
            "scoring_100_docs_ms": scoring_milliseconds(fitted.score, split.test),
        },
    )
    write_json(folder / "config.json", fitted.config)
    write_json(folder / "env.json", environment(spec.threads, fitted.versions))
    write_json(
        folder / OUTCOME,
        {
            "valid": None if np.isnan(fitted.valid) else fitted.valid,
            "chosen": fitted.chosen,
            "test": {name: None if np.isnan(mean) else mean for name, mean in evaluation.means.items()},
            "n_queries": evaluation.n_queries,
            "n_empty": evaluation.n_empty,
            "n_tied": evaluation.n_tied,
            "protocol": asdict(evaluation.protocol),
            "convention": evaluation.convention,
            "fingerprints": split.fingerprints,
        },
    )
    (folder / "error.txt").unlink(missing_ok=True)


def _fit(spec: RunSpec, split: Split, folder: Path, report: Report) -> Fitted:
    if spec.system.external is not None:
        return find_external(spec.system.external.name).fit(spec, split, folder, report)
    return fit_neural(spec, split, folder, report)
