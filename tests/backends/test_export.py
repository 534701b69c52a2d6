"""Export, on a GGUF file made here as llama.cpp's converter would."""

import json

import gguf
import numpy as np
import pytest
from tokenizers.pre_tokenizers import ByteLevel

from tersely.backends.export import export, to_folder
from tersely.backends.gguf_file import GGUFFile
from tersely.backends.safetensors_folder import SafetensorsFolder
from tersely.backends.tokenizer import encode, read_tokenizer
from tersely.backends.weights import to_dense
from tersely.errors import BackendError, ModelMismatch, ModelNotFound

BYTES = sorted(ByteLevel.alphabet())
TOKENS = [
    "<|end|>",
    "<|start|>",
    *BYTES,
    "th",
    "the",
    "12",
]  # never "12": digits are cut one by one
HEADS, HIDDEN, INNER = 4, 64, 96
ROWS = {"attn_q": HIDDEN, "attn_k": 32, "attn_v": 32, "attn_output": HIDDEN, "ffn_gate": INNER}


def interleaved(rows, heads):
    """What llama.cpp does to the rows of queries and keys."""
    return rows.reshape(heads, 2, -1, rows.shape[1]).swapaxes(1, 2).reshape(rows.shape)


def write_gguf(path):
    rng, writer = np.random.default_rng(0), gguf.GGUFWriter(str(path), "llama")
    writer.add_block_count(1)
    writer.add_context_length(64)
    writer.add_embedding_length(HIDDEN)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(2)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(5000.0)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(TOKENS)
    writer.add_token_types([3, 3] + [1] * (len(TOKENS) - 2))
    writer.add_token_merges(["t h", "th e", "1 2"])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(0)
    writer.add_chat_template("{% for m in messages %}<|start|>{{ m['content'] }}{% endfor %}")
    tensors = {"token_embd": (len(TOKENS), HIDDEN), "output_norm": (HIDDEN,)}
    tensors |= {f"blk.0.{n}": (rows, HIDDEN) for n, rows in (ROWS | {"ffn_up": INNER}).items()}
    tensors |= {"blk.0.ffn_down": (HIDDEN, INNER), "blk.0.attn_norm": (HIDDEN,)}
    tensors |= {"blk.0.ffn_norm": (HIDDEN,)}
    written = {n: rng.normal(size=shape).astype(np.float32) for n, shape in tensors.items()}
    for name, tensor in written.items():
        heads = {"blk.0.attn_q": HEADS, "blk.0.attn_k": 2}.get(name)
        stored = interleaved(tensor, heads) if heads else tensor
        writer.add_tensor(f"{name}.weight", np.ascontiguousarray(stored))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return written


@pytest.fixture
def exported(tmp_path):
    write_gguf(tmp_path / "tiny.gguf")
    return export(str(tmp_path / "tiny.gguf"), tmp_path / "folder")


def test_the_folder_holds_the_weights_of_the_file(tmp_path):
    written = write_gguf(tmp_path / "tiny.gguf")
    folder = SafetensorsFolder(export(str(tmp_path / "tiny.gguf"), tmp_path / "folder"))
    attention = "model.layers.0.self_attn."
    assert np.array_equal(folder.weight(f"{attention}q_proj.weight"), written["blk.0.attn_q"])
    assert np.array_equal(folder.weight(f"{attention}k_proj.weight"), written["blk.0.attn_k"])
    gguf_file = GGUFFile(tmp_path / "tiny.gguf")
    for name in folder.names():
        assert np.array_equal(folder.weight(name), to_dense(gguf_file.weight(name)))


def test_the_folder_has_the_shape_of_the_file(tmp_path, exported):
    assert SafetensorsFolder(exported).shape == GGUFFile(tmp_path / "tiny.gguf").shape


def test_transformers_4_and_5_both_find_the_rotary_base(exported):
    config = json.loads((exported / "config.json").read_text())
    assert config["rope_theta"] == config["rope_parameters"]["rope_theta"] == 5000.0
    assert (config["bos_token_id"], config["eos_token_id"]) == (1, 0)


@pytest.mark.parametrize("text", ["the 1234 cats", "", "<|start|>the<|end|>", "é🦜\n\n12"])
def test_the_folders_tokenizer_cuts_like_the_files(tmp_path, exported, text):
    ours = encode(GGUFFile(tmp_path / "tiny.gguf").tokenizer(), text)
    theirs = encode(read_tokenizer(exported / "tokenizer.json"), text)
    assert ours.ids.tolist() == theirs.ids.tolist()
    assert ours.ends.tolist() == theirs.ends.tolist()


def test_control_tokens_are_special_and_named(exported):
    config = json.loads((exported / "tokenizer_config.json").read_text())
    assert (config["bos_token"], config["eos_token"]) == ("<|start|>", "<|end|>")
    assert config["chat_template"].startswith("{% for")
    tokenizer = json.loads((exported / "tokenizer.json").read_text())
    assert [t["content"] for t in tokenizer["added_tokens"] if t["special"]] == TOKENS[:2]


def test_a_folder_that_is_there_is_left_alone(tmp_path, exported):
    (exported / "mine.txt").write_text("mine")
    with pytest.raises(BackendError, match="there already"):
        export(str(tmp_path / "tiny.gguf"), exported)
    assert (exported / "mine.txt").read_text() == "mine"


def test_an_interrupted_export_leaves_nothing(tmp_path):
    write_gguf(tmp_path / "tiny.gguf")
    file = GGUFFile(tmp_path / "tiny.gguf")

    class Interrupted(GGUFFile):
        def __init__(self):
            self.path, self.shape, self.tokenizer = file.path, file.shape, file.tokenizer
            self.names = file.names

        def weight(self, name):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        to_folder(Interrupted(), tmp_path / "out" / "folder")
    assert list((tmp_path / "out").iterdir()) == []


def test_only_gguf_models_that_are_here_are_exported(tmp_path, exported, monkeypatch):
    monkeypatch.setenv("TERSELY_HOME", str(tmp_path / "home"))
    with pytest.raises(ModelNotFound):
        export("smollm2-135m", tmp_path / "new")
    with pytest.raises(ModelMismatch, match="folder already"):
        export(str(exported), tmp_path / "new")


def test_transformers_reads_the_folder_and_its_chat_template(exported):
    transformers = pytest.importorskip("transformers")
    tokenizer = transformers.AutoTokenizer.from_pretrained(exported)
    ids = tokenizer.apply_chat_template([{"role": "user", "content": "the 12"}], tokenize=False)
    assert tokenizer(ids)["input_ids"] == [1, *(TOKENS.index(t) for t in ("the", "Ġ", "1", "2"))]
