"""The plain functions that the quality of memories is measured with, and a model made up."""

import json
from argparse import Namespace
from pathlib import Path

import pytest
from evicting import TEXT, attention_of, tiny_host

from benchmarks.soft import quality_report as report
from benchmarks.soft.answering import arms_of, asking, giving_back, heard, make, written
from benchmarks.soft.arms import FULL, NONE, Arm
from benchmarks.soft.asked import QUESTIONS, TEXTS, Item, _window, read_questions, read_texts
from benchmarks.soft.published import closest, published_em, published_f1
from benchmarks.soft.quality import written_places
from benchmarks.soft.quality_records import Bench, file_of, read_lines, records_of, run
from tersely.evaluation.source import Source
from tersely.soft.adapter_file import Adapter
from tersely.soft.base import load_producer
from tersely.soft.presets import preset
from tersely.soft.reader import nats, regenerate
from tersely.training.split import is_held_out

ASKED = Item(QUESTIONS, "set", "q", "g", {40: tuple(TEXT[:40])}, "What?", ("a memory", "it"))
GIVEN = Item(TEXTS, "set", "t", "t", {40: tuple(TEXT[:40])})
ARMS = [Arm(NONE, 0), Arm(FULL, 40), Arm("anchors", 4), Arm("snapkv", 8)]


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    return tiny_host(tmp_path_factory.mktemp("soft"))


@pytest.fixture
def options(tmp_path):
    return Namespace(
        out=tmp_path, slots=[4, 8], arms=["anchors", "streaming"], answer_tokens=3,
        written_places=set(), adapter=[], threads=1, dtype="float32", write=False,
    )  # fmt: skip


def test_words_count_as_they_are_written_in_the_published_score():
    assert published_f1("the cat", ["The cat"]) == 0.5
    assert published_f1("The cat.", ["The cat"]) == pytest.approx(4 / 5)
    assert published_f1("", ["The cat"]) == 0
    assert published_em("The cat", ["a dog", "The cat"]) == 1
    assert published_em("the cat", ["The cat"]) == 0


def test_the_closest_answer_is_the_one_with_the_best_rouge():
    assert closest("the old cat", ["a dog", "cat", "old cat"]) == "old cat"
    assert closest("nothing", ["first", "second"]) == "first"


@pytest.mark.parametrize("share", [0.0, 0.5, 0.999])
@pytest.mark.parametrize("first", [0, 7, 17])
def test_a_window_holds_the_answer_wherever_it_stands(share, first):
    ids = tuple(range(20))
    found = _window(ids, first, first + 3, 10, share)
    assert len(found) == 10
    assert {first, first + 1, first + 2} <= {*found}


def test_no_window_is_shorter_than_asked_for():
    assert _window((1, 2, 3), 0, 1, 4, 0.5) == ()
    assert _window((1, 2, 3, 4), 0, 4, 3, 0.5) == ()


def write_rows(folder, name, rows):
    (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_questions_are_of_held_out_articles_and_their_windows_hold_the_answer(host, tmp_path):
    rows = [
        {"id": f"{n}", "question": "Which?", "answers": [f"city {n}"],
         "documents": [{"title": f"town {n}", "text": f"Many words before. It is city {n} then."}]}
        for n in range(20)
    ]  # fmt: skip
    write_rows(tmp_path, "squad2_dev", rows)
    write_rows(tmp_path, "covidqa", [])
    found = read_questions(Source(str(tmp_path)), host.tokenizer, count=50, lengths=[12, 20])
    assert {item.id for item in found} == {
        str(n) for n in range(20) if is_held_out(f"wikipedia/town {n}")
    }
    for item in found:
        assert all(len(ids) == n for n, ids in item.windows.items())
        assert all(item.answers[0] in host.decode(ids) for ids in item.windows.values())


def test_a_paragraph_stands_among_those_of_its_article(host, tmp_path):
    home = next(f"town {n}" for n in range(50) if is_held_out(f"wikipedia/town {n}"))
    rows = [
        {"id": name, "question": "Which?", "answers": [name],
         "documents": [{"title": home, "text": f"Here is {name}."}]}
        for name in ("one", "two")
    ]  # fmt: skip
    write_rows(tmp_path, "squad2_dev", rows)
    write_rows(tmp_path, "covidqa", [])
    whole = "Here is one.\n\nHere is two."
    found = read_questions(Source(str(tmp_path)), host.tokenizer, count=2, lengths=[len(whole)])
    assert [host.decode(item.windows[len(whole)]) for item in found] == [whole, whole]


def test_texts_are_held_out_abstracts_of_the_year(host, tmp_path):
    rows = [
        {"id": f"{n}", "title": "Title", "text": "word " * 30, "date": date}
        for n, date in enumerate(["2025-01-01"] * 10 + ["2023-01-01"] * 10)
    ]
    write_rows(tmp_path, "arxiv_abstracts", rows)
    found = read_texts(Source(str(tmp_path)), host.tokenizer, count=20, lengths=[10, 30])
    held = {str(n) for n in range(10) if is_held_out(f"arxiv_abstracts/{n}")}
    assert {item.id for item in found} == held
    assert host.decode(found[0].windows[10]) == "Title\n\nwor"


def test_arms_that_cannot_have_so_few_slots_are_left_out(options):
    assert {(arm.name, arm.slots) for arm in arms_of(40, [4, 8, 64], {}, options.arms)} == {
        (NONE, 0), (FULL, 40), ("anchors", 4), ("anchors", 8), ("streaming", 8)
    }  # fmt: skip


def test_a_trained_arm_has_the_slots_it_was_trained_for(options):
    producer = load_producer("compressor500x")
    shape = preset("default", budgets=(8,))
    adapter = Adapter(Path(), "compressor500x", shape, 0, "", "", "")
    object.__setattr__(producer, "trained", adapter)
    assert {arm.slots for arm in arms_of(40, [4, 8], {"keys": producer}, [])} == {0, 8, 40}


@pytest.mark.parametrize(("counts", "wanted"), [([1], 2), ([2, 0], 2), ([2, 1], 3)])
def test_as_many_texts_are_written_as_is_said(counts, wanted):
    texts = [Item(TEXTS, "set", name, name, {}) for name in "abc"]
    assert len(written_places(texts, [40, 80], counts)) == wanted


def test_a_number_for_each_length_or_one_for_all():
    with pytest.raises(SystemExit, match="one number, or 2"):
        written_places([], [40, 80], [1, 2, 3])


def test_all_arms_at_once_are_heard_as_each_alone(host):
    made = make(host, TEXT[:40], ARMS, {})
    past, prompts = asking(host, [*made.values()], "What?")
    answer = host.encode("a memory")
    ears = heard(host, past, prompts, answer, [0, 0, 4, 8])
    for ear, memory in zip(ears, made.values(), strict=True):
        alone = nats(host, [memory] if memory else [], answer, given=prompts[0])
        assert ear.nats == pytest.approx(float(alone.mean()), abs=1e-4)


def test_shares_are_those_of_plain_attention(host):
    made = make(host, TEXT[:40], [Arm(FULL, 40), Arm("anchors", 4)], {})
    past, prompts = asking(host, [*made.values()], "What?")
    answer = host.encode("it")
    whole, few = heard(host, past, prompts, answer, [40, 4])
    seen = attention_of(host, [*TEXT[:40], *prompts[0], *answer])
    looks = slice(-len(answer) - 1, -1)
    slow = seen[:, :, looks].mean(dim=(0, 1, 2))
    assert whole.shares == pytest.approx(slow[1:41].tolist(), abs=1e-5)
    assert whole.before == pytest.approx(float(slow[0]), abs=1e-5)
    assert len(few.shares) == 4
    assert 0 < sum(few.shares) + few.before < 1


def test_texts_are_given_back_as_the_reader_does_it(host):
    made = make(host, TEXT[:40], [Arm("anchors", 4), Arm("anchors", 8)], {})
    trained = [*made.values()]
    trained[0].made_by["trigger"] = 5
    past, prompts = giving_back(host, trained)
    assert written(host, past, prompts, 56) == [regenerate(host, one).strip() for one in trained]


def test_what_is_done_is_not_done_again(host, options):
    bench = Bench(host, {}, options)
    run([ASKED, GIVEN], bench, options)
    lines = file_of(options).read_text()
    run([ASKED, GIVEN], bench, options)
    assert file_of(options).read_text() == lines
    options.written_places = {("t", 40)}
    run([GIVEN], bench, options)
    found = [one for one in records_of([GIVEN], bench, options) if one["arm"] == "anchors"]
    assert all(one["text"] is not None for one in found)


def test_a_torn_line_is_made_again(host, options):
    bench = Bench(host, {}, options)
    run([ASKED], bench, options)
    whole = read_lines(file_of(options))
    file_of(options).write_text(file_of(options).read_text()[:-30])
    run([ASKED], bench, options)
    assert read_lines(file_of(options)).keys() == whole.keys()


def test_another_model_or_text_is_not_taken_for_this_one(host, options):
    bench = Bench(host, {}, options)
    run([ASKED], bench, options)
    assert len(records_of([ASKED], bench, options)) == 5
    other = Item(QUESTIONS, "set", "q", "g", ASKED.windows, "Why?", ASKED.answers)
    assert records_of([other], bench, options) == []


def test_trained_arms_stand_beside_the_others(host, options):
    trained = {"keys": load_producer("compressor500x"), "words": load_producer("icae")}
    options.adapter, options.slots = ["keys=a", "words=b"], [8, 33]
    bench = Bench(host, trained, options)
    run([ASKED, GIVEN], bench, options)
    found = {(one["arm"], one["slots"]): one for one in records_of([ASKED], bench, options)}
    assert found["words", 8]["as_words"] == 8 * host.width * 4
    assert found["keys", 8]["as_words"] == 0
    assert len(found["keys", 33]["shares"]) == 33
    text, _ = report.document([*found.values()], [ASKED], host.decode, options)
    assert "| keys | words | 8 |" in text


def test_more_slots_than_an_arm_was_trained_for_are_left_out(host):
    made = make(host, TEXT[:40] * 2, [Arm("keys", 70)], {"keys": load_producer("compressor500x")})
    assert made == {}


def record(arm, slots, key, text, value, shares=()):
    return {
        "task": QUESTIONS, "set": "set", "id": key, "length": 40, "arm": arm, "slots": slots,
        "group": key, "bytes": 2048, "as_words": 0, "nats": value, "text": text,
        "shares": list(shares), "before": 0.5, "made_by": "x", "day": "2026-01-01",
    }  # fmt: skip


def test_normalised_is_0_at_none_and_1_at_full():
    columns = {
        "none": {("s", "a"): 4.0, ("s", "b"): 2.0},
        "full": {("s", "a"): 1.0, ("s", "b"): 1.0},
    }
    groups = {("s", "a"): "a", ("s", "b"): "b"}
    between = {("s", "a"): 2.0, ("s", "b"): 2.0}
    for column, wanted in ((columns["none"], 0), (columns["full"], 1), (between, 0.5)):
        found = report.normalised(column, columns["none"], columns["full"], groups, less=True)
        assert found.value == pytest.approx(wanted)


def test_the_page_has_a_line_for_each_arm_and_says_how_to_read_it(options):
    items = [
        Item(QUESTIONS, "set", key, key, {40: (1,)}, "What?", ("the cat",)) for key in ("a", "b")
    ]
    records = [
        record(arm, slots, key, text, value, shares)
        for key in ("a", "b")
        for arm, slots, text, value, shares in (
            (NONE, 0, "no", 4.0, ()),
            (FULL, 40, "The cat", 2.0, ()),
            ("anchors", 4, "a cat", 3.0, (0.2, 0.1, 0.1, 0.0)),
        )
    ]
    text, numbers = report.document(records, items, str, options)
    assert "| anchors | 4 | 2 | 1.00 [0.16, 1.00] | 1.00" in text
    assert "| anchors | 4 | 40 | 40 | 50 |" in text
    found = {(n["measure"], n["arm"]): n["value"] for n in numbers}
    assert found["F1 as published", FULL] == 0.5
    assert found["nats normalised", "anchors"] == pytest.approx(0.5)
    assert found["unused", "anchors"] == 25


def test_how_many_texts_were_written_is_counted():
    one = {"task": TEXTS, "length": 40, "arm": "a", "slots": 4, "text": "x"}
    records = [one, one, one | {"arm": "b"}, one | {"arm": "b", "text": None}, one | {"length": 9}]
    assert report.written_counts(records) == "1 of 9 tokens, by arm; 1 to 2 of 40 tokens, by arm"
    assert report.written_counts([]) == "none"


def test_one_text_has_no_interval():
    assert report.shown(report.mean_of({("s", "a"): 0.5}, {("s", "a"): "g"}), digits=2) == "0.50"
