#!/bin/sh
# Build the add-on with the compiler alone: Node's headers are those of the npm package node-api-headers,
# zcpage.h is this checkout's or that of the zcbench in PATH.
set -eu
cd "$(dirname "$0")"
if [ -f ../../include/zcpage.h ]; then page=../../include; else page=$(zcbench include); fi
link=-shared
if [ "$(uname)" = Darwin ]; then link="-bundle -undefined dynamic_lookup"; fi
mkdir -p build/Release
# shellcheck disable=SC2086
${CXX:-g++} -std=c++17 -O2 -g -Wall -Wextra -Wpedantic -Werror -fPIC -fvisibility=hidden -pthread $link \
  -I"$(node -p "require('node-api-headers').include_dir")" -I"$page" src/capture.cpp -o build/Release/capture.node
