#!/usr/bin/env bash
# Makes docs/results/soft-quality.* and soft-cost.* again. Hours on two cores; every line resumes
# where it stopped.
#
#   runs/soft_quality.sh NAME=FOLDER [NAME=FOLDER ...]    trained arms to compare, possibly none
#
# QUESTIONS (of each set), TEXTS and WRITTEN (texts that are written by every arm, which takes
# longest: one number, or one for each length) make it shorter; LENGTHS and SLOTS choose the columns.
set -euo pipefail
cd "$(dirname "$0")/.."

mine=()
if (($#)); then mine=(--adapter "$@"); fi
read -ra lengths <<< "${LENGTHS:-96 192 384 480}"
read -ra written <<< "${WRITTEN:-20}"
read -ra slots <<< "${SLOTS:-1 4 16 64}"

.venv/bin/python -m benchmarks.soft.quality "${mine[@]}" --questions "${QUESTIONS:-100}" \
  --texts "${TEXTS:-100}" --written "${written[@]}" --lengths "${lengths[@]}" \
  --slots "${slots[@]}" --write
.venv/bin/python -m benchmarks.soft.cost --write
