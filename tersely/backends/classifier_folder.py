"""Read a Hugging Face folder of a token classifier without torch: a BERT-like body and its head.

The head has two labels, of which the second is "keep", as LLMLingua-2's published models have.
"""

from __future__ import annotations

from dataclasses import replace

from tersely.backends.bert_body import BertBody, BertShape
from tersely.backends.safetensors_folder import tensor_shape
from tersely.backends.weights import Dense, Q8Rows
from tersely.errors import ModelMismatch

HEAD = "classifier"
WINDOW = "tersely_window"
"""Setting of config.json: the longest window it was trained on, special tokens included."""

_WORDS = "embeddings.word_embeddings.weight"
_TASK = "ForTokenClassification"


class ClassifierFolder(BertBody):
    """The weights of one token classifier with two labels."""

    kinds = ("bert", "roberta", "xlm-roberta", "distilbert")
    advice = (
        "A token classifier with two labels is needed, such as"
        " 'microsoft/llmlingua-2-bert-base-multilingual-cased-meetingbank'."
    )

    def head(self) -> tuple[Dense, float]:
        """Return what makes log P(keep) / P(drop) of a token's last hidden row: (D,), and a bias.

        Softmax over two labels is the logistic function of the difference of their logits.
        """
        weight, bias = self.weight(f"{HEAD}.weight"), self.weight(f"{HEAD}.bias")
        rows = weight.dense() if isinstance(weight, Q8Rows) else weight
        assert not isinstance(bias, Q8Rows), "it has one dimension"
        return rows[1] - rows[0], float(bias[1] - bias[0])

    @property
    def vocabulary(self) -> int:
        """How many tokens it has a row for."""
        return self._size(_WORDS)[0]

    def names(self) -> list[str]:
        """Return the names of the weights that must be there."""
        return [*super().names(), f"{HEAD}.weight", f"{HEAD}.bias"]

    def _why_unread(self) -> str | None:
        if reason := super()._why_unread():
            return reason
        made = self.config.get("architectures") or []
        if made and not any(str(name).endswith(_TASK) for name in made):
            return f"it is a {made[0]}, which has no head that labels tokens"
        labels = len(self.config.get("id2label") or ()) or self.config.get("num_labels", 2)
        return None if labels == 2 else f"its head has {labels} labels, not drop and keep"

    def _shape(self) -> BertShape:
        shape = super()._shape()
        sizes = {_WORDS: (None, shape.hidden), f"{HEAD}.weight": (2, shape.hidden)}
        for name, wanted in sizes.items():
            found = self._size(name) if name in self._files else wanted
            if found[1:] != wanted[1:] or wanted[0] not in (None, found[0]):
                raise ModelMismatch(
                    f"{self.path} cannot be read: {name} is {_product(found)}, and is to be"
                    f" {_product(wanted)}. {self.advice}"
                )
        trained = int(self.config.get(WINDOW) or shape.window_tokens)
        return replace(shape, window_tokens=min(shape.window_tokens, trained))

    def _size(self, name: str) -> tuple[int, ...]:
        return tensor_shape(*self._files[name])


def _product(sizes: tuple[int | None, ...]) -> str:
    return " x ".join("any" if size is None else str(size) for size in sizes)
