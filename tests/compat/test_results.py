"""The dictionaries, to the letter."""

import pytest

from tersely.compat.llmlingua.results import as_dict


def test_a_result_has_six_keys_in_llmlinguas_formats():
    assert as_dict("text", 2365, 211) == {
        "compressed_prompt": "text",
        "origin_tokens": 2365,
        "compressed_tokens": 211,
        "ratio": "11.2x",
        "rate": "8.9%",
        "saving": ", Saving $0.1 in GPT-4.",
    }


@pytest.mark.parametrize(
    ("origin", "compressed", "ratio", "rate"),
    [(0, 0, "1.0x", "100.0%"), (10, 0, "infx", "0.0%"), (10, 10, "1.0x", "100.0%")],
)
def test_nothing_is_reported_as_nothing(origin, compressed, ratio, rate):
    result = as_dict("", origin, compressed)
    assert (result["ratio"], result["rate"]) == (ratio, rate)
    assert float(result["ratio"][:-1]) > 0
