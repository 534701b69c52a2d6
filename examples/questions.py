"""Write a small workload: one JSON object on each line, {"context": ..., "question": ...}.

python examples/questions.py > questions.jsonl
"""

import json
from pathlib import Path

QUESTIONS = (
    "Who founded Hallin Sound Ferries?",
    "How long is the electric ferry going to be?",
    "What does the blue card cost, and how long is it valid?",
    "When does the first ship leave Tarnholm for the Isle of Sule in winter?",
    "What happened to the ships and harbours of the line in bad weather?",
    "What did the line spend money on, and how much?",
)


def main() -> None:
    """Print the lines."""
    text = (Path(__file__).parent / "documents.txt").read_text("utf-8")
    for question in QUESTIONS:
        print(json.dumps({"context": text, "question": question}))


if __name__ == "__main__":
    main()
