import pytest

from tersely.content.templates import MASK, TemplateMiner, masked


def mined(lines, **settings):
    miner = TemplateMiner(**settings)
    return [miner.add(masked(line)) for line in lines], [" ".join(t) for t in miner.templates]


VALUES = {
    "2024-05-01 10:00:01,123 up": "<> <> up",
    "Jun 9 06:06:01 combo su[19]: x": "<> <> <> combo su[<>]: x",
    "[Sun Dec 04 04:47:44 2005] [notice] x": "<> <> <> <> <>] [notice] x",
    "from 10.0.0.1:8080 to fe80": "from <> to fe<>",
    "block blk_-38865049064139660 lost": "block blk_-<> lost",
    "id 123e4567-e89b-12d3-a456-426614174000.": "id <>.",
    "sha deadbee0 at 0xFFee": "sha <> at <>",
    "opened /var/log/app.log and C:\\x\\y.txt": "opened <> and <>",
    "user 'ann b' said \"no way\" again": "user <> said <> again",
    "don't and can't": "don't and can't",
    'said "no': 'said "no',
    "": "",
}


@pytest.mark.parametrize(("line", "expected"), VALUES.items())
def test_values_are_masked_and_words_are_not(line, expected):
    assert masked(line) == expected


def test_lines_that_differ_in_values_have_one_template():
    numbers, templates = mined(
        ["got 1 of 9 from /a/b", "got 22 of 9 from /c", "lost 3 of 9 from /d"]
    )
    assert numbers == [0, 0, 1]
    assert templates == [f"got {MASK} of {MASK} from {MASK}", f"lost {MASK} of {MASK} from {MASK}"]


def test_words_that_differ_become_values():
    lines = ["db query done for user ann", "db query done for user bob"]
    assert mined(lines) == ([0, 0], [f"db query done for user {MASK}"])


def test_what_all_lines_begin_with_makes_no_two_alike():
    assert mined(["app main: disk full now", "app main: new user here"])[0] == [0, 1]


def test_lines_of_different_kinds_or_lengths_are_apart():
    miner = TemplateMiner()
    assert [miner.add("a b c", kind=1), miner.add("a b c", kind=2), miner.add("a b c d")] == [
        0,
        1,
        2,
    ]


@pytest.mark.parametrize(("similarity", "expected"), [(0.5, [0, 0]), (0.8, [0, 1])])
def test_how_similar_lines_must_be_is_a_setting(similarity, expected):
    assert mined(["a b one two x y", "a b one two z w"], similarity=similarity)[0] == expected


def test_the_most_similar_template_is_found():
    lines = ["a b p q r s", "a b p q t u", "a b p q t s"]
    assert mined(lines, similarity=0.7)[0] == [0, 1, 0]


def test_a_leaf_forgets_its_oldest_templates():
    lines = [f"a b {letter * 3} {letter * 4}" for letter in "abcdefghijklmnopqrstuvwxyzABCDEFGH"]
    miner = TemplateMiner()
    assert [miner.add(line) for line in lines] == list(range(34))
    assert miner.add("a b aaa x") == 34  # the template of its first two words is gone
    assert miner.add("a b HHH x") == 33


def test_only_the_beginning_of_a_line_is_read():
    assert masked("x" * 1000) == "x" * 400
