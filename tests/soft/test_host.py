"""The frozen model: what it reads, what is read behind it, and the traps of transformers."""

import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st
from soft_reference import HOST, behind, chat_host, full, logits, model_of, text
from tiny_soft import some_texts, tiny_host, tiny_model, tiny_tokenizer

from tersely.errors import ModelMismatch, PromptError, SettingError
from tersely.soft.host import Host, load_host

START = list(HOST.prefix)
close = {"atol": 2e-4, "rtol": 1e-4}


@given(st.integers(1, 40), st.integers(1, 12), st.integers(0, 5))
@settings(max_examples=20)
def test_a_memory_of_every_token_reads_like_the_text(length, more, seed):
    ids, prompt = text(length, seed), text(more, seed + 100)
    ours = behind(HOST.cache_of([[full(ids)]]), [prompt])[0]
    assert torch.allclose(ours, logits([*START, *ids, *prompt])[-more:], **close)


@given(st.lists(st.integers(1, 12), min_size=1, max_size=4))
@settings(max_examples=20)
def test_texts_read_together_are_read_as_alone(lengths):
    texts = some_texts(*lengths)
    for ids, ours in zip(texts, HOST.read_many(texts, queries=True), strict=True):
        alone = HOST.read(ids, queries=True)
        for name in ("keys", "values", "hidden", "queries"):
            assert torch.allclose(getattr(ours, name), getattr(alone, name), **close)


def test_what_is_read_is_as_the_model_has_it():
    ids = text(7)
    cache = transformers.DynamicCache()
    with torch.no_grad():
        HOST.model(torch.tensor([START + ids]), past_key_values=cache)
    read = HOST.read(ids)
    turned = HOST.rotation.rotate(read.keys, read.positions + len(START))
    for layer, own in enumerate(cache.layers):
        assert torch.allclose(turned[layer], own.keys[0, :, 1:], **close)
        assert torch.allclose(read.values[layer], own.values[0, :, 1:], **close)


def test_what_was_read_stays_when_its_cache_is_read_on():
    at = torch.arange(4) + len(START)
    once, read = (HOST.forward([text(4)], positions=at, past=HOST.prefix_past) for _ in range(2))
    with torch.no_grad():
        HOST.model(torch.tensor([text(2)]), past_key_values=read.cache)
    assert torch.equal(read.keys, once.keys)
    assert torch.equal(read.values, once.values)
    assert read.queries is None


def test_queries_are_those_of_the_layers_un_rotated():
    ids, caught = text(5), []
    projection = HOST.model.model.layers[0].self_attn.q_proj
    hook = projection.register_forward_hook(lambda _, __, out: caught.append(out))
    read = HOST.read(ids, queries=True)
    hook.remove()
    own = caught[-1][0].view(5, 4, 8).transpose(0, 1)
    assert torch.allclose(read.queries[0], own, **close)


def test_the_model_reads_the_same_after_its_queries_were_seen():
    host, ids = tiny_host(), text(6)
    before = logits(ids, host)
    host.read(ids, queries=True)
    assert torch.equal(logits(ids, host), before)


def test_the_prefix_is_read_once(monkeypatch):
    host, passes = chat_host(), []
    own = host.body.forward
    monkeypatch.setattr(
        host.body, "forward", lambda **how: passes.append(how["position_ids"]) or own(**how)
    )
    for _ in range(3):
        host.cache_of([[full(text(4), host)]])
    assert [len(one[0]) for one in passes] == [len(host.prefix), 4, 4, 4]


def test_no_logits_are_made_while_reading(monkeypatch):
    monkeypatch.setattr(HOST.head, "forward", lambda _: pytest.fail("logits were made"))
    HOST.cache_of([[full(text(8))]])


def test_surprisal_is_that_of_all_logits(monkeypatch):
    ids = text(9)
    monkeypatch.setattr("tersely.soft.host.HEAD_ROWS", 4)
    read = HOST.read(ids)
    ours = HOST.nats(read.hidden[:-1], torch.tensor(ids[1:]))
    whole = logits(START + ids)[1:-1].log_softmax(-1)
    assert torch.allclose(ours, -whole[torch.arange(8), ids[1:]], atol=1e-4)
    assert HOST.nats(read.hidden[:0], torch.tensor([], dtype=torch.int64)).shape == (0,)


def test_gradients_reach_what_is_placed():
    read = HOST.read(text(6))
    held = [one[:, None].clone().requires_grad_() for one in (read.keys, read.values)]
    following = torch.tensor([len(START) + 6])
    past = HOST.place(*held, read.positions, next_positions=following)
    passed = HOST.forward([text(3)], positions=past.positions(3), past=past)
    HOST.nats(passed.hidden[0], torch.tensor(text(3))).sum().backward()
    assert all(bool((one.grad.abs().sum((0, 1, 2, 4)) > 0).all()) for one in held)
    assert all(one.grad is None for one in HOST.model.parameters())


def test_embeddings_may_stand_for_tokens():
    ids, at = torch.tensor([text(5)]), torch.arange(5)
    by_ids = HOST.forward(ids, positions=at, past=HOST.prefix_past)
    by_rows = HOST.forward(embeddings=HOST.embed(ids), positions=at, past=HOST.prefix_past)
    assert torch.equal(by_ids.hidden, by_rows.hidden)


def test_what_sees_what_can_be_said():
    ids, at = [text(4)], torch.arange(4) + 1
    causal = torch.ones(4, 4, dtype=torch.bool).tril()
    visible = torch.cat([torch.ones(4, 1, dtype=torch.bool), causal], 1)[None]
    said = HOST.forward(ids, positions=at, past=HOST.prefix_past, visible=visible)
    own = HOST.forward(ids, positions=at, past=HOST.prefix_past)
    assert torch.allclose(said.hidden, own.hidden, **close)
    visible = visible | True
    said = HOST.forward(ids, positions=at, past=HOST.prefix_past, visible=visible)
    assert not torch.allclose(said.hidden[:, 0], own.hidden[:, 0], **close)


# The traps of transformers 5: soft compression steps on each of them.


def test_positions_that_jump_do_not_block_attention():
    """Without a mask, transformers reads jumping positions as several texts in one."""
    ids, at = text(6), torch.tensor([0, 1, 2, 9, 10, 11])
    ours = HOST.head(HOST.forward([ids], positions=at).hidden)[0]
    with torch.no_grad():
        trapped = HOST.model(torch.tensor([ids]), position_ids=at[None], use_cache=False).logits[0]
        shown = HOST.model(torch.tensor([ids]), position_ids=at[None], use_cache=False,
                           attention_mask=torch.ones(1, 1, 6, 6).tril().bool()).logits[0]  # fmt: skip
    assert torch.allclose(ours, shown, **close)
    assert not torch.allclose(trapped, shown, **close)  # else it is no trap any more


def test_a_past_is_not_changed_by_reading():
    """A cache grows when it is read, so every reading gets a fresh one."""
    past = HOST.cache_of([[full(text(5))]])
    first, length = behind(past, [text(3)]), past.length
    assert torch.equal(behind(past, [text(3)]), first)
    assert past.length == length
    assert past.cache().get_seq_length() == length


def test_a_model_that_drops_its_cache_in_training_is_refused():
    host = tiny_host()
    if hasattr(host.model, "activation_checkpointing_enable"):
        host.model.activation_checkpointing_enable()
    else:  # its older name
        host.model.gradient_checkpointing_enable()
    host.model.train()
    with pytest.raises(SettingError, match="Gradient checkpointing drops"):
        host.read(text(3))
    host.model.eval()
    assert host.read(text(3)).keys.shape == (2, 2, 3, 8)


# What a host refuses.


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (lambda: model_of("Mistral", sliding_window=8, num_key_value_heads=2),
         "sliding attention of 8 tokens in 2 of 2 layers"),
        (lambda: model_of("Qwen2", use_sliding_window=True, sliding_window=8, max_window_layers=1,
                       num_key_value_heads=2), "sliding attention of 8 tokens in 1 of 2"),
        (lambda: model_of("GPT2", n_embd=32, n_head=4, n_layer=2), "no rotary positions"),
        (lambda: model_of("Granite", num_key_value_heads=2, logits_scaling=7.0), "changes its logits"),
    ],
)  # fmt: skip
def test_models_that_cannot_hold_a_memory_are_refused(made, says):
    with pytest.raises(ModelMismatch, match=says):
        Host(made(), tiny_tokenizer(), name="it", start_id=1)


@pytest.mark.parametrize(
    ("tokens", "says"), [(0, "is empty"), (256, "has 256 tokens, and tiny reads 255 at once")]
)
def test_a_text_that_cannot_be_read_at_once_is_refused(tokens, says):
    with pytest.raises(PromptError, match=says):
        HOST.read(text(tokens))


def test_a_text_of_the_whole_window_is_read():
    assert HOST.read(text(255)).keys.shape[2] == 255


@pytest.mark.parametrize(
    ("options", "says"),
    [({"dtype": "int8"}, "dtype is"), ({"system": 5}, "system is text, or None .*; got 5"), ({"prefix": "none"}, "prefix is"),
     ({"prefix": "start", "system": "Be brief."}, "no system's turn")],
)  # fmt: skip
def test_settings_of_a_host_are_checked(options, says, tmp_path):
    from tiny_llama import write_folder

    with pytest.raises(SettingError, match=says):
        load_host(str(write_folder(tmp_path / "tiny")), **options)


def test_a_device_that_is_not_there_is_refused(tmp_path):
    from tiny_llama import write_folder

    with pytest.raises(SettingError, match="torch cannot use the device"):
        load_host(str(write_folder(tmp_path / "tiny")), device="cuda:99")


@pytest.mark.parametrize("model", [None, 5, ""])
def test_a_model_has_a_name(model):
    with pytest.raises(SettingError, match="model is a name, a folder or a file"):
        load_host(model, device="cpu")


def test_a_folder_is_loaded_and_told_by_its_content(tmp_path):
    from tiny_llama import write_folder

    first = load_host(str(write_folder(tmp_path / "a")), device="cpu")
    same = load_host(str(write_folder(tmp_path / "b")), device="cpu", dtype="bfloat16")
    other = load_host(str(write_folder(tmp_path / "c", rope_theta=7e3)), device="cpu")
    assert first.fingerprint == same.fingerprint != other.fingerprint
    assert (first.prefix, same.dtype) == ((first.start_id,), torch.bfloat16)
    assert first.slot_bytes == 2 * same.slot_bytes == 2 * 2 * 2 * 16 * 4


def test_a_model_in_memory_is_told_by_its_weights():
    other = tiny_model()
    other.model.norm.weight.data += 1
    again = Host(tiny_model(), tiny_tokenizer(), name="again", start_id=1)
    assert HOST.fingerprint == again.fingerprint
    changed = Host(other, tiny_tokenizer(), name="tiny", start_id=1).fingerprint
    assert (changed.model == HOST.fingerprint.model) is False
    assert changed.tokenizer == HOST.fingerprint.tokenizer


def test_its_weights_are_frozen_and_its_own_options_of_generation_are_gone():
    made = tiny_model()
    made.generation_config.repetition_penalty = 3.0
    host = Host(made, tiny_tokenizer(), name="tiny", start_id=1)
    assert not any(one.requires_grad for one in host.model.parameters())
    assert host.model.generation_config.repetition_penalty is None
