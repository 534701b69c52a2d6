"""The model that is aligned: loaded, given its low-rank changes, read and measured."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from tersely._optional import need
from tersely.backends.base import Tokens
from tersely.backends.store import ModelFiles
from tersely.backends.tokenizer import encode
from tersely.backends.torch_load import read_model
from tersely.errors import ModelMismatch, SettingError
from tersely.training.perplexity import Perplexity
from tersely.training.responses import Window, in_passes
from tersely.training.steps import MOST_GRADIENT

torch: Any = need("torch", extra="train")


@dataclass(frozen=True, slots=True, kw_only=True)
class LowRank:
    """Which changes are trained; see `tersely.training.align.Settings`."""

    rank: int
    alpha: float
    targets: tuple[str, ...]
    dropout: float


@dataclass(frozen=True, slots=True)
class Trainee:
    """A causal model that is trained.

    Attributes:
        model: The model of transformers, with its low-rank layers in it.
        adapter: The same as peft sees it; None where all weights are trained.
        tokenizer: Its tokenizer.
        start_id: Token that stands before a text.
        frozen: The weights that are not trained.
        trained: Those that are, as one module.
        bf16: Whether products are of bfloat16.
    """

    model: Any
    adapter: Any | None
    tokenizer: Tokenizer
    start_id: int
    frozen: tuple[Any, ...]
    trained: Any
    bf16: bool

    def encode(self, text: str) -> Tokens:
        """Cut a text into the model's tokens."""
        return encode(self.tokenizer, text)

    @property
    def device(self) -> str:
        """Where it computes: "cpu", "cuda", ..."""
        return str(self.model.device.type)

    @property
    def window_tokens(self) -> int:
        """The longest text the model was trained on."""
        return int(self.model.config.get_text_config().max_position_embeddings)

    @property
    def trainable(self) -> int:
        """How many numbers are trained."""
        return sum(one.numel() for one in self.trained)

    @property
    def parameters(self) -> int:
        """How many numbers the base has."""
        own = sum(one.numel() for one in self.frozen)
        return own if self.adapter is not None else self.trainable

    def frozen_sha256(self) -> str:
        """Return one hash over the weights that are not trained; of none it is that of nothing."""
        digest = hashlib.sha256()
        for one in self.frozen:
            digest.update(one.detach().cpu().contiguous().view(torch.uint8).numpy())
        return digest.hexdigest()

    def nats(self, windows: Sequence[Window]) -> Any:
        """Return the surprisal of each token of a response, window after window, (R,)."""
        size = (len(windows), max(map(len, windows)))
        ids, targets = (np.full(size, self.start_id, dtype=np.int64) for _ in range(2))
        scored = np.zeros(size, dtype=bool)
        for row, window in enumerate(windows):
            ids[row, 1 : len(window)] = window.ids[:-1]
            targets[row, : len(window)] = window.ids
            scored[row, : len(window)] = window.scored
        # No mask: the padding is at the end, where what stands before it does not look.
        read, wanted, chosen = (torch.from_numpy(a).to(self.device) for a in (ids, targets, scored))
        with torch.autocast(self.device, dtype=torch.bfloat16, enabled=self.bf16):
            hidden = self.model.base_model(input_ids=read, use_cache=False).last_hidden_state
            logits = self.model.get_output_embeddings()(hidden[chosen])  # (R, V)
        entropy = torch.nn.functional.cross_entropy
        return entropy(logits.float(), wanted[chosen], reduction="none")

    def learn(self, optimizer: Any, passes: Iterable[Sequence[Window]], rate: float) -> float:
        """Do one step on the windows of some passes; return the mean nats before it."""
        passes = list(passes)
        tokens = sum(int(window.scored.sum()) for one in passes for window in one)
        for group in optimizer.param_groups:
            group["lr"] = rate
        total = 0.0
        for windows in passes:
            nats = self.nats(windows).sum()
            (nats / tokens).backward()
            total += float(nats.detach())
        torch.nn.utils.clip_grad_norm_(self.trained.parameters(), MOST_GRADIENT)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return total / tokens

    def measure(self, windows: Sequence[Window], pass_tokens: int) -> Perplexity:
        """Return its perplexity on the responses of conversations."""
        sums = {window.group: [0.0, 0] for window in windows}
        self.model.eval()
        with torch.inference_mode():
            for members in in_passes(windows, range(len(windows)), pass_tokens):
                read = [windows[index] for index in members]
                counts = [int(window.scored.sum()) for window in read]
                parts = np.split(self.nats(read).double().cpu().numpy(), np.cumsum(counts)[:-1])
                for window, nats, count in zip(read, parts, counts, strict=True):
                    sums[window.group][0] += float(nats.sum())
                    sums[window.group][1] += count
        self.model.train()
        return Perplexity.of(sums)


def load_trainee(
    files: ModelFiles, low_rank: LowRank | None, *, device: str, precision: str | None
) -> Trainee:
    """Load a model to train; with `low_rank`, its own weights are frozen.

    Args:
        files: What `find_model` returned.
        low_rank: What is trained; None trains all weights.
        device: "cpu", "cuda" or "mps".
        precision: "f32" or "bf16", of products; None is bf16 on a GPU and f32 elsewhere.

    Raises:
        ModelMismatch: It is not a causal model whose logits are its head's output.
        SettingError: It has no weights of that name.
    """
    model, tokenizer, start_id = read_model(files, torch.float32)
    model = model.to(device)
    _check_head(model, start_id, files.name)
    own = tuple(one for _, one in sorted(model.named_parameters()))
    adapter = None if low_rank is None else _with_low_rank(model, low_rank, files)
    trained = [one for one in model.parameters() if one.requires_grad]
    bf16 = precision == "bf16" or (precision is None and device == "cuda")
    frozen = own if adapter is not None else ()
    held = torch.nn.ParameterList(trained)  # the same tensors, not copies
    return Trainee(model.train(), adapter, tokenizer, start_id, frozen, held, bf16)


def _with_low_rank(model: Any, wanted: LowRank, files: ModelFiles) -> Any:
    """Put low-rank layers into a model, and return it as peft sees it."""
    peft = need("peft", extra="train")
    linear = {name.rpartition(".")[2]: type(one).__name__ for name, one in _linear_layers(model)}
    if unknown := sorted(set(wanted.targets) - set(linear)):
        known = ", ".join(sorted(linear))
        raise SettingError(f"{files.name} has no weights {unknown[0]!r} to change: {known}.")
    config = peft.LoraConfig(
        r=wanted.rank,
        lora_alpha=wanted.alpha,
        lora_dropout=wanted.dropout,
        target_modules=list(wanted.targets),
        fan_in_fan_out=any(linear[name] == "Conv1D" for name in wanted.targets),
        task_type="CAUSAL_LM",
    )
    with warnings.catch_warnings():  # peft asks transformers for what has another name by now
        warnings.simplefilter("ignore", FutureWarning)
        return peft.get_peft_model(model, config)


def _linear_layers(model: Any) -> list[tuple[str, Any]]:
    """Return the layers that can be changed; a head is not, which may be the embedding too."""
    head = model.get_output_embeddings()
    kinds = (torch.nn.Linear, need("transformers.pytorch_utils", extra="train").Conv1D)
    return [(n, m) for n, m in model.named_modules() if isinstance(m, kinds) and m is not head]


def _check_head(model: Any, start_id: int, name: str) -> None:
    """Check that a model's logits are what its head makes of its body's output."""
    ids = torch.full((1, 1), start_id, device=model.device)
    head = model.get_output_embeddings()
    with torch.inference_mode():
        whole = model(input_ids=ids, use_cache=False).logits
        ours = head(model.base_model(input_ids=ids, use_cache=False).last_hidden_state)
    if not torch.allclose(whole, ours, rtol=1e-3, atol=1e-3 * float(whole.abs().max())):
        raise ModelMismatch(f"{name} changes its logits after its head: it cannot be trained here.")
