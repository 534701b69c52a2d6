"""A measured curve: thresholds fall, rates rise, and it holds for what it was measured with."""

import json
from dataclasses import replace

import pytest
from fakes import FakeEncoder, Percents, WordCounter
from hypothesis import given
from hypothesis import strategies as st

from tersely.core.prompt import Prompt
from tersely.errors import SettingError
from tersely.hard.calibration import Calibration, describe, measured
from tersely.hard.cuts import NO_BOUNDS, Bounds, cuts_of
from tersely.hard.hybrid import Hybrid
from tersely.hard.truncate import Truncate

MIXED = ["2 90 1 3 1 1", "23 14 8 26 12 17", "40 30 20 10"]
numbers = st.lists(st.integers(1, 99), min_size=2, max_size=8, unique=True)


def calibrated(texts=MIXED, bounds=NO_BOUNDS):
    counter = WordCounter()
    prompts = [Prompt.of(text) for text in texts]
    cuts = [cuts_of(Percents(), p, counter=counter, bounds=bounds) for p in prompts]
    return measured(cuts, bounds=bounds), cuts


def mean_rate(cuts, threshold):
    results = [one.compress(one.at_threshold(threshold)) for one in cuts]
    return sum(r.tokens_after for r in results) / sum(r.tokens_before for r in results)


def test_it_says_what_it_was_made_with():
    found, _ = calibrated()
    assert (found.method, found.model, found.tokenizer) == ("percents", "", "words")
    assert (found.prompts, found.tokens, set(found.versions)) == (3, 16, {"tersely"})


def test_the_lowest_rate_keeps_one_word_each_and_the_highest_all():
    assert calibrated()[0].rates == (3 / 16, 1.0)


@given(st.lists(numbers, min_size=1, max_size=4))
def test_every_point_of_the_curve_is_what_its_threshold_does(batch):
    found, cuts = calibrated([" ".join(map(str, one)) for one in batch])
    thresholds, rates = zip(*found.curve, strict=True)
    assert list(rates) == sorted(rates)
    assert list(thresholds) == sorted(set(thresholds), reverse=True)
    assert list(rates) == pytest.approx([mean_rate(cuts, t) for t in thresholds])


def test_a_measured_rate_comes_back():
    found, cuts = calibrated()
    for _, rate in found.curve:
        assert mean_rate(cuts, found.threshold_for(rate)) == pytest.approx(rate)


@given(st.floats(3 / 16, 1), st.floats(3 / 16, 1))
def test_a_higher_rate_has_no_higher_threshold(one, other):
    found, _ = calibrated()
    low, high = sorted((one, other))
    assert found.threshold_for(low) >= found.threshold_for(high)


def test_between_two_points_the_threshold_is_between_theirs():
    found = replace(calibrated()[0], curve=((0.1, 0.2), (0.001, 0.4)))
    assert found.threshold_for(0.3) == pytest.approx(0.01)


@pytest.mark.parametrize("rate", [0.1, 1.01, float("nan")])
def test_a_rate_that_was_not_measured_is_refused(rate):
    with pytest.raises(SettingError, match=r"not reached.*0\.1875 to 1\.0000"):
        calibrated()[0].threshold_for(rate)


def test_bounds_are_measured_with():
    found, _ = calibrated(bounds=Bounds(0.5, 0.75))
    assert found.bounds == Bounds(0.5, 0.75)
    assert found.rates == (8 / 16, 11 / 16)


def test_it_is_the_same_after_a_file(tmp_path):
    found, _ = calibrated(bounds=Bounds(0.5, 0.75))
    found.save(tmp_path / "cal.json")
    assert Calibration.load(tmp_path / "cal.json") == found


def test_a_file_of_a_real_method_is_the_same_too(tmp_path):
    prompt = Prompt.of("A cat sat. A dog ran. It rained.", question="Who sat?")
    cuts = cuts_of(Hybrid(encoder=FakeEncoder(), diversity=0.5), prompt, counter=WordCounter())
    found = measured([cuts], bounds=NO_BOUNDS)
    found.save(str(tmp_path / "cal.json"))
    loaded = Calibration.load(str(tmp_path / "cal.json"))
    loaded.check(Hybrid(encoder=FakeEncoder(), diversity=0.5), "words")
    assert loaded == found


def test_a_method_is_described_by_its_settings_and_its_models_name():
    found = describe(Hybrid(encoder=FakeEncoder(name="mini"), repair=False))
    assert (found["method"], found["model"]) == ("hybrid", "mini")
    assert found["settings"]["repair"] is False
    assert "encoder" not in found["settings"]
    json.dumps(found)


OTHERS = {
    "method": (Truncate(), "words", "method percents, not truncate"),
    "tokenizer": (Percents(), "o200k_base", "tokenizer words, not o200k_base"),
}


@pytest.mark.parametrize("case", OTHERS)
def test_another_method_or_tokenizer_is_refused(case):
    method, tokenizer, said = OTHERS[case]
    with pytest.raises(SettingError, match=said):
        calibrated()[0].check(method, tokenizer)


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (Hybrid(encoder=FakeEncoder(name="maxi")), "model mini, not maxi"),
        (Hybrid(encoder=None), "model mini, not none"),
        (Hybrid(encoder=FakeEncoder(name="mini"), diversity=1.0), "settings .*'diversity': 0.0"),
    ],
)
def test_another_model_or_setting_is_refused(other, said):
    mine = replace(calibrated()[0], **describe(Hybrid(encoder=FakeEncoder(name="mini"))))
    with pytest.raises(SettingError, match=said):
        mine.check(other, "words")


def test_nothing_to_cut_is_nothing_to_measure():
    for texts in ([], ["5"], ["the the"]):
        with pytest.raises(SettingError, match="more than one sentence"):
            calibrated(texts)


BROKEN = {
    "no JSON": lambda good: "no json",
    "a list": lambda good: "[]",
    "nothing": lambda good: "",
    "no curve": lambda good: json.dumps(good | {"curve": []}),
    "rising": lambda good: json.dumps(good | {"curve": [[0.1, 0.2], [0.2, 0.3]]}),
    "falling rates": lambda good: json.dumps(good | {"curve": [[0.2, 0.3], [0.1, 0.2]]}),
    "rate 2": lambda good: json.dumps(good | {"curve": [[0.2, 2]]}),
    "threshold 0": lambda good: json.dumps(good | {"curve": [[0, 0.5]]}),
    "bounds": lambda good: json.dumps(good | {"bounds": {"least_rate": 2, "most_rate": 1}}),
    "no method": lambda good: json.dumps({k: v for k, v in good.items() if k != "method"}),
    "method 3": lambda good: json.dumps(good | {"method": 3}),
    "more": lambda good: json.dumps(good | {"surplus": 3}),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_file_that_is_none_is_refused(tmp_path, case):
    place = tmp_path / "cal.json"
    calibrated()[0].save(place)
    place.write_text(BROKEN[case](json.loads(place.read_text("utf-8"))), "utf-8")
    with pytest.raises(SettingError, match=r"cal\.json is not a calibration"):
        Calibration.load(place)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SettingError, match=r"none\.json cannot be read: No such file"):
        Calibration.load(tmp_path / "none.json")
    with pytest.raises(SettingError, match="cannot be written"):
        calibrated()[0].save(tmp_path / "none" / "cal.json")


def test_json_too_deep_to_read_is_no_calibration(tmp_path):
    (tmp_path / "deep.json").write_text("[" * 100_000)
    with pytest.raises(SettingError, match="is not a calibration"):
        Calibration.load(tmp_path / "deep.json")
