#!/usr/bin/env bash
# A demonstration on one CPU core, after runs/soft_pretrain.sh: memory tokens and word vectors beside
# anchors, trained alike; then all three on questions, and anchors with 64 slots of 96 tokens, which
# is as near as a tuned memory comes to the whole text. Then the table of all.
#
#   DATA=folder-with-the-data-sets runs/soft_compare.sh
#
# DATA has arxiv_abstracts, squad2_dev and covidqa as .jsonl.gz. About an hour and a half of one core
# and as much for the table; stopped and started again it goes on where it was.
set -euo pipefail
cd "$(dirname "$0")/.."
DATA=${DATA:?Set DATA to a folder with arxiv_abstracts, squad2_dev and covidqa.}
OUT=${OUT:-build/soft}
same=(--batch-tokens 512 --pass-tokens 512 --most-held-out 16 --pace warmup_steps=20
  --pace measure_steps=60 --precision bf16 --threads 1 --device cpu)
shape=(--shape rank=32 --shape alpha=64)

pretrain() { # folder, method, more
  .venv/bin/tersely train soft-pretrain --data "$OUT/train.jsonl" --measured "$OUT/held_out.jsonl" \
    --out "$OUT/$1" --method "$2" --shape budgets=16 "${shape[@]}" --context 96 --continuation 32 \
    --weight regeneration=0.5 --weight following=0.5 --weight divergence=0.5 \
    --shards "$OUT/anchors-shards" --steps "${STEPS:-240}" "${same[@]}"
}
tune() { # folder, more
  .venv/bin/tersely train soft-finetune --data "$OUT/questions.jsonl" --out "$OUT/$1-tuned" \
    --context 128 --held-out 0.05 --steps "${TUNED_STEPS:-60}" "${same[@]}" "${@:2}"
}

.venv/bin/python -m benchmarks.soft.lessons --data "$DATA" --out "$OUT/questions.jsonl"
pretrain memory-tokens compressor500x
pretrain icae icae
for name in anchors memory-tokens icae; do tune "$name" --adapter "$OUT/$name"; done
tune nearly-all --preset anchors --shape budgets=64 "${shape[@]}"

DATA="$DATA" runs/soft_quality.sh anchors-trained="$OUT/anchors" \
  500x-trained="$OUT/memory-tokens" icae-trained="$OUT/icae" anchors-tuned="$OUT/anchors-tuned" \
  500x-tuned="$OUT/memory-tokens-tuned" icae-tuned="$OUT/icae-tuned" \
  nearly-all-tuned="$OUT/nearly-all-tuned"
