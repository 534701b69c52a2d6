#!/bin/sh
# Labels for keep-l6: what each word of a passage is worth to the questions that are likely asked.
#
#   runs/keep_l6_labels.sh DATA [OUT]
#
# DATA is a folder of data sets; texts of held-out groups (tersely/training/split.py) are left out.
# It can be stopped at any time, and goes on where it was. On two idle cores: answer a minute,
# heads 1 second per passage, likelihood 4, leave_out 5.
set -eu
DATA=${1:?the folder of the data sets}
OUT=${2:-build/labels}
mkdir -p "$OUT"

ASKED="--set squad2_dev --set xquad --set covidqa --set mctest --set hotpotqa500
--set hotpotqa_distractor100"
READ="--set textbooks --set wikitext2 --set sci_fulltext --set arxiv_abstracts --set sharegpt"
ALL="$ASKED --set pubmedqa --set qmsum $READ"

label() { # file, sets, teacher, questions, options
    file=$1 sets=$2 teacher=$3 questions=$4
    shift 4
    # shellcheck disable=SC2086 # the sets are words of their own
    tersely train label --data "$DATA" $sets --teacher "$teacher" --questions "$questions" \
        --rows both --out "$OUT/$file.jsonl" "$@"
}

label answer "$ASKED" answer own
label answer_sharp "$ASKED" answer own --power 40
label heads "$ALL" heads own,keyword --count 2000
label answer_cloze "$READ" answer cloze --count 1000
label likelihood "$ALL" likelihood own,keyword --count 1000 --most-own 4
label leave_out "$ASKED" leave_out own --count 300 --most-own 2
