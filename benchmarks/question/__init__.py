"""What is left of the answer when a question is asked: one script per table, `python -m` each."""
