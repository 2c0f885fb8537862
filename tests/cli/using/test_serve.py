"""``rankkit serve``: options become settings; what it needs is checked before it listens."""

import pytest


@pytest.fixture
def served(monkeypatch):
    """The calls that would have served."""
    from rankkit.serving import server

    calls = []
    monkeypatch.setattr(server, "serve", lambda paths, settings: calls.append((paths, settings)))
    return calls


def test_options_become_settings(rankkit, served, tmp_path):
    answer = rankkit(
        "serve", tmp_path, "--port", 81, "--max-body", 1, "--max-list-size", 2, "--max-docs", 3, "--max-requests", 4,
        "--threads", 5, "--engine", "torch",
    )  # fmt: skip
    assert (answer.code, answer.err) == (0, "")
    ((paths, settings),) = served
    assert paths == {tmp_path.name: tmp_path}
    assert (settings.host, settings.port) == ("127.0.0.1", 81)
    assert (settings.max_body_bytes, settings.max_list_size, settings.max_docs) == (1, 2, 3)
    assert settings.engine == "torch"
    assert (settings.max_requests, settings.n_threads, settings.log_requests) == (4, 5, False)


def test_defaults_are_those_of_the_settings(rankkit, served, tmp_path):
    from rankkit.serving import Settings

    rankkit("serve", tmp_path)
    assert served[0][1] == Settings()


def test_listening_to_other_machines_is_pointed_out(rankkit, served, tmp_path):
    assert "can be reached from other machines" in rankkit("serve", tmp_path, "--host", "0.0.0.0").err


def test_a_folder_without_a_ranker_is_one_message_and_code_2(rankkit, tmp_path):
    answer = rankkit("serve", tmp_path)
    assert answer.code == 2
    assert answer.err.startswith(f"rankkit: {tmp_path / 'model.json'}: expected a file of a saved model")


def test_models_have_names(rankkit, served, tmp_path):
    for name in ("x", "y", "k=1"):
        (tmp_path / name).mkdir()
    rankkit("serve", f"a={tmp_path / 'x'}", f"b={tmp_path / 'y'}", tmp_path / "k=1", "--shadow", "b", "--admin-port", 9)
    ((paths, settings),) = served
    assert paths == {"a": tmp_path / "x", "b": tmp_path / "y", "k=1": tmp_path / "k=1"}
    assert (settings.shadow, settings.admin_port) == ("b", 9)


def test_a_name_that_comes_twice_is_refused(rankkit, served, tmp_path):
    answer = rankkit("serve", tmp_path / "x" / "run", tmp_path / "y" / "run")
    assert answer.code == 2
    assert "expected models of different names; got 'run' twice" in answer.err


def test_an_engine_that_there_is_not_is_refused(rankkit, served, tmp_path):
    answer = rankkit("serve", tmp_path, "--engine", "onnxruntim")
    assert answer.code == 2
    assert "--engine: expected auto, torch, onnxruntime; got 'onnxruntim'. Did you mean 'onnxruntime'?" in answer.err
    assert served == []
