"""Rankings: best first, by each method's own measure."""

import numpy as np
import pytest
from fakes import FakeBackend, FakeEncoder

from tersely.compat.llmlingua import PromptCompressor, ranking
from tersely.compat.llmlingua.ranking import Perplexity, Rankers, written_order
from tersely.errors import PromptError, SettingError, UnknownName
from tersely.scorers.question_likelihood import QuestionLikelihood

TEXTS = ["The dog sleeps.", "The mouse ate the cheese.", "Rain falls.", ""]
QUESTION = "Which mouse ate cheese?"


@pytest.fixture
def compressor(backend):
    return PromptCompressor(backend)


def test_llmlingua_ranks_by_mean_surprisal_the_highest_first(compressor):
    ranked = compressor.get_rank_results(TEXTS, "", "llmlingua", "none")
    wanted = {n: compressor.get_ppl(text) for n, text in enumerate(TEXTS)}
    assert ranked == sorted(wanted.items(), key=lambda pair: -pair[1])


@pytest.mark.parametrize("condition", ["after", "before", "none"])
def test_longllmlingua_ranks_by_the_question_the_least_surprising_first(backend, condition):
    ranked = PromptCompressor(backend).get_rank_results(
        TEXTS[:3], QUESTION, "longllmlingua", condition
    )
    where = "before" if condition == "before" else "after"
    values = QuestionLikelihood(backend=backend, condition=where).score(QUESTION, TEXTS[:3])
    assert [score for _, score in ranked] == sorted(-values)
    assert [index for index, _ in ranked] == np.argsort(-values, kind="stable").tolist()


@pytest.mark.parametrize("method", ["bm25", "gzip"])
def test_lexical_methods_find_the_words_of_the_question(compressor, method):
    ranked = compressor.get_rank_results(TEXTS, QUESTION, method, "none", [3, 5, 2, 0])
    assert ranked[0][0] == 1
    assert all(isinstance(i, int) and isinstance(score, float) for i, score in ranked)


@pytest.mark.parametrize("method", ["sentbert", "bge", "bge_llmembedder", "jinza", "bge_reranker"])
def test_encoders_are_asked_with_what_they_were_trained_with(backend, monkeypatch, method):
    encoder = FakeEncoder(name=ranking._ENCODERS[method][0])
    monkeypatch.setattr(ranking, "open_encoder", lambda name, may_stand_in: encoder)
    ranked = PromptCompressor(backend).get_rank_results(TEXTS, QUESTION, method)
    assert len(ranked) == len(TEXTS)
    assert encoder.embedded[0] == ranking._ENCODERS[method][1] + QUESTION


def test_openai_is_asked_at_the_address_that_was_given(backend):
    config = {"api_key": "k", "api_base": "http://localhost:1/v1", "engine": "e"}
    encoder = Rankers(backend, config, may_stand_in=False).scorer("openai").encoder
    assert (encoder.url, encoder.model, encoder.api_key) == ("http://localhost:1/v1", "e", "k")
    usual = Rankers(backend, {"api_key": "k"}, may_stand_in=False).scorer("openai").encoder
    assert (usual.url, usual.model) == ("https://api.openai.com/v1", "text-embedding-ada-002")


@pytest.mark.parametrize(
    ("method", "config", "said"),
    [
        ("openai", {}, "needs open_api_config"),
        ("openai", {"api_type": "azure", "api_key": "k"}, "api_type 'azure'"),
        ("voyageai", {"voyageai_api_key": "k"}, "api_base"),
        ("cohere", {"cohere_api_key": "k"}, "api_base"),
    ],
)
def test_services_that_are_not_spoken_to_say_what_to_use(method, config, said):
    compressor = PromptCompressor(FakeBackend(), open_api_config=config)
    with pytest.raises(SettingError, match=said):
        compressor.get_rank_results(TEXTS, QUESTION, method)


def test_unknown_methods_and_missing_questions_are_refused(compressor):
    with pytest.raises(UnknownName, match="No rank_method is called 'tfidf'"):
        compressor.get_rank_results(TEXTS, QUESTION, "tfidf")
    with pytest.raises(PromptError, match="there is none"):
        compressor.get_rank_results(TEXTS, " ", "bm25")
    with pytest.raises(SettingError, match="condition_in_question"):
        compressor.get_rank_results(TEXTS, QUESTION, "bm25", "between")
    assert compressor.get_rank_results([], QUESTION, "bm25") == []


def test_equal_texts_are_worth_the_same_and_read_once(backend):
    values = Perplexity(backend).score("", ["a b", "c", "a b"])
    assert values[0] == values[2]
    assert len(backend.passes) == 2


@pytest.mark.parametrize(
    ("reorder", "wanted"),
    [("original", [0, 1, 2, 3, 4]), ("sort", [3, 1, 0, 4, 2]), ("two_stage", [3, 0, 2, 4, 1])],
)
def test_orders_are_llmlinguas(reorder, wanted):
    assert written_order([3, 1, 0, 4, 2], reorder) == wanted
