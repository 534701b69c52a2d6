"""A text that is followed as it is written."""

import logging
import threading

import pytest
from soft_reference import HOST, full, prompt_of, text

from tersely.errors import PromptError, SettingError
from tersely.soft.reader import generate, stream
from tersely.soft.sampling import Sampling
from tersely.soft.writing import ends_of, write

SHORT = Sampling(most_tokens=8)
PROMPT = prompt_of(8)


@pytest.mark.parametrize(
    "sampling", [SHORT, Sampling(most_tokens=8, temperature=0.9, seed=2), Sampling(most_tokens=1)]
)
def test_the_pieces_are_the_text(sampling):
    pieces = list(stream(HOST, full(text(9)), PROMPT, sampling))
    assert "".join(pieces) == generate(HOST, full(text(9)), PROMPT, sampling)[0].text
    assert len(pieces) == sampling.most_tokens


def test_half_a_character_waits_for_its_other_half(monkeypatch):
    ids = generate(HOST, full(text(9)), PROMPT, SHORT)[0].ids
    halves = ["a", "a\ufffd", "a\ufffd", "aé", "aéb", "aéb\ufffd", "aéb\ufffd", "aéb\ufffd"]
    known = {ids[: n + 1]: said for n, said in enumerate(halves)}
    monkeypatch.setattr(HOST, "decode", lambda ids: known[tuple(ids)])
    assert list(stream(HOST, full(text(9)), PROMPT, SHORT)) == ["a", "é", "b", "\ufffd"]


def test_the_token_that_ends_a_text_is_not_in_it(monkeypatch):
    ids = generate(HOST, full(text(9)), PROMPT, SHORT)[0].ids
    monkeypatch.setattr(HOST, "special_ids", {"end": ids[-1]})
    said = "".join(stream(HOST, full(text(9)), PROMPT, SHORT))
    assert said == HOST.decode(ids[: ids.index(ids[-1])])


def test_prompts_that_end_in_a_special_token_are_not_warned_about(caplog):
    """The first special token fills rows up; transformers looks for it at the end of prompts."""
    prompt = [*PROMPT, min(ends_of(HOST))]
    logger = logging.getLogger("transformers")
    logger.addHandler(caplog.handler)
    try:
        write(HOST, HOST.cache_of([[full(text(9))]] * 2), [prompt] * 2, SHORT)
    finally:
        logger.removeHandler(caplog.handler)
    assert caplog.text == ""


def test_the_writing_ends_when_nobody_reads_on():
    before = threading.active_count()
    pieces = stream(HOST, full(text(9)), PROMPT, Sampling(most_tokens=200))
    next(pieces)
    assert threading.active_count() == before + 1
    pieces.close()
    assert threading.active_count() == before


def test_an_error_in_the_writing_is_raised_where_it_is_read(monkeypatch):
    def fails(*_, **__):
        raise RuntimeError("out of memory")

    monkeypatch.setattr(HOST.model, "generate", fails)
    with pytest.raises(RuntimeError, match="out of memory"):
        list(stream(HOST, full(text(9)), PROMPT, SHORT))


def test_what_is_wrong_is_said_before_anything_is_written():
    with pytest.raises(SettingError, match="Only one answer"):
        stream(HOST, full(text(9)), text(4), Sampling(answers=2, temperature=1.0))
    with pytest.raises(PromptError, match="take 201 places"):
        stream(HOST, full(text(200)), text(4))
