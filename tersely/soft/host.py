"""The host: one frozen causal model that reads texts into memories, and reads from memories."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from tokenizers import Tokenizer

from tersely._optional import need
from tersely.backends.chat_template import chat_template_of
from tersely.backends.generation import special_ids
from tersely.backends.load import DEFAULT_MODEL, find_causal
from tersely.backends.tokenizer import encode
from tersely.backends.torch_load import read_model
from tersely.errors import PromptError, SettingError
from tersely.soft.chat import Chat
from tersely.soft.checks import check_device, check_head, check_layers, choose_device, move
from tersely.soft.hashes import cuts_sha256, weights_sha256
from tersely.soft.memory import Fingerprint, Memory
from tersely.soft.past import Past
from tersely.soft.placing import cache_of, place
from tersely.soft.queries import observed
from tersely.soft.reading import Pass as Pass
from tersely.soft.reading import Reading as Reading
from tersely.soft.rotation import find_rotation

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

torch: Any = need("torch", extra="torch")
transformers: Any = need("transformers", extra="torch")

HEAD_ROWS = 256
"""Rows of logits alive at a time: 256 x 49,152 of them are 50 MB."""


class Host:
    """A frozen causal model with rotary positions.

    Attributes:
        model: The model of transformers; none of its weights is trained.
        tokenizer: Its tokenizer.
        name: What it is called.
        start_id: The token before a text where there is no chat template.
        rotation: How it turns its keys.
        chat: How its conversations are written.
        prefix: Tokens that stand before every memory, as they are: P, at least 1. Models look at
            their first tokens whatever these are, and read badly without.
        system: The system's turn in the prefix; None is what the template writes without one.
        fingerprint: Of the model and its tokenizer.
        layers, heads, kv_heads, head_width, width, window_tokens: L, Q, H, D, W, and the longest
            text it was trained on.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: Tokenizer,
        *,
        name: str,
        start_id: int,
        template: str = "",
        system: str | None = None,
        model_sha256: str | None = None,
    ) -> None:
        """Take a model as a host: its weights are frozen, its options of generation cleared.

        Args:
            model: A causal model with a language-modelling head, on its device.
            tokenizer: Its tokenizer, as `read_tokenizer` returns it.
            name: What it is called.
            start_id: The token before a text.
            template: Its chat template, in Jinja; "" makes `start_id` the prefix.
            system: The system's turn; None is what the template writes without one.
            model_sha256: Of the files of the model; None is a hash over its weights.

        Raises:
            ModelMismatch: It has no rotary positions, or layers that do not see all of a text.
        """
        self.model = model.eval().requires_grad_(False)
        model.generation_config = transformers.GenerationConfig()  # else they mix with Sampling's
        self.tokenizer, self.name, self.start_id, self.system = tokenizer, name, start_id, system
        self.body, self.head = model.base_model, model.get_output_embeddings()
        check_layers(model, name)
        self.rotation = find_rotation(model, name=name, start_id=start_id)
        check_head(model, name=name, start_id=start_id)
        config = model.config.get_text_config()
        self.layers = int(config.num_hidden_layers)
        self.heads = int(config.num_attention_heads)
        self.kv_heads = int(getattr(config, "num_key_value_heads", None) or self.heads)
        self.head_width = int(getattr(config, "head_dim", None) or config.hidden_size // self.heads)
        self.width = int(config.hidden_size)
        self.window_tokens = int(config.max_position_embeddings)
        self.special_ids = special_ids(tokenizer)
        names = {index: word for word, index in self.special_ids.items()}
        self.chat = Chat(template, self.special_ids, names.get(start_id, ""), self.encode, name)
        self.prefix = tuple(self.chat.head(system)) if template else (start_id,)
        self.fingerprint = Fingerprint(
            model_sha256 or weights_sha256(model), cuts_sha256(tokenizer)
        )

    @property
    def device(self) -> Any:
        """Where it computes."""
        return self.model.device

    @property
    def dtype(self) -> Any:
        """The torch dtype of its weights."""
        return self.model.dtype

    @property
    def prefix_sha256(self) -> str:
        """One hash over the tokens of the prefix."""
        return hashlib.sha256(" ".join(map(str, self.prefix)).encode()).hexdigest()

    @property
    def slot_bytes(self) -> int:
        """What the keys and values of one slot occupy, in the type of its weights."""
        return int(2 * self.layers * self.kv_heads * self.head_width * self.dtype.itemsize)

    @cached_property
    def prefix_past(self) -> Past:
        """The prefix, read once: a past of one row."""
        with torch.no_grad():
            read = self.forward([self.prefix], positions=torch.arange(len(self.prefix)))
        keys = torch.stack([layer.keys for layer in read.cache.layers])
        values = torch.stack([layer.values for layer in read.cache.layers])
        present = torch.ones(1, len(self.prefix), dtype=torch.bool, device=self.device)
        following = torch.tensor([len(self.prefix)], device=self.device)
        return Past(keys, values, present, following)

    def encode(self, text: str) -> list[int]:
        """Cut a text into tokens; none of them is special, whatever the text says."""
        return [int(one) for one in encode(self.tokenizer, text).ids]

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of tokens; half a character is U+FFFD."""
        return str(self.tokenizer.decode(list(ids), skip_special_tokens=False))

    def forward(
        self,
        ids: Sequence[Sequence[int]] | Tensor | None = None,
        *,
        embeddings: Tensor | None = None,
        positions: Tensor,
        past: Past | None = None,
        present: Tensor | None = None,
        visible: Tensor | None = None,
        queries: bool = False,
    ) -> Pass:
        """Read B texts of T tokens behind a past; gradients pass. No logits are made.

        Args:
            ids: (B, T).
            embeddings: (B, T, W) in their place.
            positions: (T,) or (B, T): where each stands, counted from the prefix's first token.
            past: S tokens that each row is read behind; None is nothing, not even the prefix.
            present: (B, T) bool: False at what only fills a row up; None is everywhere True.
            visible: (B, T, S + T) bool: which sees which, in place of "what is there and stands
                before"; None is that.
            queries: Whether to return the queries too.

        Raises:
            SettingError: The model recomputes activations (gradient checkpointing), which drops
                the cache and with it every memory.
        """
        if self.model.training and any(
            getattr(one, "gradient_checkpointing", False) for one in self.model.modules()
        ):
            raise SettingError(
                "Gradient checkpointing drops the key-value cache, and with it every memory. Turn"
                " it off on the model."
            )
        if ids is not None:
            embeddings = self.embed(torch.as_tensor(ids, device=self.device))
        assert embeddings is not None, "there is something to read"
        rows, tokens = embeddings.shape[:2]
        if present is None:
            present = torch.ones(rows, tokens, dtype=torch.bool, device=self.device)
        mask = past.mask(present) if past else present.long()
        if visible is not None:
            shut = torch.zeros(visible.shape, dtype=self.dtype, device=self.device)
            mask = shut.masked_fill(~visible.to(self.device), torch.finfo(self.dtype).min)[:, None]
        cache = past.cache() if past else transformers.DynamicCache()
        places = positions.to(self.device).expand(rows, tokens)
        with observed(self.model, self.name, wanted=queries) as seen:
            output = self.body(
                inputs_embeds=embeddings.to(self.dtype),
                attention_mask=mask,  # always: jumping positions would be taken for several texts
                position_ids=places,
                past_key_values=cache,
                use_cache=True,
            )
        start = past.length if past else 0
        return Pass(output.last_hidden_state, cache, start, places, self.rotation, seen)

    def embed(self, ids: Tensor) -> Tensor:
        """Return the embeddings of tokens: (B, T) → (B, T, W)."""
        embedded: Tensor = self.model.get_input_embeddings()(ids)
        return embedded

    def read(self, ids: Sequence[int], *, queries: bool = False) -> Reading:
        """Read one text behind the prefix; see `read_many`."""
        return self.read_many([ids], queries=queries)[0]

    def read_many(self, texts: Sequence[Sequence[int]], *, queries: bool = False) -> list[Reading]:
        """Read texts behind the prefix, in one pass; each as if it were alone.

        Args:
            texts: Tokens of each text, at least 1.
            queries: Whether to return the queries too.

        Raises:
            PromptError: A text is empty, or longer than the window.
        """
        for ids in texts:
            self.check_length(len(ids))
        longest = max(map(len, texts))
        padded = [[*ids, *[self.start_id] * (longest - len(ids))] for ids in texts]
        lengths = torch.tensor([len(ids) for ids in texts])
        start = len(self.prefix)
        with torch.no_grad():
            read = self.forward(
                padded,
                positions=torch.arange(start, start + longest),
                past=self.prefix_past.repeat(len(texts)),
                present=(torch.arange(longest) < lengths[:, None]).to(self.device),
                queries=queries,
            )
            return [
                Reading(
                    read.keys[:, row, :, :length],
                    read.values[:, row, :, :length],
                    torch.arange(length),
                    read.hidden[row, :length],
                    None if read.queries is None else read.queries[:, row, :, :length],
                )
                for row, length in enumerate(lengths.tolist())
            ]

    def check_length(self, tokens: int) -> None:
        """Refuse a text that cannot be read at once.

        Raises:
            PromptError: It is empty, or longer than the window behind the prefix.
        """
        room = self.window_tokens - len(self.prefix)
        if tokens < 1:
            raise PromptError("The text is empty: there is nothing to remember.")
        if tokens > room:
            raise PromptError(
                f"The text has {tokens} tokens, and {self.name} reads {room} at once behind its"
                f" prefix of {len(self.prefix)}. Cut it into segments: segment_tokens="
                " (--segment-tokens)."
            )

    def memory_of(
        self,
        reading: Reading,
        *,
        made_by: Mapping[str, Any],
        slots: Tensor | None = None,
        adapter: str = "",
    ) -> Memory:
        """Return the memory of what was read, or of some slots of it.

        Args:
            reading: T tokens.
            made_by: See `base.made_by`.
            slots: Indices in [0, T): (K,), or (L, H, K); None is all.
            adapter: Fingerprint of the adapter, if one took part.
        """
        whole = self.memory(
            reading.keys,
            reading.values,
            reading.positions,
            source_tokens=reading.keys.shape[2],
            made_by=made_by,
            adapter=adapter,
        )
        return whole if slots is None else whole.select(slots)

    def memory(
        self,
        keys: Tensor,
        values: Tensor,
        positions: Tensor,
        *,
        source_tokens: int,
        made_by: Mapping[str, Any],
        adapter: str = "",
        places: int = 0,
    ) -> Memory:
        """Return a memory of this host; for what it is made of see `Memory`."""
        return Memory(
            keys=keys.detach(),
            values=values.detach(),
            positions=positions.to("cpu", torch.int64),
            source_tokens=int(source_tokens),
            fingerprint=Fingerprint(self.fingerprint.model, self.fingerprint.tokenizer, adapter),
            prefix=self.prefix_sha256,
            made_by=made_by,
            places=places,
        )

    def cache_of(self, rows: Sequence[Sequence[Memory]], *, shift: int = 0) -> Past:
        """Put memories behind the prefix; see `placing.cache_of`."""
        return cache_of(self, rows, shift=shift)

    def place(
        self,
        keys: Tensor,
        values: Tensor,
        positions: Tensor,
        *,
        next_positions: Tensor,
        present: Tensor | None = None,
    ) -> Past:
        """Put slots behind the prefix, gradients and all; see `placing.place`."""
        return place(self, keys, values, positions, next_positions=next_positions, present=present)

    def nats(self, hidden: Tensor, targets: Tensor) -> Tensor:
        """Return the surprisal of tokens, block by block, so that few logits are alive at a time.

        Args:
            hidden: (R, W) rows of `Pass.hidden`.
            targets: (R,) the token after each.

        Returns:
            (R,) float32, in nats.
        """
        nats = [
            torch.nn.functional.cross_entropy(
                self.head(hidden[at : at + HEAD_ROWS]).float(),
                targets[at : at + HEAD_ROWS].to(hidden.device),
                reduction="none",
            )
            for at in range(0, len(targets), HEAD_ROWS)
        ]
        return torch.cat(nats) if nats else hidden.new_zeros(0, dtype=torch.float32)


def load_host(
    model: str = DEFAULT_MODEL,
    *,
    device: str = "auto",
    dtype: Literal["float32", "bfloat16"] | None = None,
    system: str | None = None,
    prefix: Literal["chat", "start"] | None = None,
) -> Host:
    """Load a model that is on this machine as a host; nothing is fetched.

    Args:
        model: A short name, a local folder or `.gguf` file, or a hub id in the local cache.
        device: "cpu", "cuda", "cuda:1", "mps"; "auto" is a GPU if there is one.
        dtype: Of its weights; None is float32 on a CPU and bfloat16 elsewhere.
        system: The system's turn that stands before memories; None is the template's own.
        prefix: "chat" is the head of the chat template, "start" the start token; None is the first
            if the model has a template.

    Raises:
        ModelNotFound: The model is not on this machine.
        ModelMismatch: It is not a model that memories can be made of.
        SettingError: A setting is out of range, or there is no such device.
    """
    place = choose_device(device)
    check_device(place)
    if not isinstance(model, str) or not model:
        raise SettingError(f"model is a name, a folder or a file, as text; got {model!r}.")
    if system is not None and not isinstance(system, str):
        raise SettingError(f"system is text, or None for the template's own; got {system!r}.")
    if dtype not in (None, "float32", "bfloat16"):
        raise SettingError(f"dtype is 'float32' or 'bfloat16', not {dtype!r}.")
    if prefix not in (None, "chat", "start"):
        raise SettingError(f"prefix is 'chat' or 'start', not {prefix!r}.")
    files = find_causal(model)
    template = "" if prefix == "start" else chat_template_of(files)
    if not template and (prefix == "chat" or system is not None):
        raise SettingError(f"{model} is used without a chat template, so it has no system's turn.")
    kind = getattr(torch, dtype or ("float32" if place == "cpu" else "bfloat16"))
    loaded, tokenizer, start_id = read_model(files, kind)
    return Host(
        move(loaded, place),
        tokenizer,
        name=files.name,
        start_id=start_id,
        template=template,
        system=system,
        model_sha256=files.content_key(),
    )
