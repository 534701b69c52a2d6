"""BERTScore, by a model made up here and by the encoder of the base install."""

import math

import numpy as np
import pytest
import torch
from tiny_bert import write_folder
from tiny_llama import write_adapter
from torchmetrics.functional.text.bert import bert_score
from transformers import AutoModel, AutoTokenizer

from tersely.errors import ModelMismatch, ModelNotFound, UnknownName
from tersely.evaluation.metrics.bertscore import BertScore, bertscore

TEXTS = ["a cat sat on the mat .", "the dog ran", "a cat and a dog", "dogs sat", "cat", "and . on"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def parts(folder):
    return AutoModel.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)


@pytest.fixture(scope="module")
def tiny(folder):
    return BertScore(str(folder))


def slow(parts, said, right):
    """Greedy matching as the paper has it, the two special tokens left out."""
    model, tokenizer = parts

    def vectors(text):
        with torch.no_grad():
            rows = model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0, 1:-1].numpy()
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)  # (T, D)

    cosines = vectors(said) @ vectors(right).T
    precision, recall = cosines.max(axis=1).mean(), cosines.max(axis=0).mean()
    return 2 * precision * recall / (precision + recall)


@pytest.mark.parametrize("said", TEXTS)
def test_the_figure_is_the_librarys_and_the_papers(tiny, parts, said):
    model, tokenizer = parts
    for right in TEXTS[:2]:
        theirs = bert_score(
            [said], [right], model=model, user_tokenizer=tokenizer, max_length=24, truncation=True
        )
        assert tiny.f1(said, right) == float(theirs["f1"])
        assert tiny.f1(said, right) == pytest.approx(slow(parts, said, right), abs=1e-5)


def test_an_identical_answer_is_the_best_and_a_score_a_share(folder):
    model = str(folder)
    assert bertscore("a cat", ["the dog", "a cat"], model=model) == pytest.approx(1)
    assert all(0 <= bertscore(text, TEXTS[1:2], model=model) <= 1 for text in TEXTS)


def test_nothing_is_worth_nothing_and_against_nothing_is_not_scored(folder):
    model = str(folder)
    assert bertscore(" ", ["cat"], model=model) == bertscore("", ["cat", ""], model=model) == 0
    assert math.isnan(bertscore("cat", ["", " "], model=model))
    assert math.isnan(bertscore("cat", [], model=model))


def test_what_is_beyond_the_window_is_not_read(tiny):
    long = "cat dog " * 30
    assert tiny.f1(long, "cat") == tiny.f1(long + "mat " * 9, "cat")


def test_a_lone_surrogate_is_a_character_as_any(tiny):
    assert tiny.f1("cat \ud800", "cat \ufffd") == pytest.approx(1)


def test_the_default_model_knows_english_only():
    assert math.isnan(bertscore("猫", ["猫"], language="zh"))


def test_a_model_that_is_not_here_is_refused(tmp_path):
    with pytest.raises(ModelNotFound, match="There is no model folder"):
        BertScore(str(tmp_path / "none"))
    with pytest.raises(UnknownName, match="minilm-l6"):
        BertScore("minilm")


def test_a_model_of_another_kind_is_refused(tmp_path):
    (tmp_path / "x.gguf").touch()
    with pytest.raises(ModelMismatch, match="needs an encoder's folder"):
        BertScore(str(tmp_path / "x.gguf"))


def test_an_encoder_takes_no_adapter(tmp_path):
    name = f"{write_folder(tmp_path / 'bert')}+{write_adapter(tmp_path / 'ad')}"
    with pytest.raises(ModelMismatch, match="has an adapter; BERTScore needs"):
        BertScore(name)


@pytest.mark.model
def test_the_local_encoder_gives_what_was_measured(minilm):
    assert bertscore("the cat sat on the mat", ["a cat was sitting on a mat"]) == pytest.approx(
        0.8897, abs=2e-3
    )
