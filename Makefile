# `make demo` and `make test` are the two that a newcomer needs: each works as
# the first and only command on a fresh Debian 12. CMake and pip do the rest.
.DEFAULT_GOAL := test
.DELETE_ON_ERROR:
.PHONY: demo test build build-test bench check format clean \
	check-format check-cdef check-docs check-floors check-symbols \
	check-scenarios check-lengths install-deps install-ci-deps

PACKAGES := build-essential cmake ninja-build pkg-config libuv1-dev \
	libsodium-dev libxxhash-dev libcjson-dev liblua5.4-dev lua5.4 \
	libcmocka-dev python3-venv python3-dev
CI_PACKAGES := clang clang-format libclang-rt-14-dev valgrind

PYTHON ?= /usr/bin/python3
VENV := build/venv
SOURCES := CMakeLists.txt pyproject.toml \
	$(shell find core bindings -type f ! -path '*__pycache__*')
C_FILES = $(shell find core bindings cli examples tests bench \
	-name '*.[ch]' ! -name _cdef.h)

demo: build $(VENV)/installed
	@$(VENV)/bin/python examples/demo.py

test: build-test $(VENV)/installed
	@failed=0; export LARES_BUILD=$(CURDIR)/build/test; \
	$(VENV)/bin/python tests/docs/run_blocks.py build/test || failed=1; \
	ctest --preset test || failed=1; \
	$(VENV)/bin/python -m pytest || failed=1; \
	exit $$failed

build: install-deps
	@test -f build/release/build.ninja || cmake --preset release >/dev/null
	@cmake --build --preset release

build-test: install-deps
	@test -f build/test/build.ninja || cmake --preset test >/dev/null
	@cmake --build --preset test

bench: build $(VENV)/installed
	@$(VENV)/bin/python bench/run.py --json build/bench.json

# The wheel is built anew when a source is younger than the stamp.
$(VENV)/installed: $(SOURCES) | install-deps
	@test -x $(VENV)/bin/pip || $(PYTHON) -m venv $(VENV)
	@echo "building and installing the Python package"
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check '.[test]'
	@touch $@

check: check-format check-cdef check-docs check-floors check-symbols \
	check-scenarios check-lengths

check-format:
	@clang-format --dry-run -Werror $(C_FILES)

check-cdef:
	core/tools/cdef.sh --check

check-docs:
	core/tools/check_docs.py core/include/lares.h

check-floors:
	core/tools/check_floors.py core

check-symbols: build
	core/tools/check_symbols.sh build/release/lib/liblares.so

check-scenarios:
	core/tools/check_scenarios.py tests

check-lengths:
	core/tools/lengths.py core/src bindings cli

format:
	@clang-format -i $(C_FILES)

clean:
	rm -rf build

install-deps:
	$(call install,$(PACKAGES))

install-ci-deps:
	$(call install,$(CI_PACKAGES))

# Install what is missing of the packages $(1), by sudo unless we are root.
# Elsewhere than on Debian the builder sees to them.
define install
	@command -v apt-get >/dev/null || exit 0; \
	missing=$$(for name in $(1); do \
		dpkg-query -W -f '$${Status}\n' $$name 2>/dev/null | \
			grep -q 'ok installed' || echo $$name; done); \
	test -n "$$missing" || exit 0; \
	echo "installing" $$missing; \
	run() { $$(test $$(id -u) = 0 || echo sudo) \
		env DEBIAN_FRONTEND=noninteractive apt-get -qq "$$@" >/dev/null; }; \
	run update && run install -y --no-install-recommends $$missing
endef
