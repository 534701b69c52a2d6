"""`PromptCompressor`, as in llmlingua: its constructor, its methods, its dictionaries.

Source: https://github.com/microsoft/LLMLingua/blob/e0e9d99/llmlingua/prompt_compressor.py
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tersely.compat.llmlingua.arguments import (
    Options,
    check_flag,
    check_order,
    given_options,
    plain_values,
    read_contexts,
    warn_unused,
)
from tersely.compat.llmlingua.contexts import Context, from_segments, plain, tagged, with_markers
from tersely.compat.llmlingua.json_data import JsonCall, read_fields
from tersely.compat.llmlingua.llmlingua2 import Engine, Options2, compress2
from tersely.compat.llmlingua.opened import OpenCompressor
from tersely.compat.llmlingua.pipeline import Call
from tersely.compat.llmlingua.results import as_dict
from tersely.errors import SettingError

_FOR_WORDS: dict[str, Any] = {
    "target_context": -1,
    "context_level_rate": 1.0,
    "context_level_target_token": -1,
    "return_word_label": False,
    "word_sep": "\t\t|\t\t",
    "label_sep": " ",
    "token_to_word": "mean",
    "force_tokens": (),
    "force_reserve_digit": False,
    "drop_consecutive": False,
    "chunk_end_tokens": (".", "\n"),
}
"""Arguments of `compress_prompt` that only `use_llmlingua2=True` knows, and their defaults."""

_FOR_CAUSAL: dict[str, Any] = {
    "instruction": "",
    "question": "",
    "iterative_size": 200,
    "force_context_number": None,
    "use_sentence_level_filter": False,
    "keep_split": False,
    "keep_first_sentence": 0,
    "keep_last_sentence": 0,
    "keep_sentence_number": 0,
    "condition_in_question": "none",
    "reorder_context": "original",
    "dynamic_context_compression_ratio": 0.0,
    "condition_compare": False,
    "add_instruction": False,
    "context_segs": None,
    "high_priority_bonus": 100,
    "context_budget": "+100",
    "token_budget_ratio": 1.4,
    "rank_method": "llmlingua",
    "concate_question": True,
}
"""Those that it does not know."""


class PromptCompressor(OpenCompressor):
    """Shortens prompts as llmlingua does; safe to use from several threads; fetches nothing."""

    def __call__(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Do as `compress_prompt` does."""
        return self.compress_prompt(*args, **kwargs)

    def compress_prompt(  # noqa: PLR0913 - llmlingua's
        self,
        context: str | Sequence[str],
        instruction: str = "",
        question: str = "",
        rate: float = 0.5,
        target_token: float = -1,
        iterative_size: int = 200,
        force_context_ids: Sequence[int] | None = None,
        force_context_number: int | None = None,
        use_sentence_level_filter: bool = False,
        use_context_level_filter: bool = True,
        use_token_level_filter: bool = True,
        keep_split: bool = False,
        keep_first_sentence: int = 0,
        keep_last_sentence: int = 0,
        keep_sentence_number: int = 0,
        high_priority_bonus: float = 100,
        context_budget: str = "+100",
        token_budget_ratio: float = 1.4,
        condition_in_question: str = "none",
        reorder_context: str = "original",
        dynamic_context_compression_ratio: float = 0.0,
        condition_compare: bool = False,
        add_instruction: bool = False,
        rank_method: str = "llmlingua",
        concate_question: bool = True,
        context_segs: Sequence[Sequence[str]] | None = None,
        context_segs_rate: Sequence[Sequence[float]] | None = None,
        context_segs_compress: Sequence[Sequence[bool]] | None = None,
        target_context: int = -1,
        context_level_rate: float = 1.0,
        context_level_target_token: float = -1,
        return_word_label: bool = False,
        word_sep: str = "\t\t|\t\t",
        label_sep: str = " ",
        token_to_word: str = "mean",  # noqa: S107
        force_tokens: Sequence[str] = (),
        force_reserve_digit: bool = False,
        drop_consecutive: bool = False,
        chunk_end_tokens: Sequence[str] = (".", "\n"),
        strict_preserve_uncompressed: bool = True,
    ) -> dict[str, Any]:
        """Shorten contexts to a budget; what each argument does: docs/migration.md.

        Returns:
            See `as_dict`.

        Raises:
            Error: An argument is out of range, or what must stay exceeds `target_token`.
        """
        return self._compress(plain_values(locals()))

    def structured_compress_prompt(  # noqa: PLR0913 - llmlingua's
        self,
        context: str | Sequence[str],
        instruction: str = "",
        question: str = "",
        rate: float = 0.5,
        target_token: float = -1,
        iterative_size: int = 200,
        force_context_ids: Sequence[int] | None = None,
        force_context_number: int | None = None,
        use_sentence_level_filter: bool = False,
        use_context_level_filter: bool = True,
        use_token_level_filter: bool = True,
        keep_split: bool = False,
        keep_first_sentence: int = 0,
        keep_last_sentence: int = 0,
        keep_sentence_number: int = 0,
        high_priority_bonus: float = 100,
        context_budget: str = "+100",
        token_budget_ratio: float = 1.4,
        condition_in_question: str = "none",
        reorder_context: str = "original",
        dynamic_context_compression_ratio: float = 0.0,
        condition_compare: bool = False,
        add_instruction: bool = False,
        rank_method: str = "llmlingua",
        concate_question: bool = True,
        strict_preserve_uncompressed: bool = True,
    ) -> dict[str, Any]:
        """Shorten contexts whose tags say what is to become of which part.

        Returns:
            As `compress_prompt`.

        Raises:
            Error: What `compress_prompt` raises; or a tag is malformed.
        """
        given = plain_values(locals())
        options = given_options(given)
        self._refuse_llmlingua2("structured_compress_prompt")
        default = options.rate if options.most_tokens is None else None
        contexts = [
            tagged(text, default_rate=default, keep_split=options.keep_split)
            for text in read_contexts(context, instruction, question)
        ]
        return self._compressed(contexts, instruction, question, options)

    def compress_json(  # noqa: PLR0913 - llmlingua's
        self,
        json_data: Mapping[str, Any],
        json_config: Mapping[str, Any] | str | Path,
        instruction: str = "",
        question: str = "",
        rate: float = 0.5,
        target_token: float = -1,
        iterative_size: int = 200,
        use_sentence_level_filter: bool = False,
        use_keyvalue_level_filter: bool = False,
        use_token_level_filter: bool = True,
        keep_split: bool = False,
        keep_first_sentence: int = 0,
        keep_last_sentence: int = 0,
        keep_sentence_number: int = 0,
        high_priority_bonus: float = 100,
        context_budget: str = "+100",
        token_budget_ratio: float = 1.4,
        condition_in_question: str = "none",
        reorder_keyvalue: str = "original",
        condition_compare: bool = False,
        rank_method: str = "llmlingua",
    ) -> dict[str, Any]:
        """Shorten the texts in a JSON object; types, keys and nesting stay.

        Returns:
            As `compress_prompt`, but "compressed_prompt" is the object. Tokens are those of the
            object written as JSON.

        Raises:
            Error: What `compress_prompt` raises; or `json_config` does not fit the object.
        """
        given = plain_values({k: v for k, v in locals().items() if k != "json_data"})
        check_order("reorder_keyvalue", reorder_keyvalue)
        given |= {"reorder_context": reorder_keyvalue, "concate_question": False}
        options = given_options(given)
        self._refuse_llmlingua2("compress_json")
        read_contexts([], instruction, question)
        check_flag("use_keyvalue_level_filter", given["use_keyvalue_level_filter"])
        # pairs are dropped to this budget, whatever else is
        filters = given["use_keyvalue_level_filter"]
        (replace(options, context_budget="+100") if filters else options).warn_pointless(question)
        warn_unused(given, {"instruction": ""}, "on what is left of a JSON object")
        if not isinstance(json_data, Mapping):
            raise SettingError(f"json_data is a dict, not {type(json_data).__name__}.")
        call = JsonCall(
            data=json_data,
            fields=read_fields(json_data, json_config),
            options=options,
            filters_pairs=filters,
            call=lambda contexts, chosen: self._call(contexts, "", question, chosen),
            counter=self._counter,
        )
        return as_dict(*call.run())

    def compress_prompt_llmlingua2(  # noqa: PLR0913 - llmlingua's
        self,
        context: str | Sequence[str],
        rate: float = 0.5,
        target_token: float = -1,
        use_context_level_filter: bool = False,
        use_token_level_filter: bool = True,
        target_context: int = -1,
        context_level_rate: float = 1.0,
        context_level_target_token: float = -1,
        force_context_ids: Sequence[int] | None = None,
        return_word_label: bool = False,
        word_sep: str = "\t\t|\t\t",
        label_sep: str = " ",
        token_to_word: str = "mean",  # noqa: S107
        force_tokens: Sequence[str] = (),
        force_reserve_digit: bool = False,
        drop_consecutive: bool = False,
        chunk_end_tokens: Sequence[str] = (".", "\n"),
    ) -> dict[str, Any]:
        """Shorten contexts without a question, by the method llmlingua2.

        Returns:
            As `compress_prompt`, and "compressed_prompt_list", one text per context that is left;
            if asked for, "fn_labeled_original_prompt".

        Raises:
            Error: What `compress_prompt` raises; or this was not made with use_llmlingua2=True.
        """
        return self._compress2(read_contexts(context), plain_values(locals()))

    def _compress(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Do what `compress_prompt` is given."""
        options = given_options(given)
        instruction, question = given["instruction"], given["question"]
        texts = read_contexts(given["context"], instruction, question)
        if self.use_llmlingua2:
            warn_unused(given, _FOR_CAUSAL, "with use_llmlingua2=True")
            return self._compress2(texts, given)
        warn_unused(given, _FOR_WORDS, "without use_llmlingua2=True")
        if given["context_segs"] is None:
            contexts = [with_markers(plain(t, keep_split=options.keep_split)) for t in texts]
            unused = {"context_segs_rate": None, "context_segs_compress": None}
            warn_unused(given, unused, "without context_segs")
        else:
            rates, flags = given["context_segs_rate"] or [], given["context_segs_compress"] or []
            contexts = from_segments(texts, given["context_segs"], rates, flags)
        return self._compressed(contexts, instruction, question, options)

    def _call(
        self, contexts: Sequence[Context], instruction: str, question: str, options: Options
    ) -> Call:
        return Call(
            contexts=tuple(contexts),
            instruction=instruction,
            question=question,
            options=options,
            backend=self.model,
            counter=self._counter,
            rankers=self._rankers(),
        )

    def _compressed(
        self, contexts: Sequence[Context], instruction: str, question: str, options: Options
    ) -> dict[str, Any]:
        options.warn_pointless(question)
        outcome = self._call(contexts, instruction, question, options).run()
        if outcome.ranked:
            self._last.ranked = list(outcome.ranked)
        return as_dict(outcome.text, outcome.origin_tokens, outcome.tokens)

    def _compress2(self, texts: Sequence[str], given: Mapping[str, Any]) -> dict[str, Any]:
        if not isinstance(self._opened, Engine):
            raise SettingError(
                "compress_prompt_llmlingua2 is for a PromptCompressor(..., use_llmlingua2=True)."
            )
        names = Options2.__dataclass_fields__
        options = Options2(**{name: given[name] for name in names})
        options.warn_pointless(self._opened.method)
        return compress2(texts, options, self._opened.method, self._counter)

    def _refuse_llmlingua2(self, method: str) -> None:
        if self.use_llmlingua2:
            raise SettingError(
                f"{method} keeps what tags and keys say by the causal methods: make it with"
                " PromptCompressor(..., use_llmlingua2=False)."
            )
