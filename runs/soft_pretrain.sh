#!/usr/bin/env bash
# A demonstration on one CPU core: a soft compressor that is trained for a few hundred steps, and the
# table of what its memories are worth on abstracts that nothing was learnt from.
#
#   DATA=folder-with-the-data-sets runs/soft_pretrain.sh
#
# DATA has arxiv_abstracts.jsonl.gz. About half an hour of one core's time; stopped and started again
# it goes on where it was. STEPS makes it shorter.
set -euo pipefail
cd "$(dirname "$0")/.."
DATA=${DATA:?Set DATA to a folder with arxiv_abstracts.jsonl.gz.}
OUT=${OUT:-build/soft}
mkdir -p "$OUT"

.venv/bin/python -m benchmarks.soft.trained --data "$DATA" --prepare "$OUT"

.venv/bin/tersely train soft-pretrain --data "$OUT/train.jsonl" --measured "$OUT/held_out.jsonl" \
  --out "$OUT/anchors" --preset anchors --shape budgets=16 --shape rank=32 --shape alpha=64 --context 96 \
  --continuation 32 --weight regeneration=0.5 --weight following=0.5 --weight divergence=0.5 \
  --pace warmup_steps=20 --pace measure_steps=60 --steps "${STEPS:-240}" --batch-tokens 512 --pass-tokens 512 \
  --most-held-out 16 --precision bf16 --threads 1 --device cpu

.venv/bin/python -m benchmarks.soft.trained --adapter "$OUT/anchors" \
  --held-out "$OUT/held_out.jsonl" --json "$OUT/trained.json"
