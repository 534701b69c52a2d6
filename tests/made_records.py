"""Records of evaluations that never ran."""

import random

from tersely.evaluation.arms import ENDS
from tersely.evaluation.records import Record


def made_record(**changes):
    """Make a record in which everything is as usual, apart from what is given."""
    whole = {
        "task": "squad", "task_version": 1, "family": "question answering", "example": "e0",
        "cluster": "", "group": "", "arm": "hybrid", "rate": 0.5, "reader": "r",
        "limit_tokens": 60, "tokens": 55, "whole_tokens": 110, "context_tokens": 100,
    }  # fmt: skip
    return Record(**(whole | changes))


def made_arm(arm, values, *, measure="f1", **changes):
    """Make one record of an arm for each value: a number, None, or an error as a text."""
    changes = {"rate": ENDS.get(arm, 0.5)} | changes
    return [
        made_record(
            arm=arm,
            example=f"e{index}",
            **({"error": value} if isinstance(value, str) else {"scores": {measure: value}}),
            **changes,
        )
        for index, value in enumerate(values)
    ]


def coins(count, share, *, seed=0):
    """Return 0/1 outcomes."""
    draw = random.Random(seed)
    return [float(draw.random() < share) for _ in range(count)]


def write_run(folder, records):
    """Write records where a run would, and return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    text = "".join(record.to_json() + "\n" for record in records)
    (folder / "records-1-of-1.jsonl").write_text(text, "utf-8")
    return folder
