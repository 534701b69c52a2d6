"""What a `PromptCompressor` has open, and what it says about texts without shortening them.

Source: https://github.com/microsoft/LLMLingua/blob/e0e9d99/llmlingua/prompt_compressor.py
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from tersely.backends.base import CausalBackend, Floats
from tersely.compat.llmlingua import perplexity
from tersely.compat.llmlingua.arguments import check_flag, read_contexts
from tersely.compat.llmlingua.llmlingua2 import Engine, open_engine
from tersely.compat.llmlingua.models import (
    CounterTokenizer,
    ModelTokenizer,
    OpenModel,
    open_model,
)
from tersely.compat.llmlingua.ranking import Rankers, rank_results
from tersely.compat.llmlingua.recovery import recovered
from tersely.core.markup import parse_markup
from tersely.counting import TokenCounter, load_counter
from tersely.errors import SettingError


class OpenCompressor:
    """A model, a tokenizer, and what they say of texts. See `PromptCompressor`.

    Attributes:
        fallback: The model that stands in for one that is not on this machine, with a warning;
            None raises. Set it on the class for code that cannot pass it.
        model_name: What was asked for.
        device: Where the model runs.
        cache_bos_num: llmlingua's; not used here.
        prefix_bos_num: llmlingua's; not used here.
        retrieval_model: None: rankers keep no model here.
    """

    fallback: str | None = None
    cache_bos_num: ClassVar[int] = 10
    prefix_bos_num: ClassVar[int] = 100
    retrieval_model: ClassVar[None] = None

    def __init__(  # noqa: PLR0913 - llmlingua's
        self,
        model_name: str | os.PathLike[str] | CausalBackend = "NousResearch/Llama-2-7b-hf",
        device_map: str = "cuda",
        model_config: Mapping[str, Any] | None = None,
        open_api_config: Mapping[str, Any] | None = None,
        use_llmlingua2: bool = False,
        use_slingua: bool = False,
        llmlingua2_config: Mapping[str, Any] | None = None,
        *,
        fallback: str | None = None,
        tokenizer: str | TokenCounter = "cl100k_base",
    ) -> None:
        """Open a model of this machine.

        Args:
            model_name: A short name (`tersely models list`), a folder or `.gguf` file, an id in the
                hub cache; or a backend.
            device_map: Where torch computes; a CPU is used where there is no such device, and
                `device` says so. Models without torch run on the CPU.
            model_config: Of it, `torch_dtype` chooses the precision.
            open_api_config: For rank_method="openai": api_key, api_base, engine.
            use_llmlingua2: Whether words are dropped by the method llmlingua2.
            use_slingua: SecurityLingua, which is not in this version.
            llmlingua2_config: Accepted; nothing here needs it.
            fallback: See the attribute; ours.
            tokenizer: Whose tokens limits and results are in; ours.

        Raises:
            ModelNotFound: The model is not here, and nothing may stand in for it.
            SettingError: What was asked for cannot be had.
        """
        if isinstance(use_slingua, Mapping):  # released versions have no use_slingua
            use_slingua = False
        check_flag("use_llmlingua2", use_llmlingua2)
        check_flag("use_slingua", use_slingua)
        if use_slingua:
            raise SettingError(
                "use_slingua=True: SecurityLingua is not in this version, and nothing stands in for"
                " it. What it guards against is no business of a compressor that only drops words."
            )
        if fallback is not None:
            self.fallback = fallback
        self.model_name = model_name
        self.use_llmlingua2 = use_llmlingua2
        self.open_api_config = dict(open_api_config or {})
        self._counter = load_counter(tokenizer) if isinstance(tokenizer, str) else tokenizer
        self._last = threading.local()
        config = dict(model_config or {})
        self._opened: OpenModel | Engine
        if use_llmlingua2:
            self._opened = open_engine(model_name, device_map, config, self.fallback)
        else:
            self._opened = open_model(model_name, device_map, config, self.fallback)
        self.device = self._opened.device

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_last"}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        vars(self).update(state, _last=threading.local())

    def __deepcopy__(self, memo: dict[int, Any]) -> OpenCompressor:
        """Return another with the same model, which nothing here changes, and ranks of its own."""
        twin = type(self).__new__(type(self))
        twin.__setstate__(self.__getstate__())
        return twin

    def __repr__(self) -> str:
        runs = self.model.name if isinstance(self._opened, OpenModel) else self._opened.method.name
        return f"PromptCompressor({runs!r} on {self.device!r}, tokens of {self._counter.name!r})"

    @property
    def model(self) -> CausalBackend:
        """The backend.

        Raises:
            SettingError: With use_llmlingua2=True there is no causal model.
        """
        backend = (
            self._opened.backend
            if isinstance(self._opened, OpenModel)
            else getattr(self._opened.method, "backend", None)
        )
        if backend is None or not hasattr(backend, "score"):
            raise SettingError("With use_llmlingua2=True there is no causal model for this.")
        return backend

    @property
    def tokenizer(self) -> ModelTokenizer:
        """The model's tokenizer, as far as others use it: `encode`, and a call of it."""
        return ModelTokenizer(self.model)

    @property
    def oai_tokenizer(self) -> CounterTokenizer:
        """The tokenizer that limits and results are in: `encode`."""
        return CounterTokenizer(self._counter)

    @property
    def max_position_embeddings(self) -> int:
        """The longest text the model was trained on, in its tokens."""
        return self.model.window_tokens

    @property
    def context_idxs(self) -> list[list[int]]:
        """The contexts of this thread's last call that ranked some, best first, in one list."""
        last: list[int] = getattr(self._last, "ranked", [])
        return [list(last)] if last else []

    def recover(self, original_prompt: str, compressed_prompt: str, response: str) -> str:
        """Return a response with the original wording put back; see docs/recovery.md.

        Raises:
            PromptError: One of them is not a str.
        """
        for name, text in (
            ("original_prompt", original_prompt),
            ("compressed_prompt", compressed_prompt),
            ("response", response),
        ):
            perplexity.check_text(name, text)
        return recovered(original_prompt, compressed_prompt, response)

    def segment_structured_context(
        self, context: str | Sequence[str], rate: float
    ) -> tuple[list[str], list[list[str]], list[list[float]], list[list[bool]]]:
        """Return contexts without their tags; and for each its stretches, their rates, and flags.

        Raises:
            PromptError: A tag is malformed.
        """
        parts = [parse_markup(text, default_rate=rate) for text in read_contexts(context)]
        return (
            ["".join(m.text for m in marked) for marked in parts],
            [[m.text for m in marked] for marked in parts],
            [[1.0 if m.rate is None else m.rate for m in marked] for marked in parts],
            [[m.compress for m in marked] for marked in parts],
        )

    def get_ppl(  # noqa: PLR0913 - llmlingua's
        self,
        text: str,
        granularity: str = "sentence",
        input_ids: None = None,
        attention_mask: None = None,
        past_key_values: None = None,
        return_kv: bool = False,
        end: None = None,
        condition_mode: str = "none",
        condition_pos_id: int = 0,
    ) -> Floats | np.float64:
        """Return the mean surprisal of a text's tokens in nats ("sentence"), or each ("token").

        Raises:
            SettingError: Tensors of a torch model are given or asked for; there are none here.
        """
        tensors = input_ids, attention_mask, past_key_values, end
        if any(one is not None for one in tensors) or return_kv:
            raise SettingError(
                "get_ppl takes a text here: input_ids, attention_mask, past_key_values, return_kv"
                " and end belong to a torch model. For a cache of your own: model.extend(...)."
            )
        return perplexity.surprisals(
            self.model, text, granularity, condition_mode, condition_pos_id
        )

    def get_condition_ppl(
        self,
        text: str,
        question: str,
        condition_in_question: str = "none",
        granularity: str = "sentence",
    ) -> Floats | np.float64:
        """Return surprisals of a text given the question ("before"), or the other way ("after")."""
        return perplexity.conditional_surprisals(
            self.model, text, question, condition_in_question, granularity
        )

    def get_rank_results(
        self,
        context: Sequence[str],
        question: str,
        rank_method: str,
        condition_in_question: str = "none",
        context_tokens_length: Sequence[int] | None = None,
    ) -> list[tuple[int, float]]:
        """Return (index, score) of each context, best first; see `rank_results`.

        `context_tokens_length` is not needed here.
        """
        texts = read_contexts(context, question=question)
        perplexity.check_condition("condition_in_question", condition_in_question)
        scorer = self._rankers().scorer(rank_method, condition_in_question)
        return rank_results(scorer, question, texts)

    def get_token_length(
        self, text: str, add_special_tokens: bool = True, use_oai_tokenizer: bool = False
    ) -> int:
        """Return the tokens of a text.

        Args:
            text: The text.
            add_special_tokens: Whether the model's start token counts.
            use_oai_tokenizer: Whether those of the tokenizer limits are in are counted instead.

        Raises:
            PromptError: It is not a str.
        """
        perplexity.check_text("text", text)
        if use_oai_tokenizer:
            return self._counter.count(text)
        return len(self.model.encode(text)) + bool(add_special_tokens)

    def _rankers(self) -> Rankers:
        return Rankers(self.model, self.open_api_config, self.fallback is not None)
