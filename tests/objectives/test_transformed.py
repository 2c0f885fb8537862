"""Objectives inside torch.compile and under the transforms of torch.func: right, or refused in rankkit's words."""

import contextlib
import os
import subprocess
from pathlib import Path

import pytest
import torch
from torch.func import grad, jvp, vmap

import rankkit as rk
from rankkit.registry import OBJECTIVES
from tests import forked
from tests.objectives.compiled_steps import called, value_and_slopes
from tests.objectives.embedding.batches import OBJECTIVES as EMBEDDING
from tests.oracles.catalogue import SEED

ROOT = Path(__file__).parents[2]
EVERY = sorted({*OBJECTIVES, *EMBEDDING})
# One of each way that an objective computes: plain torch, compiled pairs with and without lambda weights, soft ranks.
KINDS = ["softmax", "pairwise_hinge", "lambdarank", "approx_ndcg"]


@contextlib.contextmanager
def refusals_in(refused):
    """Put the message of a ConfigError into a list."""
    try:
        yield
    except rk.ConfigError as error:
        refused.append(str(error))


def compile_steps(backend, graph, *names):
    ran = subprocess.run(
        [forked.executable(), "-m", "tests.objectives.compiled_steps", backend, graph, *names],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]


def test_a_compiled_step_gives_the_same_loss_and_slopes():
    compile_steps("aot_eager", "broken", *KINDS, "listmle", "nt_xent")


def test_no_break_in_the_graph_is_needed():
    compile_steps("aot_eager", "whole", "pairwise_hinge", "approx_mrr")


@pytest.mark.slow
def test_every_objective_can_be_compiled():
    compile_steps("aot_eager", "broken", *EVERY)


@pytest.mark.slow
def test_the_compiler_of_machine_code_takes_them():
    compile_steps("inductor", "broken", *KINDS)


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")  # torch's own use of it
@pytest.mark.parametrize("name", EVERY)
def test_transforms_are_right_or_refused(name):
    function, given = called(name)
    loss, slopes = value_and_slopes(function, given)

    def differentiate():
        torch.testing.assert_close(grad(function)(given), slopes)

    def differentiate_forward():
        torch.testing.assert_close(jvp(function, (given,), (torch.ones_like(given),))[1], slopes.sum())

    def map_over_two():
        torch.testing.assert_close(vmap(function)(torch.stack([given, given])), loss.expand(2))

    for transformed in (differentiate, differentiate_forward, map_over_two):
        torch.manual_seed(SEED)
        refused = []
        with refusals_in(refused):
            transformed()
        assert all("torch.func" in said and "Call" in said for said in refused)
