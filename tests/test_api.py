"""The front door: what it takes, what it refuses, and that it is one door."""

import asyncio

import pytest
from fakes import FakeEncoder, Percents
from hypothesis import given
from hypothesis import strategies as st

import tersely
from tersely import errors, loading, prompting
from tersely.core.prompt import Prompt, Segment, Span
from tersely.hard.hybrid import Hybrid

TEXT = "One two three, four five six. Seven eight nine."


def short(context=TEXT, **settings):
    return tersely.compress(context, **({"method": "truncate", "tokens": 5} | settings))


def test_a_text_is_shortened_to_the_budget():
    result = short()
    assert (result.text, result.tokens_after, result.limit_tokens) == ("One two three, four", 5, 5)


def test_each_context_of_a_list_has_its_own_text():
    result = short(["One two.", "Three four."], tokens=5)
    assert result.contexts == ["One two.", "Three four"]


def test_question_and_instruction_stand_around_the_context_verbatim():
    result = short(question="Why  not?", instruction="Be brief.", tokens=9)
    assert result.text == "Be brief.\n\nOne\n\nWhy  not?"


def test_a_few_shot_text_is_taken_apart():
    text = "Q: 1+1?\nA: 2\n\nQ: 2+2?\nA: 4\n\nQ: 3+3?\nA:"
    roles = [segment.role for segment in short(text, tokens=15).prompt.segments]
    assert roles == ["demonstration", "demonstration", "question"]


def test_protected_numbers_survive():
    result = short("Take one or two or three of the 4,711 at 12:30.", protect=["numbers"], tokens=8)
    assert "4,711" in result.text
    assert "12:30" in result.text


def test_a_protected_span_survives():
    result = short(protect=[Span(0, 30, 35)], tokens=5)
    assert "Seven" in result.text


def test_a_question_moves_the_protected_spans_of_a_prompt():
    prompt = Prompt.of(TEXT).protecting([Span(0, 30, 35)])
    assert "Seven" in short(prompt, instruction="Be brief.", tokens=8).text


def test_a_limit_above_the_whole_is_the_whole():
    result = short(tokens=10_000)
    assert (result.text, result.rate, result.dropped) == (TEXT, 1.0, ())


def test_the_tokenizer_can_be_a_models_name():
    assert short(tokenizer="gpt-4").tokenizer == "cl100k_base"


def test_a_loaded_compressor_is_a_method():
    assert short(method=tersely.load("truncate", keep="tail")).text.endswith("eight nine.")


def test_many_is_each_alone():
    texts = [TEXT, "Ten eleven twelve thirteen fourteen fifteen."]
    many = tersely.compress_many(texts, method="truncate", tokens=4)
    assert [r.kept for r in many] == [short(text, tokens=4).kept for text in texts]


def test_many_reports_how_far_it_is():
    seen = []
    tersely.compress_many(
        [TEXT] * 3, method="truncate", tokens=4, progress=lambda *at: seen.append(at)
    )
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_async_gives_the_same():
    result = asyncio.run(tersely.acompress(TEXT, method="truncate", tokens=5))
    assert result.kept == short().kept


def test_a_model_can_be_a_backend(backend):
    method = tersely.load("llmlingua", model=backend)
    assert tersely.compress(TEXT, tokens=5, method=method).model == "fake"


EXAMPLES = "Q: 1+1?\nA: 2\n\nQ: 2+2?\nA: 4\n\nQ: 3+3?\nA:"


@pytest.mark.parametrize(
    ("context", "question", "model"),
    [
        (TEXT, "Two?", "minilm-l6"),
        ([TEXT, TEXT], "Two?", "minilm-l6"),
        (Prompt.of(TEXT, question="Two?"), "", "minilm-l6"),
        (Prompt.of(TEXT, demonstrations=["Q: One? A: 1"]), "Two?", "smollm2-135m"),
        (EXAMPLES, "", "smollm2-135m"),
        (EXAMPLES, "Two?", "smollm2-135m"),
    ],
)
def test_auto_is_hybrid_for_a_question_without_demonstrations(
    context, question, model, tmp_path, monkeypatch
):
    monkeypatch.setenv("TERSELY_HOME", str(tmp_path))  # no model is here, and it says which
    loading._loaded.cache_clear()
    loading._loaded_encoder.cache_clear()
    with pytest.raises(errors.ModelNotFound, match=f"tersely models pull {model}"):
        tersely.compress(context, question=question, tokens=14)


@pytest.mark.parametrize("question", ["", " \n"])
def test_auto_without_a_question_needs_nothing_but_the_package(question, tmp_path, monkeypatch):
    monkeypatch.setenv("TERSELY_HOME", str(tmp_path))
    result = tersely.compress(TEXT, question=question, tokens=10)
    assert (result.method, result.model) == ("llmlingua2", "keep-l6")
    assert result.tokens_after <= 10


@pytest.mark.parametrize(
    ("model", "method"),
    [(None, "llmlingua2"), ("keep-l6", "llmlingua2"), ("smollm2-135m", "llmlingua")],
)
def test_auto_goes_with_the_model_that_is_named(model, method):
    assert prompting.choose_method(Prompt.of(TEXT), "auto", model=model) == method
    assert loading.default_method(model) == method


@pytest.mark.model
def test_auto_says_what_it_chose(minilm):
    result = tersely.compress(TEXT, question="Which are eight and nine?", tokens=12)
    assert (result.method, result.model) == ("hybrid", "minilm-l6")
    assert result.text.endswith("Which are eight and nine?")


PLAIN, VAGUE = "2 90 1 3 1 1", "23 14 8 26 12 17"  # words that say what they are worth, in %
TOWN = "The bridge opens on 4 June. It rains a lot. Bread is dear. The old clock has stopped."


def varied(context=VAGUE, **settings):
    return tersely.compress(context, method=Percents(), **settings)


@pytest.fixture
def calibration():
    return tersely.calibrate([PLAIN, VAGUE, "40 30 20 10"], method=Percents())


def test_a_quality_floor_keeps_what_it_needs_and_no_limit_is_needed():
    assert varied(PLAIN, quality_floor=0.6).text == "90"
    assert varied(VAGUE, quality_floor=0.6).text == "23 26 17"


def test_with_a_quality_floor_tokens_and_rate_are_the_most():
    assert varied(quality_floor=0.9, tokens=3).tokens_after == 3
    assert varied(quality_floor=0.9, rate=0.5).limit_tokens == varied(rate=0.5).limit_tokens


def test_least_and_most_can_be_said():
    assert varied(PLAIN, quality_floor=0.6, min_rate=0.5).rate >= 0.4
    assert varied(VAGUE, quality_floor=0.99, max_rate=0.5).rate <= 0.5


def test_a_calibrated_rate_is_the_mean_of_the_sample(calibration):
    texts = [PLAIN, VAGUE, "40 30 20 10"]
    results = tersely.compress_many(
        texts, method=Percents(), rate=0.5, rate_mode="corpus", calibration=calibration
    )
    rates = [result.rate for result in results]
    before, after = (sum(getattr(r, f"tokens_{at}") for r in results) for at in ("before", "after"))
    assert abs(after / before - 0.5) < 0.1
    assert rates[0] < rates[1]


def test_a_calibration_can_be_a_path(calibration, tmp_path):
    calibration.save(tmp_path / "cal.json")
    given = {"rate": 0.4, "rate_mode": "corpus"}
    alone = varied(calibration=tmp_path / "cal.json", **given)
    (many,) = tersely.compress_many(
        [VAGUE], method=Percents(), calibration=str(tmp_path / "cal.json"), **given
    )
    assert alone.kept == many.kept == varied(calibration=calibration, **given).kept


def test_calibrating_reports_how_far_it_is():
    seen = []
    tersely.calibrate([PLAIN, VAGUE], method=Percents(), progress=lambda *at: seen.append(at))
    assert seen == [(1, 2), (2, 2)]


def test_the_bounds_of_a_calibration_are_used():
    made = tersely.calibrate([PLAIN, VAGUE], method=Percents(), max_rate=0.5)
    result = varied(rate=0.4, rate_mode="corpus", calibration=made, max_rate=0.5)
    assert result.limit_tokens == result.tokens_before // 2


@given(
    st.lists(st.sampled_from([PLAIN, VAGUE, TOWN, "5", "10 30 the 60"]), max_size=6),
    st.floats(0.05, 1),
)
def test_many_have_the_mean_rate_together(texts, rate):
    results = tersely.compress_many(texts, method=Percents(), rate=rate, rate_mode="corpus")
    before = sum(result.tokens_before for result in results)
    assert sum(result.tokens_after for result in results) <= rate * before + 1e-6
    assert [result.prompt.text for result in results] == texts


def test_many_with_a_mean_rate_report_how_far_they_are():
    seen = []
    tersely.compress_many(
        [PLAIN, VAGUE], method=Percents(), rate=0.5, rate_mode="corpus",
        progress=lambda *at: seen.append(at),
    )  # fmt: skip
    assert seen == [(1, 2), (2, 2)]


@pytest.mark.parametrize("mode", ["prompt", "corpus"])
def test_each_prompt_can_have_its_question(mode):
    results = tersely.compress_many(
        [TOWN, TOWN],
        questions=["When does the bridge open?", "What has stopped?"],
        rate=0.6,
        rate_mode=mode,
        method=Hybrid(encoder=FakeEncoder()),
    )
    assert "4 June" in results[0].contexts[0]
    assert "clock" in results[1].contexts[0]
    assert [result.prompt.question for result in results][1] == "What has stopped?"


def test_one_question_can_be_for_all():
    results = tersely.compress_many([TOWN] * 2, question="Why?", method="truncate", tokens=9)
    assert [result.prompt.question for result in results] == ["Why?"] * 2


def many(contexts=(PLAIN, VAGUE), **settings):
    return tersely.compress_many(contexts, **({"method": Percents(), "rate": 0.5} | settings))


def corpus(**settings):
    return varied(**({"rate": 0.5, "rate_mode": "corpus"} | settings))


MISTAKES = [
    (lambda: short(tokens=None), errors.BudgetError, "exactly one"),
    (lambda: short(rate=0.5), errors.BudgetError, "exactly one"),
    (lambda: short(tokens=None, rate=0), errors.BudgetError, "in \\(0, 1\\]"),
    (lambda: short(tokens=None, rate=float("nan")), errors.BudgetError, "in \\(0, 1\\]"),
    (lambda: short(tokens=None, rate="half"), errors.BudgetError, "a number"),
    (lambda: short(tokens=2.5), errors.BudgetError, "whole number"),
    (lambda: short(tokens=True), errors.BudgetError, "whole number"),
    (lambda: short(""), errors.PromptError, "empty"),
    (lambda: short([]), errors.PromptError, "empty"),
    (lambda: short([" ", "\n"]), errors.PromptError, "empty"),
    (lambda: short(None), errors.PromptError, "NoneType"),
    (lambda: short(b"bytes"), errors.PromptError, "bytes"),
    (lambda: short([TEXT, 3]), errors.PromptError, "contexts\\[1\\] is int"),
    (lambda: short(question=3), errors.PromptError, "question is a str"),
    (lambda: short(protect="numbers"), errors.PromptError, "list of patterns"),
    (lambda: short(protect=["("]), errors.PromptError, "regular expression"),
    (lambda: short(protect=[3]), errors.PromptError, "str or a Span"),
    (lambda: short(protect=[Span(3, 0, 1)]), errors.PromptError, "there is none"),
    (lambda: short(question=TEXT), errors.BudgetTooSmall, "needs"),
    (lambda: short(tokenizer="o200k_bse"), errors.UnknownName, "Did you mean 'o200k_base'"),
    (lambda: short(method="truncat"), errors.UnknownName, "Did you mean 'truncate'"),
    (lambda: short(method=3), errors.SettingError, "what tersely.load returned"),
    (lambda: tersely.load("truncate", side="head"), errors.SettingError, "no setting 'side'"),
    (lambda: tersely.load("truncate", keep="middle"), errors.SettingError, "head, tail, both"),
    (lambda: tersely.load("truncate", model="smollm2-135m"), errors.SettingError, "no model"),
    (lambda: tersely.load("llmlingua", runtime="tpu"), errors.SettingError, "openvino, torch"),
    (lambda: tersely.load("llmlingua", threads=0), errors.SettingError, "at least 1"),
    (lambda: tersely.load("llmlingua", model="smollm"), errors.UnknownName, "Did you mean"),
    (lambda: tersely.compress_many(TEXT, tokens=5), errors.PromptError, "list of prompts"),
    (lambda: many(questions=["Why?"]), errors.PromptError, "2 prompts and 1 questions"),
    (lambda: many(questions="Why?"), errors.PromptError, "a list of str"),
    (lambda: many(questions=["a", "b"], question="c"), errors.PromptError, "not both"),
    (lambda: many(questions=["a", 3]), errors.PromptError, "question is a str"),
    (lambda: many(rate_mode="corpus", rate=None), errors.BudgetError, "give rate"),
    (lambda: many(rate_mode="corpus", method="truncate"), errors.SettingError, "Use hybrid"),
    (lambda: many(rate_mode="corpus", rate=0.5, min_rate=0.6), errors.BudgetError, "between"),
    (
        lambda: many(
            [TEXT, "Q: 1\nA: 2\n\nQ: 3\nA:"], method="auto", question="Why?", rate_mode="corpus"
        ),
        errors.SettingError,
        "name it",
    ),
    (lambda: corpus(), errors.SettingError, "tersely calibrate"),
    (lambda: corpus(tokens=5), errors.BudgetError, "no tokens"),
    (lambda: corpus(rate="half"), errors.BudgetError, "a number"),
    (lambda: corpus(rate=1.5), errors.BudgetError, "in \\(0, 1\\]"),
    (lambda: corpus(quality_floor=0.5), errors.SettingError, "each decides"),
    (lambda: corpus(calibration="/no/such.json"), errors.SettingError, "cannot be read"),
    (lambda: corpus(calibration=3), errors.SettingError, "a path or a Calibration"),
    (lambda: varied(rate=0.5, rate_mode="mean"), errors.SettingError, "prompt, corpus"),
    (lambda: varied(rate=0.5, calibration="x.json"), errors.SettingError, "is for rate_mode"),
    (lambda: varied(rate=0.5, min_rate=0.1), errors.SettingError, "a rate that varies"),
    (lambda: varied(quality_floor=1), errors.SettingError, "both excluded"),
    (lambda: varied(quality_floor=0.5, rate=0.1, tokens=3), errors.BudgetError, "both"),
    (lambda: varied(quality_floor=0.5, max_rate=0), errors.BudgetError, "max_rate is not 0"),
    (lambda: short(tokens=None, quality_floor=0.5), errors.SettingError, "truncate"),
    (lambda: tersely.calibrate([]), errors.SettingError, "more than one sentence"),
    (lambda: tersely.calibrate(TEXT), errors.PromptError, "list of prompts"),
    (lambda: tersely.calibrate([TEXT], method="truncate"), errors.SettingError, "Use hybrid"),
    (lambda: Segment("a", "system"), errors.PromptError, "No role"),
    (lambda: Segment("a", rate=0.0), errors.PromptError, "in \\(0, 1\\]"),
    (lambda: Prompt((Segment("a"),), ("-",)), errors.PromptError, "separators"),
]


@pytest.mark.parametrize("number", range(len(MISTAKES)))
def test_a_mistake_says_in_one_line_what_to_do(number):
    call, kind, said = MISTAKES[number]
    with pytest.raises(kind, match=said) as caught:
        call()
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, tersely.Error)


def test_another_methods_calibration_is_refused(calibration):
    with pytest.raises(errors.SettingError, match="made with method percents, not truncate"):
        short(tokens=None, rate=0.5, rate_mode="corpus", calibration=calibration)


def test_other_bounds_than_the_calibrations_are_refused(calibration):
    with pytest.raises(errors.SettingError, match=r"made with max_rate 1, not 0\.8"):
        varied(rate=0.5, rate_mode="corpus", calibration=calibration, max_rate=0.8)


@pytest.mark.parametrize("many", [tersely.compress_many, tersely.calibrate])
def test_what_is_no_list_of_prompts_is_refused(many):
    with pytest.raises(tersely.Error, match="takes a list of prompts"):
        many(None, questions=[])
