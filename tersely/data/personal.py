"""What may say who somebody is: e-mail, phone, card, account, address, identity number.

Phone numbers are judged by phonenumbers (Google's rules, Apache-2.0), addresses by the standard
library. The rest are patterns of our own with the checks that the numbers bring along: Luhn's for
cards, modulo 97 and the country's length for accounts, the ranges never given out for US social
security numbers. Names of people are not found: what finds them well is a model of its own.

A number that could be anything is personal only where a word before it says so ("call", "SSN").
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import regex

from tersely._optional import need
from tersely.core.patterns import CLASSES
from tersely.data.edits import Edit, edited_row
from tersely.data.kinds import texts
from tersely.data.lines import Row
from tersely.errors import SettingError, UnknownName

MASKS = {
    "email": "[EMAIL]",
    "iban": "[IBAN]",
    "card": "[CARD]",
    "ip": "[IP]",
    "ssn": "[SSN]",
    "phone": "[PHONE]",
}
"""What stands for each kind; where two overlap, the one named first is meant."""

_IBAN_CHARS = (
    "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 EE20"
    " EG29 ES24 FI18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27"
    " JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MR27 MT31 MU30 NL18"
    " NO15 PK24 PL28 PS29 PT25 QA29 RO24 RS22 SA24 SC31 SE24 SI19 SK24 SM27 ST25 SV28 TL23 TN24"
    " TR26 UA29 VA22 VG24 XK20"
)
_LENGTHS = {entry[:2]: int(entry[2:]) for entry in _IBAN_CHARS.split()}

_EMAIL = regex.compile(CLASSES["emails"])
_IBAN = regex.compile(r"(?<![\w\-])[A-Z]{2}\d{2}(?:[ \u00a0\-]?[A-Z0-9]){11,30}+")
_CARD = regex.compile(r"(?<![\w.,+\-])\d(?:[ \u00a0\-]?\d){12,18}(?![\w\-]|[.,]\d)")
_CARD_KINDS = regex.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}"
    r"|3[47]\d{13}|3(?:0[0-5]|[689]\d)\d{11}|35\d{14}|6(?:011|4[4-9]\d|5\d\d)\d{12,15}"
)
_IPV4 = regex.compile(r"(?<![\w.\-])\d{1,3}(?:\.\d{1,3}){3}(?![\w\-]|\.\w)")
_IPV6 = regex.compile(r"(?<![\w:.])(?=[0-9A-Fa-f:]*\d)[0-9A-Fa-f:]{6,39}(?![\w:]|\.\w)")
_NO_ADDRESS = regex.compile(
    r"(?i)(?:\bv|ver|version|release|section|sec|chapter|§+|clause|figure|fig|table|build|rule"
    r"|paragraph)[.\s\"':=]*\Z"
)
_SSN = regex.compile(
    r"(?<![\w.\-])(?:(?!000|666)[0-8]\d\d-(?!00)\d\d-(?!0000)\d{4}|9\d\d-[5-9]\d-\d{4}"
    r"|(?![DFIQUV])[A-Z](?![DFIOQUV])[A-Z](?: ?\d\d){3} ?[A-D])(?![\w\-]|\.\d)"
)
_BARE_SSN = regex.compile(r"(?<![\w.\-])(?!000|666)\d{3} ?(?!00)\d\d ?(?!0000)\d{4}(?![\w\-])")
_SSN_SAID = regex.compile(r"(?i)(?:\bssn|social security|\bitin|tax id)[^.\n]{0,24}\Z")
_PHONE = regex.compile(
    r"(?<![\p{L}\p{N}_/=#$€£\-]|\d[.,])(?:\+\d|\(\d|\d)[\d \u00a0().\-/]{5,60}"
    r"(?<=\d)(?![\p{L}\p{N}_%]|[.,]\d)"
)
_PHONE_SAID = regex.compile(
    r"(?i)(?:\b(?:tel|telephone|phones?|mobile|cell|fax|call|dial|whatsapp|hotline|telefon|handy"
    r"|téléphone|teléfono|telefone|telefono)\b|电话|電話|전화)[^\n]{0,24}\Z"
)
_SEEN_CHARS = 40


def check_masks(kinds: Iterable[str], regions: Sequence[str]) -> None:
    """Refuse kinds and regions there are not.

    Raises:
        UnknownName: No such kind.
        SettingError: No such region.
        MissingDependency: phonenumbers is not installed.
    """
    for kind in kinds:
        if kind not in MASKS:
            raise UnknownName("kind of personal data", kind, MASKS)
    if "phone" in kinds:
        known = need("phonenumbers", extra="data").SUPPORTED_REGIONS
        if wrong := [region for region in regions if region not in known]:
            raise SettingError(f"A region is a code such as US or DE, not {wrong[0]!r}.")


def masked(
    row: Row, kinds: Sequence[str], regions: Sequence[str] = ("US",)
) -> tuple[Row, Counter[str]]:
    """Return a row with what is personal in its texts replaced, and how often each kind was.

    What is found in one text of the row is replaced in all of them, so that an answer still stands
    in its document. The words and values of a label row follow.

    Args:
        row: Its strings are read, at any depth; numbers are not.
        kinds: Keys of `MASKS`.
        regions: Where phone numbers without a country code may be from.

    Raises:
        MissingDependency: phonenumbers is not installed.
    """
    seen: dict[str, str] = {}
    for _, text in texts(row):
        for start, end, kind in found_in(text, kinds, regions):
            seen.setdefault(text[start:end], kind)
    if not seen:
        return row, Counter()
    anywhere = _any_of(seen)
    counts: Counter[str] = Counter()
    for where, text in list(texts(row)):
        edits = []
        for match in anywhere.finditer(text):
            kind = seen[match[0]]
            counts[kind] += 1
            edits.append(Edit(match.start(), match.end(), MASKS[kind]))
        row = edited_row(row, where, edits)
    return row, counts


def found_in(
    text: str, kinds: Sequence[str], regions: Sequence[str] = ("US",)
) -> list[tuple[int, int, str]]:
    """Return (start, end, kind) of what is personal in a text, in order, without overlaps."""
    taken: list[tuple[int, int, str]] = []
    for kind in MASKS:
        if kind not in kinds:
            continue
        spans = _phones(text, regions) if kind == "phone" else _FINDERS[kind](text)
        taken += [
            (start, end, kind)
            for start, end in spans
            if all(end <= low or high <= start for low, high, _ in taken)
        ]
    return sorted(taken)


def _any_of(seen: Mapping[str, str]) -> Any:
    """Return a pattern of any of these strings, none as a part of a longer word or number."""
    parts = []
    for string in sorted(seen, key=lambda found: (-len(found), found)):
        before = r"(?<!\w)" if regex.match(r"\w", string[0]) else ""
        after = r"(?!\w)" if regex.match(r"\w", string[-1]) else ""
        parts.append(before + regex.escape(string) + after)
    return regex.compile("|".join(parts))


def _emails(text: str) -> Iterator[tuple[int, int]]:
    if "@" in text:
        yield from (match.span() for match in _EMAIL.finditer(text))


def _ibans(text: str) -> Iterator[tuple[int, int]]:
    for match in _IBAN.finditer(text):
        length = _LENGTHS.get(match[0][:2], 0)
        end, kept = match.start(), ""
        while end < match.end() and len(kept) < length:
            kept += text[end] if text[end].isalnum() else ""
            end += 1
        follows = text[end : end + 1]
        if length and len(kept) == length and not follows.isalnum():
            turned = kept[4:] + kept[:4]
            if int("".join(str(int(char, 36)) for char in turned)) % 97 == 1:
                yield match.start(), end


def _cards(text: str) -> Iterator[tuple[int, int]]:
    for match in _CARD.finditer(text):
        digits = "".join(char for char in match[0] if char.isdigit())
        if _CARD_KINDS.fullmatch(digits) and len(set(digits)) > 1 and _passes_luhn(digits):
            yield match.span()


def _passes_luhn(digits: str) -> bool:
    """Source: ISO/IEC 7812-1, annex B."""
    total = 0
    for place, char in enumerate(reversed(digits)):
        doubled = int(char) * (1 + place % 2)
        total += doubled - 9 * (doubled > 9)
    return total % 10 == 0


def _addresses(text: str) -> Iterator[tuple[int, int]]:
    for pattern in (_IPV4, _IPV6):
        for match in pattern.finditer(text):
            before = text[max(0, match.start() - _SEEN_CHARS) : match.start()]
            if (pattern is _IPV4 or match[0].count(":") >= 2) and not _NO_ADDRESS.search(before):
                try:
                    address = ipaddress.ip_address(match[0])
                except ValueError:
                    continue
                if not (address.is_loopback or address.is_unspecified):
                    yield match.span()


def _social(text: str) -> Iterator[tuple[int, int]]:
    yield from (match.span() for match in _SSN.finditer(text))
    for match in _BARE_SSN.finditer(text):
        if _SSN_SAID.search(text[max(0, match.start() - _SEEN_CHARS) : match.start()]):
            yield match.span()


def _phones(text: str, regions: Sequence[str]) -> Iterator[tuple[int, int]]:
    for match in _PHONE.finditer(text):
        said = match[0]
        digits = sum(char.isdigit() for char in said)
        if digits < 7:
            continue
        before = text[max(0, match.start() - _SEEN_CHARS) : match.start()]
        cued = _PHONE_SAID.search(before) is not None
        shaped = said[0] in "+(" or said.count("-") + said.count(".") >= 2
        if cued or shaped:
            yield from _numbers(said, match.start(), regions, strict=not cued)


def _numbers(
    said: str, offset: int, regions: Sequence[str], *, strict: bool
) -> Iterator[tuple[int, int]]:
    """Yield what in a run of digits is given out as a number somewhere, and written like one."""
    phonenumbers = need("phonenumbers", extra="data")
    leniency = phonenumbers.Leniency
    asked = leniency.STRICT_GROUPING if strict and said[0] != "+" else leniency.VALID
    for region in regions if said[0] != "+" else ("ZZ",):
        found = [*phonenumbers.PhoneNumberMatcher(said, region, leniency=asked)]
        if found:
            yield from ((offset + one.start, offset + one.end) for one in found)
            return


_FINDERS: dict[str, Callable[[str], Iterator[tuple[int, int]]]] = {
    "email": _emails,
    "iban": _ibans,
    "card": _cards,
    "ip": _addresses,
    "ssn": _social,
}
