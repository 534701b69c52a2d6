import pytest
from fakes import WordCounter
from hypothesis import given, settings
from hypothesis import strategies as st
from texts import PIECES, prompts, rates

from tersely.core.budget import Budget
from tersely.core.prompt import Prompt, Span
from tersely.core.recover import recover, recover_spans
from tersely.errors import BudgetTooSmall
from tersely.hard.random_drop import RandomDrop
from tersely.hard.truncate import Truncate


def recovered(marked, answer, **options):
    """Recover an answer from a text of which only what stands in [brackets] was kept."""
    text, spans, start = "", [], 0
    for char in marked:
        if char == "[":
            start = len(text)
        elif char == "]":
            spans.append(Span(0, start, len(text)))
        else:
            text += char
    return recover(Prompt.of(text), spans, answer, **options)


COMPLETED = {
    "before": ("The singer Adam [Levine] sang.", "Levine", "Adam Levine"),
    "inside an answer": ("The singer Adam [Levine] sang.", "by Levine.", "by Adam Levine."),
    "every time": ("The singer Adam [Levine] sang.", "Levine, Levine", "Adam Levine, Adam Levine"),
    "after": ("the boxer [Jimmy] Ellis won.", "Jimmy", "Jimmy Ellis"),
    "both edges": ("when the English [Electric] Canberra flew", "Electric", "English Electric Canberra"),
    "at the end of a sentence": ("He left New [York].", "York", "New York"),
    "a day": ("was born 2 [March 1972] there", "March 1972", "2 March 1972"),
    "a number behind": ("the [Apollo] 11 crew", "Apollo", "Apollo 11"),
    "a numeral": ("in [World War] II they", "World War", "World War II"),
    "beginning a text": ("Comedy [Film Nerds] is heard.", "Film Nerds", "Comedy Film Nerds"),
    "small words": ("the [Prince] of the Philadelphia Mob", "Prince", "Prince of the Philadelphia Mob"),
    "a particle": ("when Charles de [Gaulle] left", "Gaulle", "Charles de Gaulle"),
    "two particles": ("by Mies van der [Rohe] built", "Rohe", "Mies van der Rohe"),
    "an initial": ("made by M. Night [Shyamalan] in", "Shyamalan", "M. Night Shyamalan"),
    "an initial behind": ("with [Samuel] L. Jackson in", "Samuel", "Samuel L. Jackson"),
    "a title": ("it was Dr. [Strangelove] who", "Strangelove", "Dr. Strangelove"),
    "a hyphen": ("with Jean-Luc [Picard] and", "Picard", "Jean-Luc Picard"),
    "a possessive behind": ("with [Adam] Levine's band", "Adam", "Adam Levine"),
    "a possessive at the edge": ("with Adam [Levine's] band", "Levine's", "Adam Levine's"),
    "accents": ("par Émile [Zola] en", "Zola", "Émile Zola"),
    "Cyrillic": ("автор Лев [Толстой] жил", "Толстой", "Лев Толстой"),
    "twice the same": ("by Adam[ Levine], to Adam[ Levine]", "Levine", "Adam Levine"),
    "what both places have": ("by Adam[ Levine] or Noah Adam[ Levine]", "Levine", "Adam Levine"),
    "up to a kept word": ("with[ Barack] Hussein[ Obama] there", "Obama", "Hussein Obama"),
    "behind a small answer word": ("lives in New [York] now", "In York", "In New York"),
}  # fmt: skip
LEFT_ALONE = {
    "a sentence's first word": ("He rose in march. However in it. However [Levine] sang. but however", "Levine"),
    "a first word before a number": ("It fell. In [1972 Apollo] flew", "1972 Apollo"),
    "a first word in small letters elsewhere": ("They saw the cubs. The [Bears] won.", "Bears"),
    "punctuation": ("with Adam, [Levine] and", "Levine"),
    "a sentence end": ("They met Adam. [Levine] sang", "Levine"),
    "a line break": ("the list\nhas Adam\n[Levine] has", "Levine"),
    "a bracket": ("with Adam ([Levine]) and", "Levine"),
    "a small word": ("the singer [Levine] sang", "Levine"),
    "an enumeration": ("with Collins and [Aldrin] and Armstrong", "Aldrin"),
    "a head": ("the President of [France] said", "France"),
    "a place": ("where [Levine] in Boston sang", "Levine"),
    "an owner": ("in London's [Tower] they", "Tower"),
    "a name that stands alone too": ("to New[ York] and from[ York] by", "York"),
    "different names": ("by Adam[ Levine], by James[ Levine]", "Levine"),
    "a headline": ("so: Big Bad Old Grey Wild [Levine] sang", "Levine"),
    "one number": ("was born in March [1972] there", "1972"),
    "a column of numbers": ("has 12 13 [14] 15 16", "14"),
    "a unit": ("about[ 600] million for[ 500]", "600"),
    "small letters in the answer": ("The singer Adam [Levine] sang.", "levine"),
    "said already": ("The singer Adam [Levine] sang.", "Adam Levine"),
    "said the other way round": ("The singer Adam [Levine] sang.", "Levine, Adam"),
    "said elsewhere": ("The singer Adam [Levine] sang.", "Adam Levine met him, and so Levine"),
    "another's name": ("The singer Adam [Levine] sang.", "Eva Levine"),
    "another's initial": ("The singer Adam [Levine] sang.", "E. Levine"),
    "another's longer name": ("The singer Adam [Levine] sang.", "Levine Smith"),
    "another's longer name of a known word": ("states of the[ United] Kingdom", "United States"),
    "Chinese": ("他是 亚当 [莱文] 先生", "莱文"),
    "a number in Chinese": ("是2024年 3 [5]月 7", "5"),
    "Arabic": ("قال محمد [علي] كلاي", "علي"),
    "nothing dropped": ("[The singer Adam Levine sang.]", "Levine"),
}  # fmt: skip


@pytest.mark.parametrize("case", COMPLETED)
def test_a_name_is_completed(case):
    marked, answer, expected = COMPLETED[case]
    assert recovered(marked, answer) == expected
    assert recovered(marked, expected) == expected
    assert recovered(marked, answer, complete_names=False) == answer


@pytest.mark.parametrize("case", LEFT_ALONE)
def test_what_may_be_no_name_is_left_alone(case):
    marked, answer = LEFT_ALONE[case]
    assert recovered(marked, answer) == answer


def test_half_a_word_becomes_whole_and_its_name_too():
    marked = "The engineer Adam [Bartholo]mew measured."
    assert recovered(marked, "Bartholo") == "Adam Bartholomew"


def test_names_and_gaps_go_together():
    marked = "a film by M. Night[ Shyamalan] and with the young[ Olivia] DeJonge."
    whole = "M. Night Shyamalan and with the young Olivia DeJonge"
    assert recovered(marked, "Shyamalan Olivia") == whole
    assert recovered(marked, "Shyamalan, Olivia") == "M. Night Shyamalan, Olivia DeJonge"


NAMES = ["Adam", "Levine", "York", "of", "de", "the", "sang", "1972", "March", "M.", "Noah,", "He."]


@settings(max_examples=150)
@given(st.lists(st.sampled_from(NAMES), min_size=1, max_size=30), st.data())
def test_what_completes_a_name_was_dropped_beside_it(words, data):
    text = " ".join(words)
    kept = keep_some(text, data)
    answer = " ".join(data.draw(st.lists(st.sampled_from(NAMES), max_size=12)))
    prompt = Prompt.of(text)
    without = recover_spans(prompt, kept, answer, complete_names=False)
    for change in recover_spans(prompt, kept, answer):
        start, end = change.span.start, change.span.end
        lost = [at for at in range(start, end) if text[at] != " "]
        assert change in without or not any(k.start <= at < k.end for k in kept for at in lost)


def test_a_name_that_stands_in_very_many_places_is_left_alone():
    marked = "so Adam[ Levine] sang" * 40
    assert recovered(marked, "Levine") == "Levine"
    assert recovered(marked[:200], "Levine") == "Adam Levine"


def test_a_result_completes_names_unless_told_not_to():
    prompt = Prompt.of("the singer Adam Levine")
    result = Truncate(keep="tail").compress(prompt, Budget(tokens=1), counter=WordCounter())
    assert (result.text.strip(), result.recover("Levine")) == ("Levine", "Adam Levine")
    assert result.recover_spans("Levine")[0].span == Span(0, 11, 16)
    assert result.recover("Levine", complete_names=False) == "Levine"
    assert result.recover_spans("Levine", complete_names=False) == []


def keep_some(text, data):
    """Keep some words of a text, each with the blank before it."""
    out, at = [], 0
    for word in text.split(" "):
        end = at + len(word)
        if data.draw(st.booleans()):
            out.append(Span(0, max(0, at - 1), end))
        at = end + 1
    return out


@settings(max_examples=80)
@given(st.lists(st.booleans(), min_size=1, max_size=20), st.integers(0, 19), st.integers(1, 4))
def test_completing_again_changes_nothing(choices, first, count):
    words = [f"{'Nn'[nth % 5 == 4]}ame{chr(97 + nth)}" for nth in range(len(choices))]
    text = "so " + " ".join(words)
    kept = [
        Span(0, text.index(word) - 1, text.index(word) + len(word))
        for word, keep in zip(words, choices, strict=True)
        if keep
    ]
    prompt = Prompt.of(text)
    said = "".join(map(prompt.read, kept)).split()[first : first + count]
    once = recover(prompt, kept, " ".join(said))
    assert recover(prompt, kept, once) == once
    assert once in text


@settings(max_examples=60)
@given(prompt=prompts(), rate=rates, data=st.data())
def test_hard_texts_do_no_harm(prompt, rate, data):
    try:
        result = RandomDrop().compress(prompt, Budget(rate=rate), counter=WordCounter())
    except BudgetTooSmall:
        return
    words = [*result.text.split(), *PIECES]
    answer = " ".join(data.draw(st.lists(st.sampled_from(words), max_size=20)))
    at, out = 0, ""
    for change in result.recover_spans(answer):
        assert at <= change.start <= change.end
        out += answer[at : change.start] + prompt.read(change.span)
        at = change.end
    assert result.recover(answer) == out + answer[at:]
