"""Make experiments/speed/README.md anew: every stage, its peers as far as they are installed, in some twenty minutes.

    python experiments/speed/run.py
    python experiments/speed/run.py --stages pairwise,scoring    these alone; the sections of the others stay

A stage is a script of this folder that prints a section. The page is written anew, whole, whenever one has ended, so
that a run that is broken off keeps what it has; a stage that fails keeps its former section.
"""

import argparse
import datetime
import importlib.metadata
import json
import os
import platform
import re
import resource
import subprocess
import sys
import time
from pathlib import Path

from rankkit.files.atomic import write_text

HERE = Path(__file__).resolve().parent
PAGE = HERE / "README.md"
STAGES = (
    "metrics",
    "significance",
    "pairwise",
    "listwise",
    "approx",
    "training",
    "precision",
    "first_layer",
    "onnx_first_layer",
    "scoring",
    "serving",
    "loading",
    "first_training",
    "company",
    "boosting",
    "out_of_core",
)
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS", "POLARS_MAX_THREADS")
LIBRARIES = ("torch", "numpy", "numba", "scipy", "scikit-learn", "pandas", "pyarrow", "onnxruntime", "lightgbm")
MARK = re.compile(r"<!-- stage (?P<name>\w+) (?P<record>\{[^\n]*\}) -->\n\n?(?P<text>.*?)\s*(?=<!-- |\Z)", re.S)
END = "<!-- end of the stages -->"


def read_sections(text):
    """``{stage: (record, Markdown)}`` of a page."""
    return {found["name"]: (json.loads(found["record"]), found["text"]) for found in MARK.finditer(text)}


def page_of(sections):
    """The page: where its figures come from, the sections, and what each took."""
    kept = {name: sections[name] for name in STAGES if name in sections}
    parts = [(HERE / "intro.md").read_text().strip(), machines(kept)]
    for name, (record, text) in kept.items():
        parts.append(f"<!-- stage {name} {json.dumps(record)} -->\n\n{text.strip()}")
    if absent := [name for name in STAGES if name not in kept]:
        parts.append(f"{END}\n\nNot made yet: {', '.join(f'`experiments/speed/{name}.py`' for name in absent)}.")
    else:
        parts.append(END)
    parts.append(times(kept))
    return "\n\n".join(parts) + "\n"


def machines(sections):
    """On what the figures were made, a line for each machine and set of versions."""
    lines = {}
    for name, (record, _) in sections.items():
        lines.setdefault(f"{record['processor']}; {record['versions']}", []).append(name)
    if len(lines) == 1:
        return f"Made on: {next(iter(lines))}."
    return "\n".join(f"- {', '.join(names)}: {line}." for line, names in lines.items())


def times(sections):
    """The table at the end."""
    rows = [
        "## What the stages took",
        "Processor seconds of all of a stage, its data and its imports included. Load is the machine's average of one\n"
        "minute when the stage began; beside it, how many cores other programs held on average while it ran.",
        "| stage | made | load before | cores of others | user s | system s |\n|---|---|---|---|---|---|",
    ]
    for name, (record, _) in sections.items():
        rows[-1] += (
            f"\n| `experiments/speed/{name}.py` | {record['date']} | {record['load']:.1f} | {record['others']:.1f} "
            f"| {record['user']:.0f} | {record['system']:.0f} |"
        )
    user, system = (sum(record[key] for record, _ in sections.values()) for key in ("user", "system"))
    rows[-1] += f"\n| all | | | | {user:.0f} | {system:.0f} |"
    return "\n\n".join(rows)


def processor():
    """Its name, cores, and the wide instructions that matter here."""
    try:
        told = Path("/proc/cpuinfo").read_text()
    except OSError:
        return f"{platform.machine()}, {os.cpu_count()} cores"
    name = re.search(r"model name\s*: (.+)", told)
    flags = set(" ".join(re.findall(r"flags\s*: (.+)", told)[:1]).split())
    wide = [flag for flag in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if flag in flags]
    return f"{name[1] if name else platform.machine()}, {os.cpu_count()} cores, {', '.join(wide)}"


def versions():
    """Of Python and the libraries that rankkit stands on."""
    found = [f"Python {platform.python_version()}"]
    for name in LIBRARIES:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return ", ".join(found)


def busy_seconds():
    """Processor seconds of the whole machine since it was started; None where it does not say."""
    try:
        ticks = [int(n) for n in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    except OSError:
        return None
    return (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")


def run(stage):
    """Run a stage: its record and its section; no section if it failed."""
    threads = dict.fromkeys(THREADS, "1")
    paths = [str(HERE.parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, **threads, "PYTHONPATH": os.pathsep.join(paths)}
    before, busy, load, start = (
        resource.getrusage(resource.RUSAGE_CHILDREN),
        busy_seconds(),
        os.getloadavg()[0],
        time.monotonic(),
    )
    command = [sys.executable, str(HERE / f"{stage}.py")]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=environment, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    user, system = after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime
    others = 0.0
    if busy is not None:
        others = max(0.0, (busy_seconds() - busy - user - system) / (time.monotonic() - start))
    record = {
        "date": datetime.date.today().isoformat(),
        "processor": processor(),
        "versions": versions(),
        "load": round(load, 2),
        "others": round(others, 2),
        "user": round(user, 1),
        "system": round(system, 1),
    }
    return record, None if done.returncode else done.stdout


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stages", default=",".join(STAGES), help="names with commas between")
    parser.add_argument("--page", type=Path, default=PAGE, help="the file that is written")
    options = parser.parse_args()
    asked = options.stages.split(",")
    unknown = [name for name in asked if name not in STAGES]
    if unknown:
        sys.exit(f"run.py: expected stages among {', '.join(STAGES)}; got {unknown[0]!r}. Correct --stages.")
    failed = []
    for stage in asked:
        record, text = run(stage)
        if text is None:
            failed.append(stage)
            print(f"{stage}: failed; its former section stays", file=sys.stderr, flush=True)
            continue
        # Read anew: another run may have written other sections meanwhile.
        sections = read_sections(options.page.read_text() if options.page.exists() else "")
        sections[stage] = record, text
        write_text(options.page, page_of(sections))
        print(f"{stage}: {record['user'] + record['system']:.0f} s", flush=True)
    if failed:
        sys.exit(f"run.py: {', '.join(failed)} failed; see above.")


if __name__ == "__main__":
    main()
