"""A log from a file to lists, on the command line."""

import json
import tomllib

import numpy as np
import pandas as pd
import pytest

import rankkit as rk
from rankkit.cli.kinds.recommendation.comparison_file import RecommenderComparisonFile
from rankkit.loaders.interactions.folders import read_split
from tests.models.recommenders.drawn import drawn_log

MODELS = ["popularity", "item_knn", "ease", "als", "bpr", "markov"]


@pytest.fixture(scope="module")
def events(tmp_path_factory):
    """A CSV of 700 events."""
    path = tmp_path_factory.mktemp("events") / "ratings.csv"
    frame = drawn_log(n_events=700).to_pandas()
    frame.columns = ["user_id", "item_id", "timestamp", "rating"]
    frame.sample(frac=1, random_state=0).to_csv(path, index=False)
    return path


@pytest.fixture
def log(rankkit, events, tmp_path):
    columns = ("--user", "user_id", "--item", "item_id", "--time", "timestamp", "--value", "rating")
    told = rankkit("interactions", events, *columns, "--out", tmp_path / "log")
    assert told.code == 0, told.err
    assert "Interactions(40 users, " in told.out
    assert "events a user: " in told.out
    assert "remark: " in told.out
    assert "repeat an item of their user" in told.out
    return tmp_path / "log"


def test_a_log_is_kept_and_read_back(log, events):
    with pytest.warns(rk.DataWarning):
        whole = rk.read_interactions(events, user="user_id", item="item_id", time="timestamp", value="rating")
    for again in (rk.read_log(log), rk.read_interactions(log)):
        assert again.fingerprint == whole.fingerprint
        assert again.remarks == whole.remarks


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        (("--by", "time", "--test", ".2", "--valid", ".1"), "by time: the latest 0.2 of the events is test, 0.1"),
        (("--leave-last", "1"), "the last event of each user is test, the one before valid"),
        (("--by", "leave-last"), "the last event of each user is test, the one before valid"),
        (("--ratio",), "of each user the last 0.2 is test, 0.1 valid"),
        (("--ratio", "--random", "--seed", "3"), "of each user a random (seed 3) 0.2 is test, 0.1 valid"),
    ],
)
def test_it_is_split_with_its_audit_trained_and_evaluated(rankkit, log, options, rule):
    told = rankkit("split", log, *options)
    assert told.code == 0, told.err
    assert f"rule: {rule}" in told.out
    assert "later events: for a tested user" in told.out
    run = log.parent / "run"
    told = rankkit("train", "--log", log, "--recommender", "ease", "--out", run)
    assert told.code == 0, told.err
    assert f"split  {rule}" in told.out
    told = rankkit("evaluate", run, log, "-m", "ndcg@10", "-m", "coverage@10", "--json")
    assert told.code == 0, told.err
    report = json.loads(told.out)
    assert 0 < report["metrics"]["ndcg@10"]["mean"] < 1
    assert 0 < report["lists"]["coverage@10"] <= 1


def test_the_numbers_of_other_tools(rankkit, log):
    run = log.parent / "run"
    assert rankkit("train", "--log", log, "--recommender", "popularity", "--out", run).code == 0
    told = rankkit("evaluate", run, log, "-m", "ndcg@10", "-m", "precision@10", "--all-protocols", "--json")
    assert told.code == 0, told.err
    table = json.loads(told.out)["protocols"]
    assert list(table) == ["rankkit", "recbole", "rectools", "cornac", "irspack", "implicit", "recommenders"]
    told = rankkit("evaluate", run, log, "-m", "precision@10", "--protocol", "implicit", "--json")
    assert json.loads(told.out)["metrics"]["precision@10"]["mean"] == table["implicit"]["means"]["precision@10"]
    assert table["rectools"]["means"]["ndcg@10"] < table["recbole"]["means"]["ndcg@10"]
    told = rankkit("evaluate", run, log, "--all-protocols")
    assert "precision@k over" in told.out
    told = rankkit("evaluate", run, log, "--sampled", "5")
    assert "5 drawn" in told.out
    assert "Compare systems by the whole catalogue" in told.err
    for words, text in (
        (("--all-protocols", "--sampled", "5"), "expected it without --sampled"),
        (("--all-protocols", "-m", "coverage@10"), "coverage"),
        (("--protocol", "implict"), "Did you mean 'implicit'"),
    ):
        told = rankkit("evaluate", run, log, *words)
        assert told.code == 2
        assert text in told.err


def test_a_written_split_is_the_split_that_was_made(rankkit, log):
    from rankkit.loaders.interactions.folders import read_split

    assert rankkit("split", log, "--ratio", "--random").code == 0
    made = rk.split_interactions(rk.read_log(log), "ratio", valid=0.1, test=0.2, order="random")
    again = read_split(log / "split")
    assert (again.train.fingerprint, again.rule) == (made.train.fingerprint, made.rule)
    assert again.test.fingerprint == made.test.fingerprint
    assert again.valid.fingerprint == made.valid.fingerprint
    assert rankkit("split", log, "--ratio").code == 0  # in its place
    assert read_split(log / "split").rule != made.rule
    (log / "split" / "notes.txt").write_text("mine")
    told = rankkit("split", log, "--ratio")
    assert told.code == 2
    assert "got one with 'notes.txt'" in told.err


@pytest.mark.parametrize("name", MODELS)
def test_every_recommender_is_trained_and_lists_for_everybody(rankkit, log, name):
    run = log.parent / name
    told = rankkit("train", "--log", log, "--recommender", name, "--out", run, "--set", "data.by=leave_last")
    assert told.code == 0, told.err
    assert "test\n" in told.out
    lists = log.parent / "lists.parquet"
    told = rankkit("recommend", run, "--k", "5", "--out", lists)
    assert told.code == 0, told.err
    model, table = rk.load(run), pd.read_parquet(lists)
    found = model.recommend(model.log.user_ids, 5).to_pandas()
    pd.testing.assert_frame_equal(table, found)
    assert tomllib.loads((run / "experiment.toml").read_text())["data"]["by"] == "leave_last"


def test_lists_for_some_users_and_for_histories(rankkit, log):
    run, folder = log.parent / "run", log.parent
    assert rankkit("train", "--log", log, "--recommender", "ease", "--set", "recommender.l2=5", "--out", run).code == 0
    model = rk.load(run)
    assert model.l2 == 5
    (folder / "users.txt").write_text(f"{model.log.user_ids[3]}\nnobody\n")
    told = rankkit("recommend", run, "--users", folder / "users.txt", "--k", "4", "--out", folder / "some.csv")
    assert told.code == 0, told.err
    assert "8 items for 2 users; 1 without a history get the most popular items" in told.out
    assert pd.read_csv(folder / "some.csv")["user"].unique().tolist() == [str(model.log.user_ids[3]), "nobody"]
    (folder / "users.txt").write_text(f"{model.log.user_ids[3]}\n")
    assert rankkit("recommend", run, "--users", folder / "users.txt", "--out", folder / "one.parquet").code == 0
    assert pd.read_parquet(folder / "one.parquet")["user"].unique().tolist() == [model.log.user_ids[3]]
    items = model.log.item_ids[:3].tolist()
    pd.DataFrame({"user": ["new"] * 3, "item": items}).to_parquet(folder / "histories.parquet")
    out = folder / "new.parquet"
    told = rankkit("recommend", run, "--histories", folder / "histories.parquet", "--k", "4", "--out", out)
    assert told.code == 0, told.err
    assert pd.read_parquet(out)["item"].tolist() == model.recommend([items], 4).items_of(0)
    (folder / "within.txt").write_text("\n".join(map(str, model.log.item_ids[5:9])))
    assert rankkit("recommend", run, "--within", folder / "within.txt", "--out", out).code == 0
    assert set(pd.read_parquet(out)["item"]) <= set(model.log.item_ids[5:9].tolist())
    told = rankkit("recommend", run, "--users", "a", "--histories", "b", "--out", out)
    assert "expected --users or --histories; got both" in told.err


def test_lists_by_faiss_print_their_recall(rankkit, log, tmp_path):
    pytest.importorskip("faiss")
    run, out = tmp_path / "run", tmp_path / "top.parquet"
    assert rankkit("train", "--log", log, "--recommender", "als", "--out", run).code == 0
    (tmp_path / "users.txt").write_text("\n".join(map(str, range(20))))
    for words, n in (
        ((), 40),
        (("--histories", log, "--exclude", tmp_path / "users.txt"), 40),
        (("--users", tmp_path / "users.txt"), 20),
    ):
        told = rankkit("recommend", run, "--ann", "--k", "3", *words, "--out", out)
        assert told.code == 0, told.err
        assert f" items for {n} users\n" in told.out
        assert "lists by FAISS (hnsw, effort 64, " in told.out
        lists = pd.read_parquet(out)
        assert rankkit("recommend", run, "--k", "3", *words, "--out", out).code == 0
        found = len(lists.merge(pd.read_parquet(out), on=["user", "item"])) / len(lists)
        assert f" hold {found:.4f} of the items of the exact ones, measured on {n} users.\n" in told.out
        assert found > 0.9
    ease = tmp_path / "ease"
    assert rankkit("train", "--log", log, "--recommender", "ease", "--out", ease).code == 0
    told = rankkit("recommend", ease, "--ann", "--out", tmp_path / "none.csv")
    assert "recommend --ann: expected a recommender whose scores are products of vectors" in told.err
    assert not (tmp_path / "none.csv").exists()


def test_a_log_that_the_model_did_not_learn_from_is_refused(rankkit, log, tmp_path):
    run = tmp_path / "run"
    assert rankkit("train", "--log", log, "--recommender", "popularity", "--out", run).code == 0
    rk.write_log(drawn_log(seed=9), tmp_path / "other")
    told = rankkit("evaluate", run, tmp_path / "other")
    assert told.code != 0
    assert "expected the log and the split that" in told.err
    assert rankkit("split", log, "--leave-last", "1").code == 0  # after the training, which has noted its own rule
    told = rankkit("evaluate", run, log)
    assert told.code == 0, told.err
    assert "split: by time: " in told.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--recommender", "eese"), "Did you mean 'ease'"),
        (("--recommender", "ease", "--set", "recommender.l3=1"), "l3"),
        (("--recommender", "ease", "--set", "recommender.l2=-1"), "expected l2 as a number above 0"),
        (("--recommender", "ease", "--objective", "ranknet"), "expected none for a recommender"),
        (("--recommender", "ease", "--set", "training.epochs=3"), "expected metric and refit alone"),
        (("--recommender", "ease", "--set", "data.n=2"), "expected no n with by='time'"),
        (("--recommender", "ease", "--train", "x"), "of recommenders: expected no --train"),
        (("--recommender", "ease", "--scorer", "mlp"), "expected one model"),
    ],
)
def test_mistakes_are_named(rankkit, log, words, message):
    told = rankkit("train", "--log", log, *words, "--out", log.parent / "run")
    assert told.code != 0
    assert message in told.err
    assert not (log.parent / "run").exists()


def test_what_is_to_be_done_can_be_typed(rankkit, log, events, tmp_path):
    run = tmp_path / "run"
    assert rankkit("train", "--log", log, "--recommender", "popularity", "--out", run).code == 0
    lists = ("recommend", run, "--out", tmp_path / "lists.csv")
    for words, message in (
        (
            (*lists, "--histories", events),
            "got columns user_id, item_id, timestamp, rating. Rename the column to user.",
        ),
        (
            (*lists, "--users", tmp_path / "nowhere"),
            "expected a text file of ids; got No such file or directory. Check",
        ),
        (
            ("inspect", log),
            "got a log of users and items, or a split of one. Give it to rankkit split or rankkit train",
        ),
        (("export", run, "--to", "onnx", "--out", tmp_path / "onnx"), "has no export. Serve it with rankkit serve."),
    ):
        told = rankkit(*words)
        assert (told.code, message in told.err) == (2, True), told.err


def test_options_of_rankers_and_of_logs_do_not_mix(rankkit, log, files, tmp_path):
    told = rankkit("split", log, "--fractions", ".8", ".1", ".1")
    assert "expected no --fractions" in told.err
    told = rankkit("split", files / "train.txt", "--leave-last", "1", "--out", tmp_path / "x")
    assert "expected no --leave-last" in told.err
    assert "expected --out" in rankkit("split", files / "train.txt").err
    told = rankkit("split", log, "--ratio", "--leave-last", "1")
    assert "expected one rule" in told.err


@pytest.fixture
def comparison(log):
    path = log.parent / "movies.toml"
    path.write_text(
        f'data.log = "{log}"\ndata.by = "leave_last"\nseeds = 2\n'
        'recommenders = ["popularity", "ease", {name = "ease", l2 = 1.0}, "markov", {name = "als", n_factors = 4}]\n'
    )
    return path


def test_recommenders_are_compared(rankkit, log, comparison):
    out = log.parent / "compared"
    told = rankkit("compare", comparison, "--out", out, "--jobs", "1")
    assert told.code == 0, told.err
    for name in ("popularity", "ease", "ease l2=1.0", "markov", "als n_factors=4"):
        assert name in told.out
    report = (out / "report.html").read_text()
    assert "split, later events" in report
    assert "the last event of each user is test" in report
    runs = sorted(path.name for path in (out / "runs").iterdir())
    assert len(runs) == 6  # only als draws anything, so only it runs twice
    model = rk.load(next(path for path in (out / "runs").iterdir() if path.name.startswith("markov")))
    splits = rk.split_interactions(rk.read_log(log), "leave_last")
    found = rk.evaluate(model, splits.test, ["ndcg@10"]).accuracy.counted("ndcg@10")
    kept = pd.read_parquet(next((out / "runs").glob("markov*/per_query.parquet")))["ndcg@10"]
    assert np.array_equal(found, kept)
    assert_one_user(report, model, splits.test, found)
    assert 'id="seen"' not in report  # everybody and everything was seen


def assert_one_user(report, model, test, values):
    """The panel has each user's history, what was to be found, and the list of each system."""
    data = report.partition('<script id="user-data" type="application/json">')[2].partition("</script>")[0]
    data = json.loads(data)
    at = data["systems"].index("markov")
    assert len(data["worst"]) == len(data["systems"])
    shown = [data["users"][place] for place in data["worst"][at]]
    assert len(shown) == 20
    assert [user["values"][at] for user in shown] == sorted(user["values"][at] for user in shown)
    assert shown[0]["values"][at] == pytest.approx(values.min(), abs=1e-4)
    for user in shown:
        place = test.history.user_positions([int(user["user"])])[0]
        met = test.history.item_ids[test.history[int(place)].items].astype(str).tolist()
        assert user["history"] == met[::-1][:12]
        assert user["n_history"] == len(met)
        assert user["targets"] == test.history.item_ids[test.targets[int(place)].items].astype(str).tolist()
        found = model.recommend(test.history.select([place]), 10)
        assert user["lists"][at] == [str(item) for item in found.items_of(0)]
        assert (user["values"][at] > 0) == bool(set(user["targets"]) & set(user["lists"][at]))


def test_what_was_not_seen_in_training_stands_apart_in_the_report(rankkit, tmp_path):
    log = drawn_log(n_users=60, n_events=300, seed=4).to_pandas()
    log.columns = ["user_id", "item_id", "timestamp", "rating"]
    log.drop(columns="rating").to_csv(tmp_path / "events.csv", index=False)
    columns = ("--user", "user_id", "--item", "item_id", "--time", "timestamp", "--duplicates", "first")
    assert rankkit("interactions", tmp_path / "events.csv", *columns, "--out", tmp_path / "log").code == 0
    (tmp_path / "late.toml").write_text(
        f'data.log = "{tmp_path / "log"}"\ndata.by = "time"\nseeds = 1\nrecommenders = ["popularity", "markov"]\n'
    )
    told = rankkit("compare", tmp_path / "late.toml", "--out", tmp_path / "compared", "--jobs", "1")
    assert told.code == 0, told.err
    report = (tmp_path / "compared" / "report.html").read_text()
    section = report.partition('id="seen"')[2].partition("</section>")[0]
    model = rk.load(next((tmp_path / "compared" / "runs").glob("markov*")))
    test = rk.split_interactions(rk.read_log(tmp_path / "log"), "time", valid=0.1, test=0.2).test
    parts = rk.evaluate(model, test).parts
    assert {part.name for part in parts} >= {"users seen in training", "users not seen"}
    for part in parts:
        assert f"({part.n:,})" in section
        assert f"{part.means['ndcg@10']:.4f}" in section


@pytest.mark.parametrize("protocol", ["implicit", "cornac"])
def test_recommenders_are_compared_by_the_rules_of_a_tool(rankkit, log, comparison, protocol):
    comparison.write_text(
        f'data.log = "{log}"\ndata.by = "time"\nseeds = 1\nrecommenders = ["popularity", "markov"]\n'
        f'evaluation.protocol = "{protocol}"\nevaluation.metrics = ["ndcg@10", "precision@10"]\n'
    )
    out = log.parent / "compared"
    told = rankkit("compare", comparison, "--out", out, "--jobs", "1")
    assert told.code == 0, told.err
    assert f"{protocol}: " in told.out
    model = rk.load(next((out / "runs").glob("markov*")))
    test = rk.split_interactions(rk.read_log(log), "time", valid=0.1, test=0.2).test
    mean = rk.evaluate(model, test, ["precision@10"], protocol=protocol).means["precision@10"]
    table = pd.read_parquet(next((out / "runs").glob("markov*/per_query.parquet")))["precision@10"]
    assert table.mean() == pytest.approx(mean, abs=1e-12)
    told = rankkit("compare", comparison, "--set", 'evaluation.protocol="recbol"', "--out", log.parent / "no")
    assert told.code == 2
    assert "Did you mean 'recbole'" in told.err


def test_a_saved_recommender_of_another_split_is_refused_a_place_in_the_table(rankkit, log, comparison):
    for name, by in (("same", "leave_last"), ("other", "time")):
        words = ("--recommender", "popularity", "--set", f"data.by={by}", "--out", log.parent / name)
        assert rankkit("train", "--log", log, *words).code == 0
    external = ", ".join(f'{{name = "saved", path = "{log.parent / name}"}}' for name in ("same", "other"))
    comparison.write_text(
        f'data.log = "{log}"\ndata.by = "leave_last"\nseeds = 1\nrecommenders = ["popularity"]\n'
        f"external = [{external}]\n"
    )
    told = rankkit("compare", comparison, "--out", log.parent / "compared", "--jobs", "1")
    assert told.code == 1
    assert "expected a recommender that learnt from the training part of this split" in told.out + told.err


def test_seeds_are_three_where_none_are_named_and_objectives_are_refused():
    values = {"data": {"log": "log"}, "recommenders": ["popularity", {"name": "ease", "l2": 2}]}
    plan = RecommenderComparisonFile.model_validate(values).plan()
    assert plan.seeds == (0, 1, 2)
    assert [system.name for system in plan.systems] == ["popularity", "ease l2=2"]
    with pytest.raises(rk.ConfigError, match="expected no objectives of recommenders"):
        RecommenderComparisonFile.model_validate({**values, "objectives": ["ranknet"]}).plan()


def test_what_has_no_value_a_user_is_not_compared(rankkit, comparison):
    with comparison.open("a") as file:
        file.write('evaluation.metrics = ["coverage@10"]\n')
    told = rankkit("compare", comparison, "--out", comparison.parent / "compared")
    assert "expected metrics of what is held out" in told.err
    assert "evaluation.lists" in told.err


@pytest.mark.parametrize(
    ("evaluation", "message"),
    [
        ('lists = ["coverage"]', "each with a k"),
        ('lists = ["ndcg@10"]', "expected coverage, gini"),
        ('lists = ["diversity@5"]', "expected features, columns of items, for diversity@5"),
        ('features = ["genre"]', "expected diversity or calibration in lists"),
    ],
)
def test_what_lists_are_like_is_asked_for_whole(rankkit, comparison, evaluation, message):
    with comparison.open("a") as file:
        file.write(f"[evaluation]\n{evaluation}\n")
    told = rankkit("compare", comparison, "--out", comparison.parent / "compared")
    assert told.code == 2
    assert message in told.err


def test_a_saved_recommender_learns_new_events(rankkit, log, tmp_path):
    run, again = tmp_path / "run", tmp_path / "again"
    assert rankkit("train", "--log", log, "--recommender", "ease", "--out", run).code == 0
    old = rk.load(run)
    user, item = old.log.user_ids[0], old.log.item_ids[1]
    frame = pd.DataFrame({"user": [user], "item": [item], "time": [999], "value": [3]})
    frame.to_csv(tmp_path / "new.csv", index=False)
    told = rankkit("train", "--update", run, "--log", tmp_path / "new.csv", "--out", again)
    assert told.code == 0, told.err
    assert "without solving again" in told.out
    new = rk.load(again)
    assert new.options == old.options
    assert new.log.n_events == old.log.n_events + 1
    assert "expected the log and the split that" in rankkit("evaluate", again, log).err
    assert "expected no --recommender" in rankkit("train", "--update", run, "--recommender", "ease").err
    assert "Name both" in rankkit("train", "--update", run).err


def test_columns_of_items_are_kept_measured_and_shown(rankkit, events, tmp_path):
    items = pd.DataFrame(
        {"item_id": range(25), "title": [f"t{item}" for item in range(25)], "genre": list("abcde") * 5}
    )
    items.to_csv(tmp_path / "items.csv", index=False)
    columns = ("--user", "user_id", "--item", "item_id", "--time", "timestamp", "--items", tmp_path / "items.csv")
    told = rankkit("interactions", events, *columns, "--columns", "genre=bag", "--out", tmp_path / "log")
    assert told.code == 2
    assert "'genre'" in told.err
    told = rankkit("interactions", events, *columns, "--out", tmp_path / "log")
    assert told.code == 0, told.err
    assert "columns of items: title (to be shown), genre (category of 5)" in told.out
    run = tmp_path / "run"
    assert rankkit("train", "--log", tmp_path / "log", "--recommender", "popularity", "--out", run).code == 0
    told = rankkit("evaluate", run, tmp_path / "log", "-m", "diversity@5", "--features", "genre")
    assert told.code == 0, told.err
    assert "diversity@5" in told.out
    (tmp_path / "genres.toml").write_text(
        f'data.log = "{tmp_path / "log"}"\nseeds = 1\nrecommenders = ["popularity", "markov"]\n'
        '[evaluation]\nlists = ["coverage@5", "diversity@5", "calibration@12"]\nfeatures = ["genre"]\n'
    )
    told = rankkit("compare", tmp_path / "genres.toml", "--out", tmp_path / "compared", "--jobs", "1")
    assert told.code == 0, told.err
    section = (tmp_path / "compared" / "report.html").read_text()
    section = section.partition('id="of-lists"')[2].partition("</section>")[0]
    splits = rk.split_interactions(rk.read_log(tmp_path / "log"), "time", valid=0.1, test=0.2)
    for name in ("popularity", "markov"):
        model = rk.load(next((tmp_path / "compared" / "runs").glob(f"{name}*")))
        names = ["coverage@5", "diversity@5", "calibration@12"]
        for mean in rk.evaluate(model, splits.test, names, features="genre").means.values():
            assert f"{mean:.4f}" in section
    assert "Diversity and calibration by genre" in section
    told = rankkit("recommend", run, "--k", "2", "--columns", "title,genre", "--out", tmp_path / "lists.csv")
    assert told.code == 0, told.err
    lists = pd.read_csv(tmp_path / "lists.csv")
    assert (lists["title"] == "t" + lists["item"].astype(str)).all()
    told = rankkit("recommend", run, "--columns", "titel", "--out", tmp_path / "none.csv")
    assert told.code == 2
    assert "Did you mean 'title'?" in told.err
    assert not (tmp_path / "none.csv").exists()


@pytest.mark.parametrize("rule", [("--by", "time", "--valid", ".1"), ("--leave-last", "1"), ("--ratio",)])
def test_refit_learns_from_the_validation_part_too_and_says_so(rankkit, log, tmp_path, rule):
    assert rankkit("split", log, *rule).code == 0
    run = tmp_path / "run"
    told = rankkit("train", "--log", log, "--recommender", "ease", "--refit", "--out", run)
    assert told.code == 0, told.err
    splits = read_split(log / "split")
    n_events = splits.test.history.n_events
    assert f"Learnt again from training and validation data together: {n_events} events." in told.out
    about = json.loads((run / "model.json").read_text())["about"]
    assert about["split"]["refit"] is True
    learnt = rk.load(run)
    assert learnt.log.fingerprint == splits.test.history.fingerprint
    train, valid, test = splits
    plain = rk.EASE()
    chosen = rk.fit(plain, train, valid).chosen
    assert learnt.options["l2"] == chosen["l2"]
    np.testing.assert_array_equal(learnt.weights(), rk.EASE(chosen["l2"]).learn(test.history).weights())
    # What is said of the validation data is of what was learnt before it was learnt from.
    assert f"{rk.evaluate(plain, valid, ['ndcg@10']).means['ndcg@10']:.4f} on the validation data" in told.out
    again = rankkit("evaluate", run, log)
    assert again.code == 0, again.err


def test_refit_is_of_recommenders_with_validation_data(rankkit, log, tmp_path):
    told = rankkit("train", "--train", "x.txt", "--refit", "--out", tmp_path / "run")
    assert told.code == 2
    assert "refit" in told.err
    told = rankkit("train", "--update", tmp_path / "run", "--log", log, "--refit", "--out", tmp_path / "other")
    assert told.code == 2
    assert "--refit" in told.err
    assert rankkit("split", log, "--by", "time", "--valid", "0").code == 0
    told = rankkit("train", "--log", log, "--recommender", "ease", "--refit", "--out", tmp_path / "run")
    assert told.code == 2
    assert "expected validation data with refit" in told.err
