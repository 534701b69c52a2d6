"""Records for tests of the report: a run of which everything is known, and one that looks real."""

import math
from random import Random

from tersely.evaluation.records import Record

ENDS = {"full": 1.0, "none": 0.0}


def record(arm="hybrid", rate=0.5, example="e0", **changes):
    """One record of a prompt of 1,000 tokens; `scores` and all else may be given."""
    rate = ENDS.get(arm, rate)
    limit = 1000 if arm in ENDS else 100 + round(900 * rate)
    plain = {
        "task": "nq20",
        "task_version": 1,
        "family": "question answering",
        "example": example,
        "cluster": example,
        "group": "",
        "arm": arm,
        "rate": rate,
        "reader": "smollm2",
        "limit_tokens": limit,
        "tokens": 100 if arm == "none" else limit,
        "whole_tokens": 1000,
        "context_tokens": 900,
        "scores": {},
        "reader_seconds": (100 if arm == "none" else limit) / 1000,
        "reader_tokens": 100 if arm == "none" else limit,
        "versions": {"tersely": "0.1.0"},
        "made": "2026-11-21 12:00",
    }
    return Record(**plain | changes)


def known_run():
    """Four prompts, one task, one reader, one rate: every number of its report is plain."""
    outcomes = {  # survived, nats, f1, numbers kept, seconds
        "full": ([1, 1, 1, 1], [1.0, 1.0, 1.0, 1.0], [0.8, 1.0, 0.6, 0.8], 1.0, 0.0),
        "hybrid": ([1, 1, 1, 0], [1.0, 1.0, 2.0, 4.0], [0.8, 0.8, 0.4, 0.0], 0.75, 0.1),
        "random_drop": ([1, 0, 0, 0], [2.0, 4.0, 4.0, 6.0], [0.4, 0.0, 0.2, 0.2], 0.5, 0.01),
        "none": ([0, 0, 0, 0], [4.0, 4.0, 4.0, 4.0], [0.0, 0.2, 0.0, 0.2], 0.0, 0.0),
    }
    return [
        record(
            arm,
            example=f"e{at}",
            scores={"survived": float(survived[at]), "nats": nats[at], "f1": f1[at]},
            kept={"numbers": numbers},
            seconds=seconds,
            cpu_seconds=2 * seconds,
            model_tokens=900 if arm == "hybrid" else 0,
        )
        for arm, (survived, nats, f1, numbers, seconds) in outcomes.items()
        for at in range(4)
    ]


ARMS = {  # how good it is, seconds per 1,000 tokens, model tokens per token
    "oracle": (0.97, 0.002, 0.0),
    "hybrid": (0.86, 0.16, 1.25),
    "longllmlingua": (0.78, 2.1, 2.4),
    "evaluator_heads": (0.82, 1.1, 1.16),
    "llmlingua": (0.42, 2.6, 1.6),
    "selective_context": (0.35, 1.5, 1.0),
    "hybrid+evaluator_heads": (0.84, 0.8, 1.8),
    "truncate": (0.45, 0.004, 0.0),
    "random_drop": (0.15, 0.005, 0.0),
    "random_sentences": (0.4, 0.006, 0.0),
    "bm25": (0.7, 0.012, 0.0),
    "bm25_documents": (0.62, 0.011, 0.0),
    "minilm": (0.8, 0.15, 1.04),
    "minilm_documents": (0.81, 0.14, 1.0),
}
TASKS = {  # family, measure, tokens, groups, what the context is worth in nats, language
    "nq20": ("question answering", "f1", 2800, ("0", "4", "9", "14", "19"), 1.9),
    "hotpotqa": ("multi-hop", "f1", 1400, ("bridge", "comparison"), 1.5),
    "xquad": ("question answering", "em", 240, ("ar", "de", "en", "es", "zh"), 2.2),
    "gsm8k": ("few-shot", "accuracy", 2300, (), -0.1),
    "qmsum": ("summary", "rouge_l", 9500, (), 0.4),
    "sharegpt": ("conversation", "bertscore", 1100, (), 0.6),
    "arxiv": ("reconstruction", "rouge1", 320, (), 1.2),
    "tool_output": ("tools", "contains", 3600, (), 2.4),
}


def real_run(tasks=tuple(TASKS), arms=tuple(ARMS), rates=(0.5, 0.25, 0.1), count=30, readers=1):
    """Return records that look like those of a real run; chance is seeded."""
    chance = Random(7)
    names = ("smollm2-135m", "gemma3-270m")[:readers]
    records = []
    for task in tasks:
        for number in range(count):
            hard = chance.random()
            points = [(arm, rate) for arm in arms for rate in rates]
            for arm, rate in [("full", 1.0), *points, ("none", 0.0)]:
                shape = _shape(chance, task, number, arm, rate)
                records += [
                    _read(chance, task, shape, hard, who, name) for who, name in enumerate(names)
                ]
    return records


def _shape(chance, task, number, arm, rate):
    family, _, length, groups, _ = TASKS[task]
    good, seconds, model = ARMS.get(arm, (0, 0, 0))
    context = round(length * (0.7 + 0.6 * ((number * 37) % 30) / 30))
    limit = 20 + (context if arm in ENDS else int(context * rate))
    tokens = {"full": limit, "none": 20, "oracle": min(limit, 20 + context // 12)}.get(
        arm, limit - chance.randrange(max(1, limit // 60))
    )
    group = groups[number % len(groups)] if groups else ""
    noise = chance.uniform(0.8, 1.4)
    return record(
        arm,
        rate,
        f"{task}-{number}",
        task=task,
        family=family,
        group=group,
        cluster=f"{task}-{number // max(1, len(groups))}",
        limit_tokens=limit,
        tokens=tokens,
        whole_tokens=20 + context,
        context_tokens=context,
        seconds=seconds * context / 1000 * noise,
        cpu_seconds=1.7 * seconds * context / 1000 * noise,
        model_tokens=round(model * context),
        kept={
            name: min(1.0, max(0.0, chance.gauss(share, 0.08)))
            for name, share in _kept(arm, rate, good).items()
        },
        models={},
        versions={"tersely": "0.1.0", "numpy": "2.4.6", "python": "3.11.7"},
    )


def _kept(arm, rate, good):
    share = ENDS.get(arm, rate)
    return {"numbers": share * (1 + 0.5 * good), "negations": share * 0.9, "names": share * 1.2}


def _read(chance, task, shape, hard, who, name):
    _, measure, _, _, worth = TASKS[task]
    good = ARMS.get(shape.arm, (0, 0, 0))[0]
    reached = {"full": 1.0, "none": 0.0}.get(shape.arm, shape.rate ** (1.15 - good) * 0.97)
    found = chance.random() < reached
    if chance.random() < 0.01 and shape.arm in ("llmlingua", "longllmlingua"):
        error = "ModelMismatch: the prompt has 9,412 tokens, the model's window 8,192"
        return _changed(shape, reader=name, tokens=0, scores={}, error=error)
    nats = max(
        0.05,
        3.4
        + 1.2 * hard
        - worth * (0.25 * reached + 0.75 * found)
        + chance.gauss(0, 0.3)
        + 0.2 * who,
    )
    right = max(0.0, min(1.0, chance.gauss(math.exp(-nats) * 2, 0.15)))
    scores = {"nats": nats, measure: right}
    if task in ("nq20", "hotpotqa", "xquad", "tool_output"):
        scores = {"survived": float(found), **scores}
    read = shape.tokens * 0.0011 * (1 + 0.8 * who) * chance.uniform(0.9, 1.2)
    return _changed(
        shape, reader=name, scores=scores, reader_seconds=read, reader_tokens=shape.tokens + 12
    )


def _changed(shape, **changes):
    from dataclasses import replace

    return replace(shape, **changes)
