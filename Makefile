# mixmnist: `make benchmark` and `make test` on a bare machine (Python 3.11+, pip, make; on a GPU a C compiler, too).
SOURCE = auto
SEEDS = 5
DEVICE = auto
DATA =
OUT = results/local
PYTHON = python3

BIN = .venv/bin
RUN = $(BIN)/mixmnist run --source $(SOURCE) --device $(DEVICE) $(if $(DATA),--data-root $(DATA))

.DEFAULT_GOAL := help
.PHONY: help benchmark trust test test-slow test-browser mutants check smoke reference figures docs tour screenshot wheel speed growth recipes nets-speed gpu-check everything clean

help: ## what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  variables: SOURCE=$(SOURCE) SEEDS=$(SEEDS) DEVICE=$(DEVICE) DATA=$(DATA) OUT=$(OUT)"

benchmark: .venv/installed ## a first look, then both studies; ends in one screen: yours beside the reference, verdicts, pages
	$(RUN) demo sanity usefulness --seeds $(SEEDS) --out $(OUT)

trust: .venv/installed ## which scores can be trusted: controls on trained nets, report cards on planted units (about 10 minutes)
	nice $(BIN)/mixmnist run plants --source stamps --out $(OUT) --no-page --quiet & planted=$$!; \
	$(RUN) trust --seeds $(SEEDS) --precision float32 --out $(OUT) --refer results/reference --no-page; code=$$?; \
	wait $$planted && exit $$code

# shapes are checked as tests run (pyproject.toml); bare, they are not, which is quicker
PYTEST = OMP_NUM_THREADS=1 $(BIN)/python -m pytest
SHARED = -n auto --maxprocesses 3 --dist
BARE = --jaxtyping-packages=
test: .venv/test ## the tests, but for the slow ones
	$(PYTEST) $(SHARED) worksteal -m "not slow and not browser"

test-slow: .venv/test ## the slow tests: killed sweeps, clusters, origins, planted networks, cards
	$(PYTEST) $(SHARED) loadfile -m slow $(BARE)

test-browser: .venv/browser ## the page in a real Chromium, which has to be there (Debian: apt-get install chromium)
	$(PYTEST) -m browser tests/browser $(BARE)

MUTANTS =
mutants: .venv/mutants ## small slips put into the sources: how many would the tests let pass? (under an hour of two cores; goes on where it stopped)
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/mutants $(MUTANTS)

check: .venv/check ## lint, format, types, import directions, examples in docstrings
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(PYTEST) --doctest-modules mixmnist $(BARE)

smoke: .venv/installed ## both studies in two epochs; "quick" is stamped on every table
	$(RUN) sanity usefulness --seeds 1 --quick --out results/smoke

# rounding depends on the processor's instructions: these are those of AVX2, and so the same on any x86 that has them
AVX2 = ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 NUMBA_CPU_NAME=haswell NUMBA_CPU_FEATURES=+avx2,+fma
REFERENCE = $(AVX2) $(BIN)/mixmnist run --no-page --device cpu --precision float32 --out results/reference $(if $(DATA),--data-root $(DATA))
reference: .venv/installed ## make the committed reference results again (MNIST, digits and stamps; about fifteen hours of two cores)
	$(REFERENCE) sanity usefulness --source mnist --seeds 10
	$(REFERENCE) sanity --source mnist --seeds 20 --variants baseline,wide
	$(REFERENCE) sanity --source digits --seeds 5 --variants baseline,wide
	$(REFERENCE) dropout overlap recipe tasks width --source mnist --seeds 5
	$(REFERENCE) trust --source mnist --seeds 10
	$(REFERENCE) features --source mnist --seeds 20 --variants width-5,baseline,wide
	$(REFERENCE) features --source mnist --seeds 10
	$(REFERENCE) maps synthesis labels --source mnist --seeds 10
	$(REFERENCE) ways verification --source mnist --seeds 5
	$(REFERENCE) architectures supervisions pruning attack conditions --source mnist --seeds 5
	$(REFERENCE) conditions --source mnist --seeds 10 --variants usual,norm,no-norm,noise-0.5,noise-1,shuffled
	$(REFERENCE) emergence transfer --source mnist --seeds 10
	$(REFERENCE) plants planted_generators --source stamps
	$(REFERENCE) generators --source stamps --variants reader --seeds 2
	$(REFERENCE) generators --source stamps --variants factors,relativistic
	$(REFERENCE) generators --source stamps --variants dcgan,conditional,vae,vaegan --seeds 1
	$(REFERENCE) generators --source mnist --variants reader,factors-style --seeds 1
	$(REFERENCE) omission inversion --source stamps
	$(BIN)/python benchmarks/coverage.py
	$(BIN)/mixmnist index results/reference --out results/README.md

figures: .venv/installed ## draw every table and figure again from the records
	$(BIN)/mixmnist report $(dir $(wildcard results/reference/*/*/runs $(OUT)/*/*/runs)) $(if $(DATA),--data-root $(DATA))

docs: .venv/docs ## the documentation with the gallery, into site/; warnings are errors
	NO_MKDOCS_2_WARNING=1 DISABLE_MKDOCS_2_WARNING=true $(BIN)/mkdocs build --quiet --strict

tour: .venv/test ## run examples/tour.ipynb and keep its outputs in it
	$(BIN)/python docs/tour.py

screenshot: .venv/browser ## take the picture of a page that README shows again (it needs MNIST and chromium)
	$(BIN)/python docs/screenshot.py

wheel: .venv/build ## build the wheel, install it into a clean environment, run the demo outside the repository (about 2 minutes)
	BIN=$(BIN) .ci/wheel

speed: .venv/speed ## time every stage against its peers, side by side (about 10 minutes)
	$(BIN)/python benchmarks/speed/suite.py

growth: .venv/installed ## seconds and memory from a thousand to a million canvases, from 10 to 2,000 units
	$(BIN)/python benchmarks/speed/growth.py

recipes: .venv/installed ## time to accuracy: is there a cheaper recipe that moves no finding? (about 40 minutes)
	$(BIN)/python benchmarks/speed/recipes.py

nets-speed: .venv/installed ## each net of the shelf, five seeds side by side and one after another (about 5 minutes)
	$(BIN)/python benchmarks/speed/nets.py

gpu-check: .venv/installed ## on a GPU: the same results as on the processor, and how fast (3 minutes)
	$(BIN)/python benchmarks/speed/gpu_check.py

everything: .venv/bin/python pyproject.toml ## install what the checks, the tests and the documentation need, all at once
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test,check,docs,browser,mutants]'
	touch .venv/installed
	touch .venv/test .venv/check .venv/docs .venv/browser .venv/mutants

clean: ## remove what was made here; committed results stay
	rm -rf .venv build site *.egg-info results/local results/smoke .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -not -path './.git/*' -exec rm -rf {} +

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; try: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; $(PYTHON) -m pip install --quiet --user virtualenv && $(PYTHON) -m virtualenv --quiet .venv; }

.venv/installed: .venv/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

.venv/test .venv/browser .venv/mutants .venv/check .venv/speed .venv/docs .venv/build: .venv/%: .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test,$*]'
	touch $@
