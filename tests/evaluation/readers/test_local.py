"""The local reader: what it measures, that it reads a prompt once, and when it says it cannot."""

import numpy as np
import pytest
from fakes import FakeBackend

from tersely.backends.generation import generate
from tersely.errors import BackendError, SettingError
from tersely.evaluation.readers.base import Ask, end_of
from tersely.evaluation.readers.local import LocalReader

TEXT = "The cat sat.\nAnswer:"


@pytest.fixture
def reader(backend):
    return LocalReader(backend)


def ids_of(backend, text):
    return np.concatenate([[backend.start_id], backend.encode(text).ids])


def mean_nats(backend, text, answer):
    """Read the prompt and the answer after it in one go."""
    before, after = ids_of(backend, text), backend.encode(answer).ids
    both = np.concatenate([before, after])
    nats, _ = backend.extend(backend.empty(), both, scored_from=len(before))
    return nats.mean()


def read(reader, *asks):
    return reader.read(asks)


def test_the_likeliest_of_the_first_three_answers_counts(backend, reader):
    answers = (" a dog", " the grey cat", " 12", " it was the cat that sat on the mat")
    means = [mean_nats(backend, TEXT, answer) for answer in answers]
    (reading,) = read(reader, Ask(text=TEXT, answers=answers))
    assert reading.nats == pytest.approx(min(means[:3]))
    assert (reading.answer, reading.option, reading.error) == (None, None, "")


def test_the_option_with_the_lowest_mean_is_picked(backend, reader):
    options = (" yes", " no", " perhaps it was the dog", " 1")
    means = [mean_nats(backend, TEXT, option) for option in options]
    (reading,) = read(reader, Ask(text=TEXT, options=options))
    assert reading.option == options[int(np.argmin(means))]
    assert reading.nats is None


def test_a_long_answer_is_scored_up_to_a_length(backend):
    long = " a cat and a dog" * 9
    (cut,) = LocalReader(backend, most_answer_tokens=4).read([Ask(text=TEXT, answers=(long,))])
    assert cut.nats == pytest.approx(mean_nats(backend, TEXT, " a cat and a"))


def test_what_is_written_is_what_the_model_writes(backend, reader):
    (reading,) = read(reader, Ask(text=TEXT, answer_tokens=9, stop=()))
    (ids,) = generate(backend, [backend.encode(TEXT).ids], most_tokens=9)
    assert reading.answer == backend.decode(ids).strip()
    assert reading.tokens == len(ids_of(backend, TEXT)) + len(ids)


def test_a_stop_ends_the_answer_and_is_not_in_it(reader):
    (whole,) = read(reader, Ask(text=TEXT, answer_tokens=30, stop=()))
    stop = whole.answer[4:6]
    (cut,) = read(reader, Ask(text=TEXT, answer_tokens=30, stop=("never", stop)))
    assert cut.answer == whole.answer[: whole.answer.index(stop)].strip()
    assert cut.tokens < whole.tokens


@pytest.mark.parametrize(
    ("text", "end"), [("a\n\nb", 1), ("\n\n a\n\nb", 4), ("\n\n", None), ("", None), ("ab", None)]
)
def test_empty_lines_before_an_answer_do_not_end_it(text, end):
    assert end_of(text, ["\n\n", "Q:"]) == end


def test_a_prompt_is_read_once_for_all_that_is_asked(backend, reader):
    asks = [
        Ask(text=TEXT, answers=(" a cat", " a dog"), options=(" yes", " no"), answer_tokens=5),
        Ask(text=TEXT, answers=(" 12",)),
        Ask(text=TEXT, answers=(" 12",)),
    ]
    readings = reader.read(asks)
    assert len(backend.calls) == 1
    assert backend.calls[0][1] == tuple(ids_of(backend, TEXT)[:-1].tolist())
    assert readings[1] == readings[2]


def test_texts_that_begin_alike_share_whole_passes_and_nothing_else(backend, reader):
    begin = "the cat and the dog. " * 120
    texts = [begin + "one", begin + "two", begin]
    readings = reader.read([Ask(text=text, answers=(" yes",)) for text in texts])
    for text, reading in zip(texts, readings, strict=True):
        assert reading.nats == pytest.approx(mean_nats(backend, text, " yes"))
    firsts = [len(cached) for cached, _, _ in backend.calls[: -len(texts)]]
    assert firsts.count(0) == 1
    assert all(first % 512 == 0 for first in firsts)


def test_readings_do_not_depend_on_what_else_is_in_the_call(reader):
    asks = [
        Ask(text=f"{n} cats sat.", answers=(" a",), options=(" 1", " 2"), answer_tokens=n)
        for n in (4, 0, 7, 2)
    ]
    together = reader.read(asks)
    for ask, reading in zip(asks, together, strict=True):
        (alone,) = reader.read([ask])
        assert (reading.nats, reading.option, reading.answer, reading.tokens) == (
            (alone.nats, alone.option, alone.answer, alone.tokens)
        )


def test_a_prompt_longer_than_the_window_is_an_error_in_its_reading():
    reader = LocalReader(FakeBackend(window_tokens=20))
    long, short = reader.read(
        [Ask(text="cat " * 30, answers=(" a",)), Ask(text="cat", answers=(" a",))]
    )
    assert "window of fake is 20" in long.error
    assert (long.nats, long.answer) == (None, None)
    assert (short.error, short.nats is None) == ("", False)


@pytest.mark.parametrize("failing", ["score_after", "continue_greedily"])
def test_a_backend_that_fails_is_an_error_in_the_reading(backend, reader, monkeypatch, failing):
    def fail(*_, **__):
        raise BackendError("no memory")

    monkeypatch.setattr(backend, failing, fail)
    (reading,) = read(reader, Ask(text=TEXT, answers=(" a",), answer_tokens=3))
    assert reading.error == "BackendError: no memory"


def test_empty_answers_are_not_scored(reader):
    (reading,) = read(reader, Ask(text=TEXT, answers=("",), options=("", " no")))
    assert (reading.nats, reading.option) == (None, " no")


def test_progress_counts_every_ask_once(reader):
    asks = [Ask(text=TEXT), Ask(text=TEXT), Ask(text="x", answer_tokens=2)]
    counts = []
    reader.read(asks, progress=counts.append)
    assert sum(counts) == 3
    assert reader.read([]) == []


TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}<|end|>{{ m['role'] }}: {{ m['content'] | trim }}"
    "<|end|>{% endfor %}{% if add_generation_prompt %}bot: {% endif %}"
)


def test_in_a_chat_the_text_is_a_turn_and_never_a_special_token(backend):
    reader = LocalReader(backend, form="chat", template=TEMPLATE)
    reader.read([Ask(text="a<|end|>b", answers=(" yes",))])
    user = backend.encode("user: a<|end|>b").ids.tolist()
    bot = backend.encode("bot: ").ids.tolist()
    assert backend.calls[0][1] == (0, 0, *user, 0, *bot[:-1])
    assert reader.name == "fake:chat"


def test_in_a_chat_an_answer_has_no_blank_before_it_and_stops_do_not_count(backend):
    reader = LocalReader(backend, form="chat", template=TEMPLATE)
    stopped, not_stopped, bare = reader.read(
        [
            Ask(text=TEXT, answers=(" yes",), answer_tokens=20, stop=(" ", "a")),
            Ask(text=TEXT, answers=(" yes",), answer_tokens=20, stop=()),
            Ask(text=TEXT, answers=("yes",)),
        ]
    )
    assert stopped.answer == not_stopped.answer
    assert stopped.nats == bare.nats


@pytest.mark.parametrize(
    ("template", "says"),
    [
        ("", "has no chat template"),
        ("hello", "leaves the text out"),
        ("{{ raise_exception('no') }}", "refuses a user's turn: no"),
        ("{{ messages", "fails"),
        ("{{ 1 + 'a' }}", "fails"),
    ],
)
def test_a_model_without_a_usable_chat_form_is_refused(backend, template, says):
    with pytest.raises(SettingError, match=says):
        LocalReader(backend, form="chat", template=template)


@pytest.mark.parametrize(
    ("given", "says"),
    [({"form": "poem"}, "'plain' or 'chat'"), ({"most_answer_tokens": 0}, "at least 1")],
)
def test_a_setting_out_of_range_is_refused(backend, given, says):
    with pytest.raises(SettingError, match=says):
        LocalReader(backend, **given)


def test_a_model_that_only_scores_is_refused():
    class Scoring:
        name = "mute"

    with pytest.raises(SettingError, match="mute can only score"):
        LocalReader(Scoring())


def test_a_model_without_files_has_no_hash(reader):
    assert (reader.name, reader.models) == ("fake", {})


@pytest.mark.model
def test_the_real_model_reads_in_both_forms(smollm2):
    ask = Ask(
        text="Rome is in Italy. Paris is in France.\nQuestion: Where is Rome?\nAnswer: Rome is in",
        answers=(" Italy",),
        options=(" France", " Italy"),
        answer_tokens=4,
        stop=(".",),
    )
    (plain,) = LocalReader(smollm2).read([ask])
    assert (plain.option, plain.answer[:5]) == (" Italy", "Italy")
    assert plain.nats < 2
    chat = LocalReader(smollm2, form="chat")
    assert chat.models == {"smollm2-135m": "b179c9523d0e6a0f"}
    assert "Italy" in chat.read([Ask(text="Say: Italy", answer_tokens=12)])[0].answer
