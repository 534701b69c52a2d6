"""How a model says that conversations are written for it."""

from __future__ import annotations

from tersely.backends.gguf_file import GGUFFile
from tersely.backends.store import ModelFiles, read_json


def chat_template_of(files: ModelFiles) -> str:
    """Return a model's chat template, in Jinja; "" if its files have none.

    Of a GGUF it is a field; of a folder the file chat_template.jinja, or an entry of
    tokenizer_config.json, where several by name have one that is called "default".

    Raises:
        ModelMismatch: The model's files are not what they should be.
    """
    if files.is_gguf:
        return GGUFFile(files.path).chat_template
    own = files.path / "chat_template.jinja"
    if own.is_file():
        return own.read_text("utf-8")
    config = files.path / "tokenizer_config.json"
    found = read_json(config).get("chat_template") if config.is_file() else None
    if isinstance(found, list):
        named = {entry["name"]: entry["template"] for entry in found}
        found = named.get("default")
    return found or ""
