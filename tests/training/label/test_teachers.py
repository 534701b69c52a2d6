"""Teachers: one value for each question and word, each checked against a slow way."""

from zlib import crc32

import numpy as np
import pytest
from fakes import FakeBackend
from hypothesis import given
from hypothesis import strategies as st

from tersely.core.units import word_units
from tersely.errors import SettingError
from tersely.training.label.answer import AnswerTeacher
from tersely.training.label.base import sum_by_word
from tersely.training.label.heads import HeadTeacher
from tersely.training.label.leave_out import LeaveOutTeacher
from tersely.training.label.likelihood import LikelihoodTeacher
from tersely.training.label.questions import Question
from tersely.training.label.rows import word_bounds
from tersely.training.label.shared import SharedTeacher

TEXT = "Ann has a red hat. Bob, her son, has none."
ASKED = (Question("Who has a hat?", ("Ann",)), Question("Whose son?", ("her son",)))
TEACHERS = {
    "answer": lambda backend: AnswerTeacher(),
    "heads": lambda backend: HeadTeacher(backend=backend, heads=((0, 0), (2, 1))),
    "leave_out": lambda backend: LeaveOutTeacher(backend=backend),
    "likelihood": lambda backend: LikelihoodTeacher(backend=backend),
    "shared": lambda backend: SharedTeacher(),
}


@pytest.fixture(params=TEACHERS)
def teacher(request, backend):
    return TEACHERS[request.param](backend)


def words(text):
    return [text[start:end] for start, end in word_bounds(text)]


@pytest.mark.parametrize("text", [TEXT, "One", "  日本語 です。\n", "👨‍👩‍👧 and\n\nme", "a" * 500])
def test_every_word_gets_a_finite_value_for_every_question(teacher, text):
    values = teacher.value(text, ASKED)
    assert values.shape == (2, len(word_bounds(text)))
    assert np.isfinite(values).all()


def test_without_questions_there_are_no_values(teacher):
    assert teacher.value(TEXT, ()).shape == (0, len(word_bounds(TEXT)))


def test_a_question_is_valued_alike_whatever_else_is_asked(teacher):
    both = teacher.value(TEXT, ASKED)
    alone = [teacher.value(TEXT, [question])[0] for question in ASKED]
    np.testing.assert_allclose(both, alone)


def test_models_report_the_tokens_they_read(teacher):
    read = []
    teacher.value(TEXT, ASKED, on_tokens=read.append)
    assert (sum(read) > 0) == (teacher.name not in ("answer", "shared"))


def test_a_teacher_has_the_name_it_is_asked_for_by(backend):
    assert {name: make(backend).name for name, make in TEACHERS.items()} == {n: n for n in TEACHERS}


def test_the_answer_is_worth_most_and_its_sentence_more_than_others():
    values = dict(zip(words(TEXT), AnswerTeacher().value(TEXT, ASKED)[1], strict=True))
    assert (values["son"], values["Bob"], values["red"]) == (1.0, 0.5, 0.0)


def test_an_answer_that_stands_nowhere_says_nothing():
    assert AnswerTeacher().value(TEXT, [Question("?", ("a dog",))]).tolist() == [[0.0] * 14]


def test_likelihood_is_what_reading_the_question_first_takes_off_each_word(backend):
    tokens = backend.encode(TEXT)
    before = backend.encode(f"{ASKED[0].text}\n\n").ids
    alone = backend.score([tokens.ids])[0]
    after = backend.score([np.concatenate([before, tokens.ids])])[0][len(before) :]
    gains = [sum(alone[t] - after[t] for t in range(len(tokens)) if a < tokens.ends[t] <= b)
             for a, b in word_bounds(TEXT)]  # fmt: skip
    found = LikelihoodTeacher(backend=backend).value(TEXT, ASKED)[0]
    assert found == pytest.approx(gains)


class Remembering(FakeBackend):
    """One whose surprisals depend on all that was read before, however long ago."""

    def score(self, sequences, *, scored_from=None, on_tokens=None):
        first = scored_from or [0] * len(sequences)
        return [np.array([crc32(ids[: at + 1].tobytes()) % 97 / 9 for at in range(start, len(ids))])
                for ids, start in zip(sequences, first, strict=True)]  # fmt: skip


def test_leaving_out_a_sentence_costs_what_the_answer_then_takes_more():
    backend = Remembering()

    def nats(text):
        ids = [backend.encode(part).ids for part in (text, "\n\nQuestion: ?\nAnswer:", " Ann")]
        return backend.score([np.concatenate(ids)])[0][-len(ids[2]) :].sum()

    found = LeaveOutTeacher(backend=backend).value(TEXT, [Question("?", ("Ann",))])[0]
    first, second = TEXT[:18], TEXT[18:]
    costs = [nats(second) - nats(TEXT)] * 6 + [nats(first) - nats(TEXT)] * 8
    assert found == pytest.approx(costs)


def test_phrases_can_be_left_out_instead():
    values = LeaveOutTeacher(backend=Remembering(), span="phrase").value(TEXT, ASKED)[0]
    assert len(set(values)) == 4  # a sentence, and three phrases


def test_heads_are_asked_about_the_text_alone(backend):
    teacher = HeadTeacher(backend=backend, heads=((0, 0),), pool_tokens=1)
    found = dict(zip(words(TEXT), teacher.value(TEXT, ASKED)[0], strict=True))
    assert found["Ann"] == 0  # the resting place
    assert 0 < sum(found.values()) <= 1


def test_attention_is_pooled_over_neighbours(backend):
    plain, pooled = (
        HeadTeacher(backend=backend, heads=((0, 0),), pool_tokens=width).value(TEXT, ASKED)
        for width in (1, 7)
    )
    assert pooled.std() < plain.std()


class Branching(FakeBackend):
    """One that lets questions follow a text that was read once."""

    def attend_branches(self, ids, branches, *, heads, on_tokens=None):
        whole = [np.concatenate([ids, branch]) for branch in branches]
        return [self.attend(each, rows=len(branch), heads=heads)[:, :, : len(ids)]
                for each, branch in zip(whole, branches, strict=True)]  # fmt: skip


def test_reading_the_text_once_gives_the_same_as_once_per_question(backend):
    ways = [HeadTeacher(backend=b, heads=((1, 2), (3, 0))) for b in (backend, Branching())]
    slow, fast = (way.value(TEXT, ASKED) for way in ways)
    np.testing.assert_allclose(fast, slow)


@given(st.text(alphabet="ab .,\n日\u0301é👩", max_size=40))
def test_the_words_of_a_text_share_out_all_its_tokens_but_those_of_blanks(text):
    tokens = FakeBackend().encode(text)
    sums = sum_by_word(np.ones(len(tokens)), tokens, text)
    cores = [unit.core < unit.end for unit in word_units(text)]
    assert len(sums) == sum(cores) == len(word_bounds(text))
    assert sums.sum() == len(tokens) if all(cores) else sums.sum() <= len(tokens)


@pytest.mark.parametrize("wrong", [{"pool_tokens": 0}])
def test_no_pool_is_refused(backend, wrong):
    with pytest.raises(SettingError, match="pool_tokens is at least 1; got 0"):
        HeadTeacher(backend=backend, heads=((0, 0),), **wrong)


def test_a_span_that_is_none_is_refused(backend):
    with pytest.raises(SettingError, match="span is 'sentence' or 'phrase', not 'word'"):
        LeaveOutTeacher(backend=backend, span="word")


def test_shared_values_what_an_answer_says_in_other_words():
    asked = [Question("What of it?", ("A well-known HAT is her son's.",))]
    text = "Bob, the son, has a well-known hat and an unknown hat-box."
    (values,) = SharedTeacher().value(text, asked)
    worth = zip(words(text), values, strict=True)
    assert [word for word, value in worth if value] == ["son", "well-known", "hat"]
