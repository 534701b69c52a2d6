#!/usr/bin/env bash
# Makes docs/results/agnostic*.md again. Hours on two cores; every line resumes where it stopped.
#
#   runs/agnostic.sh NAME=FOLDER [NAME=FOLDER ...]    classifiers to compare; see runs/keep_l6.sh
#
# llmlingua reads a passage several times for each rate. It is run on the English passages, and on
# ten paragraphs of every other language; the other arms on all.
set -euo pipefail
cd "$(dirname "$0")/.."
run() { .venv/bin/python -m "benchmarks.agnostic.$1" "${@:2}"; }

mine=()
for folder in "$@"; do mine+=(--classifier "$folder"); done

none=("known answers" "random words" "random sentences" truncate "stop words" "names and numbers"
  "names and numbers, then rare words" "names and numbers, smoothed" "rare words" tf-idf
  "tf-idf, smoothed" "central sentences" "dense sentences")
reading=(surprisal "surprisal, shifted" "surprising sentences" selective_context)
slow=(llmlingua "llmlingua, shifted")
others=(ar de el es hi ro ru th tr vi zh)

run survival --arms "${none[@]}" > /dev/null
run survival --languages en --arms "${reading[@]}" "${slow[@]}" > /dev/null
run survival --arms "${reading[@]}" > /dev/null
run survival --sets xquad --languages "${others[@]}" --passages 10 --arms "${slow[@]}" > /dev/null
run survival "${mine[@]}" --arms > /dev/null
run survival "${mine[@]}" --report --write

read=("random words" "random sentences" truncate "names and numbers" "${reading[@]}" llmlingua)
run reading "${mine[@]}" --languages en --passages 25 --arms "${read[@]}" --write
run demonstrations "${mine[@]}" --write
run speed "${mine[@]}" --write
