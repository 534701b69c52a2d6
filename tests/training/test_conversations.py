"""Rows of answers, in the forms that people have them in."""

import gzip
import json

import pytest

from tersely.errors import SettingError
from tersely.training.conversations import LONGEST_ROW, Conversation, Fields, read_conversations

TURNS = [{"role": "user", "text": "How far?"}, {"role": "assistant", "text": "Nine miles."}]


@pytest.fixture
def file(tmp_path):
    def write(*rows, name="rows.jsonl"):
        lines = "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)
        place = tmp_path / name
        opened = gzip.open if name.endswith(".gz") else open
        with opened(place, "wt", encoding="utf-8") as out:
            out.write(lines)
        return place

    return write


def test_a_conversation_is_written_as_plain_text_and_says_where_the_model_speaks():
    said = Conversation("a", (("User", "Hi"), ("Assistant", "Hello."), ("Assistant", "Well?")))
    text, responses = said.written()
    assert text == "User: Hi\n\nAssistant: Hello.\n\nAssistant: Well?"
    assert [text[start:end] for start, end in responses] == ["Hello.", "Well?"]


def test_turns_are_read(file):
    (read,) = read_conversations(file({"id": "a_3", "turns": TURNS}))
    assert read == Conversation("a", (("User", "How far?"), ("Assistant", "Nine miles.")))


@pytest.mark.parametrize("more", [{}, {"input": " "}, {"input": None}])
def test_an_instruction_and_its_response_are_two_turns(file, more):
    (read,) = read_conversations(file({"instruction": "How far?", "response": "Nine.", **more}))
    assert read.turns == (("User", "How far?"), ("Assistant", "Nine."))


def test_what_an_instruction_is_about_comes_after_it(file):
    row = {"instruction": "Shorten.", "input": "A long text.", "response": "Text."}
    (read,) = read_conversations(file(row))
    assert read.turns[0] == ("User", "Shorten.\n\nA long text.")


def test_fields_can_have_other_names(file):
    turns = [{"from": "human", "value": "Far?"}, {"from": "GPT", "value": "No."}]
    names = Fields.of({"turns": "conversations", "role": "from", "text": "value", "group": "g"})
    (read,) = read_conversations(file({"g": 4, "conversations": turns}), names)
    assert read == Conversation("4", (("User", "Far?"), ("Assistant", "No.")))


def test_who_the_model_is_can_be_said(file):
    turns = [{"role": "claude", "text": "No."}, {"role": "system", "text": "Be brief."}]
    (read,) = read_conversations(file({"turns": turns}), Fields(answering="claude"))
    assert read.turns == (("Assistant", "No."), ("System", "Be brief."))


def test_rows_without_an_id_are_each_of_their_own(file):
    rows = [{"instruction": str(n), "response": "Yes."} for n in range(3)]
    assert [c.group for c in read_conversations(file(*rows))] == ["row 1", "row 2", "row 3"]


def test_what_was_said_before_is_left_out_and_so_is_who_never_answers(file):
    asked = {"turns": TURNS[:1]}
    empty = {"turns": [TURNS[0], {"role": "assistant", "text": " \n"}]}
    read = read_conversations(file({"turns": TURNS}, {"turns": TURNS}, asked, empty))
    assert len(read) == 1


def test_a_string_may_go_over_several_lines_and_a_file_may_be_gzipped(file):
    broken = '{"instruction": "one\n\ntwo", "response": "Yes."}'
    place = file(broken, {"turns": TURNS}, "", name="rows.jsonl.gz")
    assert [c.turns[0][1] for c in read_conversations(place)] == ["one\n\ntwo", "How far?"]


WRONG = {
    "not JSON": (["no", {"turns": TURNS}], "Line 1 of .* is not a whole row of JSON"),
    "cut off": ([{"turns": TURNS}, '{"turns": ['], "Line 2 of .* is not a row of JSON"),
    "endless": (['{"a": "' + "x" * LONGEST_ROW], "Line 1 of .* is not a row of JSON"),
    "empty": ([], "nothing to train on: it has no row"),
    "unanswered": ([{"turns": TURNS[:1]}], "none of its 1 rows has a response"),
    "no field": ([{"q": "?", "response": "!"}], "line 1: 'instruction' is missing; there are: q"),
    "number": ([{"instruction": 3, "response": ""}], "'instruction' is int, not a string"),
    "turns": ([{"turns": "Hi"}], "'turns' is not a list of objects"),
    "turn": ([{"turns": [{"role": "user"}]}], "'text' is missing; there are: role"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_row_is_named(file, case):
    rows, said = WRONG[case]
    with pytest.raises(SettingError, match=said):
        read_conversations(file(*rows))


def test_a_file_that_is_not_there_or_not_text_is_said(tmp_path):
    (tmp_path / "x.jsonl").write_bytes(b"\xff\xfe")
    for name in ("x.jsonl", "y.jsonl"):
        with pytest.raises(SettingError, match=f"{name} cannot be read"):
            read_conversations(tmp_path / name)


def test_only_known_fields_can_be_named():
    with pytest.raises(SettingError, match="no field 'turn' to name: id, group, turns"):
        Fields.of({"turn": "x"})
    with pytest.raises(SettingError, match="'text' is named with an empty name"):
        Fields.of({"text": ""})
