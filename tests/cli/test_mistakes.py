"""Mistakes that a new user makes: one message each, with an action that this command has, and nothing left behind."""

import re
import shutil

import numpy as np
import pandas as pd
import pytest
from typer.main import get_command

import rankkit as rk
from rankkit.cli.app import app

COMMANDS = get_command(app).commands


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    """Data as a new user might have it, and a finished run beside it."""
    folder = tmp_path_factory.mktemp("mistakes")
    data = rk.make_ranking(12, n_features=3, seed=0)
    rk.write(data, folder / "good.txt")
    rk.write(data, folder / "good.parquet")
    table = pd.read_parquet(folder / "good.parquet")
    table.rename(columns={"qid": "query_id", "label": "grade"}).to_csv(folder / "renamed.csv", index=False)
    table.drop(columns="label").to_csv(folder / "unlabelled.csv", index=False)
    table.assign(label="good").to_csv(folder / "words.csv", index=False)
    table.assign(label=np.where(table.index == 3, np.nan, table["label"])).to_csv(folder / "gaps.csv", index=False)
    table.drop(columns="2").to_csv(folder / "narrow.csv", index=False)
    table.to_csv(folder / "good.csv", index=False)
    table[:0].to_csv(folder / "header.csv", index=False)
    (folder / "negative.txt").write_text("1 qid:1 1:2\n-1 qid:1 1:3\n")
    (folder / "apart.txt").write_text("1 qid:1 1:2\n0 qid:2 1:3\n0 qid:1 1:4\n")
    (folder / "no-qid.txt").write_text("1 1:2\n0 1:3\n")
    (folder / "zero.txt").write_text("1 qid:1 0:2\n0 qid:1 1:3\n")
    (folder / "empty.txt").write_text("")
    (folder / "broken.toml").write_text('seed = 1\n[data\ntrain = "good.txt"\n')
    (folder / "compare.toml").write_text(
        'objectives = ["ranknet", "softmax"]\nseeds = 1\n[data]\ntrain = "good.txt"\nvalid = "good.txt"\n'
        'test = "good.txt"\n'
    )
    scorer = rk.MLPScorer(3, hidden=[4], seed=0)
    rk.fit(scorer, rk.ranknet_loss, data, epochs=1, out=folder / "run", progress=False)
    rk.save(scorer, folder / "run")
    return folder


TRAIN = "train --train good.txt --out runs/new"
COMPARE = "compare compare.toml --out runs/new"
# Where, what was expected, what came, what to do.
MISTAKES = {
    "wrong query column": (
        "train --train renamed.csv --label grade --out runs/new",
        "renamed.csv: expected a column 'qid'; got grade, query_id, 1, 2, 3. Name the column of query ids with --qid.",
    ),
    "a column that is not there": (
        "train --train good.parquet --label gade --out runs/new",
        "good.parquet: expected a column 'gade'; got ... Name a column that is there.",
    ),
    "a folder as experiment file": (
        "compare run --out runs/new",
        "run: expected an experiment file; got Is a directory. Name a TOML file.",
    ),
    "a folder as experiment file of train": (
        "train --config run --out runs/new",
        "run: expected an experiment file; got Is a directory. Name a TOML file.",
    ),
    "a binary experiment file": (
        "compare good.parquet --out runs/new",
        "good.parquet: expected TOML; got ... Mend that line.",
    ),
    "one width for a list": (
        f"{TRAIN} --set scorer.hidden=64",
        "scorer: hidden: expected a list; got 64. Change it.",
    ),
    "a seed that is no number": (f"{TRAIN} --seed x", "--seed: expected a whole number; got 'x'. Change it."),
    "an option among fractions": (
        "split good.txt --out runs/new --fractions .5 .6 --qid",
        "--fractions: expected a number; got '--qid'. Change it.",
    ),
    "a choice that is none": (
        "inspect good.txt --on-bad-line foo",
        "--on-bad-line: expected 'error' or 'skip'; got 'foo'. Change it.",
    ),
    "a count below its bound": (
        "evaluate run good.txt --shots 0",
        "--shots: expected a number of at least 1; got '0'. Change it.",
    ),
    "unlabelled data to evaluate on": (
        "evaluate run unlabelled.csv",
        "unlabelled.csv: expected a column 'label', or rows with labels; got none. "
        "Name the column of labels with --label, or use rankkit score.",
    ),
    "a LETOR option of a table": (
        "inspect words.csv --zero-based",
        "words.csv: expected options that a CSV file has; got one of LETOR text. Leave --zero-based out.",
    ),
    "a column of LETOR text": (
        "inspect good.txt --qid foo",
        "good.txt: expected options that LETOR text has; got one of a table. Leave --qid foo out.",
    ),
    "a test table without rows": (
        "train --train good.csv --test header.csv --out runs/new",
        "header.csv: expected rows; got ... leave it out.",
    ),
    "a key without a value": (
        f"{TRAIN} --set training",
        "--set: expected key=value such as training.learning_rate=1e-3; got 'training'. Add the missing part.",
    ),
    "no label column": (
        "train --train unlabelled.csv --out runs/new",
        "training: expected labels in train; got RankingDataset(... no labels). Name its label column with --label...",
    ),
    "wrong objective": (
        f"{TRAIN} --objective lambdrank",
        "objective: expected the name of one; got 'lambdrank'. Did you mean 'lambdarank'?",
    ),
    "wrong key": (f"{TRAIN} --set training.epoch=3", "training: unknown key 'epoch'. Did you mean 'epochs'?"),
    "wrong type": (
        f"{TRAIN} --set training.epochs=many",
        "training: epochs: expected a whole number; got 'many'. Change it.",
    ),
    "wrong path": (
        "train --train nosuch --out runs/new",
        "nosuch: expected a file or folder; got No such file ... path.",
    ),
    "wrong validation path": (
        f"{TRAIN} --valid nosuch.xyz",
        "nosuch.xyz: expected a file or folder; got No such file ...",
    ),
    "wrong run": (
        "evaluate nosuch good.txt",
        "nosuch: expected the folder of a saved model...; got nothing there. ...",
    ),
    "wrong ending": (
        "score run good.txt --out scores.xls",
        "scores.xls: expected a name that ends in ...; got '.xls'. ...",
    ),
    "negative labels": (
        "train --train negative.txt --out runs/new",
        "negative.txt:2: expected a label of 0 or more; got '-1' at column 1 of '-1 qid:1 1:3'. Shift the grades ...",
    ),
    "text labels": (
        "train --train words.csv --out runs/new",
        "words.csv: expected numbers in column 'label'; got string. Convert the column to numbers, or name another.",
    ),
    "labels that are missing": (
        "train --train gaps.csv --out runs/new",
        "gaps.csv: data row 4, column 'label': expected a label, a finite number >= 0; got nan. Drop the row, ...",
    ),
    "a query whose rows are apart": (
        "train --train apart.txt --out runs/new",
        "apart.txt:3: expected the rows of a qid to stand together; got qid 1 again, ... Pass --regroup to bring ...",
    ),
    "no qid": (
        "train --train no-qid.txt --out runs/new",
        "no-qid.txt:1: expected '<label> qid:<id> <feature>:<value> ...'; got '1:2' ... Add the qid column, or ...",
    ),
    "zero-based": (
        "train --train zero.txt --out runs/new",
        "zero.txt:1: expected feature indices from 1 on; got '0:2' ... Pass --zero-based if ...",
    ),
    "k of 0": (
        f"{TRAIN} --objective lambdarank --set objective.k=0",
        "objective lambdarank: expected k to be 1 or more, ...; got 0. Pass such a k.",
    ),
    "negative sigma": (
        f"{TRAIN} --set objective.sigma=-1",
        "objective ranknet: expected sigma above 0; got -1.0. Pass a finite number above 0.",
    ),
    "no epochs": (
        f"{TRAIN} --set training.epochs=0",
        "training.epochs: expected a whole number of at least 1; got 0. Choose such a number.",
    ),
    "unknown metric": (
        f"{TRAIN} --set training.metric=ndgc@10",
        "training.metric: expected 'metric' or 'metric@k', such as 'ndcg@10'; got 'ndgc@10'. Did you mean 'ndcg'?",
    ),
    "unknown metric in evaluate": (
        "evaluate run good.txt --metric ndgc@10",
        "metric: expected 'metric' or 'metric@k', such as 'ndcg@10'; got 'ndgc@10'. Did you mean 'ndcg'?",
    ),
    "unknown metric in explain": (
        "explain run good.txt --metric ndgc",
        "metric: expected ...; got 'ndgc'. Did you mean ...",
    ),
    "features that differ": (
        "score run narrow.csv --out scores.txt",
        "narrow.csv: expected 3 features, as the scorer was built for; got 2. Give the documents the features of ...",
    ),
    "features that are not there": (
        "train --train good.txt --features 1,7 --drop 9 --out runs/new",
        "good.txt: expected to drop some of the features 1, 7; got 9, which is not among them. Name others, or fewer.",
    ),
    "no list of features": (
        f"{TRAIN} --features 1,,2",
        "--features: expected names with a comma between; got '1,,2'. Write --features a,b,c.",
    ),
    "folder exists": (
        "train --train good.txt --out run",
        "run: expected a folder without a run; it holds one. Choose another --out, go on with --resume, or delete it.",
    ),
    "resume with changed data": (
        "train --train apart.txt --regroup --resume --out run",
        "run/checkpoint.pt: expected the checkpoint of this run; got one that differs in training data ... Resume ...",
    ),
    "resume of nothing": (
        "train --resume --out runs/new",
        "runs/new: expected a run to go on with; got no experiment.toml there. Check --out, or ...",
    ),
    "wrong device": (
        f"{TRAIN} --set training.device=gpu",
        "training.device: expected 'auto', 'cpu' or 'cuda'; got 'gpu'. Pass one of these.",
    ),
    "an encoder that cannot be": (
        "train --encoder mlp --set encoder.hidden=[0] --out runs/new",
        "MLPEncoder: expected each width in hidden of at least 1; got 0. Pass a whole number.",
    ),
    "empty validation set": (
        f"{TRAIN} --valid empty.txt",
        "empty.txt: expected rows; got an empty file. Check what writes it, or leave it out.",
    ),
    "patience without validation": (
        f"{TRAIN} --set training.patience=3",
        "training.patience: expected validation data, on which it waits; got none. Pass --valid or ...",
    ),
    "broken TOML": (
        "train --config broken.toml --out runs/new",
        "broken.toml: expected TOML; got ... (at line 2, column 6). Mend that line.",
    ),
    "nothing to train on": (
        "train --out runs/new",
        "data: expected training data; got none. Name --train FILE or --folds FOLDER",
    ),
    "a comparison without a file": (
        "compare --out runs/new",
        "compare: expected an experiment file; got none. Name one, as in: rankkit compare FILE.toml",
    ),
    "a comparison with a wrong option": (
        f"{COMPARE} --set training.epochs=0",
        "training.epochs: expected a whole number of at least 1; got 0. Choose such a number.",
    ),
    "a comparison with a system of no name": (
        f"{COMPARE} --set scorers=[{{width=4}}]",
        "...: scorers: expected a value for 'name'; got none. Add it.",
    ),
    "a comparison with a search without options": (
        f"{COMPARE} --set search.trials=3",
        "...: expected a value for 'search.options'; got none. Add it.",
    ),
    "a comparison with a wrong name": (
        f"{COMPARE} --set metric=ndgc",
        "metric: expected ...; got 'ndgc'. Did you mean ...",
    ),
    "a comparison of empty data": (
        f"{COMPARE} --set data.valid=empty.txt",
        "empty.txt: expected rows; got an empty file. ...",
    ),
    "a comparison with a wrong tracker": (f"{COMPARE} --track wandb", "--track: expected ...; got 'wandb'. Known: ..."),
    "a comparison of the future": (
        f"{COMPARE} --set training.device=cuda:9",
        "training.device: expected a device that is here; got 'cuda:9', ... Pass 'auto'.",
    ),
    "wrong target": ("export run --to onyx --out o", "--to: expected ...; got 'onyx'. Did you mean 'onnx'?"),
    "wrong data to export with": (
        "export run --to numpy --out o --data nosuch",
        "nosuch: expected a file or folder; got No such file or directory. Check the path.",
    ),
    "nothing to serve": ("serve nosuch", "nosuch: expected the folder of a saved model...; got nothing there. ..."),
    "shares of more than all": (
        "split good.txt --out parts --fractions .8 .3 .1",
        "split: expected fractions above 0 that sum to 1; got 0.8, 0.3, 0.1 (sum 1.2). Change one of them.",
    ),
    "wrong ending of a copy": (
        "convert good.txt copy.xls",
        "copy.xls: expected a name that ends in ...; got '.xls'. ...",
    ),
    "nothing to inspect": (
        "inspect nosuch.txt",
        "nosuch.txt: expected a file or folder; got No such file ... Check ...",
    ),
}


def state_of(folder):
    """Every file with its content, and every folder."""
    return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_message_and_leaves_nothing(rankkit, examples, monkeypatch, name):
    words, message = MISTAKES[name]
    monkeypatch.chdir(examples)
    before = state_of(examples)
    answer = rankkit(*words.split())
    assert answer.code == 2, answer.out + answer.err
    pattern = ".*".join(re.escape(part) for part in f"rankkit: {message}".split("..."))
    *remarks, said = answer.err.splitlines()
    assert re.fullmatch(pattern, said), said
    assert all(line.startswith(("rankkit: warning: ", "no validation data: ")) for line in remarks)
    assert state_of(examples) == before
    check_words(words.split()[0], said)


def check_words(command, message):
    """An option that a message names is one of the command, and Python's are not named."""
    known = {
        option for parameter in COMMANDS[command].params for option in (*parameter.opts, *parameter.secondary_opts)
    }
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", message)) <= known
    unquoted = re.sub(r"'[^']*'", "", message)
    keywords = re.findall(r"\b(?:qid|label|features|n_features|gain|regroup|zero_based|group_file)=", unquoted)
    assert not keywords
    assert "rankkit." not in unquoted
    assert not re.search(r"Input should|valid integer|unable to parse", message)


@pytest.mark.parametrize("missing", ["--out", "data"])
def test_a_missing_argument_is_named(rankkit, examples, monkeypatch, missing):
    monkeypatch.chdir(examples)
    words = ["score", "run", "good.txt"] if missing == "--out" else ["score", "run", "--out", "scores.txt"]
    answer = rankkit(*words)
    assert answer.code == 2
    assert missing in answer.err
    assert "Missing" in answer.err


def test_what_was_mistaken_works_when_it_is_corrected(rankkit, examples, tmp_path, monkeypatch):
    monkeypatch.chdir(shutil.copytree(examples, tmp_path / "copy"))
    command = ["train", "--train", "renamed.csv", "--out", "runs/new", "--set", "scorer.hidden=[4]"]
    mistakes = (["--set", "training.epochs=0"], ["--label", "grade"], ["--qid", "query_id"])
    for mistake in mistakes:
        assert rankkit(*command, *mistake).code == 2
    answer = rankkit(*command, "--label", "grade", "--qid", "query_id", "--set", "training.epochs=1")
    assert answer.code == 0, answer.err


@pytest.mark.usefixtures("forked_workers")
def test_a_comparison_that_no_system_finished_leaves_room_for_the_next(rankkit, examples, tmp_path, monkeypatch):
    monkeypatch.chdir(shutil.copytree(examples, tmp_path / "copy"))
    command = ["compare", "compare.toml", "--out", "runs/new", "--jobs", "1", "--set", "training.epochs=1"]
    assert rankkit(*command, "--set", "data.valid=no-qid.txt").code == 2
    answer = rankkit(*command)
    assert answer.code == 0, answer.err
