# Everything works from a bare clone with Python 3.11 or later and make: the first target to run creates .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
unexport PYTHONDONTWRITEBYTECODE  # what is compiled is kept for the next process
READY := $(VENV)/.ready
# One worker a core; one that has done its share takes of the others.
PARALLEL := -n auto --dist worksteal

.PHONY: help demo test coverage test-slow speed format clean

help:
	@echo "make demo       train four objectives on the bundled sample and print one table"
	@echo "make test       format check, lint, types, import layers, tests with doctests"
	@echo "make coverage   the same tests, and which lines and branches they leave out"
	@echo "make test-slow  the tests that take longer"
	@echo "make speed      experiments/speed/README.md anew, some twenty minutes"
	@echo "make format     rewrite the sources in the house format"

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	PIP_CONSTRAINT=constraints.txt $(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[test]"
	touch $(READY)

# Threads that wait sleep: else it takes up to ten times as long beside a busy process.
demo: $(READY)
	@OMP_WAIT_POLICY=PASSIVE $(BIN)/python experiments/first-ranker/demo.py

test: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -m "not slow" $(PARALLEL)

coverage: $(READY)
	$(BIN)/pytest -m "not slow" $(PARALLEL) --cov --cov-report=term:skip-covered

test-slow: $(READY)
	$(BIN)/pytest -m slow

speed: $(READY)
	$(BIN)/python experiments/speed/run.py

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage
