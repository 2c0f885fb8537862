"""One run: fit on training data, choose on validation data, measure on test data, leave a folder that says it all."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from rankkit.comparison.plan import RunSpec
from rankkit.comparison.results.outcomes import OUTCOME
from rankkit.comparison.systems.cost import environment, peak_memory_mib, reset_peak_memory
from rankkit.comparison.systems.fitted import Report
from rankkit.comparison.systems.fitting import fit_system
from rankkit.files.records import write_json, write_parquet
from rankkit.tasks.known import task_of


def run_one(spec: RunSpec, split: Any, folder: Path, report: Report) -> None:
    """Do one run; the files of its folder are listed in :mod:`rankkit.comparison.results.outcomes`.

    Args:
        spec: What to run.
        split: Its data, as the task of its source loads it.
        folder: Of the run; what an earlier attempt left there is taken up or replaced.
        report: Is told how far the run is.
    """
    import pandas as pd

    task = task_of(spec.source)
    words = task.words
    write_json(folder / "run.json", spec.to_dict())
    can_reset = reset_peak_memory()
    fitted = fit_system(spec, split, folder, report)
    peak = peak_memory_mib() if can_reset else None
    measured = task.measure(fitted, split, spec.rules)
    evaluation = measured.evaluation
    counted = {name: evaluation.counted(name) for name in evaluation.per_query}
    write_parquet(folder / "per_query.parquet", pd.DataFrame({"qid": evaluation.qids, **counted}))
    for name, table in measured.tables.items():
        write_parquet(folder / f"{name}.parquet", table)
    write_json(
        folder / "cost.json",
        {
            "n_parameters": fitted.n_parameters,
            "seconds": fitted.seconds,
            "step_seconds": fitted.step_seconds,
            words.rate: fitted.per_second,
            "peak_memory_mib": peak,
            f"{words.timed}_ms": task.time(fitted.predict, split.test),
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
            "ignores_weights": fitted.ignores_weights,
        },
    )
    (folder / "error.txt").unlink(missing_ok=True)
