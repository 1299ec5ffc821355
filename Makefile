# demo and test set everything up by themselves; see README.md.

PYTHON ?= python3
CORES ?= 2
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
SMK := $(wildcard workflow/rules/*.smk)

.PHONY: help setup demo reproduce test coverage test-long test-cluster lint format validate bench lock clean

help:
	@echo "make demo      draw the demo cell, run the whole workflow on it, print the report's path"
	@echo "make reproduce run the demo anew in a fresh folder and hold its numbers against the recorded ones"
	@echo "make test      run the tests and the examples in docstrings"
	@echo "make coverage  the same, a quarter slower, and show how much of the library they run"
	@echo "make test-long  run the tests of reruns, failures and equal bytes, which run the workflow many times"
	@echo "make test-cluster  start a Slurm of two nodes on this machine, run what is tested on a cluster, stop it (as root)"
	@echo "make lint      check style, formatting and types of library, scripts, tests and benchmarks"
	@echo "make validate  hold methods and workflow against known answers, write docs/validation.md"
	@echo "make bench     run the benchmarks"
	@echo "make clean     remove the environment and everything that was made"

setup: $(READY)

# The lock file names every dependency, so pip resolves nothing; byte code is compiled by all processors at once,
# and a file that does not compile (templates, code for other versions of Python) is none that is imported.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11, 1))' || \
		{ echo "spallmap needs Python 3.11.1 or newer; found $$($(PYTHON) --version 2>&1). Name another with: make PYTHON=python3.12 demo"; exit 1; }
	@echo "Setting up $(VENV), once: Python packages as requirements.lock names them ($$(grep -c '^[a-z].*==' requirements.lock)), and the library from src/."
	@echo "That takes one or two minutes of processor time, and as long as it takes to fetch them."
	@begin=$$(date +%s); \
	if command -v uv >/dev/null 2>&1; then \
		echo "  1 of 3  a virtual environment (with uv)" && \
		uv venv -q --clear --python $(PYTHON) $(VENV) && \
		echo "  2 of 3  the packages" && \
		uv pip install -q --python $(BIN)/python --compile-bytecode --require-hashes -r requirements.lock && \
		echo "  3 of 3  the library and the commands" && \
		uv pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e .; \
	else \
		echo "  1 of 3  a virtual environment" && \
		{ $(PYTHON) -m venv --clear $(VENV) || { echo "Python's venv module is missing. On Debian: apt-get install python3-venv"; exit 1; }; } && \
		echo "  2 of 3  the packages" && \
		$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-compile --require-hashes -r requirements.lock && \
		{ env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m compileall -q -j 0 $(VENV)/lib > /dev/null || true; } && \
		echo "  3 of 3  the library and the commands" && \
		$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .; \
	fi && echo "Set up in $$(( $$(date +%s) - begin )) s; $(BIN)/spallmap --help says what there is."
	@env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m compileall -q -j 0 src
	@touch $(READY)

demo: $(READY)
	$(BIN)/snakemake --workflow-profile workflow/profiles/local --cores $(CORES)
	@echo "The demo's report: $(CURDIR)/results/demo/shorted/report.html"

# The recorded numbers are benchmarks/recorded/demo.json; the script says what may differ, and why.
reproduce: $(READY)
	$(BIN)/python benchmarks/reproduce.py --cores $(CORES)

# The workflow's tests run beside the others, on one core, and report at the end. Linear algebra on more threads than
# cores only waits.
test: export OMP_NUM_THREADS = 1
test: export OPENBLAS_NUM_THREADS = 1
test: $(READY)
	@said=$$(mktemp); trap 'rm -f "$$said"' EXIT; failed=0; \
	SPALLMAP_TEST_CORES=1 $(BIN)/python -m pytest -q -m "workflow and not long" tests/workflow > "$$said" 2>&1 & workflow=$$!; \
	$(BIN)/python -m pytest -q -n $(CORES) --dist worksteal -m "not workflow and not cluster" $(COVERAGE) --doctest-modules tests src \
		|| failed=1; \
	wait $$workflow || failed=1; \
	cat "$$said"; \
	exit $$failed

# Jobs of the workflow are left out: they are processes of their own. "coverage report -m" shows each line.
coverage: $(READY)
	$(MAKE) test COVERAGE="--cov --cov-report="
	@echo "Lines of src/spallmap that the tests run: $$($(BIN)/coverage report --format=total) %"

test-long: $(READY)
	$(BIN)/python -m pytest -q --durations=8 -m long tests

# Slurm, its accounting and its key are the test's own, in a folder of its own; tests/cluster/install installs the packages.
test-cluster: CLUSTER ?= /var/tmp/spallmap-cluster
test-cluster: $(READY)
	@trap 'tests/cluster/stop $(CLUSTER)' EXIT; tests/cluster/start $(CLUSTER) && \
	SLURM_CONF=$(CLUSTER)/slurm.conf $(BIN)/python -m pytest -q --durations=8 -m cluster tests/cluster

lint: $(READY)
	$(BIN)/ruff check --no-cache .
	$(BIN)/ruff format --no-cache --check .
	$(BIN)/snakefmt --check Snakefile $(SMK)
	$(BIN)/mypy

format: $(READY)
	$(BIN)/ruff check --no-cache --fix .
	$(BIN)/ruff format --no-cache .
	$(BIN)/snakefmt Snakefile $(SMK)

validate: $(READY)
	$(BIN)/python benchmarks/validate_t2.py
	$(BIN)/python benchmarks/validate_regions.py
	$(BIN)/python benchmarks/validate_t2_faults.py
	$(BIN)/python benchmarks/validate_distribution.py
	$(BIN)/python benchmarks/validate_real_mri.py
	$(BIN)/python benchmarks/validate_cracks.py
	$(BIN)/python benchmarks/validate_bad_tomograms.py
	$(BIN)/python benchmarks/validate_volumes.py
	$(BIN)/python benchmarks/validate_projection.py
	$(BIN)/python benchmarks/validate_sections.py
	$(BIN)/python benchmarks/validate_details.py
	$(BIN)/python benchmarks/validate_projection_faults.py
	$(BIN)/python benchmarks/validate_detail_faults.py
	$(BIN)/python benchmarks/validate_section_faults.py
	$(BIN)/python benchmarks/validate_chain.py --cores $(CORES)
	$(BIN)/python benchmarks/validate_bad_days.py --cores $(CORES)

bench: $(READY)
	$(BIN)/python benchmarks/run.py

# Needs uv. Hashes and no index addresses, so that any mirror serves.
lock:
	uv pip compile --universal --python-version 3.11.1 --fork-strategy fewest --generate-hashes \
		--no-emit-index-url --no-header --extra dev pyproject.toml -o requirements.lock

clean:
	rm -rf $(VENV) .snakemake spallmap-demo results validation
