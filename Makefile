# Every command of the course; `make help` lists them. On Windows see the README.
SHELL := /bin/sh
PYTHON ?=
LAB_ARGS ?=
LESSON ?=
RUN := .venv/bin/python
# What the notebooks were built with, whatever the shell says. One BLAS thread each, as two notebooks share the cores.
AS_PUBLISHED := OPENBLAS_NUM_THREADS=1 COURSE_PROFILE=quick COURSE_OFFLINE=1 COURSE_DATA_DIR= IPYTHONDIR="$(CURDIR)/build/ipython"
FIRST_NOTEBOOK = $(firstword $(sort $(wildcard notebooks/*.ipynb)))

.DEFAULT_GOAL := help
.PHONY: help lab test lint check units lessons outputs course notebooks solutions install lock record

help:  ## list the commands
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "make %-12s %s\n", $$1, $$2}'

# The first Python that is new enough; if there is none, the first that exists says what is missing.
install:  ## create .venv and install the locked packages (the other commands do this by themselves)
	@fits='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'; \
	for python in $(if $(PYTHON),$(PYTHON),.venv/bin/python python3.12 python3.13 python3.11 python3 python); do \
		if "$$python" -c "$$fits" >/dev/null 2>&1; then exec "$$python" authoring/install.py; fi; \
	done; \
	for python in $(if $(PYTHON),$(PYTHON),python3 python); do \
		if "$$python" -c "" >/dev/null 2>&1; then exec "$$python" authoring/install.py; fi; \
	done; \
	echo "No Python found$(if $(PYTHON), under the name $(PYTHON)). Install Python 3.11, 3.12 or 3.13 (python.org)." >&2; exit 1

lab: install  ## open JupyterLab on the first lesson
	@$(RUN) -m jupyterlab --ServerApp.root_dir=. --LabApp.default_url=/lab/tree/$(FIRST_NOTEBOOK) $(LAB_ARGS)

# All stages run, also after one that failed; the last line is the verdict.
test: install  ## prove that everything works
	@failed=""; \
	for stage in lint check units lessons outputs; do \
		echo "== make $$stage"; \
		$(MAKE) --no-print-directory $$stage || failed="$$failed $$stage"; \
	done; \
	if [ -n "$$failed" ]; then echo "make test: not everything works; to repeat it: make$$failed" >&2; exit 1; fi; \
	echo "make test: everything works."

lint: install
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .

units: install
	$(RUN) -m pytest -q -rs -n 2 --dist loadfile --ignore=tests/test_lessons.py tests

lessons: install
	$(RUN) -m pytest -q -rs tests/test_lessons.py

outputs: install
	$(AS_PUBLISHED) $(RUN) -m pytest -q --nbval-lax --nbval-current-env --nbval-cell-timeout=600 -n 2 --dist loadfile \
		notebooks

check: install  ## list every violation of the house style, with file and cell
	$(RUN) -m authoring.check

notebooks: install  ## rebuild the notebooks whose lesson changed (LESSON=5 for one, FORCE=1 for all)
	$(RUN) -m authoring.build $(if $(FORCE),--force) $(LESSON)

solutions: install  ## build the worked edition into build/solutions/
	$(RUN) -m authoring.build --solutions $(LESSON)

course: install  ## run every lesson and write the course as a web site into build/site/
	$(RUN) -m authoring.course

record: install  ## repeat the recorded runs of data/results/ (minutes to hours)
	$(RUN) -m benchmarks.mnist
	$(RUN) -m benchmarks.dense
	$(RUN) -m benchmarks.cifar10 --turn 5
	$(RUN) -m benchmarks.cats_dogs --turn 5

lock: install  ## refresh requirements.lock and environment.yml from pyproject.toml
	$(RUN) -m pip install --quiet uv
	$(RUN) -m uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--extra tensorflow --extra lab --extra author --upgrade --custom-compile-command "make lock" -o requirements.lock
	$(RUN) -m authoring.environment
