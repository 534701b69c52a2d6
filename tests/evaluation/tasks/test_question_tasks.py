"""nq20, hotpotqa, squad2, xquad, longbench, ruler: rows of our schema and of the hubs'."""

import pytest
from task_rows import DATA, folder, hub, needs_data

from tersely.errors import SettingError
from tersely.evaluation.source import Source
from tersely.evaluation.tasks.nq20 import POSITIONS
from tersely.evaluation.tasks.registry import load_task


def document(title, text):
    return {"title": title, "text": text}


def nq(name="q1", count=20, **changed):
    documents = [
        document("T0", "It is Oslo. Yes."),
        *(document(f"T{n}", "No.") for n in range(1, count)),
    ]
    row = {"id": name, "question": "where", "answers": ["Oslo"], "documents": documents}
    return row | {"gold_index": 0} | changed


def read(name, path, **sets):
    return list(load_task(name).read(folder(path, **sets)))


def test_the_gold_document_stands_where_the_group_says(tmp_path):
    examples = read("nq20", tmp_path, nq20_original=[nq(f"q{n}") for n in range(40)])
    assert {example.group for example in examples} == {str(position) for position in POSITIONS}
    for example in examples:
        place = int(example.group)
        text = f"Document [{place + 1}](Title: T0) It is Oslo. Yes."
        assert example.contexts[place] == text
        assert example.gold == ("It is Oslo.",)


@pytest.mark.parametrize("changed", [{"count": 19}, {"gold_index": 3}])
def test_twenty_documents_of_which_the_first_answers_are_needed(tmp_path, changed):
    with pytest.raises(SettingError, match="row q1: 'documents' are not 20"):
        read("nq20", tmp_path, nq20_original=[nq(**changed)])


HOTPOT = {
    "id": "5a8b",
    "question": "Who wrote it?",
    "answer": "Ann Lee",
    "type": "bridge",
    "level": "hard",
    "supporting_facts": {"title": ["Book", "Lee", "Lee"], "sent_id": [0, 1, 9]},
    "context": {
        "title": ["Book", "Sea", "Lee"],
        "sentences": [
            ["It is a book.", " It sold."],
            ["Water."],
            ["She sings.", " Ann Lee wrote."],
        ],
    },
}


def test_a_hubs_supporting_facts_are_gold(monkeypatch):
    (example,) = load_task("hotpotqa").read(hub(monkeypatch, [HOTPOT]))
    assert example.gold == ("It is a book.", "Ann Lee wrote.")
    assert example.contexts[2] == "Document [3](Title: Lee) She sings. Ann Lee wrote."
    assert (example.answers, example.options, example.group) == (("Ann Lee",), (), "bridge")


def test_a_hubs_row_of_another_schema_is_named(monkeypatch):
    rows = [HOTPOT, {"id": "x", "question": "y"}]
    with pytest.raises(
        SettingError, match=r"In hub:some/set, row 2: it has not the fields .*'context'"
    ):
        list(load_task("hotpotqa").read(hub(monkeypatch, rows)))


def hotpot(**changed):
    documents = [
        document("Book", "A book by Lee. Old."),
        document("Sea", "Wet."),
        document("Lee", "Ann. She is 40."),
    ]
    row = {"id": "h", "question": "Who?", "answers": ["Yes"], "documents": documents}
    return row | {"gold_indices": [2, 0], "type": "comparison"} | changed


def test_a_question_of_yes_or_no_has_both_as_options(tmp_path):
    (example,) = read("hotpotqa", tmp_path, hotpotqa500=[hotpot()])
    assert (example.answers, example.options) == (("yes",), ("yes", "no"))
    assert example.gold == ("A book by Lee.", "Ann.")  # the link, and the first sentence


def test_a_question_of_both_sets_is_asked_once(tmp_path):
    sets = {"hotpotqa_distractor100": [hotpot(id="a")], "hotpotqa500": [hotpot(id="b")]}
    assert [example.id for example in read("hotpotqa", tmp_path, **sets)] == ["a"]


@pytest.mark.parametrize("indices", [None, [3], "0"])
def test_gold_indices_are_those_of_documents(tmp_path, indices):
    with pytest.raises(SettingError, match="In hotpotqa500, row h: 'gold_indices'"):
        read("hotpotqa", tmp_path, hotpotqa500=[hotpot(gold_indices=indices)])


def squad(number, answers=("Oslo",), **changed):
    found = {"text": list(answers), "answer_start": [0] * len(answers)}
    row = {"id": f"s{number}", "title": "Towns", "question": "Where?", "answers": found}
    return row | {"context": f"Text {number}. It is Oslo."} | changed


def test_a_hubs_unanswerable_question_is_left_out_but_its_paragraph_is_there(monkeypatch):
    rows = [squad(1), squad(2, answers=(), context="Nothing.")]
    (example,) = load_task("squad2").read(hub(monkeypatch, rows))
    assert sorted(example.contexts) == ["Nothing.", "Text 1. It is Oslo."]
    assert example.gold == ("It is Oslo.",)


def test_the_language_of_a_hubs_set_is_in_its_name(monkeypatch):
    rows = [{k: v for k, v in squad(1).items() if k != "title"}]
    (example,) = load_task("xquad").read(
        hub(monkeypatch, rows, "hub:google/xquad:xquad.de:validation")
    )
    assert (example.language, example.group, example.cluster) == ("de", "de", "s1")
    assert (example.question, example.cue) == ("Frage: Where?", "\nAntwort:")


def test_one_question_in_two_languages_is_one_cluster(tmp_path):
    rows = [
        {
            "id": f"xquad-{lang}-7",
            "lang": lang,
            "question": "?",
            "answers": ["a"],
            "documents": [document("T", text)],
        }
        for lang, text in (("de", "a b"), ("th", "a c"))
    ]
    examples = read("xquad", tmp_path, xquad=rows)
    assert [example.cluster for example in examples] == ["7", "7"]
    assert [example.contexts for example in examples] == [("a b",), ("a c",)]


@needs_data
def test_a_sample_mixes_languages_and_grows_at_its_end():
    task, source = load_task("xquad"), Source(str(DATA))
    short = task.examples(source, count=12)
    assert len({example.language for example in short}) > 5
    longer = load_task("hotpotqa").examples(source, count=9)
    assert load_task("hotpotqa").examples(source, count=4) == longer[:4]


@pytest.mark.parametrize("name", ["squad2", "xquad"])
def test_a_question_has_one_paragraph(tmp_path, name):
    row = {"id": "x", "question": "?", "answers": ["a"], "documents": [], "lang": "en"}
    with pytest.raises(SettingError, match="row x: 'documents' has 0 entries, not one"):
        read(name, tmp_path, **{load_task(name).data[0]: [row]})


LONG = {
    "input": "Who came?",
    "context": "Ann came.\n\nBo left.",
    "answers": ["Ann"],
    "length": 5,
    "dataset": "narrativeqa",
    "language": "en",
    "all_classes": None,
    "_id": "f00",
}


def test_a_hubs_long_text_is_asked_about(monkeypatch):
    (example,) = load_task("longbench").read(
        hub(monkeypatch, [LONG, LONG | {"context": "x" * 30_000}])
    )
    assert example.contexts == ("Ann came.\nBo left.",)
    assert (example.question, example.cue) == ("Question: Who came?", "\nAnswer:")
    assert (example.answers, example.group) == (("Ann",), "narrativeqa")


def test_a_whole_prompt_is_taken_apart(tmp_path):
    prompt = "Answer briefly.\nThe text.\nQuestion: no?\n\nNow, answer the question.\n\nQuestion: Who?\nAnswer:"
    row = {"id": "m", "task": "qasper", "prompt": prompt, "answers": ["Ann"], "all_classes": None}
    (example,) = read("longbench", tmp_path, minilongbench=[row, row | {"id": "n", "task": "lcc"}])
    assert example.instruction == "Answer briefly."
    assert example.contexts == ("The text.\nQuestion: no?",)
    assert example.question == "Now, answer the question.\n\nQuestion: Who?"
    assert example.cue == "\nAnswer:"


def test_questions_and_answers_of_a_text_go_together(tmp_path):
    row = {
        "id": "l",
        "task": "t",
        "context": "Text.",
        "questions": ["a", "b", "c"],
        "answers": ["1", ["2", "3"], "4"],
    }
    examples = read("longbench", tmp_path, longbench_part=[row])
    assert [(example.id, example.answers) for example in examples] == [
        ("l#0", ("1",)),
        ("l#1", ("2", "3")),
    ]
    with pytest.raises(SettingError, match="row l: 'answers' is not a list with one entry per"):
        read("longbench", tmp_path, longbench_part=[row | {"answers": ["1"]}])


def test_needles_and_pairs_are_found_by_their_key(tmp_path):
    prompt = "Hidden.\nOne for k1 is: v1.\nOne for k2 is: v2.\nWhat is the special magic uuid for k2 mentioned in the provided text? The"
    needle = {"id": "n", "task": "niah", "prompt": prompt, "answers": ["v2"]}
    pair = {"id": "p", "question": "k", "answers": ["v"], "records": [["j", "u"], ["k", "v"]]}
    examples = read("ruler", tmp_path, ruler_niah_mk3_4k=[needle], kv_retrieval_75=[pair])
    assert [example.gold for example in examples] == [("One for k2 is: v2.",), ('"k": "v"',)]
    assert examples[1].contexts == ('{"j": "u",\n "k": "v"}',)
    assert examples[0].cue.startswith("\nThe special magic uuid for k2")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"id": "n", "prompt": "a\nb", "answers": ["v"]}, "'prompt' does not end in a question"),
        ({"id": "n", "question": "k", "answers": ["v"]}, "'records' is missing"),
    ],
)
def test_other_needles_are_refused(tmp_path, row, message):
    with pytest.raises(SettingError, match=f"row n: {message}"):
        read("ruler", tmp_path, ruler_niah_mk3_4k=[row])
