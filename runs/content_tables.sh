#!/usr/bin/env bash
# Makes docs/results/content_*.md and llmlingua_calls.md again: half an hour on two cores. The calls
# need the tests of llmlingua 0.2.2 (see benchmarks/compat/upstream_calls.py).
set -euo pipefail
cd "$(dirname "$0")/.."
.venv/bin/python -m benchmarks.content.fuzz --write
.venv/bin/python -m benchmarks.content.survival --cases 50 --methods truncate random_drop hybrid --write
.venv/bin/python -m benchmarks.compat.upstream_calls --write
