"""Languages: told where they can be told, and nothing is left out on a guess."""

import pytest
from dirty import GERMAN

from tersely.data.languages import check_languages, is_other, language_of
from tersely.errors import UnknownName

TEXTS = {
    "en": "The bridge was repaired after the flood because nobody wanted to walk around it.",
    "de": GERMAN,
    "fr": "Le pont a été réparé après l'inondation parce que personne ne voulait en faire le tour.",
    "es": "El puente fue reparado después de la inundación porque nadie quería dar la vuelta.",
    "zh": "这座桥在洪水之后得到了修复，因为没有人愿意绕道而行，而且学校就在河的另一边。",
    "ja": "この橋は洪水の後に修理されました。誰も遠回りをしたくなかったからです。",
    "ru": "Мост починили после наводнения, потому что никто не хотел ходить вокруг.",
}

CODE = (
    r"0  temp\_name \"pq\_slide\_81\" duration \"5\" thumbnail 0x4472(){var \_0x17197e=['hash','99BTYcVg']"
    * 3
)


@pytest.mark.parametrize("code", TEXTS)
def test_a_language_is_told(code):
    assert language_of(TEXTS[code]) == code
    assert is_other(TEXTS[code], ["en"]) == ("" if code == "en" else code)
    assert is_other(TEXTS[code], ["en", code]) == ""


@pytest.mark.parametrize(
    "text",
    ["", "Hallo Welt!", "12 345 678 " * 9, "```\n" + "ja nein und oder " * 9 + "\n```", CODE],
)
def test_what_cannot_be_told_is_of_any_language(text):
    assert language_of(text) == "und"
    assert is_other(text, ["en"]) == ""


def test_a_code_that_is_none_is_refused():
    with pytest.raises(UnknownName, match="No language is called 'english'"):
        check_languages(["en", "english"])
