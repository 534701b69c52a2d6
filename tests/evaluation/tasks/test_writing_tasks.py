"""conversations, arxiv, arxiv_summary, code, tools, few_shot: rows that are written here."""

import json

import pytest
from task_rows import folder

from tersely.errors import SettingError
from tersely.evaluation.tasks.registry import load_task


def read(name, path, **sets):
    return list(load_task(name).read(folder(path, **sets)))


def turn(role, text):
    return {"role": role, "text": text}


SAID = [
    turn("user", "First. " * 60),
    turn("assistant", "Second. " * 60),
    turn("user", "What then?"),
    turn("assistant", "word " * 200),
]


def talk(*turns, name="c_1"):
    return {"id": name, "turns": list(turns)}


def test_the_last_turn_of_the_user_is_answered(tmp_path):
    (example,) = read("conversations", tmp_path, sharegpt=[talk(*SAID)])
    assert [text.partition(":")[0] for text in example.contexts] == ["User", "Assistant"]
    assert example.question == "User: What then?"
    assert example.answers == (("word " * 128).strip(),)
    assert example.cluster == "c"


def test_a_long_conversation_is_left_at_the_last_turn_that_fits(tmp_path):
    late = [turn("user", "x" * 100), turn("assistant", "y " * 4_000), *SAID[2:]]
    (example,) = read("conversations", tmp_path, sharegpt=[talk(*SAID, *late)])
    assert example.question == f"User: {'x' * 100}"


@pytest.mark.parametrize(
    "turns",
    [
        SAID[:2],
        [turn("user", "Short."), turn("assistant", "Yes."), *SAID[2:]],
        [turn("user", "дом " * 200), *SAID[1:]],
        [*SAID[:3], turn("assistant", "Only four words here.")],
        [*SAID[:3], turn("assistant", " ")],
    ],
)
def test_other_conversations_are_left_out(tmp_path, turns):
    assert read("conversations", tmp_path, sharegpt=[talk(*turns)]) == []


def test_a_turn_without_a_role_is_named(tmp_path):
    with pytest.raises(SettingError, match=r"In sharegpt, row c_1, turns\[1\]: 'role' is missing"):
        read("conversations", tmp_path, sharegpt=[talk(SAID[0], {"text": "x"})])


def test_an_abstract_of_usual_length_is_its_own_answer(tmp_path):
    rows = [{"id": f"a{n}", "title": "", "text": "word\n" * n} for n in (100, 200, 500)]
    (example,) = read("arxiv", tmp_path, arxiv_abstracts=rows)
    assert example.contexts == example.answers == (("word " * 200).strip(),)
    assert not example.gold  # an oracle would be told nothing that methods do not see


ABSTRACT = " ".join(f"claim{n}" for n in range(60))


def paper(text):
    return {"id": "acl-1", "title": "T", "text": text, "abstract": ABSTRACT}


def test_a_paper_is_shown_from_its_beginning_and_its_conclusion(tmp_path):
    body = [f"## {n} Part\n{'line. ' * 500}" for n in range(1, 6)]
    text = "\n".join([*body, "## 6 Conclusions\nIn the end.", "## Thanks\nTo all."])
    (example,) = read("arxiv_summary", tmp_path, sci_fulltext=[paper(text)])
    assert [context[:10] for context in example.contexts] == [
        "## 1 Part\n",
        "## 2 Part\n",
        "## 3 Part\n",
        "## 6 Concl",
    ]
    assert sum(map(len, example.contexts)) < 7_100
    assert (example.question, example.answers) == ("Title: T", (ABSTRACT,))


def test_a_paper_that_repeats_its_abstract_is_left_out(tmp_path):
    rows = [
        paper(f"## 1 Part\n{ABSTRACT} {'line. ' * 600}"),
        paper("short"),
        paper("x") | {"abstract": None},
    ]
    assert read("arxiv_summary", tmp_path, sci_fulltext=rows) == []


CODE = f"""import numpy

LONGEST_ROW = 7
{"# filler" * 250}


@decorated
def use(value):
    '''LONGEST_ROW is documented here.'''
    checked = value + 1
    return min(checked, LONGEST_ROW)
"""


def test_the_line_that_is_written_uses_a_name_from_before_its_function(tmp_path):
    rows = [{"id": "c", "title": "a.py", "text": CODE, "repo": "r"}]
    (example,) = read("code", tmp_path, code_files=rows)
    assert example.answers == ("    return min(checked, LONGEST_ROW)",)
    assert example.gold == ("LONGEST_ROW = 7",)
    assert example.question.startswith("@decorated\ndef use(value):\n")
    assert example.contexts[0].startswith("import numpy")
    assert "use" not in example.contexts[0]


@pytest.mark.parametrize(
    ("title", "text"), [("a.js", CODE), ("a.py", CODE[-300:]), ("a.py", "x = 1\n")]
)
def test_other_files_are_left_out(tmp_path, title, text):
    rows = [{"id": "c", "title": title, "text": text}]
    assert read("code", tmp_path, code_files=rows) == []


OUTPUT = json.dumps([{"order": f"#W{n}", "price": 10 + n} for n in range(30)])


def steps(written, *, output=OUTPUT, before="Where is my order?"):
    return talk(turn("user", before), turn("tool", output), turn("assistant", written), name="t")


def test_what_the_agent_took_from_the_output_is_the_answer(tmp_path):
    (example,) = read(
        "tool_output", tmp_path, agent_trajectories=[steps("Your order is #W17, paid.")]
    )
    assert example.answers == ("#W17",)
    assert example.cue == "\n\nAssistant: Your order is"
    assert example.question == "User: Where is my order?"
    assert "#W17" in example.gold[0]


@pytest.mark.parametrize(
    "row",
    [
        steps("Your order is #W99, paid."),  # not in the output
        steps("Your order is #W17, paid.", before="Where is #W17?"),  # known before
        steps("#W17 is your order."),  # nothing leads to it
        steps("Your order is #W17, paid.", output=OUTPUT[:300]),
        talk(turn("tool", OUTPUT), turn("user", "The order #W17."), name="t"),
    ],
)
def test_other_steps_are_left_out(tmp_path, row):
    assert read("tool_output", tmp_path, agent_trajectories=[row]) == []


def test_the_same_step_is_taken_once(tmp_path):
    rows = [steps("Your order is #W17, paid.") | {"id": name} for name in "ab"]
    assert [e.id for e in read("tool_output", tmp_path, agent_trajectories=rows)] == ["a/1"]


def test_a_field_of_a_record_is_looked_up(tmp_path):
    entries = [{"user_id": f"u{n}", "town": f"Town{n}", "kind": "same"} for n in range(30)]
    for indent in (None, 1):
        rows = [{"id": "r", "title": "x", "text": json.dumps(entries, indent=indent)}]
        (example,) = read("tool_output", tmp_path, tool_json=rows)
        number = example.question.rpartition("u")[2].removesuffix("?")
        assert example.question == f"What is the town of the entry whose user_id is u{number}?"
        assert example.answers == (f"Town{number}",)
        assert any(f"Town{number}" in gold for gold in example.gold)


def tool(name):
    about = {"type": "dict", "properties": {"city": {"type": "string", "description": "x" * 2_000}}}
    return {"name": name, "description": "", "parameters": about}


def call(**arguments):
    row = {"id": "bfcl-live_multiple_0-0-0", "tools": [tool("weather"), tool("news")]}
    return row | {"turns": [turn("user", "Rain?")], "ground_truth": [{"weather": arguments}]}


def test_a_call_has_the_first_accepted_values(tmp_path):
    row = call(city=["Oslo", "oslo"], days=["", 3], box=[{"w": [1], "h": ["", 2]}], tags=[["a"]])
    (example,) = read("tool_schemas", tmp_path, bfcl_tools=[row])
    assert example.answers == ('weather(city="Oslo", box={"w": 1}, tags=["a"])',)
    assert example.gold == (json.dumps(tool("weather")),)
    assert example.group == "live_multiple"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"ground_truth": [{"rain": {}}]}, "'ground_truth' calls 'rain'"),
        ({"ground_truth": [{"weather": 1}]}, "'weather' is not one name with its arguments"),
        ({"ground_truth": [{"weather": {"city": "Oslo"}}]}, "'city' is not a list of accepted"),
    ],
)
def test_a_wrong_call_is_named(tmp_path, changed, message):
    with pytest.raises(SettingError, match=message):
        read("tool_schemas", tmp_path, bfcl_tools=[call() | changed])


def test_several_calls_or_one_tool_are_left_out(tmp_path):
    rows = [call() | {"ground_truth": [{"weather": {}}] * 2}, call() | {"tools": [tool("weather")]}]
    assert read("tool_schemas", tmp_path, bfcl_tools=rows) == []


SERVICES = ("Flights", "Homes", "Restaurants", "Events", "Hotels", "RentalCars")


def test_labels_are_balanced_and_what_is_shown_is_not_asked(tmp_path):
    rows = [
        {"id": f"{name}{n}", "services": [f"{name}_1"], "turns": [turn("user", f"{name} {n}")]}
        for name in SERVICES
        for n in range(33 if name == "Homes" else 50)
    ]
    examples = read("few_shot", tmp_path, sgd_dialogues=rows)
    assert [sum(e.answers == (label,) for e in examples) for label in examples[0].options] == [
        3
    ] * 6
    asked = {example.question for example in examples}
    for example in examples:
        assert len(example.contexts) == 30
        assert not any(text.partition("\n")[0] in asked for text in example.contexts)


def test_too_few_rows_give_no_examples(tmp_path):
    row = {"id": "a", "services": ["Flights_1"], "turns": [turn("user", "Fly me.")]}
    assert read("few_shot", tmp_path, sgd_dialogues=[row]) == []
