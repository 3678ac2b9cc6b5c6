# The two commands of the README are `make run` and `make test`; each sets up what it needs.
# On a bare Debian machine, first: apt-get install -y git make g++ python3-dev python3-venv

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SCENARIO ?= crash-debug

.PHONY: run test setup setup-test debian lint format native-test model orders wheel-test selftest schema bench clean

# Set up, then run a scenario (30 seconds by default) to its report.
run: setup
	$(BIN)/zcbench run $(SCENARIO)

# Set up, then pass every test.
test: setup-test debian
	$(BIN)/pytest

setup: $(VENV)/installed
$(VENV)/installed: pyproject.toml CMakeLists.txt $(shell find zcbench scenarios -name '*.py' -o -name '*.[ch]pp' -o -name '*.toml' -o -name '*.j2' -o -name '*.js' -o -name '*.css' -o -name '*.cmake')
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

setup-test: setup
	$(BIN)/python -m pip install --quiet --editable '.[test]'

setup-dev: setup
	$(BIN)/python -m pip install --quiet --editable '.[dev]'

# What the tests need, where this user may install it: a PulseAudio server and PortAudio, a browser, a Prometheus server.
DEBIAN := pulseaudio pulseaudio-utils libportaudio2 libasound2-plugins chromium chromium-driver prometheus
debian:
	@if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	  dpkg -s $(DEBIAN) >/dev/null 2>&1 || \
	    { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $(DEBIAN); }; \
	else \
	  echo "not root: the tests need $(DEBIAN)"; \
	fi

lint: setup-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/clang-format --dry-run -Werror $(shell git ls-files '*.cpp' '*.hpp')

format: setup-dev
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	$(BIN)/clang-format -i $(shell git ls-files '*.cpp' '*.hpp')

# The C++ core alone, under AddressSanitizer + UndefinedBehaviorSanitizer, then under ThreadSanitizer.
# Needs cmake and doctest (Debian: cmake doctest-dev).
native-test:
	cmake -S tests/native -B build/native-asan -DSANITIZE=address,undefined
	cmake --build build/native-asan --parallel
	ctest --test-dir build/native-asan --output-on-failure
	cmake -S tests/native -B build/native-tsan -DSANITIZE=thread
	cmake --build build/native-tsan --parallel
	ctest --test-dir build/native-tsan --output-on-failure

# The protocols of pool, queue, wake-up and lease, searched exhaustively, and their planted bugs refuted.
# Needs spin and gcc (Debian: spin gcc). docs/correctness.md
model:
	$(PYTHON) tests/native/verify_models.py

# The core's own sources under the C++ memory model, and each memory order weakened in turn.
# Needs g++ and Relacy (Debian: g++ relacy-dev).
orders:
	$(PYTHON) tests/native/verify_orders.py

# One wheel, the suite on every later Python there is.
wheel-test: setup debian
	rm -rf build/wheel
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir build/wheel .
	for version in 3.12 3.13; do \
	  python=$$(for found in python$$version "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/$$version.*/bin/python; do \
	    "$$found" -c '' 2>/dev/null && echo "$$found" && break; done); \
	  [ -n "$$python" ] || { echo "no Python $$version here"; continue; }; \
	  "$$python" -m venv --clear build/venv-$$version && \
	  build/venv-$$version/bin/python -m pip install --quiet "$$(ls build/wheel/*.whl)[test]" && \
	  build/venv-$$version/bin/python -m pytest -q || exit 1; \
	done

# Every planted fault must be called by its name, no sound engine accused (docs/selftest.md).
selftest: setup
	$(BIN)/zcbench selftest --quick

# The published JSON Schemas, again from the types.
schema: setup
	$(BIN)/zcbench schema --out docs/schema

# The engine against its peers, in turns (docs/performance.md).
bench: setup
	$(BIN)/python -m pip install --quiet --editable '.[bench]'
	$(BIN)/zcbench bench

clean:
	rm -rf build dist $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
