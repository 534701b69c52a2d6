"""JSON: types, keys and nesting stay; texts are shortened."""

import json
import sys

import pytest
from fakes import FakeBackend, WordCounter
from hypothesis import given, settings
from hypothesis import strategies as st
from texts import spaced_texts

from tersely.compat.llmlingua import PromptCompressor
from tersely.counting import load_counter
from tersely.errors import BudgetTooSmall, MissingDependency, PromptError, SettingError

CL100K = load_counter("cl100k_base")
WORDS = "one two three four five six seven eight nine ten"
DATA = {"id": 7, "name": WORDS, "tags": [WORDS, "a b", 3, None, True], "deep": {"x": {"y": WORDS}}}
CONFIG = {
    "name": {"rate": 0.5, "compress": True, "value_type": "str", "pair_remove": True},
    "tags": {"rate": 0.5},
    "deep": {"rate": 0.3, "value_type": "dict"},
}
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | spaced_texts,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


@pytest.fixture
def compressor():
    return PromptCompressor(FakeBackend(), tokenizer=WordCounter())


def skeleton(value):
    """Return a value with every str replaced by its type."""
    if isinstance(value, dict):
        return {key: skeleton(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(skeleton(inner) for inner in value)
    return str if isinstance(value, str) else value


def test_texts_keep_their_rate_and_all_else_stays(compressor):
    left = compressor.compress_json(DATA, CONFIG)["compressed_prompt"]
    assert skeleton(left) == skeleton(DATA)
    assert len(left["name"].split()) == 5
    assert sum(len(tag.split()) for tag in left["tags"][:2]) == 6
    assert len(left["deep"]["x"]["y"].split()) == 3


def test_what_is_not_configured_or_not_compressed_stays(compressor):
    config = {"name": {"compress": False}}
    assert compressor.compress_json(DATA, config)["compressed_prompt"] == DATA
    assert (
        compressor.compress_json(DATA, CONFIG | {"name": {"rate": 1}})["compressed_prompt"]["name"]
        == WORDS
    )


@settings(max_examples=60)
@given(st.dictionaries(st.text(max_size=4), values, max_size=4), st.integers(1, 80))
def test_json_stays_json_and_a_target_is_never_passed(data, target):
    config = {key: {} for key in data}
    compressor = PromptCompressor(FakeBackend())
    try:
        result = compressor.compress_json(data, config, target_token=target)
    except BudgetTooSmall:
        result = compressor.compress_json(data, config, rate=0.5)
        target = result["origin_tokens"] + 4
    left = result["compressed_prompt"]
    assert skeleton(left) == skeleton(data)
    written = json.dumps(left, ensure_ascii=False)
    assert CL100K.count(written) == result["compressed_tokens"] <= target


def test_pairs_may_go_whole_if_they_may(compressor):
    data = {"a": WORDS, "b": f"cheese {WORDS}", "c": WORDS}
    config = {"a": {"pair_remove": False, "compress": False}, "b": {"compress": False}, "c": {}}
    asked = {"question": "cheese", "rank_method": "bm25", "context_budget": "-1000"}
    left = compressor.compress_json(data, config, use_keyvalue_level_filter=True, **asked)
    assert list(left["compressed_prompt"]) == ["a"]
    left = compressor.compress_json(data, config, reorder_keyvalue="sort", **asked)
    assert next(iter(left["compressed_prompt"])) == "b"


def test_a_config_may_be_a_yaml_file(compressor, tmp_path):
    pytest.importorskip("yaml")
    (tmp_path / "c.yaml").write_text("name:\n  rate: 0.5\n  value_type: string\n")
    for path in (tmp_path / "c.yaml", str(tmp_path / "c.yaml")):
        assert len(compressor.compress_json(DATA, path)["compressed_prompt"]["name"].split()) == 5
    (tmp_path / "c.yaml").write_text("name: [")
    with pytest.raises(SettingError, match="is not YAML"):
        compressor.compress_json(DATA, tmp_path / "c.yaml")
    with pytest.raises(SettingError, match="cannot be read"):
        compressor.compress_json(DATA, tmp_path / "none.yaml")


def test_without_pyyaml_it_says_what_to_install(compressor, monkeypatch):
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(MissingDependency, match=r"tersely\[yaml\]"):
        compressor.compress_json(DATA, "config.yaml")


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"nmae": {}}, "has the key 'nmae' and json_data has not"),
        ({"name": {"value_type": "int"}}, "it is a str"),
        ({"name": {"value_type": "set"}}, "JSON has no 'set'"),
        ({"name": {"compress": "no"}}, "True or False"),
        ({"name": {"rates": 1}}, "has rates; it takes compress"),
        ({"name": 0.5}, "is a dict"),
        ([1], "json_config is a dict"),
    ],
)
def test_a_config_that_does_not_fit_is_refused(compressor, config, said):
    with pytest.raises(SettingError, match=said):
        compressor.compress_json(DATA, config)


def test_what_is_no_json_is_refused(compressor):
    with pytest.raises(PromptError, match="cannot be written as JSON"):
        compressor.compress_json({"x": object()}, {})
    with pytest.raises(SettingError, match="json_data is a dict, not list"):
        compressor.compress_json([1], {})


def test_a_target_below_keys_and_numbers_is_refused(compressor):
    with pytest.raises(BudgetTooSmall, match="budget is 2 tokens"):
        compressor.compress_json(DATA, CONFIG, target_token=2)


def test_an_instruction_is_warned_of(compressor):
    with pytest.warns(UserWarning, match="instruction has no effect"):
        compressor.compress_json(DATA, CONFIG, "Do this.")


def test_keys_keep_their_rates_at_a_rate_of_1_too(compressor):
    data, config = {"a": WORDS, "b": WORDS, "c": WORDS}, {"a": {"rate": 0.3}, "b": {"rate": 0.5}}
    left = compressor.compress_json(data, config | {"c": {}}, rate=1.0)["compressed_prompt"]
    assert [len(left[key].split()) for key in "abc"] == [3, 5, 10]
    assert compressor.compress_json(data, {"a": {}}, rate=1.0)["compressed_prompt"] == data


def test_where_nothing_may_be_dropped_a_rate_is_refused(compressor):
    with pytest.raises(SettingError, match="Nothing may be dropped"):
        compressor.compress_json(DATA, CONFIG, rate=0.5, use_token_level_filter=False)


def test_rates_of_keys_that_do_nothing_are_warned_of(compressor):
    with pytest.warns(UserWarning, match="Rates of keys"):
        compressor.compress_json(DATA, CONFIG, rate=1.0, use_token_level_filter=False)


def test_a_question_that_is_missing_is_warned_of_and_a_bad_order_named(compressor):
    with pytest.warns(UserWarning, match="need a question"):
        compressor.compress_json(DATA, CONFIG, condition_compare=True)
    with pytest.raises(SettingError, match="reorder_keyvalue is one of"):
        compressor.compress_json(DATA, CONFIG, reorder_keyvalue="best")
