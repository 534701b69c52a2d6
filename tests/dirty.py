"""A clean set made of words, and the same with faults planted in it; all by a seed."""

import json
import random

from tersely.core.units import word_units

PLACES = [
    "Arden",
    "Bexley",
    "Corran",
    "Dunmore",
    "Elstow",
    "Farrow",
    "Garth",
    "Holt",
    "Ivel",
    "Jarrow",
    "Kelso",
    "Lorne",
]
THINGS = [
    "bridge",
    "harbour",
    "library",
    "market",
    "mill",
    "museum",
    "orchard",
    "quarry",
    "school",
    "station",
    "tower",
    "well",
]
MAKERS = [
    "architect",
    "baker",
    "captain",
    "doctor",
    "engineer",
    "farmer",
    "gardener",
    "judge",
    "merchant",
    "painter",
]
ACTS = [
    "built",
    "closed",
    "described",
    "expanded",
    "inspected",
    "moved",
    "opened",
    "repaired",
    "restored",
    "sold",
]
WHENS = [
    "after the flood",
    "before the war",
    "during a long winter",
    "in the spring",
    "under the new law",
    "when the railway came",
]
WHYS = [
    "because the roof was failing",
    "so that children could learn there",
    "while the council was still debating",
    "although nobody had asked for it",
    "since the old road had become too narrow",
    "until money ran out",
]

GERMAN = (
    "Der Turm wurde nach dem Hochwasser von einem Baumeister aus der Stadt wieder aufgebaut,"
    " weil das Dach schon lange undicht war und niemand die Kosten tragen wollte."
)
PERSONAL = {
    "email": "Write to maria.keller{n}@post.example.org about it.",
    "phone": "Call 212-555-01{n:02d} before noon.",
    "card": "The card was 4111 1111 1111 1111, valid for a year.",
    "iban": "Pay into DE89 3704 0044 0532 0130 00 by Friday.",
    "ip": "The request came from 203.0.113.{n} at night.",
    "ssn": "Her number is 123-45-67{n:02d}, as she wrote.",
}


def sentence(rng):
    a, b = rng.sample(PLACES, 2)
    when, why = rng.choice(WHENS), rng.choice(WHYS)
    return (
        f"The {rng.choice(THINGS)} of {a} was {rng.choice(ACTS)} by a {rng.choice(MAKERS)} from {b}"
        f" {when}, {why}, and {rng.randint(11, 989)} people came to see it."
    )


def passage(rng, sentences=5):
    return " ".join(sentence(rng) for _ in range(sentences))


def label(name, text, rng):
    words = [[unit.core, unit.end] for unit in word_units(text) if unit.core < unit.end]
    values = [round(rng.random(), 3) for _ in words]
    return {
        "id": name,
        "group": name,
        "text": text,
        "question": "",
        "words": words,
        "values": values,
        "kind": "made",
        "lang": "en",
    }


def question(name, rng):
    documents = [{"title": f"Part {n}", "text": passage(rng)} for n in range(3)]
    answer = documents[1]["text"].split(" by a ")[1].split(",")[0]
    return {
        "id": name,
        "question": f"Who did it first in {name}?",
        "answers": [answer],
        "documents": documents,
        "gold_index": 1,
    }


def clean_rows(seed=0, count=40):
    """Rows of every kind, with nothing wrong in them; `count` of each."""
    rng = random.Random(seed)
    rows = []
    for n in range(count):
        rows.append({"id": f"t{n}", "title": f"On {n}", "text": passage(rng)})
        rows.append(label(f"l{n}", passage(rng), rng))
        rows.append(question(f"q{n}", rng))
        original = passage(rng)
        short = " ".join(word for word in original.split() if rng.random() < 0.5)
        rows.append({"id": f"p{n}", "original": original, "compressed": short})
        rows.append({"id": f"i{n}", "instruction": passage(rng, 1), "response": passage(rng, 2)})
        turns = [
            {"role": "user", "text": passage(rng, 1)},
            {"role": "assistant", "text": passage(rng, 2)},
        ]
        rows.append({"id": f"c{n}", "turns": turns})
    return rows


def edited(text, rng):
    """The text with one word changed: nearly the same."""
    words = text.split()
    words[rng.randrange(len(words))] = "otherwise"
    return " ".join(words)


def of_kind(rows, letter):
    return [row for row in rows if row["id"].startswith(letter)]


def faulty_rows(rows, seed=1):
    """Yield (reason, row): faulty relatives of clean rows."""
    rng = random.Random(seed)
    for row in rng.sample(of_kind(rows, "t"), 10):
        yield (
            "duplicate",
            {**row, "id": row["id"] + "-same", "text": "  " + row["text"].upper() + "\n"},
        )
    for row in rng.sample(of_kind(rows, "t"), 10):
        yield "near_duplicate", {**row, "id": row["id"] + "-near", "text": edited(row["text"], rng)}
    for row in rng.sample(of_kind(rows, "q"), 5):
        yield (
            "near_duplicate",
            {
                **row,
                "id": row["id"] + "-near",
                "documents": [
                    {**one, "text": edited(one["text"], rng) if at != 1 else one["text"]}
                    for at, one in enumerate(row["documents"])
                ],
            },
        )
    for n in range(5):
        yield "language", {"id": f"de{n}", "text": GERMAN + f" Es waren {n} Leute da."}
        yield "too_short", {"id": f"short{n}", "text": f"Too short {n}."}
    yield from _faulty_labels(rng)
    for n in range(3):
        text = passage(rng)
        yield (
            "pair_new_words",
            {
                "id": f"new{n}",
                "original": text,
                "compressed": "In summary, someone renovated something quickly",
            },
        )
        asked = question(f"lost{n}", rng)
        yield "answer_missing", {**asked, "answers": ["a zookeeper from Utopia"]}
        yield "answer_elsewhere", {**question(f"else{n}", rng), "gold_index": 0}


def _faulty_labels(rng):
    spoil = {
        "label_misaligned": lambda row: {
            "words": [[a + 1, b + 1] for a, b in row["words"][:-1]],
            "values": row["values"][:-1],
        },
        "label_lengths": lambda row: {"values": row["values"][:-1]},
        "label_values": lambda row: {"values": [1.5, *row["values"][1:]]},
        "label_one_class": lambda row: {"values": [0.0] * len(row["values"])},
        "label_outside": lambda row: {
            "words": [*row["words"][:-1], [row["words"][-1][0], len(row["text"]) + 9]]
        },
        "label_empty": lambda row: {"words": [], "values": []},
    }
    for reason, change in spoil.items():
        for n in range(3):
            row = label(f"{reason}{n}", passage(rng), rng)
            yield reason, row | change(row)


def personal_rows(seed=2):
    """Yield (kind, row, the string that must go): texts and labels with something personal."""
    rng = random.Random(seed)
    for kind, form in PERSONAL.items():
        for n in range(4):
            said = form.format(n=n + 10)
            text = f"{passage(rng, 2)} {said} {passage(rng, 1)}"
            name = f"{kind}{n}"
            yield kind, label(name, text, rng) if n % 2 else {"id": name, "text": text}, said


def write_lines(file, rows):
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return file
