import pytest
from chats import Quarters
from hypothesis import given
from hypothesis import strategies as st

from tersely.chat.counting import ChatCounter, find_separator, written
from tersely.chat.formats import read_chat
from tersely.counting import load_counter


@given(st.lists(st.text(st.sampled_from("ab\n\x1e\x1f \ue000"), min_size=1)))
def test_joined_texts_count_what_each_counts(texts):
    separator = find_separator(texts)
    counter = ChatCounter(Quarters(), separator)
    assert counter.count(separator.join(texts)) == sum(map(Quarters().count, texts))


@given(st.lists(st.text()), st.integers())
def test_no_part_of_the_texts_can_make_a_separator(texts, seed):
    separator = find_separator(texts)
    assert separator not in "".join(texts) + "\n".join(texts) + "".join(sorted("".join(texts)))


def test_a_counter_has_the_name_of_the_one_it_counts_with():
    counter = ChatCounter(Quarters(), "|")
    assert (counter.name, counter.exact) == ("quarters", True)


@pytest.mark.parametrize("size", [10, 100])
def test_counts_are_the_same_the_second_time(size):
    counter = ChatCounter(Quarters(), "|")
    assert [counter.count("a" * size + "|b") for _ in range(2)] == [-(-size // 4) + 1] * 2


def test_what_no_model_reads_counts_nothing():
    part = {"type": "image", "source": {"data": "A" * 1000, "url": "https://a.b/c.png"}}
    assert written(part) == '{"type":"image","source":{"url":"https://a.b/c.png"}}'


def test_the_public_rule_counts_as_the_cookbook_does():
    """3 a message, its role and content, name and 1 more, and 3 before the answer."""
    count = load_counter("o200k_base").count
    chat = read_chat(
        [
            {"role": "system", "content": "You are a helpful assistant."},
            {"role": "user", "name": "ann", "content": "How far is it to the moon?"},
        ]
    )
    texts = "system", "You are a helpful assistant.", "user", "ann", "How far is it to the moon?"
    found = chat.tokens + sum(map(count, [*chat.counted, *(slot.text for slot in chat.slots)]))
    assert found == 3 + 3 + 1 + 3 + sum(map(count, texts))
