"""The encoder that a token classifier is made of: found here, checked, and given a head."""

from __future__ import annotations

import hashlib
import string
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import Regex, Tokenizer, normalizers

from tersely._optional import need
from tersely.backends.store import find_model, read_json
from tersely.backends.tokenizer import read_tokenizer
from tersely.errors import BackendError, ModelMismatch, SettingError

torch: Any = need("torch", extra="train")
transformers: Any = need("transformers", extra="train")

KINDS = ("bert", "xlm-roberta", "roberta", "distilbert")
"""The values of "model_type" that can be trained: what the runtime reads."""

LABELS = {0: "drop", 1: "keep"}
WINDOW = "tersely_window"
"""Setting of config.json: the longest window that was learnt."""

MOST_SPARE = 1024
"""How many rows a table of tokens may have beyond the tokenizer's: some models fill it up."""

_HEAD = "classifier."
_MARKS = ("¤", "¦", "†", "^")  # rare in texts; the first that the base has a token for
_DROPOUTS = ("hidden_dropout_prob", "attention_probs_dropout_prob")
_DISTIL_DROPOUTS = ("dropout", "attention_dropout")


@dataclass(frozen=True, slots=True)
class Base:
    """An encoder on this machine.

    Attributes:
        name: What it is called in a card: a short name, a hub id, or the last part of a path.
        path: Its folder.
        tokenizer: Its tokenizer.
        config: Its config.json.
        licence: SPDX identifier; "" where it is not known.
        sha256: One hash over its files.
    """

    name: str
    path: Path
    tokenizer: Tokenizer
    config: dict[str, Any]
    licence: str
    sha256: str

    @property
    def window_limit(self) -> int:
        """The longest input it has positions for."""
        positions = int(self.config.get("max_position_embeddings", 512))
        # RoBERTa's padding has a position, too, and the first token comes after it.
        pad = int(self.config.get("pad_token_id") or 0)
        return positions - pad - 1 if "roberta" in self.config["model_type"] else positions

    @property
    def token_types(self) -> int:
        """How many kinds of token it knows: 2 if it tells a question and a text apart."""
        kind = self.config["model_type"]
        return 0 if kind == "distilbert" else int(self.config.get("type_vocab_size", 2))


def find_base(name: str, *, marked: bool = False) -> Base:
    """Find an encoder on this machine; nothing is fetched.

    Args:
        name: A short name, a local folder, or a hub id that is in the local cache.
        marked: Whether `mark_capitals` is done.

    Raises:
        ModelNotFound: It is not on this machine.
        ModelMismatch: It is not an encoder of a known kind, or its tokenizer is another model's.
        BackendError: Its tokenizer cannot be read.
    """
    files = find_model(name)
    if files.is_gguf or files.adapter:
        raise ModelMismatch(
            f"{name!r} is a causal model, which reads from left to right; a token classifier is"
            f" made of an encoder ({', '.join(KINDS)}), such as 'minilm-l6'."
        )
    config = read_json(files.path / "config.json")
    if config.get("model_type") not in KINDS:
        raise ModelMismatch(
            f"{name!r} is a {config.get('model_type')!r} model; a token classifier is made of one"
            f" of {', '.join(KINDS)}, such as 'minilm-l6'."
        )
    tokenizer = read_tokenizer(files.path / "tokenizer.json")
    tokens, rows = tokenizer.get_vocab_size(), int(config.get("vocab_size", 0))
    if not 0 <= rows - tokens <= MOST_SPARE:
        raise ModelMismatch(
            f"The tokenizer of {name!r} knows {tokens} tokens, and the model {rows}: one of the two"
            " files is another model's."
        )
    local = files.path.resolve().name if Path(name).expanduser().is_dir() else name
    licence = files.manifest.licence if files.manifest else ""
    base = Base(local, files.path, tokenizer, config, licence, files.content_key())
    return mark_capitals(base) if marked else base


def mark_capitals(base: Base) -> Base:
    """Let an encoder that reads small letters only see which words begin with a capital.

    Its tokenizer puts a mark, a token of its own, before each. Nothing else has to know of it:
    it is in the tokenizer.json that is written with the weights. Latin letters only.

    Raises:
        ModelMismatch: It sees capitals already, or has no token for the mark.
    """
    tokenizer = base.tokenizer
    small, large = (tokenizer.encode(text, add_special_tokens=False).ids for text in ("a", "A"))
    mark = next((one for one in _MARKS if tokenizer.token_to_id(one) is not None), None)
    if small != large or mark is None:
        why = "sees capitals already" if small != large else "has no token to mark them with"
        raise ModelMismatch(f"The tokenizer of {base.name!r} {why}: leave capitals unmarked.")
    letters = [*string.ascii_uppercase, *(chr(at) for at in range(0xC0, 0xDF) if at != 0xD7)]
    marked = [
        normalizers.Replace(Regex(rf"(?<![\p{{L}}\p{{N}}]){letter}"), f"{mark} {letter.lower()}")
        for letter in letters
    ]
    before = [] if tokenizer.normalizer is None else [tokenizer.normalizer]
    tokenizer.normalizer = normalizers.Sequence([*marked, *before])
    return base


def load_base(base: Base, window_tokens: int, dropout: float) -> Any:
    """Return the encoder with a head for two labels, as a model of transformers, in float32.

    A head that is there and has two labels goes on from what it knows; otherwise it is random.

    Args:
        base: What `find_base` found.
        window_tokens: The longest input that it will get.
        dropout: Share of the numbers between its layers that a step leaves out. Of its attention
            nothing is left out: that would take a fifth of the time.

    Raises:
        SettingError: It has no positions for the window.
        ModelMismatch: It lacks weights.
        BackendError: It could not be loaded.
    """
    if window_tokens > base.window_limit:
        raise SettingError(
            f"window_tokens is at most {base.window_limit} for {base.name!r}; got {window_tokens}."
        )
    distilled = base.config["model_type"] == "distilbert"
    names = _DISTIL_DROPOUTS if distilled else _DROPOUTS
    try:
        with quiet():
            model, report = transformers.AutoModelForTokenClassification.from_pretrained(
                str(base.path),
                id2label=LABELS,
                label2id={label: number for number, label in LABELS.items()},
                dtype=torch.float32,
                local_files_only=True,
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # of the head; others are refused below
                trust_remote_code=False,
                use_safetensors=True,
                **dict(zip(names, (dropout, 0.0), strict=True)),
            )
    except (OSError, ValueError, ImportError, RuntimeError) as error:
        raise BackendError(f"{base.path} could not be loaded: {error}") from error
    new = [*report["missing_keys"], *(key[0] for key in report["mismatched_keys"])]
    if lost := sorted(name for name in new if not name.startswith(_HEAD)):
        raise ModelMismatch(f"{base.path} lacks {len(lost)} weights, first {lost[0]}.")
    return model


def config_of(model: Any, window_tokens: int) -> dict[str, Any]:
    """Return the config.json of a trained classifier; it holds no path."""
    config: dict[str, Any] = model.config.to_dict()
    for name in ("_name_or_path", "transformers_version"):
        config.pop(name, None)
    return config | {"architectures": [type(model).__name__], WINDOW: window_tokens}


def text_hash(*parts: str) -> str:
    """Return one SHA-256 over strings."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


@contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers from drawing bars and from reporting a head that is new."""
    logging = transformers.utils.logging
    level, shown = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if shown:
            logging.enable_progress_bar()
