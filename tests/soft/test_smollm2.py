"""The whole chain on the real model: a memory of a text is read like the text."""

import pytest
import torch
from soft_reference import behind, full, greedy, logits

from tersely.soft.base import DEFAULT_METHOD
from tersely.soft.memory import Memory
from tersely.soft.reader import ask, generate, nats, stream
from tersely.soft.sampling import Sampling
from tersely.soft.segments import compress

pytestmark = pytest.mark.model
TEXT = "Ada keeps bees in Oslo. Her brother Emil repairs organs in Turku. Their aunt sells maps."
ASKED = "Who repairs organs?"
SHORT = Sampling(most_tokens=5)


@pytest.fixture(scope="module")
def made(soft_host):
    return full(soft_host.encode(TEXT), soft_host)


def test_a_memory_of_every_token_reads_like_the_text(soft_host, made):
    asked = soft_host.chat.question(ASKED)
    whole = [*soft_host.prefix, *soft_host.encode(TEXT), *asked]
    ours = behind(soft_host.cache_of([[made]]), [asked], soft_host)[0]
    assert torch.allclose(ours, logits(whole, soft_host)[-len(asked) :], atol=1e-3)
    by_hand = soft_host.decode(greedy(whole, 5, soft_host))
    assert generate(soft_host, made, asked, SHORT)[0].text == by_hand
    assert "".join(stream(soft_host, made, asked, SHORT)) == by_hand


def test_it_answers_from_what_was_saved(soft_host, made, tmp_path):
    made.quantized().save(tmp_path / "a.memory")
    loaded = Memory.load(tmp_path / "a.memory", soft_host.fingerprint)
    assert "Emil" in ask(soft_host, loaded, ASKED, Sampling(most_tokens=16))
    assert loaded.bytes < made.bytes / 3.7


def test_the_prefix_is_the_head_of_its_chat_template(soft_host):
    said = soft_host.decode(soft_host.prefix)
    assert said.startswith("<|im_start|>system\n")
    assert said.endswith("<|im_end|>\n<|im_start|>user\n")


def test_a_text_is_likelier_behind_a_memory_of_itself_than_behind_nothing(soft_host, made):
    ids = soft_host.encode(" Emil repairs organs in Turku.")
    behind_it, alone = nats(soft_host, made, ids), nats(soft_host, [], ids)
    assert behind_it.mean() < alone.mean() - 1


def test_the_front_door_keeps_its_budget(soft_host):
    memory = compress(TEXT, max_bytes=500_000, model=soft_host)
    assert 450_000 < memory.bytes <= 500_000
    assert memory.made_by["name"] == DEFAULT_METHOD
