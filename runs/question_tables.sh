#!/usr/bin/env bash
# Makes docs/results/question_*.md again. Hours on two cores; every line resumes where it stopped.
#
# NaturalQuestions: all questions with the right document tenth, 100 of them with it at four other
# places too; the methods that need a causal model, the reader and llmlingua 0.2.2 on as many of the
# first 42 questions as there was time for. LLMLINGUA is a virtual environment with llmlingua==0.2.2,
# torch and transformers==4.47.1 (see benchmarks/vs_llmlingua.py).
set -euo pipefail
cd "$(dirname "$0")/.."
LLMLINGUA=${LLMLINGUA:-.venv-llmlingua}
run() { .venv/bin/python -m "benchmarks.question.$1" "${@:2}"; }

cheap=(first-k random-sentences bm25-sent bm25-doc minilm-sent minilm-doc hybrid)
heads=(evaluator_heads evaluator_heads-word hybrid+evaluator_heads)
words=(hybrid+llmlingua evaluator_heads+llmlingua llmlingua)

run nq --cases 100 --remember --reader none --arms "${cheap[@]}"
run nq --positions 9 --remember --reader none --arms "${cheap[@]}"
run nq --cases 60 --remember --reader none --out build/question/nq_heads --arms "${heads[@]}"
run nq --cases 42 --positions 9 --rates 0.25 0.1 --remember --out build/question/nq_read \
  --arms full none "${cheap[@]}" "${heads[@]}" "${words[@]}"
run nq --cases 40 --positions 9 --rates 0.25 0.1 --venv "$LLMLINGUA" --out build/question/nq_read \
  --shard 0/1 --arms llmlingua-0.2.2-long longllmlingua
mkdir -p build/question/nq_all
cp build/question/nq/0-of-1.jsonl build/question/nq_all/1-survival.jsonl
cp build/question/nq_heads/0-of-1.jsonl build/question/nq_all/1-survival-heads.jsonl
cp build/question/nq_read/0-of-1.jsonl build/question/nq_all/2-reading.jsonl  # counts where both have a record
run nq --report --write --out build/question/nq_all

run multihop --cases 60 --remember --arms "${cheap[@]}" hybrid-norepair evaluator_heads --write
run languages --cases 30 --remember --arms first-k random-sentences bm25-sent minilm-sent hybrid --write
run long --cases 2 --rates 0.1 --arms first-k random-sentences bm25-sent hybrid evaluator_heads --write
run variable_rate --write
.venv/bin/python -m benchmarks.question.recovery
