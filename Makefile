# The two commands of the README are `make run` and `make test`; each sets up what it needs.
# On a bare Debian machine, first: apt-get install -y git make g++ python3-dev python3-venv

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SCENARIO ?= crash-debug

.PHONY: run test setup setup-test setup-dev debian lint format native-test native-clang build-clang valgrind stress stress-python \
  model orders fuzz wheel-test selftest schema bench clean

# Set up, then run a scenario (30 seconds by default) to its report.
run: setup
	$(BIN)/zcbench run $(SCENARIO)

# Set up, then pass every test: two processes share them, file by file, as most of them wait.
BESIDE := -n 2 --dist loadfile
test: setup-test debian
	$(BIN)/pytest $(BESIDE)

setup: $(VENV)/installed
$(VENV)/installed: pyproject.toml CMakeLists.txt $(shell find zcbench scenarios -name '*.py' -o -name '*.[ch]pp' -o -name '*.[ch]' -o -name '*.toml' -o -name '*.j2' -o -name '*.js' -o -name '*.css' -o -name '*.cmake')
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

setup-test: setup
	$(BIN)/python -m pip install --quiet --editable '.[test]'

setup-dev: setup
	$(BIN)/python -m pip install --quiet --editable '.[dev]'

# What the tests need, where this user may install it: a PulseAudio server and PortAudio, a browser, a Prometheus server,
# two C compilers with their sanitizers and a second C library, other allocators, Node and its npm, Rust, Java.
DEBIAN := pulseaudio pulseaudio-utils libportaudio2 libasound2-plugins chromium chromium-driver prometheus \
  gcc g++ clang libclang-rt-dev musl-tools nodejs valgrind heaptrack libjemalloc2 libjemalloc-dev libgoogle-perftools-dev libmimalloc-dev \
  default-jdk-headless rustc
debian:
	@if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	  dpkg -s $(DEBIAN) >/dev/null 2>&1 || \
	    { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $(DEBIAN); }; \
	  command -v npm >/dev/null || \
	    { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends npm; }; \
	else \
	  echo "not root: the tests need $(DEBIAN) npm"; \
	fi

lint: setup-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/clang-format --dry-run -Werror $(shell git ls-files '*.cpp' '*.hpp' '*.c' '*.h')

format: setup-dev
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	$(BIN)/clang-format -i $(shell git ls-files '*.cpp' '*.hpp' '*.c' '*.h')

# The C++ core alone, under AddressSanitizer + UndefinedBehaviorSanitizer, then under ThreadSanitizer.
# Needs cmake and doctest (Debian: cmake doctest-dev).
native-test:
	cmake -S tests/native -B build/native-asan -DSANITIZE=address,undefined
	cmake --build build/native-asan --parallel
	ctest --test-dir build/native-asan --output-on-failure
	cmake -S tests/native -B build/native-tsan -DSANITIZE=thread
	cmake --build build/native-tsan --parallel
	ctest --test-dir build/native-tsan --output-on-failure

# The same by clang, and the Python module too, where every warning is an error.
# Needs clang, cmake and doctest (Debian: clang cmake doctest-dev).
native-clang: setup build-clang
	ctest --test-dir build/native-clang --output-on-failure
	CXX=clang++ $(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir build/module-clang \
	  -Cbuild-dir=build/module-clang -Ccmake.define.ZCBENCH_WERROR=ON .

build-clang:
	cmake -S tests/native -B build/native-clang -DCMAKE_CXX_COMPILER=clang++
	cmake --build build/native-clang --parallel

# Those tests under valgrind's memcheck, with one round of each stress test. Needs valgrind.
valgrind: build-clang
	ZCBENCH_STRESS_SECONDS=0 valgrind --quiet --error-exitcode=1 --fair-sched=yes --leak-check=full \
	  --show-leak-kinds=all --errors-for-leak-kinds=all build/native-clang/zccore_tests

# The stress tests for SECONDS in all: half of them under ASan and UBSan, half under TSan.
SECONDS ?= 60
STRESSED = $(shell grep -h 'for (Stress stress' tests/native/test_*.cpp | wc -l)
stress: native-test
	for build in native-asan native-tsan; do \
	  ZCBENCH_STRESS_SECONDS=$$(($(SECONDS) / 2 / $(STRESSED))) build/$$build/zccore_tests || exit 1; \
	done

# Python threads that take, hold and return arrays, over the module under ASan and UBSan, then under TSan.
# The interpreter is not instrumented: it leaks at its end by design, and its lock is seen as what it is, a mutex.
stress-python: setup
	for sanitizer in address,undefined thread; do \
	  build=build/python-$${sanitizer%%,*}; \
	  runtime=$$([ $$sanitizer = thread ] && echo libtsan.so || echo libasan.so); \
	  $(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir $$build -Cbuild-dir=$$build \
	    -Ccmake.build-type=RelWithDebInfo -Ccmake.define.SANITIZE=$$sanitizer -Ccmake.define.ZCBENCH_WERROR=ON . && \
	  LD_PRELOAD="$$($(CXX) -print-file-name=$$runtime) $$($(CXX) -print-file-name=libstdc++.so.6)" \
	  ASAN_OPTIONS=detect_leaks=0 TSAN_OPTIONS=halt_on_error=1 PYTHONMALLOC=malloc \
	    $(BIN)/python tests/native/stress_python.py --core $$build/_core.abi3.so \
	    --seconds $$(($(SECONDS) / 2)) || exit 1; \
	done

# Everything that reads a file, for SECONDS in all, guided by the branches that an input reaches.
fuzz: setup-test
	$(BIN)/python -m pip install --quiet 'atheris>=3; sys_platform != "win32"'
	$(BIN)/python -m tests.fuzz --seconds $(SECONDS)

# The protocols of pool, queue, wake-up and lease, searched exhaustively, and their planted bugs refuted.
# Needs spin and gcc (Debian: spin gcc). docs/correctness.md
model:
	$(PYTHON) tests/native/verify_models.py

# The core's own sources under the C++ memory model, and each memory order weakened in turn.
# Needs g++ and Relacy (Debian: g++ relacy-dev).
orders:
	$(PYTHON) tests/native/verify_orders.py

# One wheel, the suite on every later Python there is. `python -m pytest` would find the plugin in the checkout first.
wheel-test: setup debian
	rm -rf build/wheel
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir build/wheel .
	for version in 3.12 3.13; do \
	  python=$$(for found in python$$version "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/$$version.*/bin/python; do \
	    "$$found" -c '' 2>/dev/null && echo "$$found" && break; done); \
	  [ -n "$$python" ] || { echo "no Python $$version here"; continue; }; \
	  "$$python" -m venv --clear build/venv-$$version && \
	  build/venv-$$version/bin/python -m pip install --quiet "$$(ls build/wheel/*.whl)[test]" && \
	  build/venv-$$version/bin/pytest -q $(BESIDE) || exit 1; \
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
