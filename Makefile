# Every target sets up what it needs. EXTRA=gpu on a machine with CUDA.
EXTRA ?= cpu
PY := .venv/bin/python
INSTALLED := .venv/installed-$(EXTRA)

.PHONY: demo test test-fast lint bench lock

demo: $(INSTALLED)
	.venv/bin/raycal run jobs/demo.yaml

# Two processes of one thread each keep two cores busy; tests/conftest.py says what goes where. Where Python writes no
# bytecode, each would compile all tests anew.
PYTEST := env -u PYTHONDONTWRITEBYTECODE OMP_NUM_THREADS=1 VLLM_CPU_OMP_THREADS_BIND=nobind $(PY) -m pytest -n 2 --no-loadscope-reorder

test: lint
	$(PYTEST)

test-fast: lint
	$(PYTEST) -m "not ray and not engine and not cluster"

lint: $(INSTALLED)
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

bench: $(INSTALLED)
	$(PY) jobs/bench_metrics.py
	$(PY) jobs/bench_replies.py
	$(PY) jobs/bench_scale.py
	$(PY) jobs/bench_sampling.py
	$(PY) jobs/bench_finetune.py

lock: $(INSTALLED)
	.ci/lock

$(INSTALLED): .ci/install .ci/locks/$(EXTRA).txt pyproject.toml
	.ci/install $(EXTRA)
	touch $@
