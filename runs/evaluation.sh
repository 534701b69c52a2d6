#!/usr/bin/env bash
# Makes docs/results/evaluation/ again: every method and baseline on nine tasks, read by SmolLM2-135M.
#
#   DATA=folder-with-the-data-sets runs/evaluation.sh [EXAMPLES]
#
# 8 to 10 minutes on two cores for an example of every task; tasks take turns, so it may be stopped at
# any time. Started again it goes on where it stopped, with the same examples first.
set -euo pipefail
cd "$(dirname "$0")/.."
DATA=${DATA:?Set DATA to the folder with the data sets that 'tersely evaluate tasks' names.}
EXAMPLES=${1:-10}
RUN=build/evaluation/full

tasks=(gsm8k nq20 hotpotqa xquad qmsum conversations arxiv tool_output few_shot)
options=(--data "$DATA" --out "$RUN" -n "$EXAMPLES" -r 0.5 -r 0.25 -r 0.1)
for task in "${tasks[@]}"; do options+=(-T "$task"); done

# A core for each share: two that wander over both cores slow each other down.
pids=()
for share in 1 2; do
  taskset -c $((share - 1)) .venv/bin/tersely evaluate run "${options[@]}" --shard $share/2 --quiet &
  pids+=($!)
done
trap 'kill "${pids[@]}" 2>/dev/null' INT TERM
for pid in "${pids[@]}"; do wait "$pid"; done
.venv/bin/tersely evaluate report "$RUN" --out docs/results/evaluation
rm docs/results/evaluation/report.html docs/results/evaluation/report.json  # large, and made again at will
