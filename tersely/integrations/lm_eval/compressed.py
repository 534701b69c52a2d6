"""A model of the harness that compresses contexts and passes them on to another model."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, cast

from lm_eval.api.instance import Instance
from lm_eval.api.model import LM
from lm_eval.api.registry import get_model, register_model
from tqdm import tqdm

from tersely.api import DEFAULT_TOKENIZER, compress, open_counter
from tersely.core.budget import Budget
from tersely.core.prompt import JOINER, Prompt
from tersely.core.result import Compression
from tersely.counting import TokenCounter
from tersely.errors import Error, PromptError, SettingError
from tersely.evaluation.arms import read_spec
from tersely.hard.base import HardCompressor
from tersely.integrations.lm_eval.prompts import (
    Cutter,
    Message,
    Split,
    Task,
    bare,
    chat_prompt,
    may_shrink,
    read_what,
    regex_split,
    shortened_chat,
    tiled,
)
from tersely.loading import load

SETTINGS = ("method", "rate", "tokens", "tokenizer", "what", "split", "content", "delimiter")
"""What a command line may set, beside the model behind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Savings:
    """What compression has saved so far.

    Attributes:
        requests: Requests whose context was looked at.
        contexts: Different contexts among them; each was compressed once.
        whole: Of these, contexts with nothing in them that may be shortened.
        tokens_before: Tokens of the contexts of all requests; what is sent four times, with four
            continuations, counts four times.
        tokens_after: The same of what was sent.
        model_tokens: Tokens put through the method's model.
        seconds: Wall time of compressing.
        tokenizer: Whose tokens are counted.
    """

    requests: int = 0
    contexts: int = 0
    whole: int = 0
    tokens_before: int = 0
    tokens_after: int = 0
    model_tokens: int = 0
    seconds: float = 0.0
    tokenizer: str = ""

    @property
    def rate(self) -> float:
        """Tokens sent / tokens of the contexts; 1.0 where there were none."""
        return self.tokens_after / self.tokens_before if self.tokens_before else 1.0


@dataclass(frozen=True, slots=True)
class Short:
    """What is sent instead of a context, and the tokens of both."""

    context: Any
    before: int
    after: int


@register_model("tersely")
class CompressedLM(LM):  # type: ignore[misc] # the harness has no types
    """Another model of the harness, with compressed contexts.

    In few-shot prompts the demonstrations are shortened; description and question are kept
    byte for byte. Texts whose likelihood is asked for as a whole (`loglikelihood_rolling`) and
    contexts with nothing that may go are passed on as they are. A context that cannot be
    compressed is an error, before the model behind is asked anything: no request goes through
    uncompressed, or is left out, in silence.

    Attributes:
        inner: The model behind.
    """

    MULTIMODAL = False  # the harness then refuses tasks with pictures itself

    def __init__(  # noqa: PLR0913 - a front door, as compress
        self,
        inner: Any,
        *,
        inner_args: str | Mapping[str, Any] = "",
        method: str | HardCompressor = "auto",
        rate: float | None = None,
        tokens: int | None = None,
        tokenizer: str | TokenCounter = DEFAULT_TOKENIZER,
        what: str = "demonstrations",
        split: str | Split | None = None,
        content: str = "auto",
        delimiter: str = JOINER,
        tasks: Mapping[str, Task] | None = None,
    ) -> None:
        """Wrap a model.

        Args:
            inner: The model behind: an object of the harness, or its name there ("hf").
            inner_args: Arguments of a model that is named: a mapping, or "a=1;b=x".
            method: As for `tersely.compress`, or with settings: "truncate:keep=tail".
            rate: Share to keep of the tokens of what may be shortened, in (0, 1].
            tokens: The most tokens of a whole context. Give this or `rate`.
            tokenizer: Whose tokens these are.
            what: "demonstrations", or "context": all before the last paragraph, or what `split`
                finds.
            split: With what="context": a function (text, document) -> (kept, shortened, kept), or
                a regular expression whose group "context" is shortened.
            content: What a context is: "auto" finds out, "text" is prose.
            delimiter: What stands between demonstrations, where the task is not in `tasks`.
            tasks: Tasks of the harness by name, `TaskManager().load(names)["tasks"]`: then
                description and question are known and need not be found.

        Raises:
            BudgetError: Not one of `rate` and `tokens` is given, or it is out of range.
            SettingError: Another setting is out of range.
            UnknownName: No method or tokenizer is called that.
        """
        super().__init__()
        self._budget = Budget(rate=rate, tokens=tokens)
        self._counter = open_counter(tokenizer)
        if split is not None and what != "context":
            raise SettingError("split goes with what='context'.")
        found = regex_split(split) if isinstance(split, str) else split
        self._cutter = Cutter(read_what(what), found, tasks or {}, delimiter)
        self._method, self._content = method, content
        self._engine = _engine(method)
        self._short: dict[tuple[str, Prompt], Short] = {}
        self._chats: dict[str, tuple[Sequence[Message], bool]] = {}
        self._templated = False
        self.savings = Savings(tokenizer=self._counter.name)
        self.inner = _model(inner, inner_args, {})

    @classmethod
    def create_from_arg_string(
        cls, arg_string: str, additional_config: Mapping[str, Any] | None = None
    ) -> CompressedLM:
        """Build it from "inner=hf,inner_args=pretrained=gpt2;dtype=float32,rate=0.25"."""
        from lm_eval.utils import simple_parse_args_string

        return cls.create_from_arg_obj(simple_parse_args_string(arg_string), additional_config)

    @classmethod
    def create_from_arg_obj(
        cls, arg_dict: Mapping[str, Any], additional_config: Mapping[str, Any] | None = None
    ) -> CompressedLM:
        """Build it from the command's arguments; batch size and device are the model's behind.

        Raises:
            SettingError: There is no such setting, or no model behind.
        """
        given = dict(arg_dict)
        if "inner" not in given:
            raise SettingError("Name the model behind: inner=hf,inner_args=pretrained=...")
        inner, inner_args = given.pop("inner"), given.pop("inner_args", "")
        if unknown := sorted(set(given) - set(SETTINGS)):
            raise SettingError(
                f"tersely has no setting {unknown[0]!r}. It has: inner, inner_args,"
                f" {', '.join(SETTINGS)}. Arguments of the model behind go into inner_args, with"
                " semicolons."
            )
        return cls(_model(inner, inner_args, additional_config or {}), **given)

    def loglikelihood(self, requests: list[Instance]) -> list[tuple[float, bool]]:
        """Return what the model behind says of continuations of compressed contexts."""
        return cast("list[tuple[float, bool]]", self.inner.loglikelihood(self._passed(requests)))

    def generate_until(self, requests: list[Instance]) -> list[str]:
        """Return what the model behind writes to compressed contexts."""
        return cast("list[str]", self.inner.generate_until(self._passed(requests)))

    def loglikelihood_rolling(self, requests: list[Instance]) -> list[float]:
        """Return what the model behind says; here the text itself is measured, and kept."""
        return cast("list[float]", self.inner.loglikelihood_rolling(requests))

    def apply_chat_template(
        self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True
    ) -> Any:
        """Return the chat as the model behind wants it, and remember what it was made of."""
        rendered = self._rendered(chat_history, add_generation_prompt)
        self._chats[_key(rendered)] = ([dict(one) for one in chat_history], add_generation_prompt)
        return rendered

    def chat_template(self, chat_template: bool | str = False) -> str | None:
        """Return the template of the model behind."""
        return cast("str | None", self.inner.chat_template(chat_template))

    @property
    def tokenizer_name(self) -> str:
        """Name of the tokenizer of the model behind; the harness asks when it renders chats."""
        self._templated = True
        return cast("str", self.inner.tokenizer_name)

    def get_model_info(self) -> dict[str, Any]:
        """Return what the harness writes into the results: settings, and what was saved."""
        info = getattr(self.inner, "get_model_info", dict)
        own = {
            "inner": type(self.inner).__name__,
            "method": self._method if isinstance(self._method, str) else self._method.name,
            "rate": self._budget.rate,
            "tokens": self._budget.tokens,
            "what": self._cutter.what,
            "savings": asdict(self.savings) | {"rate": self.savings.rate},
        }
        return dict(info()) | {"tersely": own}

    @property
    def device(self) -> Any:
        """Where the model behind runs."""
        return self.inner.device

    @property
    def rank(self) -> int:
        """Index of this process among those of the model behind."""
        return cast("int", self.inner.rank)

    @property
    def world_size(self) -> int:
        """How many there are."""
        return cast("int", self.inner.world_size)

    def all_gather(self, tensor: Any) -> Any:
        """Gather a tensor from all of them."""
        return self.inner.all_gather(tensor)

    def gather_object(self, obj: Any, dst: int = 0) -> Any:
        """Gather an object from all of them."""
        return self.inner.gather_object(obj, dst)

    def barrier(self) -> None:
        """Wait for all of them."""
        self.inner.barrier()

    def __getattr__(self, name: str) -> Any:
        if name == "inner":  # before it is there
            raise AttributeError(name)
        return getattr(self.inner, name)

    def _passed(self, requests: Sequence[Instance]) -> list[Instance]:
        """Return the requests with compressed contexts, in their order."""
        passed = []
        for request in tqdm(requests, desc="Compressing contexts", disable=self.rank != 0):
            try:
                context, *rest = request.args
                short = self._shortened(context, request)
            except Error as error:
                error.add_note(f"In document {request.doc_id} of task {request.task_name!r}.")
                raise
            passed.append(
                Instance(
                    request_type=request.request_type,
                    doc=request.doc,
                    arguments=(short.context, *rest),
                    idx=request.idx,
                    metadata=(request.task_name, request.doc_id, request.repeats),
                )
            )
            self._count(requests=1, tokens_before=short.before, tokens_after=short.after)
        return passed

    def _shortened(self, context: Any, request: Instance) -> Short:
        """Return what to send instead of a context, from memory if it was asked for before.

        Raises:
            PromptError: It is not text, or a rendered chat whose messages are not known.
        """
        key = _key(context)
        doc = request.doc if isinstance(request.doc, Mapping) else {}
        if key in self._chats:
            messages, generation = self._chats[key]
            turns = self._cutter.turns(messages, doc, request.task_name)
            prompt = chat_prompt(turns)
        elif not isinstance(context, str) or (self._templated and not self._chats):
            raise PromptError(
                f"This context ({type(context).__name__}) is not text, or a chat that was rendered"
                " elsewhere: run without cache_requests, and with apply_chat_template."
            )
        else:
            prompt = tiled(self._cutter.pieces(context, doc, request.task_name))
        if (key, prompt) not in self._short:
            result = self._compressed(prompt)
            if result is None:
                before = self._counter.count(prompt.text)
                made = Short(context, before, before)
            elif key in self._chats:
                sent = self._rendered(shortened_chat(turns, result), generation)
                made = Short(sent, result.tokens_before, result.tokens_after)
            else:
                made = Short(result.text, result.tokens_before, result.tokens_after)
            self._short[key, prompt] = made
        return self._short[key, prompt]

    def _compressed(self, prompt: Prompt) -> Compression | None:
        """Compress a prompt; None where nothing of it may go."""
        if not may_shrink(prompt):
            self._count(contexts=1, whole=1)
            return None
        limit = self._budget.tokens
        if limit is None:
            fixed = self._counter.count(bare(prompt))
            free = max(0, self._counter.count(prompt.text) - fixed)
            limit = fixed + self._budget.limit(free)
        result = compress(
            prompt,
            tokens=max(1, limit),
            method=self._engine,
            tokenizer=self._counter,
            content=self._content,
        )
        self._count(contexts=1, model_tokens=result.model_tokens, seconds=result.seconds)
        return result

    def _rendered(self, messages: Sequence[Message], generation: bool) -> Any:
        return self.inner.apply_chat_template(
            [dict(one) for one in messages], add_generation_prompt=generation
        )

    def _count(self, **more: float) -> None:
        had = {name: getattr(self.savings, name) + value for name, value in more.items()}
        self.savings = replace(self.savings, **cast("Any", had))


def _engine(method: str | HardCompressor) -> str | HardCompressor:
    """Return the compressor, loaded once; "auto" depends on the prompt.

    Raises:
        UnknownName: No method is called that.
    """
    if not isinstance(method, str) or method == "auto":
        return method
    name, settings = read_spec(method)
    return load(name, **settings)


def _model(inner: Any, arguments: str | Mapping[str, Any], more: Mapping[str, Any]) -> Any:
    """Return the model behind, made if it is named.

    Raises:
        SettingError: It is not a model of the harness, or arguments are given to one that is made.
    """
    if isinstance(inner, str):
        cls = get_model(inner)
        if isinstance(arguments, str):
            return cls.create_from_arg_string(arguments.replace(";", ","), dict(more))
        return cls.create_from_arg_obj(dict(arguments), dict(more))
    if arguments:
        raise SettingError("inner_args go with the name of a model; this one is made already.")
    if not (hasattr(inner, "loglikelihood") and hasattr(inner, "generate_until")):
        raise SettingError(
            f"inner is a model of the harness or its name, not {type(inner).__name__}."
        )
    return inner


def _key(context: Any) -> str:
    """Return what tells a context from others; a chat may be a list of messages."""
    return context if isinstance(context, str) else json.dumps(context, sort_keys=True)
