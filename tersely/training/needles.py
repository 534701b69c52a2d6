"""Texts in which the place of the answer is known: invented facts, and a question about one.

Everything is made from the templates and syllables below, so nothing has to be fetched or
labelled, no model has read it before, and the answer cannot be known without the text. Each
question is worded differently from the sentence that answers it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

Random = np.random.Generator
_T = TypeVar("_T")


def _words(text: str) -> list[str]:
    return text.split("|")


_GIVEN = _words(
    "Mira|Tovan|Ilse|Radu|Oskar|Lenka|Priya|Kaveh|Noor|Enzo|Sunniva|Baptiste|Yara|Dmitri|Amara"
    "|Joaquim|Hedda|Tariq|Linnea|Olumide|Greta|Masaki|Paloma|Ewan"
)
_STEMS = _words(
    "Sol|Var|Kel|Mor|Brin|Tas|Hul|Den|Oss|Lir|Pav|Gren|Zel|Quor|Fen|Stav|Ark|Wim|Jol|Ner"
)
_FAMILY = _words("berg|mann|ova|etti|ström|ander|wick|elli|ović|hart|quist|idze")
_PLACE = _words("ford|haven|stad|minster|grad|mouth|vale|bury|holm|crest|port|dale")
_TRADES = _words(
    "surveyor|glass blower|bookbinder|harbour pilot|beekeeper|stonemason|translator|clock maker"
    "|botanist|typesetter|ship's cook|cartographer"
)
_THINGS = _words(
    "copper kettle|woollen coat|oak ladder|brass lamp|leather saddle|silver comb|reed basket"
    "|iron stove|linen sail|clay jug"
)
_ANIMALS = _words("grey heron|mountain goat|river otter|barn owl|wild boar|tree frog|red kite")
_MONTHS = _words("January|March|April|May|June|July|August|September|October|November")

# What the text says of the name {a}, and how it is asked for.
_ABOUT_PEOPLE = (
    ("the access code of {a}'s locker is {number}", "Which digits open the locker used by {a}?"),
    ("{a} was born in the small town of {place}", "Where does {a} come from?"),
    ("{a} earned a living as a {trade}", "What was the profession of {a}?"),
    ("{a} paid {number} crowns for the {thing}", "How much money did {a} spend at the market?"),
    ("the only pet {a} ever kept was a {animal}", "Which animal lived with {a}?"),
    ("{a} married {person} in the autumn of {year}", "Who was the spouse of {a}?"),
    ("{a} left the country on {number2} {month} {year}", "On what date did {a} emigrate?"),
    ("the teacher who influenced {a} most was {person}", "Who taught {a}?"),
    ("{a} spent the winters reading about the {animal}", "What did {a} study in the cold months?"),
    ("the first prize that {a} won was the {thing}", "What was {a} awarded?"),
)
_ABOUT_PLACES = (
    ("the bridge at {a} was finished in {year}", "When was the crossing in {a} completed?"),
    ("{a} had {number} inhabitants at the last count", "What is the population of {a}?"),
    ("the town hall of {a} was designed by {person}", "Who was the architect of {a}'s town hall?"),
    ("most families in {a} live from making the {thing}", "What is produced in {a}?"),
    ("a fire destroyed the old library of {a} in {year}", "What year did {a} lose its books?"),
    ("the coat of arms of {a} shows a {animal}", "Which creature is the emblem of {a}?"),
    ("the river that runs through {a} is called the {stem}", "What water flows past {a}?"),
    ("{a} is governed by {person}", "Who is the mayor of {a}?"),
    ("the railway from {a} ends in {place}", "To which town can one travel by train from {a}?"),
    ("the lighthouse near {a} is {number2} metres tall", "How high is the tower by {a}?"),
)
_BEFORE = (
    "", "", "", "According to the parish records, ", "In the end, ", "As far as anyone remembers, ",
    "It is often said that ", "Despite the war, ", "In those years, ",
    "Long before the harbour was built, ",
)  # fmt: skip
_AFTER = (
    "", "", "", ", although few letters mention it", ", which surprised the neighbours",
    ", and the newspapers wrote about it for weeks", ", as the council later confirmed",
    ", where the road turns away from the coast", " and nobody has doubted it since",
)  # fmt: skip
_FILLER = (
    "The weather that season was milder than usual, and the ships returned early.",
    "Historians disagree about the reasons, but most of them point to the price of grain.",
    "A second edition of the book appeared later and corrected many of these dates.",
    "Visitors usually arrive in summer, when the markets stay open until late in the evening.",
    "None of the original buildings has survived, though their foundations can still be seen.",
    "For a long time this part of the country was known for little else.",
)

PARAGRAPH_SENTENCES = 5


@dataclass(frozen=True, slots=True)
class Needle:
    """A text, a question, and where the text answers it.

    Attributes:
        sentences: The text, sentence by sentence, each with the whitespace before it.
        answer: Index of the sentence that answers the question.
        question: What is asked.
    """

    sentences: tuple[str, ...]
    answer: int
    question: str

    @property
    def text(self) -> str:
        """The whole text."""
        return "".join(self.sentences)


def make_needles(count: int, *, sentences: int, seed: int) -> Iterator[Needle]:
    """Yield texts with a question each, of people and of places.

    In every other text nothing else is said of the name that is asked for, so that the name alone
    gives the sentence away; in the rest the text is mostly about that name, so that only the
    meaning of the question does. Each of the two alone finds worse heads.

    Args:
        count: How many.
        sentences: Sentences of each text, at least 8.
        seed: The same seed gives the same texts.
    """
    rng = np.random.default_rng(seed)
    for at in range(count):
        yield _make_needle(rng, sentences, about_one=at % 2 == 0)


def _make_needle(rng: Random, count: int, *, about_one: bool) -> Needle:
    """Make one text; what is asked for is said once, and of no other name."""
    people = bool(rng.integers(2))
    relations = _ABOUT_PEOPLE if people else _ABOUT_PLACES
    names = _names(rng, _person if people else _place, max(3, count // 5))
    asked = int(rng.integers(len(relations)))
    others = [at for at in range(len(relations)) if at != asked]
    facts = [(names[0], asked)]
    if about_one:
        facts += [(names[0], at) for at in rng.permutation(others)[: count // 2].tolist()]
    filler = count // 5 if about_one else 2 * count // 5
    while len(facts) < count - filler:
        facts.append((_pick(rng, names[1:]), _pick(rng, others)))
    said = [_sentence(rng, name, relations[at][0]) for name, at in facts]
    said += [_pick(rng, _FILLER) for _ in range(filler)]
    order = rng.permutation(count).tolist()
    gaps = ["\n\n" if at % PARAGRAPH_SENTENCES == 0 else " " for at in range(count)]
    told = [gap + said[place] for gap, place in zip(["", *gaps[1:]], order, strict=True)]
    return Needle(tuple(told), order.index(0), relations[asked][1].format(a=names[0]))


def _names(rng: Random, make: Callable[[Random], str], count: int) -> list[str]:
    """Return different names."""
    names: list[str] = []
    while len(names) < count:
        if (drawn := make(rng)) not in names:
            names.append(drawn)
    return names


def _sentence(rng: Random, name: str, fact: str) -> str:
    body = fact.format(
        a=name,
        number=int(rng.integers(1_000, 99_999)),
        number2=int(rng.integers(11, 29)),
        year=int(rng.integers(1620, 1990)),
        person=_person(rng),
        place=_place(rng),
        trade=_pick(rng, _TRADES),
        thing=_pick(rng, _THINGS),
        animal=_pick(rng, _ANIMALS),
        month=_pick(rng, _MONTHS),
        stem=_pick(rng, _STEMS) + "a",
    )
    text = _pick(rng, _BEFORE) + body + _pick(rng, _AFTER) + "."
    return text[0].upper() + text[1:]


def _person(rng: Random) -> str:
    return f"{_pick(rng, _GIVEN)} {_pick(rng, _STEMS)}{_pick(rng, _FAMILY)}"


def _place(rng: Random) -> str:
    return _pick(rng, _STEMS) + _pick(rng, _PLACE)


def _pick(rng: Random, choices: Sequence[_T]) -> _T:
    return choices[int(rng.integers(len(choices)))]
