import re

import pytest
from fakes import WordCounter
from hypothesis import given
from hypothesis import strategies as st
from texts import spaced_texts

from tersely.core import patterns
from tersely.core.budget import Budget
from tersely.core.patterns import CLASSES, pattern_spans, protect_patterns
from tersely.core.prompt import Prompt, Span
from tersely.errors import BudgetTooSmall, PromptError
from tersely.hard.random_drop import RandomDrop

# Each class: texts whose ⟦...⟧ is what it finds, and texts in which it finds nothing.
TABLE = {
    "numbers": (
        ["pay ⟦$4,711.50⟧ now", "⟦-3.5⟧ of ⟦1,200⟧ on ⟦12/03⟧", "⟦£40⟧, ⟦50 %⟧ and x⟦2⟧", "at ⟦20 °C⟧ or ⟦68°F⟧", "⟦120 km/h⟧, ⟦16GB⟧, ⟦35 ms⟧",
         "⟦10–20 kg⟧ and ⟦5 to 7 %⟧", "⟦3½⟧ cups, ⟦¾⟧ full, ⟦1/2⟧", "⟦1 234 567⟧ or ⟦1'234'567.89⟧ or ⟦1.234.567,89 €⟧", "⟦１２⟧ and ⟦۱۲⟧ and ⟦٣٤⟧", "⟦US$ 5 million⟧, ⟦EUR 12.5⟧, ⟦¥3億円⟧",
         "p ⟦< 0.05⟧, ⟦≥ 18 years⟧, ⟦±5 mm⟧", "⟦6.02×10^23⟧, ⟦1e-9⟧, ⟦10⁵⟧, ⟦5 m²⟧", "the ⟦21st⟧, ⟦1990s⟧, ⟦10x⟧, ⟦1920x1080 px⟧", "⟦2024年⟧⟦5月⟧, ⟦3万人⟧, INV-⟦2024⟧, ⟦12:30⟧"],
        ["twelve", "percent", "$ and €", "km/h", "%", "two to three", "no number", "A-B", "百分"],
    ),
    "negations": (
        ["He ⟦didn't⟧, ⟦not⟧ even", "⟦won’t⟧ go ⟦without⟧", "⟦No⟧ one ⟦cannot⟧; ⟦never⟧ ⟦NOTHING⟧", "⟦non-refundable⟧, ⟦w/o⟧ card, ⟦fails to⟧ load", "Das ist ⟦nicht⟧ ⟦kein⟧ Problem ⟦ohne⟧ Geld",
         "Il ⟦n'⟧est ⟦pas⟧ là, ⟦jamais⟧, ⟦sans⟧ lui", "⟦No⟧ hay ⟦nada⟧ ⟦sin⟧ agua, ⟦ningún⟧ día", "⟦Non⟧ c'è ⟦nessuno⟧, ⟦senza⟧ ⟦niente⟧, ⟦mai⟧", "⟦Não⟧ há ⟦ninguém⟧ ⟦sem⟧ ⟦nenhuma⟧", "Ik heb ⟦geen⟧ tijd, ⟦niet⟧ ⟦nooit⟧ ⟦zonder⟧",
         "Я ⟦не⟧ знаю, ⟦нет⟧, ⟦никогда⟧ ⟦без⟧", "我⟦不是⟧，⟦没有⟧，⟦无法⟧，⟦未⟧完成", "行か⟦ない⟧。でき⟦ません⟧。", "⟦لا⟧ أعرف، ⟦ليس⟧ هنا ⟦بدون⟧", "⟦didnt⟧ work, ⟦unable⟧ to", "('int', '⟦NO⟧')"],
        ["Noting the knot", "No. 5", "nod, note, nothingness", "a known notion", "非常好, 不同, 未来", "the sin of pride", "Comic Open Sans, sans-serif", "no5", "nonsense", "危ない少ない", "5 mai 2024", "minute"],
    ),
    "urls": (
        ["See ⟦https://a.b/c?d=1⟧. Or ⟦www.x.org⟧, (⟦http://y.z⟧)", "⟦https://en.wikipedia.org/wiki/Foo_(bar)⟧)", "[x](⟦https://a.org/b⟧)[y](⟦http://c.d⟧)", "访问⟦https://a.cn/b⟧。然后", "⟦https://api.x.io/users/{id}/a⟧, then",
         "⟦github.com/a/b⟧ and ⟦example.com⟧.", "⟦s3://bucket/key⟧ ⟦ftp://h⟧", "⟦http://localhost:8000/x⟧ ⟦localhost:80/y⟧", "⟦doi:10.1000/xyz123⟧ and ⟦10.1000/xyz⟧", "<a href=\"⟦https://q.r/s⟧\">"],
        ["a://", "e.g. this", "end.Next", "me@example.com", "http:", "www", "file.py", "a.b.c", "and/or", "10.5/3"],
    ),
    "identifiers": (
        ["⟦INV-2024⟧ ⟦v2⟧ word", "run ⟦my_var2⟧ in ⟦camelCase⟧ at ⟦AB-12⟧ or ⟦X9-b.c⟧ but Not these", "⟦PromptCompressor⟧, ⟦OpenAI⟧, ⟦__init__⟧", "⟦gpt-4o-mini⟧ in ⟦us-east-1⟧", "⟦12345678-1234-1234-1234-123456789012⟧", "⟦0x1F⟧ ⟦a3f9c21⟧ ⟦#ff8800⟧",
         "⟦1.2.3⟧, ⟦v2.0.0-rc1⟧, ⟦1.10.0+cu118⟧", "fix ⟦#1234⟧, ⟦JIRA-77⟧, ⟦CVE-2024-1234⟧, ⟦RFC 2119⟧", "plates ⟦B-MA 1234⟧, ⟦AB12 CDE⟧, ⟦HRX 4821⟧", "⟦--dry-run⟧ ⟦$HOME⟧ ⟦${x}⟧ ⟦@decorator⟧ ⟦main()⟧", "使用⟦my_var⟧变量", "⟦DE89 3704 0044 0532 0130 00⟧", "⟦沪A12345⟧"],
        ["a plain word", "5km, 10th, 1990s, 4GB", "well-known", "top-10", "第2章", "2024", "e.g. this", "end.Next", "LLMs PDFs", "a — b -- c", "USD 1000", "IN 2024", "&#123;"],
    ),
    "code": (
        ["a ⟦`b c`⟧ d", "⟦```\nx = 1\n```⟧", "⟦``a`b``⟧ c", "⟦~~~\nx\n~~~⟧", "⟦<code>a < b</code>⟧", "⟦```py\na\n\nb```⟧ c ⟦`d`⟧", "⟦`a`⟧⟦`b`⟧", "x ⟦<pre>a\n<b>c</b></pre>⟧"],
        ["no code", "a ` b", "`a\nb`", "``", "```", "~~", "<code>", "'x'", "<code>a<code>"],
    ),
    "quotes": (
        ["he said ⟦\"yes, sir\"⟧.", "⟦“Well, no,”⟧ she said", "⟦„Guten Tag“⟧ ⟦«bonjour»⟧", "⟦「はい」⟧と⟦《红楼梦》⟧", "⟦‘it’s fine’⟧, so", "call ⟦'abc'⟧ in the dogs' house", "{⟦\"a\"⟧: ⟦\"b\"⟧,⟦\"c\"⟧:1}", "⟦\"say \\\"hi\\\" now\"⟧ ok", "⟦\"one\ntwo\"⟧"],
        ["don't and can't", "5\" pipe", "the cats' dogs' ", "\"open", "\"\"", "“open", "\"para\n\ngraph\"", "«", "\"" + "x" * 400 + "\"", "rock 'n"],
    ),
    "emails": (
        ["write to ⟦a.b+c@ex-ample.co.uk⟧.", "<⟦me@x.org⟧>", "联系⟦foo@bar.com⟧。谢谢", "⟦müller@firma.de⟧", "mailto:⟦a@b.cd⟧", "⟦git@github.com⟧:a/b", "⟦A_1@B2.COM⟧,", "a@b@⟦c@d.org⟧"],
        ["a@b", "@user", "a @ b.c", "me@.com", "me@x.", "x@y.1", "a at b dot com", "@@", "a@b.c"],
    ),
    "paths": (
        ["in ⟦/usr/local/bin⟧ and ⟦~/x.txt⟧", "see ⟦src/a_b.py:12:3⟧.", "⟦C:\\Users\\Me Too\\f.txt⟧, ⟦\\\\srv\\share\\x⟧", "⟦README.md⟧, ⟦data.tar.gz⟧ and ⟦.gitignore.txt⟧", "⟦../a/b⟧ ⟦./run.sh⟧", "File \"⟦/a/b.py\", line 12⟧, in f", "⟦x.rs#L10-L20⟧ ⟦Main.cs(12,5)⟧", "⟦tests/core/⟧ and ⟦Makefile:3⟧", "--file=⟦a/b.txt⟧", "打开⟦config.py⟧文件 ⟦IMG.JPG⟧", "⟦foo.zig:10:2⟧: error"],
        ["and/or", "km/h", "1/2", "</div>", "he is w/o", "// comment", "e.g. i.e.", "D.C. is", "threading.Lock", "end.Next", "https://", "a / b", "*.x", "TCP/IP"],
    ),
    "dates": (
        ["on ⟦2024-05-15T15:00:00Z⟧", "⟦2024-05-15 15:00:00 EST⟧.", "⟦May 5th, 2024⟧ and ⟦5 May 2024⟧", "⟦12.03.2024⟧ ⟦3/4/24⟧", "at ⟦14:30⟧ or ⟦2:15 pm⟧ or ⟦7am⟧", "⟦Monday, 3 June⟧; ⟦Jan. 5⟧; ⟦March 2020⟧", "in ⟦2021⟧ and ⟦Q3 2024⟧, ⟦FY23⟧", "⟦2024年5月3日⟧ ⟦5月3日⟧", "(⟦2019⟧) the ⟦1990s⟧, ⟦1990–1995⟧", "⟦20240105T120000Z⟧ ⟦2024-W05⟧", "⟦November the 8th⟧, ⟦18-Nov-2024⟧", "ended ⟦September, 2021⟧. ⟦Dec 31⟧, 20"],
        ["you may 5", "12/13", "1.2.3", "a ratio 3:1", "2024", "of 12000 people", "v2024.1", "marching", "sundays", "10:99", "maybe", "1,200"],
    ),
    "speakers": (
        ["⟦Zoë:⟧ Okay", "⟦[12:01] Bob:⟧ hi", "⟦Speaker 4:⟧ Thank\n⟦Speaker 5:⟧ You", "⟦Dr. Jean-Luc van Dam (CEO):⟧ Hm", "⟦**Bob**:⟧ x\n⟦User:⟧ y", "⟦SPEAKER_00:⟧ hi", "⟦田中：⟧はい", "⟦Q:⟧ why\n⟦A:⟧ so", "⟦12:01:33 bob:⟧ hey", "⟦[12:01] <bob>⟧ hi"],
        ["Note: x", "say: Bob", "a: b", "Bob said: x", "http://x", "    Self: Iter", "ValueError: x", "Title: Y", "Bob", "key: value", "He:she", "- Item: 3", "注意：不"],
    ),
}  # fmt: skip
MARKED = [(name, text) for name, (texts, _) in TABLE.items() for text in texts]
PLAIN = [(name, text) for name, (_, texts) in TABLE.items() for text in texts]
SAMPLES = [re.sub("[⟦⟧]", "", text) for _, text in MARKED]

# What is repeated to make a text that is read in more than linear time, if any is.
REPEATED = {
    "numbers": ["1", "1 ", "111 ", "1-", "1 – ", "1 to ", "1×10", "$ ", "½"],
    "negations": ["a", "n't", "non-", "fail to ", "안", "不", "な"],
    "urls": ["a", "a.", "a-", "http://(", "http://{", "http://.", "www.", "10.1000/", "a.com/"],
    "identifiers": ["a", "a-", "a1-", "aA", "1.", "_", "DE12 1234 ", "f-", "a.", "${a"],
    "code": ["`", "``", "```", "`a\n", "~~~", "<code>", "<pre>", "`` `a"],
    "quotes": ['"', '"a', "'a", "a'", "“", "‘a’b", "«", "\\", '"\n'],
    "emails": ["a", "a.", "a@", "a@a.", "@", "a-", "a+@"],
    "paths": [
        "a",
        "a/",
        "/a",
        "./",
        "../",
        "a.",
        "a+b@",
        "a=b/",
        "C:\\",
        "\\\\a\\a",
        "a ",
        "x.py:1",
    ],
    "dates": [
        "1",
        "1:",
        "12:30:",
        "1-",
        "1 Jan ",
        "Mon, ",
        "in 1999 ",
        "2024-01-",
        "1年",
        "Jan \n",
    ],
    "speakers": ["A ", "A", "A\n", "A (b", "[12:01] a", "van ", " \n", "\t", "中", "A'"],
}


def found(text, *wanted):
    prompt = protect_patterns(Prompt.of(text), wanted)
    return [prompt.read(span) for span in prompt.protected]


@pytest.mark.parametrize(
    ("name", "text", "matches"),
    [
        ("numbers", "-3.5 of 1,200 on 12/03, £40, 50 %, x2", ["-3.5", "1,200", "12/03", "£40", "50 %", "2"]),
        ("numbers", "12:30, $4,711.50 ۱۲ and １２", ["12:30", "$4,711.50", "۱۲", "１２"]),
        ("negations", "He didn't, not even Noting", ["didn't", "not"]),
        ("identifiers", "INV-2024 v2 word", ["INV-2024", "v2"]),
        ("numbers", "٣٤ and 20°, no", ["٣٤", "20°"]),
        ("negations", "Not now, I can't; never. Nothing, knot", ["Not", "can't", "never", "Nothing"]),
        ("negations", "won’t go without", ["won’t", "without"]),
        ("urls", "See https://a.b/c?d=1. Or www.x.org, (http://y.z)", ["https://a.b/c?d=1", "www.x.org", "http://y.z"]),
        ("identifiers", "run my_var2 in camelCase at AB-12 or X9-b.c but Not these", ["my_var2", "camelCase", "AB-12", "X9-b.c"]),
        ("code", "a `b c` d\n```\nx = 1\n```\ne", ["`b c`", "```\nx = 1\n```"]),
        (r"\bINV-\d+\b", "INV-12 and INV-x", ["INV-12"]),
    ],
)  # fmt: skip
def test_classes_and_expressions_find(name, text, matches):
    assert found(text, name) == matches


@pytest.mark.parametrize(("name", "text"), MARKED)
def test_a_class_finds_what_it_is_for(name, text):
    assert found(re.sub("[⟦⟧]", "", text), name) == re.findall("(?s)⟦(.*?)⟧", text)


@pytest.mark.parametrize(("name", "text"), PLAIN)
def test_a_class_leaves_the_rest(name, text):
    assert found(text, name) == []


def test_each_class_has_examples_of_both_kinds():
    assert list(TABLE) == list(REPEATED) == list(CLASSES)
    assert all(len(texts) >= 8 and len(others) >= 8 for texts, others in TABLE.values())


@pytest.mark.parametrize("name", CLASSES)
def test_long_texts_are_searched_in_linear_time(name, monkeypatch):
    """A quadratic search of 100,000 characters takes minutes; the limit is there to stop it."""
    monkeypatch.setattr(patterns, "SECONDS", 20.0)
    for repeated in REPEATED[name]:
        text = repeated * (100_000 // len(repeated)) + "!x"
        for _ in pattern_spans(Prompt.of(text), [name]):
            pass


texts = st.lists(st.sampled_from(SAMPLES) | spaced_texts, min_size=1, max_size=4).map(" ".join)


@pytest.mark.parametrize("name", CLASSES)
@given(text=texts, seed=st.integers(0, 99), rate=st.floats(0.3, 0.9))
def test_what_a_class_finds_survives_byte_for_byte(name, text, seed, rate):
    prompt = protect_patterns(Prompt.of(text), [name])
    try:
        result = RandomDrop(seed=seed).compress(prompt, Budget(rate=rate), counter=WordCounter())
    except BudgetTooSmall:
        return
    for span in prompt.protected:
        assert any(k.start <= span.start and span.end <= k.end for k in result.kept)
        assert prompt.read(span) in result.text


def test_the_classes_are_the_documented_ones():
    assert list(CLASSES) == [
        "numbers", "negations", "urls", "identifiers", "code", "quotes", "emails", "paths", "dates", "speakers",
    ]  # fmt: skip


def test_spans_and_patterns_can_be_mixed_over_segments():
    prompt = protect_patterns(Prompt.of(["a 1", "b 2"]), ["numbers", Span(1, 0, 1)])
    assert prompt.protected == (Span(0, 2, 3), Span(1, 2, 3), Span(1, 0, 1))


def test_an_empty_match_protects_nothing():
    assert found("abc", "x*") == []


def test_a_lone_surrogate_shifts_nothing():
    assert found("\ud83d 12", "numbers") == ["12"]


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        (["("], r"'\(' is neither a regular expression .* numbers, negations"),
        ("numbers", "protect is a list of patterns, not one str"),
        ([5], "is a str or a Span, not 5"),
        ([Span(3, 0, 1)], "names segment 3"),
        ([Span(0, 0, 99)], "ends at character 99"),
    ],
)
def test_what_is_no_pattern_is_refused_in_one_line(wanted, says):
    with pytest.raises(PromptError, match=says) as caught:
        protect_patterns(Prompt.of("text"), wanted)
    assert "\n" not in str(caught.value)


def test_an_error_names_the_argument():
    with pytest.raises(PromptError, match="prefer is a list of patterns, not one str"):
        list(pattern_spans(Prompt.of("text"), "numbers", argument="prefer"))


def test_a_pattern_that_takes_for_ever_is_stopped(monkeypatch):
    monkeypatch.setattr(patterns, "SECONDS", 0.05)
    with pytest.raises(PromptError, match=r"takes more than 0.05 s on segment 0"):
        protect_patterns(Prompt.of("a" * 40 + "!"), ["(a|a)*(a|a)*$"])
