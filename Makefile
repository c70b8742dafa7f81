# The two commands: `make demo` paints a picture, `make test` checks everything.
# `make lab` opens the notebooks, `make playground` a page with knobs; `make book` builds
# the course, gallery and reference as pages, in docs/_build/html; `make paint` serves the
# page that paints in a browser; `make bench` measures; `make assignments` makes the
# students' versions and grades trial submissions.
# `make floors` runs the tests with the lowest versions that pyproject.toml allows.

PYTHON ?= python3
BIN = .venv/bin
PYTEST = -m pytest --numprocesses 2 --dist loadfile  # two files at a time

demo: .venv/demo
	$(BIN)/nst-tf transfer images/content/coffee.jpg images/style/mosaic.jpg \
		--network vgg19_slim -o demo.png

test: .venv/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python $(PYTEST)

lab: .venv/lab
	$(BIN)/jupyter lab --LabApp.default_url=/lab/tree/notebooks/00_quickstart.ipynb

playground: .venv/playground
	$(BIN)/voila notebooks/playground.ipynb --Voila.ip=127.0.0.1 --token

book: .venv/book
	$(BIN)/python docs/book.py

paint: .venv/paint
	$(BIN)/python docs/paint/build.py docs/_build/paint
	$(BIN)/python -m http.server --bind 127.0.0.1 --directory docs/_build/paint

assignments: .venv/test
	cd notebooks/exercises && export PATH="$(CURDIR)/$(BIN):$$PATH" && \
		for name in source/*; do \
		nbgrader generate_assignment $$(basename $$name) --force || exit 1; done
	$(BIN)/python -m pytest tests/test_assignments.py

bench: .venv/bench
	for part in steps optimizers start cost estimates; do \
		$(BIN)/python benchmarks/bench.py $$part || exit 1; done

floors: .venv-floors/floors
	.venv-floors/bin/python $(PYTEST)

# Each target's file is a stamp: the environment is made again when its needs change.
.venv/demo: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --editable .
	touch $@

.venv/lab: .venv/demo
	$(BIN)/pip install --quiet --editable .[notebooks]
	touch $@

.venv/test: .venv/demo requirements.txt
	$(BIN)/pip install --quiet --editable .[test-all]
	touch $@

.venv/playground: .venv/demo
	$(BIN)/pip install --quiet --editable .[playground]
	touch $@

.venv/book: .venv/demo
	$(BIN)/pip install --quiet --editable .[docs,export]
	touch $@

.venv/paint: .venv/demo
	$(BIN)/pip install --quiet --editable .[export]
	touch $@

.venv/bench: .venv/demo
	$(BIN)/pip install --quiet --editable .[bench]
	touch $@

# Its lowest TensorFlow needs Python 3.10 to 3.12: `make floors PYTHON=python3.10`.
.venv-floors/floors: pyproject.toml
	$(PYTHON) -m venv .venv-floors
	sed -n '/^dependencies/,/^]/s/.*"\(.*\)>=\(.*\)".*/\1==\2/p' $< > .venv-floors/versions.txt
	.venv-floors/bin/pip install --quiet --constraint .venv-floors/versions.txt --editable .[test]
	touch $@

.PHONY: demo test lab playground book paint assignments bench floors
