"""gsm8k and bbh: worked examples, then a question."""

import pytest
from task_rows import folder, hub

from tersely.errors import SettingError
from tersely.evaluation.source import Source
from tersely.evaluation.tasks.registry import load_task

CANARY = "canary\n-----\n"


def problem(number, **changed):
    answer = f"It is 2*{number}=<<2*{number}={2 * number}>>{2 * number}.\n#### {2 * number}"
    row = {"id": f"p{number}", "question": f"Twice {number}?", "answer": answer}
    return row | {"orig_split": "test"} | changed


def maths(path, *rows):
    (path / "prompts").mkdir()
    text = "Question: 1?\nThe answer is 1\n\nQuestion: 2?\nThe answer is 2\n"
    (path / "prompts" / "gsm8k_prompt_hardest.txt").write_text(text, "utf-8")
    return list(load_task("gsm8k").read(folder(path, gsm8k=rows)))


def puzzles(path, prompt, *rows):
    place = path / "prompts" / "bbh_cot"
    place.mkdir(parents=True)
    (place / "kind.txt").write_text(prompt, "utf-8")
    return list(load_task("bbh").read(folder(path, bbh=rows)))


def puzzle(question, answer, task="kind"):
    return {"id": question, "task": task, "question": question, "final_answer": answer}


def test_a_problem_follows_the_worked_ones(tmp_path):
    (example,) = maths(tmp_path, problem(3), problem(4, orig_split="train"))
    assert example.contexts == ("Question: 1?\nThe answer is 1", "Question: 2?\nThe answer is 2")
    assert example.question == "Question: Twice 3?\nLet's think step by step"
    assert example.answers == ("It is 2*3=6.\nThe answer is 6",)
    assert example.role == "demonstration"


def test_of_a_file_the_first_rows_are_shown_and_not_asked(tmp_path):
    folder(tmp_path, gsm8k=[problem(number) for number in range(10)])
    source = Source(str(tmp_path / "gsm8k.jsonl"))
    examples = list(load_task("gsm8k").read(source))
    assert [example.id for example in examples] == ["p8", "p9"]
    assert len(examples[0].contexts) == 8
    assert examples[0].contexts[1].endswith("It is 2*1=2.\nThe answer is 2")


def test_a_hubs_problems_are_numbered(monkeypatch):
    rows = [{k: problem(n)[k] for k in ("question", "answer")} for n in range(9)]
    (example,) = load_task("gsm8k").read(hub(monkeypatch, rows))
    assert example.id == "gsm8k-hub-8"
    assert example.answers == ("It is 2*8=16.\nThe answer is 16",)


def test_a_solution_without_a_final_number_is_refused(tmp_path):
    with pytest.raises(SettingError, match="In gsm8k, row p1: 'answer' does not end in"):
        maths(tmp_path, problem(1, answer="It is 2."))


def test_a_prompt_is_cut_into_what_to_do_and_worked_puzzles(tmp_path):
    prompt = f"{CANARY}Do it.\nSo.\n\nQ: a\n\nb\nA: c\n\nQ: d\nA: e"
    (example,) = puzzles(tmp_path, prompt, puzzle("x?", "7"))
    assert example.instruction == "Do it.\nSo."
    assert example.contexts == ("Q: a\n\nb\nA: c", "Q: d\nA: e")
    assert (example.question, example.options, example.group) == ("Q: x?", (), "kind")


@pytest.mark.parametrize(
    ("question", "answer", "options"),
    [
        ("Which?\nOptions:\n(A) (B) x\n(B) y", "(B)", ("(A)", "(B)")),
        ("Is it?\nOptions:\n- valid \n- invalid", "invalid", ("valid", "invalid")),
        ("(A) is no option", "x", ()),
    ],
)
def test_options_are_as_the_puzzle_lists_them(tmp_path, question, answer, options):
    (example,) = puzzles(tmp_path, "Do.\n\nQ: a\nA: b", puzzle(question, answer))
    assert example.options == options


def test_a_puzzle_that_does_not_list_its_answer_is_left_out(tmp_path):
    row = puzzle("Which?\nOptions:\n(A) x\n(B) y", "z")
    assert puzzles(tmp_path, "Do.\n\nQ: a\nA: b", row) == []
