"""What `protect=` and `prefer=` understand: classes of text by name, and regular expressions.

No expression of a class goes back over more than a bounded stretch: each is tried only where a
run of its characters begins, takes the run at once (possessive), or has a bounded length.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import regex

from tersely.core.prompt import Prompt, Span
from tersely.core.units import clean
from tersely.errors import PromptError

SECONDS = 5.0
"""How long one pattern may search one segment; longer ones get more, by their length."""

_BLANK = "[ \\t\u00a0\u2009\u202f]"

# Numbers: a comparison or sign, a currency, the digits, a unit; a range is one number.
_CODES = "USD|EUR|GBP|CHF|JPY|CNY|RMB|INR|AUD|CAD|NZD|SEK|NOK|DKK|BRL|MXN|KRW|SGD|HKD|ZAR|TRY|RUB"
_DIGITS = (
    r"\p{Nd}{1,3}(?:['’  \u202f\u2009]\p{Nd}{3}){1,6}(?!\p{Nd})(?:[.,]\p{Nd}++)?"
    r"|(?:\p{Nd}++(?:[.,:/\-_٫٬．，：·]\p{Nd}++)*+(?:[x×](?!10[\^⁰-⁹¹²³])\p{Nd}++){0,3})"
)
_NUMBER = (
    rf"(?:(?>{_DIGITS})(?:(?:[eE]|{_BLANK}?[×x·]{_BLANK}?10\^?)[+\-−]?\p{{Nd}}++)?+"
    rf"(?:{_BLANK}?[½⅓⅔¼¾⅕⅛⅜⅝⅞]|\p{{No}}++)?+|\p{{No}}++)"
)
_UNITS = (
    # attached or after a blank
    rf"%|‰|°{_BLANK}?[CFK]?|℃|℉|[′″]|per{_BLANK}?cent|percentage points?|basis points?|bps|pp"
    rf"|\p{{Sc}}|{_CODES}|dollars?|euros?|pounds?|cents?|yen|francs?|rupees?"
    r"|hundred|thousand|million|billion|trillion|dozen|mn|bn|tn|Mio|Mrd|Millionen|Milliarden"
    r"|[nµμmckd]?m[²³23]?|km[²2]?|ft|feet|foot|yards?|miles?|inch(?:es)?|ha|acres?|[mcd]?[lL]"
    r"|[mµμk]?g|lbs?|oz|t|tons?|tonnes?|kilograms?|grams?|kilomet(?:er|re)s?|met(?:er|re)s?"
    r"|[nµμm]?s|sec(?:ond)?s?|min(?:ute)?s?|hrs?|h|hours?|days?|weeks?|months?|years?|yrs?|decades?"
    r"|mph|kph|rpm|knots?|[kKMGTPE]?i?B|[kKMGT]?bit|[kKMGT]bps|bits?|bytes?|tokens?|px|pt|dpi|fps"
    r"|[mkMG]?V|m?A|[mkMGT]?W|[kMGT]?Wh|mAh|[kMG]?Hz|[kM]?Ω|dBm?|k?J|kcal|cal|[kMGhm]?Pa|bar|psi"
    r"|mol|lux|lm|ppm|ppb|[A-Z]{2}C(?=\b(?<=UTC))"
)
_CLOSE_UNITS = r"st|nd|rd|th|[xX]|[kKMBTCFKAV]|D|rem|em|er|s"
_CJK_UNITS = (
    r"[万萬亿億兆千百]*+(?:[年月日時时分秒歳岁円元圓块人个個件台次回号號度米吨克件名位週周倍층원년월일시분초명개]"
    r"|公里|公斤|小时|小時|分钟|分鐘|時間|年间|年間|ドル|キロ|メートル|퍼센트)?+"
)
_UNIT = (
    rf"(?:{_BLANK}?(?:{_UNITS})(?:/[\p{{L}}]{{1,8}}[²³]?)?(?![\p{{L}}\p{{Nd}}_])"
    rf"|(?:{_CLOSE_UNITS})(?![\p{{L}}\p{{Nd}}_])|{_CJK_UNITS})"
)
_MEASURE = (
    rf"(?:(?<![\p{{L}}\p{{Nd}}])[+\-−±])?(?:(?:\b\p{{Lu}}{{1,3}})?\p{{Sc}}{_BLANK}?"
    rf"|\b(?:{_CODES}){_BLANK}|\b(?:Rs|Fr)\.?{_BLANK}?)?{_NUMBER}{_UNIT}"
    rf"(?:{_BLANK}?(?:{_UNITS})(?![\p{{L}}\p{{Nd}}_]))?"
)
_NUMBERS = (
    rf"(?:(?<![^\s(\[])(?:[<>]=?|[≤≥≈~]){_BLANK}?)?{_MEASURE}"
    rf"(?:{_BLANK}?(?:[–—−~〜～]|(?<={_BLANK})(?:-|to|bis|à)(?={_BLANK})){_BLANK}?{_MEASURE}){{0,3}}+"
)

# Negations: words of one language that mean something else in another are told apart by what is
# beside them, or left out.
_NEGATIONS = (
    r"(?<!\w)(?<!\w['’])(?:"
    r"\w++(?<=n)['’]t\b|non-\w++|w/o\b|(?:[Ff]ail(?:s|ed|ing)?|[Rr]efus(?:es?|ed))\s+to\b"
    rf"|(?i:not|no(?!\.{_BLANK}?\p{{Nd}})|never|none|nobody|nothing|nowhere|neither|nor|without"
    r"|cannot|unless|except|excluding|hardly|scarcely|barely|unable|lack(?:s|ed|ing)?"
    r"|(?:do|does|did|is|are|was|were|could|should|would|has|have|had|ai|wo|ca)nt"
    # German, Dutch, Swedish, Danish, Norwegian
    r"|nichts?|kein(?:e[nmrs]?)?|nie|niemals|niemand(?:e[nm])?|nirgend(?:s|wo)|ohne|weder|außer"
    r"|niet|geen|nooit|niets|zonder|nergens|inte|ikke|ingen|inget|intet|aldrig|aldri|uten|uden"
    # French, Spanish, Italian, Portuguese
    r"|jamais|rien|aucune?s?|nulle|guère|nunca|jamás|nada|nadie|ning[uú]n(?:[oa]s?)?|tampoco"
    r"|nessun[oa]?|niente|nulla|senza|neanche|nemmeno|neppure|não|ninguém|nenhuma?"
    # Russian, Polish, Turkish
    r"|не|нет|ни|никогда|никто|никого|ничто|ничего|нигде|нельзя|без|кроме|никак(?:ой|ая|ое|ие|их)"
    r"|nikt|nigdy|bez|żad(?:en|na|ne|nych)|değil|hiç|yok)\b"
    r"|[Nn]['’](?=[aàâeéêèiîoôuyh])|[Nn]e\b|[Nn]i\b|né\b(?!\ (?:en|à|le|au)\b)"
    r"|pas\b|[Nn]on\b|[Ss]ans\b(?<!Open Sans|MS Sans)(?!\ ?-?[Ss]erif)|[Nn]em\b|[Ss]em\b"
    r"|(?<!\p{Nd}\ |en |de |du )mai\b|(?<!\b(?:the|a|of|to|in|and|is|original)\ )sin\b(?=\ \p{L})"
    r"(?!\ (?:of|and|is|in|or|by|to)\b)"
    # Arabic, Hindi, Korean
    r"|[وف]?(?:لا|لم|لن|ليس|ليست|ليسوا|غير|بدون|دون|بلا|عدم|كلا|أبدا)\b|(?:नहीं|बिना|मत)(?!\w)"
    r"|\p{Hangul}*?[않없못]\w{0,6}+|아니\w{0,6}+|안(?=\s)"
    r")|(?=[不没沒並并无無未非别別勿莫なまずで])(?:"  # Chinese, Japanese
    r"不(?![同过過但仅僅断斷])[是会會能可要得应應该該]?|[没沒]有?|[並并]非|[无無](?![论論料線线数數])[法需]?"
    r"|未(?![来來])|非(?![常洲凡])|(?<![特区區分级級类類性個个差告])[别別](?![人的墅处處称稱致名々府途])"
    r"|勿|莫(?!斯)|(?<![少危])な(?:い|かった|くて|くな|ければ|し(?=[。、\s]|$))|ませ[んぬ]|ずに|ではなく)"
)

_URL_CHAR = r"[^\s<>\"'`.,;:!?()\[\]{}…。，、；：！？（）「」『』【】《》“”‘’«»|\\]"
_URL_REST = (
    rf"(?:{_URL_CHAR}++|\([^\s()<>\"']{{0,200}}+\)|\[[^\s\[\]<>\"']{{0,80}}+\]"
    rf"|\{{[^\s{{}}<>\"']{{0,80}}+\}}|[.,;:!?']++(?={_URL_CHAR}|\{{[^\s{{}}]{{1,80}}\}}))"
)
_TLD = "com|org|net|edu|gov|io|dev|ai|app|co|info|de|fr|uk|eu|ch|at|it|es|nl|jp|cn|ru|br|in|us"
_URLS = (
    r"(?i)(?<![a-z0-9])(?![a-z0-9]++(?![.:\-+]))(?:"  # a plain word is none
    rf"(?:[a-z][a-z0-9+.\-]{{1,15}}+://|www\.|localhost:(?=\d)){_URL_REST}++"
    rf"|(?<![\w@.\-/])(?:[a-z0-9](?:[a-z0-9\-]{{0,40}}+)\.){{1,6}}(?:{_TLD})(?![\w@\-])"
    rf"(?::\d{{1,5}})?/{_URL_REST}*+"
    r"|(?<![\w@.\-/])(?:[a-z0-9](?:[a-z0-9\-]{0,40}+)\.){1,6}(?:com|org|net|edu|gov)(?![\w@\-])"
    rf"(?!\.\w)|(?:doi:\s?|(?=10\.\d{{4,9}}/))10\.\d{{4,9}}/{_URL_REST}++)"
)

_MAIL_CHAR = r"[\p{Latin}\p{Cyrillic}\p{Greek}\p{Nd}_.+%\-]"
_EMAILS = (
    rf"(?<!{_MAIL_CHAR})[\p{{Latin}}\p{{Cyrillic}}\p{{Greek}}\p{{Nd}}_]{_MAIL_CHAR}{{0,63}}+@"
    r"(?:[\p{Latin}\p{Cyrillic}\p{Greek}\p{Nd}\-]{1,63}+\.){1,8}[\p{Latin}\p{Cyrillic}]{2,24}"
    r"(?![\p{Latin}\p{Nd}\-])"
)

_FILE_CHAR = r"[\p{Latin}\p{Cyrillic}\p{Greek}\p{Nd}_]"
_PART = rf"(?:\.?{_FILE_CHAR}++(?:[.@+~\-]{{1,3}}{_FILE_CHAR}++)*+)"
_EXTENSIONS = (
    "py[icdwx]?|ipynb|[cm]?[jt]sx?|vue|svelte|[ch]|cc|cpp|cxx|hpp|cs|java|kt|go|rs|rb|php|swift|scala|r|jl"
    "|lua|pl|sh|bash|zsh|ps1|bat|mdx?|rst|adoc|tex|bib|txt|csv|tsv|jsonl?|json5|ya?ml|toml|ini|cfg"
    "|conf|env|xml|html?|s?css|sql|db|sqlite3?|log|lock|pdf|docx?|xlsx?|pptx?|odt|png|jpe?g|gif|svg"
    "|webp|ico|mp[34]|wav|mov|zip|tar|t?gz|bz2|xz|7z|rar|whl|jar|exe|dll|so|dylib|bin|parquet|np[yz]"
    "|pt|pth|onnx|gguf|safetensors|proto|graphql|tf|diff|patch|service|rpm|deb|iso|apk"
)
_PATHS = (
    # A plain word is none.
    rf"(?<!{_FILE_CHAR})(?:(?!{_FILE_CHAR}++(?![.@+~\-/:]))(?:"
    # C:\Users\x y\z.txt, \\server\share
    r"(?:[A-Za-z]:[\\/](?![\\/])|\\\\(?=[\w.$\-]{1,80}\\))"
    r"(?:(?:[^\\/:*?\"<>|\r\n\t,;]|[,;](?!\s)){1,80}+[\\/]){0,30}+(?:[^\\/:*?\"<>|\s,;)\]']{1,120}+(?<![.]))?"
    # /usr/bin, ~/x, ./x, ../x; of one part alone only where it stands apart
    r"|(?<![\p{L}\p{Nd}_/:.~<\\\-)\]}}$*])(?:(?:~|\.{1,2})/|/(?=[^/]{2}|[^\s/]/))"
    rf"(?=[\p{{Nd}}/.]*+[\p{{L}}_])(?:\.\./){{0,9}}{_PART}(?:/{_PART})*+/?"
    # src/x.py, x/y/
    rf"|(?<![/.@~+\-\\:])(?:{_PART}/)++"
    rf"(?:{_PART}(?<=\.[A-Za-z][A-Za-z0-9]{{0,9}})|(?=[\s)\]\"'`,;]|$)(?<=/[^\s/]{{1,99}}/))"
    # x.py, x.any:12:3
    rf"|(?<![/.@~+\-\\$]){_PART}(?:(?<=\.(?:{_EXTENSIONS}))"
    rf"|(?i:(?<=\.(?:{_EXTENSIONS})))(?<=\.[A-Z][A-Z0-9]{{1,5}})|"
    r"(?<=\.[A-Za-z][A-Za-z0-9]{0,7})(?=:\d{1,7}:\d{1,5}))(?!\((?!\d)))"
    r"|(?:Makefile|Dockerfile|Jenkinsfile)\b)"
    # x.py:12:3, x.py#L12-L20, x.cs(12,3), "x.py", line 12
    r"(?::\d{1,7}(?:[:\-]\d{1,7}){0,2}|\#L\d{1,7}(?:-L?\d{1,7})?|\(\d{1,7}(?:,\d{1,5})?\)"
    r"|[\"']?, lines? \d{1,7}(?:[-–]\d{1,7})?)?"
)

# Letters of scripts written without spaces (and Hangul, where particles follow) are no part of an
# identifier: 使用my_var变量 has one, 第2章 has none.
_IN_ID = r"[\p{L}\p{M}\p{Nd}_--[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Thai}]]"
_ID_LETTER = r"[\p{L}--[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Thai}]]"
_ID_END = rf"(?!{_IN_ID})"
_IDENTIFIERS = (
    # A plain word is none: ruled out first, since most words are.
    rf"(?V1)(?<!{_IN_ID})(?=[\w\#\-@$])(?!\p{{Lu}}?\p{{Ll}}++(?![\w\-.(]))(?:"
    rf"(?i:(?<!-)[0-9a-f]{{8}}-(?:[0-9a-f]{{4}}-){{3}}[0-9a-f]{{12}}(?!-){_ID_END})"
    rf"|[A-Z]{{2}}\d{{2}}(?:\ ?[A-Z0-9]{{4}}){{3,7}}(?:\ ?[A-Z0-9]{{1,3}})?{_ID_END}"  # IBAN
    # plates: B-MA 1234, AB12 CDE, HRX 4821
    rf"|(?:[A-Z]{{1,3}}-[A-Z]{{1,2}}\ \d{{1,4}}[EH]?|[A-Z]{{2}}\d{{2}}\ [A-Z]{{3}}){_ID_END}"
    rf"|(?!(?:{_CODES}|FY|THE|AND|FOR|YEAR)\b)[A-Z]{{2,3}}\ (?!(?:19|20)\d\d\b)\d{{3,6}}"
    r"(?![\w%]|[.,]\d)"
    rf"|\p{{Han}}[A-Z][·•]?[A-Z0-9]{{5,6}}{_ID_END}"
    rf"|(?:RFC|PEP|ISO|IEC|IEEE|DIN|PR|GH|MR|CVE|CWE)(?:/IEC)?[ ]?\#?\d++(?:[\-:]\d++)*+{_ID_END}"
    rf"|(?<!&)\#(?:\d{{1,9}}+|[0-9a-fA-F]{{6}}){_ID_END}|(?<!-)--[a-z][\w\-]*+(?<![\-_])"
    r"|(?<![.@/])@[\p{L}_]\w++|\$\{?[\p{Lu}_]{2}\w*+\}?|\$\{\w{1,60}\}"
    r"|[vV]?\d{1,9}(?:\.\d{1,9}){2,5}(?!\d)"
    r"(?:[\-+.]?(?:rc|a|b|alpha|beta|dev|post)[.\-]?\d*+|[+\-]\w[\w.]{0,40}\b)?"
    # Letters with digits or "_", and what hangs on them; not 5km, 10th, 1990s.
    rf"|(?!\d++(?:{_CLOSE_UNITS}|{_UNITS}){_ID_END})(?={_ID_LETTER}*+[\d_])(?=[\d_]*+{_ID_LETTER})"
    rf"{_IN_ID}++(?:[\-.]{_IN_ID}++)*+"
    # gpt-4o, us-east-1; not top-10
    rf"|(?<!-)(?!\p{{Lu}}?\p{{Ll}}++-\d++(?![\w\-]))(?=(?:{_ID_LETTER}++-)++{_ID_LETTER}*+\d)"
    rf"{_IN_ID}++(?:-{_IN_ID}++)++(?:\.\d++)*+"
    rf"|\p{{Lu}}{{2,}}+(?:-{_IN_ID}++)++"
    rf"|(?:\p{{Lu}}?\p{{Ll}}++(?:\p{{Lu}}\p{{Ll}}*+)++|\p{{Lu}}{{2,}}+\p{{Ll}}{{2,}}+){_ID_END}"
    rf"|(?<!\.)[A-Za-z]\w*+(?:\.\w++)*+\(\))"
)

_CODE = (
    r"(?s:```.*?```+)|(?<!`)``(?!`)(?:[^`\n]|`(?!`)){1,300}+``(?!`)|`[^`\n]++`|(?s:~~~.*?~~~+)"
    r"|(?i)<code>[^<]*+(?:<(?!/?code)[^<]*+)*+</code>|<pre>[^<]*+(?:<(?!/?pre)[^<]*+)*+</pre>"
)

_IN_LINES = r"|\n(?![ \t]*+\n)"  # a quotation may go on in the next line, not in the next paragraph
_QUOTES = "|".join(
    [
        rf"(?<![\w\"])\"(?=[^\s\"])(?:[^\"\\\n]|\\.{_IN_LINES}){{1,300}}+(?<!\s)\"(?!\w)",
        rf"(?<![\w'’])'(?=[^\s'])(?:[^'\\\n]|\\.|(?<=\w)'(?=\w){_IN_LINES}){{1,200}}+(?<!\s)'(?!\w)",
        rf"“(?:[^“”\n]{_IN_LINES}){{1,300}}+”|[„‟](?:[^„“”\n]{_IN_LINES}){{1,300}}+[“”]",
        rf"‘(?:[^‘’\n]|(?<=\w)’(?=\w){_IN_LINES}){{1,300}}+’(?!\w)|‚(?:[^‚‘\n]){{1,300}}+‘",
        rf"«(?:[^«»\n]{_IN_LINES}){{1,300}}+»|‹[^‹›\n]{{1,300}}+›",
        r"「[^「」\n]{1,300}+」|『[^『』\n]{1,300}+』|《[^《》\n]{1,300}+》|〈[^〈〉\n]{1,300}+〉",
    ]
)

_MONTH = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?"
    r"|Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\b\.?"
)
_WEEKDAY = r"(?:(?:Mon|Tues?|Wed(?:nes)?|Thu(?:rs?)?|Fri|Sat(?:ur)?|Sun)(?:day)?\b,?\s+)?"
_DAY = r"(?:0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th)?"
_YEAR = r"1\d\d\d(?!\d)|2[01]\d\d(?!\d)"
_LATE_YEAR = r"(?:1[5-9]|2[01])\d\d(?!\d)"
_ZONE = (
    r"(?:\s?(?:Z|UTC|GMT|[CEMPW]E?[SD]?T|BST|JST|IST)\b"
    r"|\s?(?:UTC|GMT)?[+\-−]\d{1,2}:?\d{2}(?!\d))?"
)
_CLOCK = (
    r"(?:[01]?\d|2[0-4]):[0-5]\d(?::[0-5]\d(?:[.,]\d{1,9})?)?(?!\d|:\d)"
    r"(?:\s?(?:[aApP]\.[mM]\.|[aApP][mM]\b)|\s?Uhr\b)?" + _ZONE
)
_AT = rf"(?:,?\ (?:at\ )?{_CLOCK})?"
_DATE_FORMS = "|".join(
    [
        rf"(?<![\w.\-/])\d{{4}}([-/.])(?:0?[1-9]|1[0-2])\1{_DAY}(?!\d)(?:[T ,]\ ?{_CLOCK})?",
        r"(?<![\w.\-/])(?:19|20)\d\d-(?:0[1-9]|1[0-2]|W[0-5]\d)(?![\d\-])",
        r"(?<![\w.])(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:T\d{4,6}Z?)?(?!\w)",
        r"(?<![\w.\-/,])\d{1,2}([./\-])\d{1,2}\2(?:\d{4}|\d{2})(?![\w\-/]|\.\d)",
        rf"\b{_WEEKDAY}(?:the\s+)?{_DAY}[ \-](?:of\ )?{_MONTH}(?:[,\- ]\ ?(?:{_YEAR}))?{_AT}",
        rf"\b{_WEEKDAY}{_MONTH}(?:\s+(?:the\s+)?{_DAY}(?:\ ?[-–]\ ?{_DAY})?(?![\d%])"
        rf"(?:,?\s+(?:{_YEAR}))?|\s+(?:of\s+)?(?:{_YEAR})|,\s+(?:{_YEAR})){_AT}",
        r"\b(?:January|February|April|June|July|August|September|October|November|December)\b",
        r"\b(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)days?\b",
        r"\b(?:Q[1-4]|H[12])(?:\ ?['’]?(?:20)?\d\d)?\b|\b(?:FY|CY)\ ?['’]?(?:20)?\d\d\b",
        r"\b(?:19|20)\d\dQ[1-4]\b|\b(?:1[0-2]|0?[1-9])\s?(?:[aApP]\.[mM]\.|[aApP][mM]\b)|\b(?:noon|midnight)\b",
        rf"(?<![\w.:/])(?<!\d[,\-]){_CLOCK}",
        r"(?<=\b(?i:in|since|by|from|until|till|during|of|year|fiscal|before|after|early|late|and"
        rf"|to)\s){_LATE_YEAR}(?:\ ?[-–/]\ ?(?:\d{{4}}|\d\d))?(?![\w%]|[.,:/\-]\d)",
        rf"(?<=\(){_LATE_YEAR}(?:[-–]\d{{2,4}})?(?=[),;a-z])|\b{_LATE_YEAR}–{_LATE_YEAR}",
        r"\b(?:1[5-9]|20)\d0s\b|(?<!\w)['’]\d0s\b",
        r"\d{1,4}[年년]\s?(?:\d{1,2}[月월]\s?(?:\d{1,2}[日号號일])?)?",
        r"\d{1,2}[月월]\s?\d{1,2}[日号號일]|\d{1,2}[時时点點시](?:\d{1,2}分|半)?",
    ]
)
_DATES = rf"(?=[\p{{Nd}}JFMASONDTWQHCnmt'’])(?:{_DATE_FORMS})"

# What begins a line with a colon behind it and is nobody's name.
_LABELS = (
    "Notes?|Warning|Caution|Important|Tip|Hint|Examples?|Returns?|Raises|Args|Arguments|Parameters?"
    "|Attributes|Yields|See|Todo|Fixme|Summary|Abstract|Title|Subject|Topic|Date|Time|Version"
    "|Status|Type|Created|Updated|Name|Description|Usage|Output|Input|Results?|Errors?|Source"
    "|Table|Figure|Steps?|Questions?|Answers?|Conclusion|Introduction|Background|Authors?|License"
    "|Copyright|References?|Keywords|Total|Price|Address|Phone|Email|Fax|Tel|Url|Content|Length"
    "|Requires|Default|Options|Features|Requirements|Installation|Goal|Task|Context|Instructions?"
    "|Documents?|Passage|Resolution|Replaces|Sponsor|Thought|Action|Observation|Policy|Payment"
    "|Passengers|Departure|Arrival|Duration|Order|Item|Self|Motivation|Appendix|Traceback|Classifier|Post-History|Python-Version|Content-Type|Discussions-To|Rationale|Start|Issue"
)
_TIME = r"[\[(]?\d{1,2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:\ ?[AaPp][Mm])?[\])]?"
_NAME_PART = r"\p{Lu}[\p{L}\p{M}.'’\-]{0,30}+(?<!Error|Exception|Delegate)"
_COLON = r"[*_]{0,2}:[*_]{0,2}(?=\s|$)"
_SPEAKERS = (
    r"(?m)^[ \t]{0,3}+(?:[*_>]{1,3}\ ?)?(?:"
    rf"{_TIME}[ \t]*+[\-–|]?[ \t]*+"
    r"(?:[^\s:<>\[\](){}][^:\n\[\](){}]{0,39}+:|<[^\s<>]{1,32}>)"
    r"|(?:(?i:speaker|user|assistant|system|human|operator|ai)|[QA])"
    rf"(?:[ _]?\d{{1,3}})?{_COLON}"
    rf"|(?!(?i:{_LABELS})\b|\p{{Lu}}{{2,3}}\b){_NAME_PART}"
    rf"(?:\ (?:{_NAME_PART}|van|von|de[rl]?|la|bin|al|\d{{1,3}})(?![\p{{L}}\p{{Nd}}])){{0,3}}+"
    rf"(?:,?\ ?\([^()\n]{{1,40}}+\))?(?:\ ?{_TIME})?{_COLON}"
    r"|(?!注意|问题|問題|答案|备注|摘要|例如|标题|说明|总结|時間|时间|地点)"
    r"[\p{Han}\p{Katakana}\p{Hangul}ー]{2,6}+[:：](?=\s|[^\x00-\x7f]))"
)

CLASSES: dict[str, str] = {
    "numbers": _NUMBERS,
    "negations": _NEGATIONS,
    "urls": _URLS,
    "identifiers": _IDENTIFIERS,
    "code": _CODE,
    "quotes": _QUOTES,
    "emails": _EMAILS,
    "paths": _PATHS,
    "dates": _DATES,
    "speakers": _SPEAKERS,
}


def protect_patterns(prompt: Prompt, patterns: Sequence[str | Span]) -> Prompt:
    """Return the prompt with everything that matches protected.

    Args:
        prompt: The prompt.
        patterns: Names of `CLASSES`, regular expressions (of the `regex` library), or spans.

    Raises:
        PromptError: A pattern is not a regular expression, or takes too long.
    """
    return prompt.protecting(pattern_spans(prompt, patterns))


def pattern_spans(
    prompt: Prompt, patterns: Sequence[str | Span], *, argument: str = "protect"
) -> Iterator[Span]:
    """Yield what matches, pattern by pattern; spans of two patterns may overlap.

    Args:
        prompt: The prompt.
        patterns: As for `protect_patterns`.
        argument: What errors call the patterns.

    Raises:
        PromptError: A pattern is not a regular expression, or takes too long.
    """
    if isinstance(patterns, str):
        raise PromptError(f"{argument} is a list of patterns, not one str; put it in brackets.")
    if not isinstance(patterns, Iterable):
        raise PromptError(f"{argument} is a list of patterns, not {patterns!r}.")
    for pattern in patterns:
        yield from _spans(prompt, pattern, argument)


def _spans(prompt: Prompt, pattern: str | Span, argument: str) -> Iterable[Span]:
    if isinstance(pattern, Span):
        return [pattern]
    if not isinstance(pattern, str):
        raise PromptError(f"A pattern to {argument} is a str or a Span, not {pattern!r}.")
    try:
        compiled = regex.compile(CLASSES.get(pattern, pattern))
    except regex.error as error:
        raise PromptError(
            f"{pattern!r} is neither a regular expression ({error}) nor one of the classes:"
            f" {', '.join(CLASSES)}."
        ) from error
    return _matches(prompt, compiled, pattern)


def _matches(prompt: Prompt, compiled: regex.Pattern[str], pattern: str) -> Iterator[Span]:
    for index, segment in enumerate(prompt.segments):
        limit = SECONDS * max(1, len(segment.text) / 500_000)
        try:
            for match in compiled.finditer(clean(segment.text), timeout=limit):
                if match.end() > match.start():
                    yield Span(index, match.start(), match.end())
        except TimeoutError:
            raise PromptError(
                f"The pattern {pattern!r} takes more than {limit:g} s on segment {index}."
            ) from None
