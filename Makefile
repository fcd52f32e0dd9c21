# `make demo` and `make test` work on a machine with only Python and make.
PYTHON ?= python3
NEWEST ?= python3.14
BIN := .venv/bin

.PHONY: demo cluster-demo test test-all test-lowest test-newest lint bench docs dist clean

unexport PYTHONDONTWRITEBYTECODE # tests start many processes, each of which would compile the library anew

demo: .venv/demo
	$(BIN)/python examples/vanishing_gradients.py

# A scheduler and two workers on this machine, one of which is killed on the way.
cluster-demo: .venv/demo .venv/cluster
	$(BIN)/python examples/cluster.py

test: .venv/test
	$(BIN)/python -m pytest -q -n auto --dist worksteal --durations 10 -m "not heavy and not site" --installed test

# Those that need what `make test` does not install, and skip there, and those that would make it too long.
test-all: .venv/all-tests
	$(BIN)/python -m pytest -q -n auto --dist worksteal -m "extra or heavy" --installed all-tests

# The derivatives of every rule, first and second, with the lowest versions that pyproject.toml promises.
test-lowest: .venv-lowest/test
	.venv-lowest/bin/python -m pytest -q -n auto tests/autograd_mini/rules/test_rules.py
	.venv-lowest/bin/python -m pytest -q -n auto tests/autograd_mini/scipy/test_special.py -k of_every_call

# What depends on the versions of Python and NumPy, with the newest of both: rules, names that are answered, the tour.
test-newest: .venv-newest/test
	.venv-newest/bin/python -m pytest -q -n auto -k "not to_second_order" tests/autograd_mini/test_tour.py tests/autograd_mini/test_tensor.py \
		tests/autograd_mini/test_elsewhere.py tests/nn/test_elsewhere.py tests/autograd_mini/rules/test_rules.py

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: .venv/bench
	$(BIN)/python -m benchmarks

# The site, site/index.html, and then its checks: examples run in their fast mode, or whole with `make docs WHOLE=1`.
docs: .venv/docs
	rm -rf docs/api/names docs/api/used site/_modules site/api site/examples site/*.html $(if $(WHOLE),docs/examples)
	$(BIN)/python -m sphinx -q -W --keep-going -j auto -d .sphinx_cache $(if $(WHOLE),-t WHOLE) docs site
	$(BIN)/python -m pytest -q -n auto --dist worksteal -m site --installed docs tests/docs/test_site.py tests/docs/test_extensions.py

# Files to hand on: dist/ has the sdist and the wheel.
dist: .venv/dev
	rm -rf dist
	$(BIN)/python -m build --outdir dist
	$(BIN)/python -m twine check --strict dist/*

# One environment; each stamp adds an extra of pyproject.toml to it.
.venv/%: pyproject.toml | .venv/bin
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[$*]"
	touch $@

.venv/bin:
	$(PYTHON) -m venv .venv

# The lowest Python too: for a later one, not all of the old packages were built.
.venv-lowest/test: pyproject.toml
	python3.11 -m venv --clear .venv-lowest
	grep -oE '[[:alnum:]-]+(\[[a-z]+\])?>=[0-9.]+' $< | sed -E 's/\[.*\]//; s/>=/==/' | \
		sort -V | awk -F == '!seen[$$1]++' > .venv-lowest/lowest.txt # of several promises the lowest
	.venv-lowest/bin/python -m pip install --quiet --disable-pip-version-check --only-binary :all: \
		--constraint .venv-lowest/lowest.txt --editable ".[test]"
	touch $@

.venv-newest/test: pyproject.toml
	$(NEWEST) -m venv --clear .venv-newest
	.venv-newest/bin/python -m pip install --quiet --disable-pip-version-check --editable ".[test]"
	touch $@

clean:
	rm -rf .venv* report dist build site *.egg-info .*_cache .hypothesis
	rm -rf docs/examples docs/api/names docs/api/used docs/sg_execution_times.rst
	find . -name __pycache__ -not -path "./.git/*" -prune -exec rm -rf {} +
