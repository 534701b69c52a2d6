import json

import pytest

pytest.importorskip("lm_eval")

from fakes import WordCounter
from harness import (
    CHOICE,
    CONTEXT,
    DESCRIPTION,
    QUESTIONS,
    ROWS,
    SHOTS,
    Noting,
    ask,
    evaluate,
    write_task,
)
from hypothesis import given
from hypothesis import strategies as st
from lm_eval.api.instance import Instance
from lm_eval.api.registry import get_model

from tersely.errors import BudgetError, BudgetTooSmall, PromptError, SettingError, UnknownName
from tersely.integrations.lm_eval import CompressedLM, LocalLM
from tersely.integrations.lm_eval.prompts import tiled

pytestmark = pytest.mark.usefixtures("quick")

WORDS = WordCounter()


def wrap(inner=None, **settings):
    settings = {"method": "truncate", "tokenizer": WORDS} | settings
    if "tokens" not in settings:
        settings.setdefault("rate", 0.5)
    return CompressedLM(inner or Noting(), **settings)


def sent(lm, *requests):
    lm.loglikelihood(list(requests))
    return lm.inner.seen


def known_tasks(manager):
    return manager.load(["harbour"])["tasks"]


# --- what reaches the model behind


def test_only_the_demonstrations_are_shortened(choices):
    lm = wrap(tasks=known_tasks(choices))
    (context,) = sent(lm, ask(CONTEXT))
    assert context.startswith(DESCRIPTION)
    assert context.endswith(QUESTIONS[3])
    assert "cranes" in context
    assert "ferry" not in context


def test_the_budget_is_a_share_of_what_may_go(choices):
    lm = wrap(tasks=known_tasks(choices), method="random_drop")
    (context,) = sent(lm, ask(CONTEXT))
    fixed, free = (len(text.split()) for text in (DESCRIPTION + QUESTIONS[3], SHOTS))
    assert fixed + free * 0.5 - 1 <= len(context.split()) <= fixed + free * 0.5


def test_a_number_of_tokens_is_the_limit_of_the_whole():
    (context,) = sent(wrap(tokens=20), ask(CONTEXT))
    assert len(context.split()) == 20


def test_a_whole_rate_changes_nothing():
    assert sent(wrap(rate=1.0), ask(CONTEXT)) == [CONTEXT]


@pytest.mark.parametrize("gap", ["\n\n", "\n\n\n ", "\n\n\n\n"])
def test_any_blanks_are_passed_on(gap):
    context = f"\n a b c{gap}d e f{gap}What is it now? \n"
    assert sent(wrap(rate=1.0), ask(context, {})) == [context]


ROLES = st.sampled_from(["instruction", "demonstration", "context", "question", None])


@given(st.lists(st.tuples(ROLES, st.text(st.sampled_from("ab \n"), max_size=5))))
def test_segments_and_separators_make_up_the_text(pieces):
    prompt = tiled(pieces)
    assert prompt.text == "".join(text for _, text in pieces)
    wanted = [role for role, text in pieces if role and text.strip()]
    assert [segment.role for segment in prompt.segments] == (wanted or ["question"])


def test_without_demonstrations_a_context_is_passed_on():
    lm = wrap(rate=0.1)
    assert sent(lm, ask(QUESTIONS[0], {}), ask("")) == [QUESTIONS[0], ""]
    assert lm.savings.whole == 2
    assert lm.savings.rate == 1.0


def test_a_question_with_a_blank_line_is_whole_where_the_task_is_known(choices):
    question, context = ROWS[4][0], DESCRIPTION + SHOTS + QUESTIONS[4]
    lm = wrap(rate=0.1, tasks=known_tasks(choices))
    assert sent(lm, ask(context, {"question": question}))[0].endswith(QUESTIONS[4])


def test_a_question_with_a_blank_line_is_found_by_the_longest_field():
    context = DESCRIPTION + SHOTS + QUESTIONS[4]
    lm = wrap(rate=0.1)
    assert sent(lm, ask(context, {"question": ROWS[4][0]}))[0].endswith(QUESTIONS[4])


def test_of_several_fields_the_longest_says_where_the_question_is():
    doc = {
        "subject": "work in a small harbour",
        "passage": "The tide is low.\n\nThe basin is deep.",
    }
    context = f"This is about {doc['subject']}.\n\na b c d\n\n{doc['passage']} How deep?"
    (left,) = sent(wrap(rate=0.1), ask(context, doc))
    assert left == f"This\n\n{doc['passage']} How deep?"


def test_the_tasks_own_delimiter_parts_its_demonstrations(tmp_path):
    manager = write_task(tmp_path, **CHOICE, fewshot_delimiter="\n##\n")
    lm = wrap(tasks=known_tasks(manager), rate=0.7)
    evaluate(lm, manager)
    assert lm.inner.seen[0].count("##") == 2
    assert "##\nQuestion: What colour" in lm.inner.seen[0]


def test_without_task_and_fields_the_last_block_is_the_question():
    (context,) = sent(wrap(rate=0.1), ask(CONTEXT, {}))
    assert context.endswith(QUESTIONS[3])


def test_a_question_aware_method_is_given_the_question():
    lm = wrap(method="hybrid:encoder=null,repair=false")
    context = "The pier has four cranes.\n\nThe ferry leaves at six.\n\nWhen does the ferry leave?"
    assert sent(lm, ask(context, {})) == ["The ferry leaves at six.\n\nWhen does the ferry leave?"]


# --- long contexts without demonstrations


def test_all_before_the_last_paragraph_is_the_context():
    lm = wrap(what="context", method="truncate:keep=tail")
    assert sent(lm, ask("a b c\n\nd e f\n\nWho?")) == ["d e f\n\nWho?"]


def test_a_regular_expression_says_what_is_shortened():
    lm = wrap(what="context", split=r"(?s)<doc>(?P<context>.*)</doc>", content="text")
    assert sent(lm, ask("Read <doc>a b c d</doc> and say.")) == ["Read <doc>a b</doc> and say."]


def test_what_the_expression_does_not_match_is_kept():
    lm = wrap(what="context", split="<doc>(?P<context>.*)</doc>")
    assert sent(lm, ask("a b c d")) == ["a b c d"]


def test_a_function_says_what_is_shortened():
    def split(text, doc):
        return "", doc["passage"], text.removeprefix(doc["passage"])

    lm = wrap(what="context", split=split)
    assert sent(lm, ask("a b c d Why?", {"passage": "a b c d"})) == ["a b Why?"]


def test_parts_that_do_not_make_up_the_text_are_refused():
    lm = wrap(what="context", split=lambda text, doc: ("", text, "!"))
    with pytest.raises(PromptError, match=r"do not make up the context \(0 \+ 5 \+ 1 char"):
        lm.loglikelihood([ask("a b c")])


# --- once for each context, and counted


def test_a_context_is_compressed_once_for_all_endings():
    lm = wrap()
    contexts = sent(lm, ask(CONTEXT), ask(CONTEXT, ending=" Violet"), ask(CONTEXT))
    assert len(set(contexts)) == 1
    assert (lm.savings.requests, lm.savings.contexts) == (3, 1)


def test_savings_count_what_is_sent():
    lm = wrap()
    contexts = sent(lm, ask(CONTEXT), ask(CONTEXT, ending=" Violet"))
    assert lm.savings.tokens_before == 2 * len(CONTEXT.split())
    assert lm.savings.tokens_after == sum(len(context.split()) for context in contexts)


def test_a_context_that_does_not_fit_is_an_error_before_the_model_is_asked():
    lm = wrap(tokens=2)
    with pytest.raises(BudgetTooSmall) as caught:
        lm.loglikelihood([ask("Who?", {}), ask(CONTEXT)])
    assert caught.value.__notes__ == ["In document 0 of task 'harbour'."]
    assert lm.inner.calls == 0


def test_texts_whose_own_likelihood_is_asked_are_not_shortened():
    lm = wrap(rate=0.1)
    request = Instance("loglikelihood_rolling", {}, (CONTEXT,), 0, metadata=("harbour", 0, 1))
    assert lm.loglikelihood_rolling([request]) == [-len(CONTEXT)]


# --- chats

CHAT = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "a b c d"},
    {"role": "assistant", "content": "e f"},
    {"role": "user", "content": "g h"},
    {"role": "assistant", "content": "i j"},
    {"role": "user", "content": "What now?"},
]


@pytest.mark.parametrize(
    ("rate", "turns"),
    [
        (1.0, "<user>a b c d<assistant>e f<user>g h<assistant>i j"),
        (0.5, "<user>a b c d<assistant>e"),
        (0.2, "<user>a b<assistant>"),
        (0.05, ""),
    ],
)
def test_a_chats_demonstrations_are_shortened_turn_by_turn(rate, turns):
    lm = wrap(rate=rate)
    (context,) = sent(lm, ask(lm.apply_chat_template(CHAT)))
    assert context == f"<system>Be brief.{turns}<user>What now?<assistant>"


def test_demonstrations_in_one_turn_are_shortened_too():
    chat = [
        {"role": "user", "content": "a b c d\n\nWhat now?"},
        {"role": "assistant", "content": "I"},
    ]
    lm = wrap()
    context = lm.apply_chat_template(chat, add_generation_prompt=False)
    assert sent(lm, ask(context, {})) == ["<user>a b\n\nWhat now?<assistant>I"]


def test_a_chat_may_be_a_list():
    lm = wrap()
    lm.inner.apply_chat_template = lambda chat, add_generation_prompt: chat
    (context,) = sent(lm, ask(lm.apply_chat_template(CHAT)))
    assert [message["content"] for message in context][1:3] == ["a b c d", "e"]


def test_a_long_context_in_a_chat_is_shortened_and_earlier_turns_are_kept():
    lm = wrap(what="context")
    chat = [*CHAT[:3], {"role": "user", "content": "k l m n\n\nWhy?"}]
    (context,) = sent(lm, ask(lm.apply_chat_template(chat)))
    assert context == "<system>Be brief.<user>a b c d<assistant>e f<user>k l\n\nWhy?<assistant>"


@pytest.mark.parametrize("context", ["<user>a b<assistant>", [{"role": "user"}]])
def test_a_chat_that_was_rendered_elsewhere_is_refused(context):
    lm = wrap()
    assert lm.tokenizer_name == "noting"  # asked for by the harness where there are chats
    with pytest.raises(PromptError, match="run without cache_requests"):
        lm.loglikelihood([ask(context)])


def test_plain_texts_are_plain_after_a_run_with_chats():
    lm = wrap(rate=1.0)
    assert lm.tokenizer_name == "noting"
    lm.apply_chat_template(CHAT)
    assert sent(lm, ask(CONTEXT)) == [CONTEXT]


def test_a_chat_with_something_other_than_text_is_refused():
    lm = wrap()
    chat = [{"role": "user", "content": [{"type": "image"}]}]
    lm.inner.apply_chat_template = lambda chat, add_generation_prompt: chat
    with pytest.raises(PromptError, match="a list; only text"):
        lm.loglikelihood([ask(lm.apply_chat_template(chat), {})])


# --- whole runs of the harness


def test_identity_gives_what_the_model_gives_alone(choices):
    alone, through = evaluate(Noting(), choices), evaluate(wrap(rate=1.0), choices)
    assert alone["results"] == through["results"]
    assert alone["samples"]["harbour"][0]["resps"] == through["samples"]["harbour"][0]["resps"]
    assert alone.keys() == through.keys()


def test_a_run_sends_compressed_contexts_and_reports_them(choices):
    lm = wrap()
    results = evaluate(lm, choices)
    assert {"acc,none", "acc_stderr,none"} <= results["results"]["harbour"].keys()
    assert len(lm.inner.seen) == 4
    assert all(len(context.split()) < 40 for context in lm.inner.seen)
    savings = results["config"]["tersely"]["savings"]
    assert (savings["requests"], savings["contexts"]) == (4, 2)
    assert json.dumps(results["config"]["tersely"])


def test_answers_are_written_to_compressed_contexts(written):
    lm = wrap(tasks=known_tasks(written))
    results = evaluate(lm, written)
    assert "exact_match,none" in results["results"]["harbour"]
    assert [context.rpartition("Answer")[2] for context in lm.inner.seen] == [":", ":"]


@pytest.mark.parametrize("multiturn", [False, True])
def test_chat_templates_are_applied_after_compression(written, multiturn):
    lm = wrap()
    evaluate(lm, written, apply_chat_template=True, fewshot_as_multiturn=multiturn)
    context = lm.inner.seen[0]
    assert context.startswith(f"<system>{DESCRIPTION}<user>Question: How many cranes")
    assert context.endswith(f"{QUESTIONS[3]}<assistant>")
    assert lm.savings.rate < 0.8


# --- settings


def test_the_harness_knows_both_models_by_name():
    assert get_model("tersely") is CompressedLM
    assert get_model("tersely-local") is LocalLM


def test_a_command_line_builds_the_model_behind():
    text = "inner=dummy,inner_args=write_out=False,method=truncate:keep=tail,rate=0.5"
    lm = CompressedLM.create_from_arg_string(text, {"batch_size": 2})
    assert type(lm.inner).__name__ == "DummyLM"
    assert lm.get_model_info()["tersely"]["method"] == "truncate:keep=tail"


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"rate": None}, BudgetError, "Give tokens or rate"),
        ({"rate": 1.5}, BudgetError, "in \\(0, 1\\]"),
        ({"method": "trunkate"}, UnknownName, "Did you mean 'truncate'"),
        ({"what": "all"}, SettingError, "what is 'demonstrations' or 'context'"),
        ({"split": "(?P<context>.)"}, SettingError, "split goes with what='context'"),
        ({"what": "context", "split": "("}, SettingError, "not a regular expression"),
        ({"what": "context", "split": "a"}, SettingError, "needs a group"),
        ({"inner": 3}, SettingError, "inner is a model of the harness or its name, not int"),
        ({"inner_args": "a=1"}, SettingError, "this one is made already"),
    ],
)
def test_a_wrong_setting_is_refused(settings, error, message):
    with pytest.raises(error, match=message):
        wrap(**settings)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rate": 0.5}, "Name the model behind"),
        ({"inner": "dummy", "rte": 0.5}, "no setting 'rte'"),
        ({"inner": "tersely-local", "inner_args": "threads=1;modle=a"}, "no setting 'modle'"),
        ({"inner": "tersely-local", "inner_args": {"modle": "a"}}, "no setting 'modle'"),
    ],
)
def test_a_wrong_argument_is_refused(arguments, message):
    with pytest.raises(SettingError, match=message):
        CompressedLM.create_from_arg_obj(arguments)
