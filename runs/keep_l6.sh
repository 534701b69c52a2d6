#!/bin/sh
# Makes keep-l6, the token classifier of the package: labels, training, export.
#
#   runs/keep_l6.sh DATA [OUT]
#
# DATA is a folder of data sets (see keep_l6_labels.sh). Every part can be stopped and goes on where
# it was. On two idle cores: the labels take hours, the training about 10 minutes per million
# tokens, the export a minute. The same labels give the same model.safetensors.
set -eu
DATA=${1:?the folder of the data sets}
OUT=${2:-build/keep-l6}
LABELS=${LABELS:-build/labels}
PATH="$(dirname "$0")/../.venv/bin:$PATH"

"$(dirname "$0")/keep_l6_labels.sh" "$DATA" "$LABELS"

tersely train token-classifier "$LABELS/heads.jsonl" --questions none --out "$OUT" --threads 2

rm -rf "$OUT/export"
tersely train export "$OUT" --int8 --out "$OUT/export"
