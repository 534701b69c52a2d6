"""500xCompressor: which keys and values are kept, where they stand, and who sees whom."""

import pytest
import torch
from tiny_soft import some_texts, tiny_host

from tersely.soft.presets import preset
from tersely.soft.reader import nats
from tersely.soft.slots import slot_places
from tersely.soft.trained import network_of


@pytest.fixture(scope="module")
def host():
    return tiny_host()


def encode(host, texts, counts, **changes):
    made = network_of("compressor500x", host, preset("default", rank=4, **changes))
    with torch.no_grad():
        found = made.encode(host, texts, counts)
    made.detach()
    return found


@pytest.mark.parametrize("at", ["centre", "end"])
def test_untrained_anchors_are_the_models_own_keys_and_values(host, at):
    (text,) = some_texts(20)
    made = encode(host, [text], [5], slots="anchors", at=at)
    read, places = host.read(text), slot_places(20, 5, at)
    torch.testing.assert_close(made.keys[:, 0], read.keys[:, :, places])
    torch.testing.assert_close(made.values[:, 0], read.values[:, :, places])
    assert made.positions[0].tolist() == places.tolist()


def test_memory_tokens_are_what_words_behind_the_text_are_at_their_places(host):
    """Untrained, a memory token is the word where it stands, read again behind the text."""
    (text,) = some_texts(12)
    places = torch.from_numpy(slot_places(12, 3))
    behind = torch.tensor(text)[places]
    past = host.prefix_past
    positions = torch.cat([torch.arange(12), places]) + len(host.prefix)
    read = host.forward([[*text, *behind.tolist()]], positions=positions, past=past)
    made = encode(host, [text], [3])
    torch.testing.assert_close(made.keys, read.keys[:, :, :, 12:])
    torch.testing.assert_close(made.values, read.values[:, :, :, 12:])


def test_the_papers_positions_lie_behind_the_text_and_ahead_of_the_reader(host):
    made = encode(host, some_texts(12), [3], positions="paper")
    assert made.positions.tolist() == [[12, 13, 14]]
    assert made.after.tolist() == [3]


def test_the_papers_start_is_far_larger_than_words_are(host):
    words = host.model.get_input_embeddings().weight
    rows = {
        start: network_of(
            "compressor500x", host, preset("default", start=start)
        ).table.rows.detach()
        for start in ("paper", "mean", "words")
    }
    assert float(rows["paper"].std()) > 3 * float(words.std())
    assert float(rows["mean"].std()) == pytest.approx(float(words.std()), rel=0.2)
    assert not rows["words"].any()


def changed_by(host, token, **changes):
    """Which of the slots change when one token of the text does."""
    (text,) = some_texts(12)
    other = [*text[:token], text[token] % 60 + 3, *text[token + 1 :]]
    pair = [
        encode(host, [one], [3], **changes).values[-1, 0].transpose(0, 1) for one in (text, other)
    ]
    return [not torch.equal(a, b) for a, b in zip(*pair, strict=True)]


def test_memory_tokens_see_the_whole_text(host):
    assert changed_by(host, 11) == [True, True, True]


def test_causal_anchors_see_what_stands_before_them(host):
    assert changed_by(host, 5, slots="anchors", at="end") == [False, True, True]


def test_anchors_with_full_attention_see_the_whole_text(host):
    found = changed_by(host, 11, slots="anchors", at="centre", attention="full")
    assert found == [True, True, True]


@pytest.mark.parametrize(("attention", "seen"), [("causal", False), ("memory", True)])
def test_memory_tokens_see_later_ones_only_if_that_is_set(host, attention, seen):
    (text,) = some_texts(12)
    made = network_of("compressor500x", host, preset("default", budgets=(3,), attention=attention))
    firsts = []
    with torch.no_grad():
        for change in (0.0, 1.0):
            made.table.rows[2] += change
            firsts.append(made.encode(host, [text], [3]).values[-1, 0, :, 0])
    made.detach()
    assert torch.equal(*firsts) is not seen


def test_what_the_network_hands_over_is_what_a_reader_of_the_memory_gets(host):
    from tersely.soft.base import load_producer

    (text,) = some_texts(20)
    memory = load_producer("compressor500x").produce(host, text, 4)
    slots = encode(host, [text], [4])
    past = slots.past(host)
    with torch.no_grad():
        read = host.forward([[5, 6]], positions=past.positions(2), past=past)
        wanted = host.nats(read.hidden[0, :2], torch.tensor([6, 7]))
    torch.testing.assert_close(nats(host, memory, [5, 6, 7]), wanted)
