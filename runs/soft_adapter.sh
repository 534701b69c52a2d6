#!/usr/bin/env bash
# The adapter for real, on a GPU: pretraining with many slots, then with fewer, then questions with
# every number of slots. What it costs was estimated, not measured: see docs/soft-training.md.
#
#   TEXTS=texts.jsonl QUESTIONS=questions.jsonl MEASURED=measured.jsonl runs/soft_adapter.sh
#
# TEXTS has rows {"text"}, QUESTIONS rows {"question", "answers", "context" or "documents"}, and
# MEASURED whatever will be measured on, so that nothing like it is learnt. GPUS is how many to use.
set -euo pipefail
cd "$(dirname "$0")/.."
TEXTS=${TEXTS:?Set TEXTS to JSON lines of texts.}
QUESTIONS=${QUESTIONS:?Set QUESTIONS to JSON lines of questions.}
MEASURED=${MEASURED:?Set MEASURED to JSON lines of what is measured on.}
OUT=${OUT:-build/soft-adapter}
PRESET=${PRESET:-default}
mkdir -p "$OUT"

start() { # one process, or one for each GPU
  if [ "${GPUS:-1}" -gt 1 ]; then
    .venv/bin/torchrun --nproc-per-node "$GPUS" --no-python .venv/bin/tersely train "$@"
  else
    .venv/bin/tersely train "$@"
  fi
}

start soft-pretrain --data "$TEXTS" --measured "$MEASURED" --out "$OUT/pretrained" \
  --preset "$PRESET" --slots 64 --slots 16 --context 512 --continuation 128 \
  --learning-rate 1e-3 \
  --batch-tokens 40960 --pass-tokens 20480 ${STEPS:+--steps "$STEPS"}

start soft-finetune --data "$QUESTIONS" --measured "$MEASURED" --out "$OUT/tuned" \
  --adapter "$OUT/pretrained" --context 2048 --segment 512 \
  --learning-rate 5e-4 \
  --batch-tokens 40960 --pass-tokens 20480 ${STEPS:+--steps "$STEPS"}
