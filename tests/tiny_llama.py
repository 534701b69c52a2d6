"""A Llama small enough to make up: as a folder, as a 4-bit GGUF file, and adapters for both."""

import json

import gguf
import numpy as np
from gguf.quants import quantize
from safetensors.numpy import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

TOKENS = [*sorted(pre_tokenizers.ByteLevel.alphabet()), "qu"]
HEADS, KV_HEADS, HIDDEN, INNER, LAYERS, WINDOW = 4, 2, 64, 96, 2, 256
CONFIG = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": len(TOKENS),
    "hidden_size": HIDDEN, "intermediate_size": INNER, "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS, "num_key_value_heads": KV_HEADS, "rms_norm_eps": 1e-5,
    "max_position_embeddings": WINDOW, "rope_theta": 5000.0, "hidden_act": "silu",
    "tie_word_embeddings": True, "bos_token_id": 0, "eos_token_id": 0,
}  # fmt: skip
SIZES = {
    "self_attn.q_proj": (HIDDEN, HIDDEN), "self_attn.k_proj": (32, HIDDEN),
    "self_attn.v_proj": (32, HIDDEN), "self_attn.o_proj": (HIDDEN, HIDDEN),
    "mlp.gate_proj": (INNER, HIDDEN), "mlp.up_proj": (INNER, HIDDEN),
    "mlp.down_proj": (HIDDEN, INNER), "input_layernorm": (HIDDEN,),
    "post_attention_layernorm": (HIDDEN,),
}  # fmt: skip
GGUF_NAMES = {
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}  # fmt: skip
LORA = {
    "peft_type": "LORA", "task_type": "CAUSAL_LM", "r": 4, "lora_alpha": 8, "bias": "none",
    "target_modules": ["q_proj", "v_proj"], "inference_mode": True,
}  # fmt: skip


def weights():
    rng = np.random.default_rng(0)
    names = {
        f"model.layers.{n}.{part}.weight": SIZES[part] for n in range(LAYERS) for part in SIZES
    }
    names |= {"model.embed_tokens.weight": (len(TOKENS), HIDDEN), "model.norm.weight": (HIDDEN,)}
    made = {name: rng.normal(0, 0.2, size).astype(np.float32) for name, size in names.items()}
    return {name: one + ("norm" in name) for name, one in made.items()}


def write_folder(folder, **config):
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(CONFIG | config))
    cut = Tokenizer(models.BPE({char: i for i, char in enumerate(TOKENS)}, [("q", "u")]))
    cut.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    cut.decoder = decoders.ByteLevel()
    cut.save(str(folder / "tokenizer.json"))
    dense = {name: np.asarray(one, np.float32) for name, one in weights().items()}
    save_file(dense, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def interleaved(rows, heads):
    """What llama.cpp does to the rows of queries and keys."""
    return rows.reshape(heads, 2, -1, rows.shape[1]).swapaxes(1, 2).reshape(rows.shape)


def write_gguf(path):
    """Matrices in Q4_1, as in the file of smollm2-135m; the embedding in Q8_0."""
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_block_count(LAYERS)
    writer.add_context_length(WINDOW)
    writer.add_embedding_length(HIDDEN)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(5000.0)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(TOKENS)
    writer.add_token_merges(["q u"])
    writer.add_bos_token_id(0)
    top = {
        "model.embed_tokens.weight": "token_embd.weight",
        "model.norm.weight": "output_norm.weight",
    }
    for name, dense in weights().items():
        if name in top:
            stored = top[name]
        else:
            _, _, layer, part = name.removesuffix(".weight").split(".", 3)
            stored = f"blk.{layer}.{GGUF_NAMES[part]}.weight"
        heads = {"attn_q": HEADS, "attn_k": KV_HEADS}.get(stored.split(".")[-2])
        kinds = gguf.GGMLQuantizationType
        kind = kinds.F32 if dense.ndim == 1 else kinds.Q8_0 if name in top else kinds.Q4_1
        rows = np.ascontiguousarray(interleaved(dense, heads) if heads else dense)
        writer.add_tensor(stored, quantize(rows, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def changes(targets=("q_proj", "v_proj"), rank=4):
    """The two halves of each low-rank change, as peft names them."""
    rng, made = np.random.default_rng(1), {}
    for layer in range(LAYERS):
        for part, size in SIZES.items():
            if part.endswith(targets):
                name = f"base_model.model.model.layers.{layer}.{part}"
                made[f"{name}.lora_A.weight"] = rng.normal(0, 0.2, (rank, size[1]))
                made[f"{name}.lora_B.weight"] = rng.normal(0, 0.2, (size[0], rank))
    return {name: one.astype(np.float32) for name, one in made.items()}


def write_adapter(folder, tensors=None, **config):
    folder.mkdir(parents=True)
    (folder / "adapter_config.json").write_text(json.dumps(LORA | config))
    save_file(changes() if tensors is None else tensors, folder / "adapter_model.safetensors")
    return folder
