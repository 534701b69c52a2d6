from dataclasses import replace

from tersely.core.prompt import Prompt, Segment, Span
from tersely.core.result import Compression, spans_to_texts

PROMPT = Prompt.joined([Segment("Read.", "instruction"), Segment("abcdef"), Segment("xyz")])


def compression(*kept, before=10, after=4, prompt=PROMPT):
    return Compression(
        prompt=prompt,
        kept=tuple(Span(*span) for span in kept),
        tokens_before=before,
        tokens_after=after,
        limit_tokens=5,
        tokenizer="words",
        exact=True,
        method="none",
        model="",
        model_tokens=0,
        seconds=0.0,
    )


def test_dropped_is_what_is_not_kept():
    result = compression((0, 0, 5), (1, 1, 2), (1, 4, 6))
    assert result.dropped == (Span(1, 0, 1), Span(1, 2, 4), Span(2, 0, 3))


def test_all_is_dropped_where_nothing_is_kept():
    assert compression().dropped == (Span(0, 0, 5), Span(1, 0, 6), Span(2, 0, 3))


def test_texts_have_one_entry_per_segment_and_contexts_one_per_context():
    result = compression((0, 0, 5), (2, 0, 1), (2, 2, 3))
    assert result.texts == ["Read.", "", "xz"]
    assert result.contexts == ["", "xz"]
    assert result.text == "Read.\n\nxz"


def test_rate_and_saving_follow_from_the_counts():
    assert compression().rate == 0.4
    assert compression().saved_tokens == 6


def test_an_empty_prompt_has_rate_one():
    assert compression(before=0, after=0).rate == 1.0


def test_spans_are_put_together_per_segment():
    assert spans_to_texts(PROMPT, (Span(1, 0, 1), Span(1, 5, 6))) == ["", "af", ""]


def test_segments_are_written_in_the_order_of_the_result():
    result = replace(compression((0, 0, 5), (2, 0, 1), (1, 2, 4)), order=(0, 2, 1))
    assert result.text == "Read.\n\nx\n\ncd"
    assert result.texts == ["Read.", "cd", "x"]
    assert result.dropped == (Span(1, 0, 2), Span(1, 4, 6), Span(2, 1, 3))
