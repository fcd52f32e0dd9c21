# `make demo` and `make test` work on a machine with only Python and make.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test test-all lint bench clean

unexport PYTHONDONTWRITEBYTECODE # tests start many processes, each of which would compile the library anew

demo: .venv/demo
	$(BIN)/python examples/vanishing_gradients.py

test: .venv/test
	$(BIN)/python -m pytest -q -n auto --dist worksteal --durations 10 --installed test

# Those that need what `make test` does not install, and skip there.
test-all: .venv/all-tests
	$(BIN)/python -m pytest -q -n auto -m extra --installed all-tests

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: .venv/bench
	$(BIN)/python -m benchmarks

# One environment; each stamp adds an extra of pyproject.toml to it.
.venv/%: pyproject.toml | .venv/bin
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[$*]"
	touch $@

.venv/bin:
	$(PYTHON) -m venv .venv

clean:
	rm -rf .venv* report dist build *.egg-info .*_cache .hypothesis
	find . -name __pycache__ -not -path "./.git/*" -prune -exec rm -rf {} +
