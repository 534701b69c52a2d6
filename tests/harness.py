"""A task of the harness made of a few lines, and a model that notes what it is asked."""

import json
from zlib import crc32

import yaml
from lm_eval import simple_evaluate
from lm_eval.api.instance import Instance
from lm_eval.api.model import LM
from lm_eval.tasks import TaskManager

DESCRIPTION = "Answer questions about the harbour of Oddy.\n\n"
ROWS = [
    ("How many cranes stand on the old pier?", ["Four of them", "Nine of them"], 0),
    ("Who keeps the keys of the lighthouse?", ["The baker", "Mira Holt"], 1),
    ("When does the early ferry leave?", ["At six", "At noon"], 0),
    ("What colour are the new buoys?", ["Green", "Violet"], 1),
    ("How deep is the eastern basin?\n\nThink of the tide.", ["Six metres", "Two metres"], 0),
]
SHOWN = 3
QUESTIONS = [f"Question: {question}\nAnswer:" for question, _, _ in ROWS]
SHOTS = "".join(f"{QUESTIONS[at]} {ROWS[at][1][ROWS[at][2]]}\n\n" for at in range(SHOWN))
CONTEXT = DESCRIPTION + SHOTS + QUESTIONS[3]
DOC = {"question": ROWS[3][0]}
CHOICE = {"output_type": "multiple_choice", "doc_to_choice": "choices", "doc_to_target": "label"}
WRITTEN = {
    "output_type": "generate_until",
    "doc_to_target": "{{choices[label]}}",
    "generation_kwargs": {"until": ["\n"], "max_gen_toks": 5, "do_sample": False},
    "metric_list": [{"metric": "exact_match"}],
}


def write_task(folder, **settings):
    """Write a task and its data; return a manager that knows this task alone."""
    rows = [dict(zip(("question", "choices", "label"), row, strict=True)) for row in ROWS]
    files = {"train": rows[:SHOWN], "test": rows[SHOWN:]}
    for name, some in files.items():
        (folder / f"{name}.json").write_text(json.dumps(some), "utf-8")
    task = {
        "task": "harbour",
        "dataset_path": "json",
        "dataset_kwargs": {
            "data_files": {name: str(folder / f"{name}.json") for name in files},
            "cache_dir": str(folder / "cache"),
        },
        "fewshot_split": "train",
        "test_split": "test",
        "description": DESCRIPTION,
        "doc_to_text": "Question: {{question}}\nAnswer:",
        "num_fewshot": SHOWN,
        "fewshot_config": {"sampler": "first_n"},
        **settings,
    }
    (folder / "harbour.yaml").write_text(yaml.safe_dump(task), "utf-8")
    return TaskManager(include_path=str(folder), include_defaults=False)


class Noting(LM):
    """Notes contexts; the longer a context and the smaller the hash of an ending, the likelier."""

    tokenizer_name = "noting"

    def __init__(self):
        super().__init__()
        self.seen = []  # contexts, one per request
        self.calls = 0

    def loglikelihood(self, requests):
        self.calls += 1
        self.seen += [request.args[0] for request in requests]
        return [(-float(crc32(repr(request.args).encode()) % 97), False) for request in requests]

    def generate_until(self, requests):
        self.calls += 1
        self.seen += [request.args[0] for request in requests]
        return [f"At {crc32(str(request.args[0]).encode()) % 24}" for request in requests]

    def loglikelihood_rolling(self, requests):
        self.seen += [request.args[0] for request in requests]
        return [-float(len(request.args[0])) for request in requests]

    def apply_chat_template(self, chat_history, add_generation_prompt=True):
        turns = [f"<{message['role']}>{message['content']}" for message in chat_history]
        return "".join(turns) + ("<assistant>" if add_generation_prompt else "")


def evaluate(model, manager, **settings):
    settings = {"bootstrap_iters": 0, "torch_random_seed": None} | settings
    return simple_evaluate(model=model, tasks=["harbour"], task_manager=manager, **settings)


def ask(context, doc=DOC, ending=" Green"):
    return Instance("loglikelihood", doc, (context, ending), 0, metadata=("harbour", 0, 1))


def writes(context, **settings):
    return Instance("generate_until", DOC, (context, settings), 0, metadata=("harbour", 0, 1))
