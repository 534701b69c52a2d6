#!/bin/sh
# Makes keep-l6, the token classifier of the package: labels, training, export.
#
#   runs/keep_l6.sh DATA [OUT]
#
# DATA is a folder of data sets (see keep_l6_labels.sh). Every part can be stopped and goes on where
# it was. Ten minutes on one core. The same labels and number of threads give the same
# model.safetensors. More epochs make it surer and worse: see docs/log.md, 2026-11-21.
set -eu
DATA=${1:?the folder of the data sets}
OUT=${2:-build/keep-l6}
LABELS=${LABELS:-build/labels}
PATH="$(dirname "$0")/../.venv/bin:$PATH"

"$(dirname "$0")/keep_l6_labels.sh" "$DATA" "$LABELS"

tersely train token-classifier "$LABELS/answer.jsonl" "$LABELS/shared.jsonl" "$LABELS"/answer_??.jsonl \
    --out "$OUT" --threshold 0.9 --share shared=0.4 --mark-capitals --epochs 1 \
    --learning-rate 3e-4 --precision bfloat16 --threads 1

rm -rf "$OUT/export"
tersely train export "$OUT" --int8 --out "$OUT/export" --data "Passages and questions of SQuAD 2.0, \
XQuAD, HotpotQA and Natural Questions (CC BY-SA 3.0 and 4.0), CovidQA (Apache-2.0), PubMedQA and \
QMSum (MIT). None of the texts is in the weights' folder."
