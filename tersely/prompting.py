"""What the front door does first: put prompts together, and find the method for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from tersely.content.base import ContentHandler
from tersely.content.load import AUTO, TEXT, coarser, structure_of
from tersely.core.budget import Budget
from tersely.core.markup import markup_prompt
from tersely.core.parse import parse_prompt
from tersely.core.patterns import pattern_spans
from tersely.core.prompt import Prompt, Segment, Span
from tersely.core.result import Compression
from tersely.core.structure import Structure
from tersely.counting.base import TokenCounter
from tersely.errors import BudgetTooSmall, PromptError, SettingError
from tersely.hard.base import HardCompressor, Progress
from tersely.loading import default_method, load

Context = str | Sequence[str] | Prompt
"""A text, several, or a prompt that is put together already."""

Content = str | ContentHandler | Sequence[str | ContentHandler]
"""What contexts are: a kind, a handler with settings, or one of these for each context."""

QUESTION_METHOD = "hybrid"
DEMONSTRATIONS_METHOD = "llmlingua"


def build_prompt(
    context: Context, *, question: str = "", instruction: str = "", content: Content = TEXT
) -> Prompt:
    """Return the prompt that `compress` works on.

    Raises:
        PromptError: It is empty, or not text, or not of the kind of content that was named.
    """
    for argument, text in (("question", question), ("instruction", instruction)):
        if not isinstance(text, str):
            raise PromptError(f"{argument} is a str, not {type(text).__name__}.")
    if isinstance(context, Prompt):
        prompt = _around(context, question, instruction)
    elif isinstance(context, str):
        whole = with_structure(Prompt.of(context), content)
        if whole.segments[0].structure is None:
            whole = with_structure(parse_prompt(context), content)
        return _filled(_around(whole, question, instruction))
    elif isinstance(context, Sequence) and not isinstance(context, bytes):
        prompt = Prompt.of(context, question=question, instruction=instruction)
    else:
        raise PromptError(
            f"The context is a str, a list of str or a Prompt, not {type(context).__name__}."
        )
    return _filled(with_structure(prompt, content))


def _filled(prompt: Prompt) -> Prompt:
    if not prompt.text.strip():
        raise PromptError("The prompt is empty: there is nothing to compress.")
    return prompt


def read_markup(context: Context) -> Prompt:
    """Return a text with tags as a prompt of segments with rates of their own.

    Raises:
        PromptError: It is no text, or a tag is wrong; the message says where.
    """
    if not isinstance(context, str):
        raise PromptError(f"Markup stands in a str, not in a {type(context).__name__}.")
    return markup_prompt(context)


def with_structure(prompt: Prompt, content: Content) -> Prompt:
    """Return the prompt with what is known of its contexts' kinds of content.

    Contexts that have a structure already keep it.

    Args:
        prompt: The prompt.
        content: What its contexts are.

    Raises:
        PromptError: A context is not of the kind that was named, or there is not one kind each.
    """
    contexts = [i for i, segment in enumerate(prompt.segments) if segment.role == "context"]
    if isinstance(content, str) or not isinstance(content, Sequence):
        kinds = [content] * len(contexts)
    else:
        kinds = list(content)
        if len(kinds) != len(contexts):
            raise PromptError(
                f"There are {len(contexts)} contexts and {len(kinds)} kinds of content: give one"
                " each, or one for all."
            )
    segments = list(prompt.segments)
    for index, kind in zip(contexts, kinds, strict=True):
        if segments[index].structure is None and segments[index].rate != 1:
            found = structure_of(segments[index].text, kind)
            segments[index] = replace(segments[index], structure=found)
    return replace(prompt, segments=tuple(segments))


def build_prompts(
    pairs: Sequence[tuple[Context, str]],
    *,
    instruction: str,
    protect: Sequence[str | Span] = (),
    prefer: Sequence[str | Span] = (),
    content: Content = AUTO,
) -> list[Prompt]:
    """Return the prompts of a workload, given as contexts and their questions.

    Raises:
        PromptError: One of them is empty, or not text.
    """
    prompts = []
    for one, asked in pairs:
        prompt = build_prompt(one, question=asked, instruction=instruction, content=content)
        prompts.append(mark(prompt, protect=protect, prefer=prefer))
    return prompts


def mark(
    prompt: Prompt, *, protect: Sequence[str | Span] = (), prefer: Sequence[str | Span] = ()
) -> Prompt:
    """Return the prompt with what must survive protected, and what rather should preferred.

    Raises:
        PromptError: A pattern is not a regular expression, or takes too long.
    """
    prompt = prompt.protecting(pattern_spans(prompt, protect))
    return prompt.preferring(pattern_spans(prompt, prefer, argument="prefer"))


def with_questions(
    contexts: Iterable[Context], questions: Sequence[str] | None, question: str = ""
) -> list[tuple[Context, str]]:
    """Return each context with its question.

    Args:
        contexts: One prompt each.
        questions: One each; None where all have the same.
        question: That one.

    Raises:
        PromptError: This is one prompt, not several; or there are not as many questions.
    """
    if isinstance(contexts, str | Prompt) or not isinstance(contexts, Iterable):
        raise PromptError("This takes a list of prompts; for one, use compress.")
    texts = list(contexts)
    if questions is None:
        return [(text, question) for text in texts]
    if question:
        raise PromptError("Give question, for all, or questions, one each; not both.")
    if isinstance(questions, str) or not isinstance(questions, Sequence):
        raise PromptError(f"questions is a list of str, one each, not {questions!r}.")
    if len(questions) != len(texts):
        raise PromptError(
            f"There are {len(texts)} prompts and {len(questions)} questions: give one each, or"
            " question=... for all."
        )
    return list(zip(texts, questions, strict=True))


def choose_method(prompt: Prompt, method: str, *, model: str | None = None) -> str:
    """Return the method that "auto" stands for; any other name is returned as it is.

    The rule: llmlingua where there are demonstrations, of which it drops whole ones first; else
    hybrid where there is a question, and llmlingua2 where there is none.

    Args:
        prompt: What is to be shortened.
        method: A name, or "auto".
        model: What the method is to run. llmlingua2 reads classifiers, so that any other one that
            is named goes to llmlingua.
    """
    if method != "auto":
        return method
    if any(segment.role == "demonstration" for segment in prompt.segments):
        return DEMONSTRATIONS_METHOD
    return QUESTION_METHOD if prompt.question else default_method(model)


def choose_one_method(prompts: Sequence[Prompt], method: str, *, model: str | None = None) -> str:
    """Return the one method for prompts that share something, as `choose_method` does for one.

    Raises:
        SettingError: "auto" is not the same for all of them.
    """
    names = sorted({choose_method(prompt, method, model=model) for prompt in prompts})
    if len(names) > 1:
        raise SettingError(
            f'"auto" is {" for some of the prompts and ".join(names)} for others. Prompts that'
            " share a rate need one method: name it."
        )
    return names[0] if names else method


def open_method(prompts: Sequence[Prompt], method: str | HardCompressor) -> HardCompressor:
    """Return the one compressor for some prompts, loaded if it is a name.

    Raises:
        SettingError: It is neither a name nor a compressor, or "auto" is not one for all of them.
        UnknownName: No method is called that.
    """
    if isinstance(method, str):
        return load(choose_one_method(prompts, method))
    if not isinstance(method, HardCompressor):
        raise SettingError(f"method is a name or what tersely.load returned, not {method!r}.")
    return method


def compress_prompt(
    engine: HardCompressor,
    prompt: Prompt,
    budget: Budget,
    *,
    counter: TokenCounter,
    content: Content,
    flatten: bool = True,
    progress: Progress | None = None,
) -> Compression:
    """Compress a prompt, its contents in ever larger pieces if what keeps them valid is too much.

    What was only found to be JSON, say, is prose again at last: where the caller named the kind,
    that is an error; where it was detected, the budget comes first, and `Compression.contents`
    says so.

    Args:
        engine: The method.
        prompt: What to shorten.
        budget: The most tokens.
        counter: Whose.
        content: What the caller said of the contents.
        flatten: Whether what was detected may become prose.
        progress: Called with (model tokens read, expected) as the work goes on.

    Raises:
        BudgetTooSmall: What is protected, or keeps contents valid, does not fit.
    """
    tries = [prompt]
    if isinstance(content, str) and content != TEXT:
        tries.append(_restructured(prompt, coarser))
    if content == AUTO and flatten:
        tries.append(_restructured(prompt, lambda text, structure: None))
    tries = list(dict.fromkeys(tries))
    for attempt in tries[:-1]:
        try:
            return engine.compress(attempt, budget, counter=counter, progress=progress)
        except BudgetTooSmall as error:
            if not error.contents:
                raise
    return engine.compress(tries[-1], budget, counter=counter, progress=progress)


def _restructured(prompt: Prompt, change: Callable[[str, Structure], Structure | None]) -> Prompt:
    segments = tuple(
        segment
        if segment.structure is None
        else replace(segment, structure=change(segment.text, segment.structure))
        for segment in prompt.segments
    )
    return replace(prompt, segments=segments)


def _around(prompt: Prompt, question: str, instruction: str) -> Prompt:
    """Put an instruction before a prompt and a question after it, where they are given."""
    if not question and not instruction:
        return prompt
    before = (Segment(instruction, "instruction"),) if instruction else ()
    after = (Segment(question, "question"),) if question else ()

    def moved(spans: Iterable[Span]) -> tuple[Span, ...]:
        return tuple(Span(s.segment + len(before), s.start, s.end) for s in spans)

    blank = Prompt.joined([Segment("")] * 2).separators
    separators = blank * len(before) + prompt.separators + blank * len(after)
    segments = (*before, *prompt.segments, *after)
    return Prompt(segments, separators, moved(prompt.protected), moved(prompt.preferred))
