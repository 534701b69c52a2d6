"""A Llama made up in memory as a host, for the trained soft compressors."""

import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers

from tersely.soft.host import Host

VOCABULARY = 64


def tiny_model(**changes):
    """The same one each time; its word vectors are of the size that trained models have."""
    given = {
        "vocab_size": VOCABULARY, "hidden_size": 32, "intermediate_size": 48,
        "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
        "max_position_embeddings": 256, "rope_theta": 1000.0, "tie_word_embeddings": True,
        "bos_token_id": 1, "eos_token_id": 2,
    }  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = transformers.LlamaForCausalLM(transformers.LlamaConfig(**(given | changes)))
        for name, one in model.named_parameters():
            if "norm" not in name:
                torch.nn.init.normal_(one, std=0.2)
    return model.eval()


def tiny_tokenizer():
    """Words "w3 w4 ..." of one token each."""
    words = {"<pad>": 0, "<s>": 1, "</s>": 2} | {f"w{n}": n for n in range(3, VOCABULARY)}
    cut = Tokenizer(models.WordLevel(words, unk_token="<pad>"))
    cut.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    cut.add_special_tokens(["<s>", "</s>"])
    return cut


def tiny_host(**changes):
    return Host(tiny_model(**changes), tiny_tokenizer(), name="tiny", start_id=1)


def some_texts(*lengths, seed=0):
    made = torch.Generator().manual_seed(seed)
    return [torch.randint(3, VOCABULARY, (n,), generator=made).tolist() for n in lengths]
