#!/bin/sh
# Labels for keep-l6: which words of a passage answer anything that is asked of it.
#
#   runs/keep_l6_labels.sh DATA [OUT]
#
# DATA is a folder of data sets; texts of held-out groups (tersely/training/split.py) are left out.
# It can be stopped at any time, and goes on where it was. Half a minute. With OTHERS=1 it also makes
# the labels that keep-l6 is compared with; of these `heads` takes a second per passage.
set -eu
DATA=${1:?the folder of the data sets}
OUT=${2:-build/labels}
mkdir -p "$OUT"

# MCTest has questions, too, but its licence is for research.
ASKED="--set squad2_dev --set xquad --set covidqa --set hotpotqa500 --set hotpotqa_distractor100
--set nq20_original --set nq20_rebuilt"

label() { # file, sets, teacher, options
    file=$1 sets=$2 teacher=$3
    shift 3
    # shellcheck disable=SC2086 # the sets are words of their own
    tersely train label --data "$DATA" $sets --teacher "$teacher" --questions own \
        --words 25 300 --out "$OUT/$file.jsonl" "$@"
}

label answer "$ASKED" answer --join most --per-text 8
label shared "--set pubmedqa --set qmsum" shared --join most --per-text 6 --count 900
for language in ar de el es hi ro ru tr vi; do
    label "answer_$language" "--set xquad" answer --join most --lang "$language" --count 54
done

if [ "${OTHERS:-}" ]; then
    label answer_places "$ASKED" answer --join places --per-text 8
    label heads "$ASKED" heads --join places --per-text 8 --count 250
fi
