import pytest
from fakes import FakeBackend, WordCounter
from hypothesis import given, settings
from hypothesis import strategies as st
from texts import PIECES, prompts, rates

from tersely.core.budget import Budget
from tersely.core.prompt import Prompt, Span
from tersely.core.recover import Recovered, recover, recover_spans
from tersely.errors import BudgetTooSmall, PromptError, SettingError
from tersely.hard.llmlingua import LLMLingua
from tersely.hard.random_drop import RandomDrop
from tersely.hard.truncate import Truncate

MOON = (
    "The Apollo 11 spacecraft of NASA landed Dr. John Smith in the Sea of Tranquillity on 20 July"
    " 1969. It was watched by 600 million people in the United States and in the whole of Europe."
)
METHODS = [RandomDrop(), LLMLingua(backend=FakeBackend(), unit="token")]


def keeping(text, pieces):
    """Keep pieces of a text, written with a bar between them."""
    spans, at = [], 0
    for piece in pieces.split("|"):
        at = text.index(piece, at)
        spans.append(Span(0, at, at + len(piece)))
        at += len(piece)
    return Prompt.of(text), spans


def recovered(text, pieces, answer, **settings):
    prompt, kept = keeping(text, pieces)
    return recover(prompt, kept, answer, **settings)


KEPT = "Apollo 11| landed|. John Smith| Tranquillity| 1969.| watched| people| in the| Europe."
MOON_ANSWERS = {
    "Apollo 11 landed, they say.": "Apollo 11 spacecraft of NASA landed, they say.",
    "**Apollo 11 landed** (1969)": "**Apollo 11 spacecraft of NASA landed** (1969)",
    "APOLLO 11 LANDED": "APOLLO 11 spacecraft of NASA LANDED",  # the answer's own case stays
    "Apollo 11 took off": "Apollo 11 took off",
    "Apollo 11\nlanded": "Apollo 11\nlanded",  # a line break is the writer's
    "Tranquillity 1969.": "Tranquillity on 20 July 1969.",
    "1969. watched people": "20 July 1969. watched by 600 million people",  # not across a sentence end
    "Smith": "Smith",
    "in the Europe": "in the Europe",  # too little to go by
    "": "",
    " \0 ": " \0 ",
}


@pytest.mark.parametrize("answer", MOON_ANSWERS)
def test_the_dropped_words_of_a_run_are_put_back(answer):
    assert recovered(MOON, KEPT, answer) == MOON_ANSWERS[answer]


def test_an_abbreviation_ends_no_sentence():
    said = recovered(MOON, "landed Dr.| Smith", "They landed Dr. Smith there.")
    assert said == "They landed Dr. John Smith there."


def test_a_gap_of_too_many_words_is_left_alone_and_the_ones_beside_it_are_not():
    kept = "Apollo| spacecraft| Tranquillity| 1969"
    answer = "Apollo spacecraft Tranquillity 1969"
    few = recovered(MOON, kept, answer, most_dropped_words=3)
    assert few == "Apollo 11 spacecraft Tranquillity on 20 July 1969"
    assert recovered(MOON, kept, answer) == MOON[4 : MOON.index("1969") + 4]
    assert recovered(MOON, kept, answer, most_dropped_words=0) == answer


def test_a_gap_of_few_but_endless_words_is_left_alone():
    text = f"Apollo {'x' * 999} landed safely."
    assert recovered(text, "Apollo| landed safely.", "Apollo landed") == "Apollo landed"


def test_punctuation_alone_is_not_put_back():
    text = "The astronauts (Armstrong), Aldrin and Collins."
    kept = "The astronauts (Armstrong| Aldrin"
    assert recovered(text, kept, "Armstrong Aldrin") == "Armstrong Aldrin"


def test_of_several_places_the_one_with_the_least_between_is_taken():
    text = "The Kuna bought many old vessels, the Kuna made vessels, the Kuna own vessels"
    kept = "Kuna| vessels,| Kuna| vessels,| Kuna| vessels"
    assert recovered(text, kept, "Kuna vessels") == "Kuna own vessels"
    text = text.replace("made", "own")
    assert recovered(text, kept, "Kuna vessels") == "Kuna own vessels"


def test_letters_in_the_same_case_come_before_the_least_between():
    text = "Silver made in vessels, silver old vessels"
    kept = "Silver| vessels,| silver| vessels"
    assert recovered(text, kept, "Silver vessels") == "Silver made in vessels"
    assert recovered(text, kept, "SILVER vessels") == "SILVER old vessels"


def test_words_that_stand_together_in_the_original_too_are_left_alone():
    text = "Silver made vessels. There are silver vessels."
    assert (
        recovered(text, "Silver| vessels.| silver vessels.", "silver vessels") == "silver vessels"
    )


def test_the_longest_run_decides():
    text = "one of the old Apollo missions, and seven of the new missions began"
    kept = "one of the|missions| seven of the| missions began"
    assert recovered(text, kept, "of the missions began") == "of the new missions began"


def test_a_script_without_spaces_goes_by_characters():
    text = "今天日本国的首都東京下雨了。"
    assert recovered(text, "今天日|国的|都東京|雨了", "答:日国的都東") == "答:日本国的首都東"
    assert recovered(text, "今天日|国的|都東京|雨了", "日国") == "日国"


def test_half_a_word_becomes_whole():
    text = "Engineers measured the Fuel Dilution carefully."
    kept = "Engine| measured| F|el D|ution| carefully"
    assert recovered(text, kept, "Fel Dution carefully") == "Fuel Dilution carefully"
    assert recovered(text, kept, "An Engine.") == "An Engineers."
    assert recovered(text, kept, "engine measured") == "engineers measured"


def test_half_a_word_that_is_a_word_stays():
    text = "She wandered to the station. Together they left."
    assert recovered(text, "She wandered to| To| left", "To wander") == "To wander"
    text = "Together they left in 1969."
    assert recovered(text, "To| left in| 1|.", "1. To London") == "1. To London"


def test_runs_do_not_go_from_one_segment_to_the_next():
    prompt = Prompt.of(["Armstrong landed.", "Somewhere Aldrin waited."])
    kept = [Span(0, 0, 9), Span(1, 9, 16)]
    assert recover(prompt, kept, "Armstrong Aldrin") == "Armstrong Aldrin"


def test_segments_may_be_in_any_order():
    prompt = Prompt.of(["Armstrong finally landed.", "Aldrin patiently waited."])
    kept = [Span(1, 0, 6), Span(1, 16, 23), Span(0, 0, 9), Span(0, 17, 24)]
    said = recover(prompt, kept, "Armstrong landed, Aldrin waited")
    assert said == "Armstrong finally landed, Aldrin patiently waited"


def test_a_change_says_what_goes_where():
    prompt, kept = keeping(MOON, "Apollo 11| landed")
    changes = recover_spans(prompt, kept, "So Apollo 11 landed.")
    assert changes == [Recovered(12, 13, Span(0, 13, 33))]
    assert prompt.read(changes[0].span) == " spacecraft of NASA "


def test_a_result_recovers():
    result = Truncate(keep="both").compress(
        Prompt.of("Armstrong and later Aldrin"), Budget(tokens=2), counter=WordCounter()
    )
    assert (result.text, result.recover("Armstrong Aldrin")) == (
        "Armstrong Aldrin",
        "Armstrong and later Aldrin",
    )
    assert len(result.recover_spans("Armstrong Aldrin")) == 1


@pytest.mark.parametrize("answer", [None, 3, b"Armstrong", ["Armstrong"]])
def test_an_answer_is_a_text(answer):
    with pytest.raises(PromptError, match="The answer is a str, not"):
        recovered(MOON, KEPT, answer)


@pytest.mark.parametrize("number", [-1, 2.5, True, "3", None])
def test_the_most_dropped_words_are_a_whole_number(number):
    with pytest.raises(SettingError, match="whole number, at least 0; got"):
        recovered(MOON, KEPT, "Apollo", most_dropped_words=number)


def compress(method, prompt, rate):
    try:
        return method.compress(prompt, Budget(rate=rate), counter=WordCounter())
    except BudgetTooSmall:
        return None


@pytest.mark.parametrize("method", METHODS, ids=["words", "tokens"])
@settings(max_examples=60)
@given(prompt=prompts(), rate=rates, data=st.data())
def test_what_is_put_in_is_of_the_original_and_the_rest_stays(method, prompt, rate, data):
    result = compress(method, prompt, rate)
    words = [*result.text.split(), *PIECES] if result else PIECES
    answer = " ".join(data.draw(st.lists(st.sampled_from(words), max_size=20)))
    answer += result.text if result else ""
    changes = result.recover_spans(answer) if result else []
    at, out = 0, ""
    for change in changes:
        assert at <= change.start <= change.end
        assert change.span.end <= len(prompt.segments[change.span.segment].text)
        assert any(d.start < change.span.end and change.span.start < d.end for d in result.dropped)
        out += answer[at : change.start] + prompt.read(change.span)
        at = change.end
    assert not result or result.recover(answer) == out + answer[at:]


@settings(max_examples=40)
@given(prompt=prompts(), answer=st.text() | st.lists(st.sampled_from(PIECES)).map(" ".join))
def test_where_nothing_was_dropped_nothing_changes(prompt, answer):
    result = RandomDrop().compress(prompt, Budget(rate=1.0), counter=WordCounter())
    everything = tuple(
        Span(index, 0, len(segment.text)) for index, segment in enumerate(prompt.segments)
    )
    assert recover(prompt, everything, answer) == answer
    assert result.dropped or result.recover(answer + prompt.text) == answer + prompt.text


@settings(max_examples=60)
@given(st.lists(st.booleans(), min_size=2, max_size=40))
def test_a_quotation_of_all_that_was_kept_is_all_that_was_there(choices):
    text = " ".join(f"word{n}" for n in range(len(choices)))
    words = [(text.index(f"word{n}"), len(f"word{n}")) for n in range(len(choices))]
    kept = [
        Span(0, max(0, at - 1), at + size)
        for (at, size), k in zip(words, choices, strict=True)
        if k
    ]
    prompt = Prompt.of(text)
    said = "".join(map(prompt.read, kept))
    expected = text[kept[0].start : kept[-1].end] if kept else ""
    assert recover(prompt, kept, said, most_dropped_words=99) == expected


def test_a_long_answer_and_a_repetitive_text_are_no_trouble():
    text = "Armstrong and Aldrin landed. " * 300
    prompt = Prompt.of(text)
    kept = [
        Span(0, at, at + size) for n in range(300) for at, size in ((29 * n, 9), (29 * n + 13, 16))
    ]
    said = recover(prompt, kept, "Armstrong Aldrin landed. " * 4000)
    assert said == "Armstrong and Aldrin landed. " * 4000
