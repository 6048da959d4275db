# Needs make and Python 3.11 or newer, nothing else. `make help` lists what it does.

SHELL := /bin/sh
.DEFAULT_GOAL := help

# The first Python here that is new enough; `make lab PYTHON=/path/to/python` names another.
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13 python3.14 python; do \
	$$p -c "$(NEW_ENOUGH)" 2>/dev/null && echo $$p && break; done)

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
NOTEBOOKS := $(wildcard notebooks/*.ipynb)
# Jupyter refuses to run as root unless told, and a container often has no other user.
LAB := $(BIN)/jupyter lab $(if $(filter 0,$(shell id -u)),--allow-root) \
	--LabApp.default_url=/lab/tree/notebooks/00_hello_music.ipynb
# JupyterLab's question whether to fetch news would cover the page that a newcomer sees first.
NO_NEWS := {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": true}}
# Short training in notebooks, on one thread: two that wait for each other crawl beside other work. A notebook's
# kernel that dies is noticed only when its cell's time is up.
NBVAL := MUSICLAB_QUICK=1 OMP_NUM_THREADS=1 $(BIN)/python -m pytest --nbval-lax --nbval-current-env --nbval-cell-timeout=300 \
	--ignore=notebooks/assignments/release
PYTEST := $(BIN)/python -m pytest -rs --doctest-modules --ignore=tests/benchmarks
STYLE := $(BIN)/ruff check . && $(BIN)/ruff format --check .

.PHONY: help lab app demo class-demo test test-all bench bench-jsb weights publish loc clean

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-18s %s\n", $$1, $$2 }'

lab: $(BIN)/.lab ## open JupyterLab on the first notebook (ARGS=--no-browser on a server)
	$(LAB) $(ARGS)

app: $(BIN)/.lab ## the playground in the browser as an app, without code (ARGS=--no-browser on a server)
	JUPYTER_PATH=notebooks/app $(BIN)/voila notebooks/playground.ipynb --template=offline $(ARGS)

demo: $(BIN)/.core ## write one generated chorale as .mid .musicxml .mp3 .png into out/ (ARGS=...)
	$(BIN)/musiclab demo $(ARGS)

class-demo: $(BIN)/.test ## release an assignment, hand in 30 invented answers to it, mark them and show the summary
	$(BIN)/python notebooks/assignments/class_demo.py $(ARGS)

test: $(BIN)/.test ## tests, doctests, every notebook, import contract, style (ARGS=... goes to pytest)
	$(PYTEST) -m "not slow and not peer" $(ARGS)
	$(if $(NOTEBOOKS),$(NBVAL) notebooks)
	$(STYLE)

test-all: $(BIN)/.bench ## the same with the slow tests and those that run peers
	$(PYTEST) $(ARGS)
	$(if $(NOTEBOOKS),$(NBVAL) notebooks)
	$(STYLE)

bench: $(BIN)/.bench ## speed and quality side by side with other libraries
	$(BIN)/python -m pytest tests/benchmarks/bench_*.py -s $(ARGS)

bench-jsb: $(BIN)/.core ## train and measure on the canonical JSB Chorales, the headline figure (half an hour or more)
	$(BIN)/python tests/benchmarks/train_jsb.py $(ARGS)

weights: $(BIN)/.core ## train a model that data/models holds, from the start (MODEL=name)
	$(BIN)/python data/make_weights.py $(or $(MODEL),chorale-transformer) $(ARGS)

publish: $(BIN)/.core ## write a fork's address into all badges and set-up cells (REPO=owner/name)
	$(BIN)/python .ci/publish.py $(REPO)

loc: $(BIN)/.core ## count the library's lines of code
	$(BIN)/python .ci/loc.py

clean: ## remove the environment and everything made here
	rm -rf .venv out build dist .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -prune -exec rm -rf {} +

# --- installing: a stamp in .venv/bin for each set of extras, made anew when a requirement changes -----------------------

$(BIN)/python:
	@if [ -z "$(PYTHON)" ] || ! $(PYTHON) -c "$(NEW_ENOUGH)"; then \
		echo "musiclab needs Python 3.11 or newer; $(or $(PYTHON),what is on the path here) is not." >&2; \
		echo "Install one from python.org, then: make PYTHON=/path/to/python3 ..." >&2; exit 1; fi
	$(PYTHON) -m venv .venv || { rm -rf .venv; \
		echo "Python could not make .venv; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }

# tinysoundfont declares pyaudio, which it does not need and which does not build everywhere, so no list can name it.
$(BIN)/.core: STAMPS := .core
$(BIN)/.lab: EXTRAS := [lab]
$(BIN)/.lab: STAMPS := .core .lab
$(BIN)/.test: EXTRAS := [lab,audio,fast,classroom,test]
$(BIN)/.test: STAMPS := .core .lab .test
$(BIN)/.bench: EXTRAS := [lab,audio,fast,classroom,test,bench]
$(BIN)/.bench: STAMPS := .core .lab .test .bench
$(BIN)/.core $(BIN)/.lab $(BIN)/.test $(BIN)/.bench: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) install -q -c constraints.txt -e ".$(EXTRAS)"
	$(PIP) install -q -c constraints.txt --no-deps tinysoundfont || \
		echo "tinysoundfont did not install: sound will come from another synthesizer (see: musiclab doctor)"
	@mkdir -p .venv/etc/jupyter/labconfig && echo '$(NO_NEWS)' > .venv/etc/jupyter/labconfig/page_config.json
	@touch $(addprefix $(BIN)/,$(STAMPS))
