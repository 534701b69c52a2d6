import pytest
from hypothesis import given
from hypothesis import strategies as st
from texts import spaced_texts

from tersely.core.layout import Layout
from tersely.core.passages import read_passages
from tersely.core.prompt import Prompt
from tersely.core.units import word_units
from tersely.hard.dependencies import MOST_BEFORE, dependencies


def needs(*texts):
    """What each sentence leans on, as texts."""
    units = [unit for at, text in enumerate(texts) for unit in word_units(text, segment=at)]
    passages = read_passages(Layout(Prompt.of(list(texts)), units), range(len(texts)))
    return [[passages.texts[at] for at in leans] for leans in dependencies(passages)]


@given(st.lists(spaced_texts, max_size=4))
def test_a_sentence_leans_on_its_document_and_what_is_before_it_or_answers_it(texts):
    units = [unit for at, text in enumerate(texts) for unit in word_units(text, segment=at)]
    passages = read_passages(Layout(Prompt.of(texts), units), range(len(texts)))
    found = dependencies(passages)
    assert len(found) == len(passages)
    for at, leans in enumerate(found):
        assert len(leans) == len(set(leans)) <= MOST_BEFORE + 2
        documents = {passages.sentences[other].document for other in leans}
        assert all(other <= at + 1 for other in leans)
        assert documents <= {passages.sentences[at].document}


def test_every_sentence_leans_on_the_header():
    header = "# Calder Rose"
    assert needs(f"{header}\nBuilt in 1994. Calder is a ship.") == [[], [header], [header]]


def test_what_stands_for_something_just_said_leans_on_it():
    assert needs("The engine broke. This cost a week.") == [[], ["The engine broke."]]


@pytest.mark.parametrize(
    "text",
    [
        "These did.",
        "both did.",
        '"That is so."',
        "However, this is.",
        "But then, such is life.",
        "The latter was.",
    ],
)
def test_openings_that_lean_on_the_sentence_before(text):
    assert needs("The engine broke. " + text[0].upper() + text[1:])[-1] == ["The engine broke."]


@pytest.mark.parametrize(
    "text",
    ["Thistles grow.", "Item one.", "The engine ran.", "Heaven knows.", "Is it so?", "1994 was."],
)
def test_openings_that_lean_on_nothing(text):
    assert needs(f"The engine broke. {text}")[1] == []


def test_a_person_is_named_by_the_header_where_there_is_one():
    assert needs("Ann came. She sat.") == [[], ["Ann came."]]
    assert needs("# Ann\nAnn came. She sat.")[2] == ["# Ann"]


def test_a_row_of_pronouns_leans_on_few_sentences():
    found = needs("Ann came. She sat. She ate. She left. She slept.")
    assert found[4] == ["She left.", "She ate.", "She sat."][: MOST_BEFORE + 1]


def test_a_question_leans_on_the_sentence_after_it():
    assert needs("What is it? Six crowns. When? At noon.", "x")[:4] == [
        ["Six crowns."],
        [],
        ["At noon."],
        [],
    ]


def test_a_question_that_ends_its_document_has_no_answer():
    assert needs("It sails. When?", "At noon.") == [[], [], []]


def test_a_header_without_a_title_names_nobody():
    assert needs("Passage 1:\nAnn came, and Bob. She sat.")[2] == [
        "Passage 1:",
        "Ann came, and Bob.",
    ]


def test_nothing_leans_on_another_document():
    assert needs("Ann came.", "She sat.", "# Bob\nThis is so.") == [[], [], [], ["# Bob"]]


def test_nothing_has_no_dependencies():
    assert needs() == needs("", "") == []


def test_a_script_without_pronouns_we_know_leans_on_headers_only():
    assert needs("# 東京\n猫は座る。それは猫だ。")[1:] == [["# 東京"], ["# 東京"]]
