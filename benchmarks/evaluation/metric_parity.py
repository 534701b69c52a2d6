"""Whether the measures are the official ones: random pairs through both, differences counted.

    python -m benchmarks.evaluation.metric_parity --squad SCRIPT --mlqa SCRIPT --write

The two are the official evaluate-v2.0.py of SQuAD and mlqa_evaluation_v1.py of MLQA:

https://github.com/rajpurkar/SQuAD-explorer
https://github.com/facebookresearch/MLQA/blob/5ef5c731a96acb7008b51aac4acb5fa9dff4f297/mlqa_evaluation_v1.py

Without them only the libraries (rouge-score, sacrebleu) are compared with.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np
import sacrebleu
from rouge_score.rouge_scorer import RougeScorer

from benchmarks.common import RESULTS, circumstances, say, table
from tersely.evaluation.metrics import measure
from tersely.evaluation.metrics.answers import answer_words
from tersely.evaluation.metrics.overlap import WordTokenizer

Pair = tuple[str, list[str]]
Score = Callable[[str, list[str]], float]

# Articles in any case and inside words, punctuation of ASCII and of Unicode, letters that change
# when they are made small, repeated words, blanks that are no blanks, nothing.
WORDS = [
    *["a", "an", "the", "The", "AN", "A", "theatre", "an's", "a-b", "a–b", "the—the", "an’s"],
    *["cat", "cat", "cat", "dog", "dog", "Cats", "no", "no", "no", "7", "7", "1,000", "$3.50"],
    *["U.S.", "don't", "don’t", "?", "!", "...", "—", "«", "»", "“quoted”", "(x)", "[the]", "_"],
    *["`", "^", "|", "~", "İstanbul", "straße", "STRASSE", "Ⅷ", "ﬁne", "na\u00efve", "nai\u0308ve"],
    *["ǅ", "Σίσυφος", "👩\u200d🚀", "\u200b", "\ufeff", "\u00a0", "\u3000", "\x1f"],
]
PIECES = {
    "en": WORDS,
    "es": [*WORDS, "el", "La", "los", "UNA", "unos", "¿qué?", "niño", "elástico"],
    "de": [*WORDS, "der", "Die", "DAS", "einem", "eines", "„so“", "Straße", "Derwisch"],
    "vi": [*WORDS, "của", "là", "cái", "những", "Việt", "Nam", "nam"],
    "ar": [*WORDS, "ال", "الكتاب", "كتاب", "؟", "،", "في", "سال", "٣"],
    "hi": [*WORDS, "नहीं", "है।", "की", "क", "राम", "॥"],
    "zh": [
        *WORDS,
        "北京",
        "北",
        "京",
        "大学",
        "，",
        "。",
        "《红楼梦》",
        "ABC",
        "abc",
        "㐀",
        "鿕",
        "１２",
    ],
}
BETWEEN = [" ", " ", " ", " ", "", "  ", "\n", "\t"]
LONGEST = 8
ROUNDING = 1e-12
TITLE = "# The measures are the official ones"
NOTES = f"""\
Random texts of up to {LONGEST} pieces (articles in any case and inside words, punctuation of ASCII
and Unicode, letters that change when they are made small, repeated words, odd blanks, nothing),
each against one to three right answers; a third of the texts have most of their words from one.

`em` and `f1` in English are compared with `compute_exact` and `compute_f1` of SQuAD 2.0, the
largest over the answers as `get_raw_scores` takes it; in other languages with MLQA's script, where
every right answer has a word. (Where neither text has one, MLQA says 0; we and SQuAD say 1.) ROUGE,
BLEU and chrF are compared with direct calls of the libraries, where no right answer is blank. Not
scored are right answers without what a measure counts (two words for `rouge2`), for which the
libraries say 0."""


def random_pairs(count: int, *, seed: int, pieces: Sequence[str] = WORDS) -> Iterator[Pair]:
    """Yield pairs of a text and one to three right answers.

    Args:
        count: How many.
        seed: Of the generator.
        pieces: What texts are put together from, up to eight of them.

    Yields:
        Texts of which a third have much in common with a right answer, and one in nine nothing in
        it.
    """
    rng = np.random.default_rng(seed)
    shape = (count, 4, LONGEST)
    words = np.array(pieces, dtype=object)[rng.integers(0, len(pieces), shape)]
    related = rng.random(count) < 1 / 3
    copied = related[:, None] & (rng.random((count, LONGEST)) < 0.7)
    words[:, 0] = np.where(copied, words[:, 1], words[:, 0])  # (count, LONGEST)
    between = np.array(BETWEEN, dtype=object)[rng.integers(0, len(BETWEEN), shape)]
    parts = words + between  # (count, 4, LONGEST)
    lengths = rng.integers(0, LONGEST + 1, (count, 4))
    lengths[related, 0] = lengths[related, 1]
    golds = rng.integers(1, 4, count)
    for row, ends, some in zip(parts, lengths.tolist(), golds.tolist(), strict=True):
        texts = ["".join(one[:end]) for one, end in zip(row, ends, strict=True)]
        yield texts[0], texts[1 : 1 + some]


def official_squad(script: Any) -> dict[str, Score]:
    """Return the functions of SQuAD's script, over the answers that it scores against."""

    def over(function: Callable[[str, str], float]) -> Score:
        def score(said: str, golds: list[str]) -> float:
            some = [gold for gold in golds if script.normalize_answer(gold)] or [""]
            return max(function(gold, said) for gold in some)

        return score

    return {"em": over(script.compute_exact), "f1": over(script.compute_f1)}


def official_mlqa(script: Any, language: str) -> dict[str, Score]:
    """Return the functions of MLQA's script, for a language."""

    def over(function: Callable[[str, str, str], float]) -> Score:
        def score(said: str, golds: list[str]) -> float:
            return float(script.metric_max_over_ground_truths(function, said, golds, language))

        return score

    return {"em": over(script.exact_match_score), "f1": over(script.f1_score)}


def reference_libraries(language: str) -> dict[str, Score]:
    """Return direct calls of rouge-score and sacrebleu."""
    tokenizer = {"zh": "zh", "ja": "char", "th": "char"}.get(language, "13a")

    def rouge(kind: str) -> Score:
        words = None if language == "en" else WordTokenizer()
        scorer = RougeScorer([kind], tokenizer=words)
        return lambda said, golds: scorer.score_multi(golds, said)[kind].fmeasure

    return {
        "rouge1": rouge("rouge1"),
        "rouge2": rouge("rouge2"),
        "rouge_l": rouge("rougeL"),
        "bleu": lambda said, golds: (
            sacrebleu.sentence_bleu(said, golds, tokenize=tokenizer).score / 100
        ),
        "chrf": lambda said, golds: sacrebleu.sentence_chrf(said, golds).score / 100,
    }


def compare(name: str, language: str, official: Score, pairs: Sequence[Pair]) -> list[str]:
    """Return a row: how many pairs, how many differ by more than rounding, and by how much."""
    ours = measure(name)
    scored = [(pair, ours(*pair, language=language)) for pair in pairs]
    values = [(pair, value) for pair, value in scored if not math.isnan(value)]
    gaps = [abs(value - official(*pair)) for pair, value in values]
    counts = [
        len(values),
        sum(gap > ROUNDING for gap in gaps),
        sum(value == 1 for _, value in values),
        sum(value == 0 for _, value in values),
        len(pairs) - len(values),
    ]
    say(f"{name} {language}: {counts[1]} of {counts[0]:,} differ")
    return [f"{name}, {language}", *(f"{count:,}" for count in counts), f"{max(gaps):.0e}"]


def load_script(path: Path) -> Any:
    """Import a script by its path."""
    spec = spec_from_file_location(path.stem.replace("-", "_").replace(".", "_"), path)
    if spec is None or spec.loader is None or not path.is_file():
        raise SystemExit(f"{path} is not a Python file.")
    script = module_from_spec(spec)
    spec.loader.exec_module(script)
    return script


def rows(given: argparse.Namespace) -> Iterator[list[str]]:
    """Yield a row for each measure and language."""
    if given.squad:
        pairs = list(random_pairs(given.pairs, seed=given.seed))
        for name, score in official_squad(load_script(given.squad)).items():
            yield compare(name, "en", score, pairs)
    for language in [one for one in PIECES if one != "en" and given.mlqa]:
        made = random_pairs(given.pairs, seed=given.seed, pieces=PIECES[language])
        pairs = [pair for pair in made if all(answer_words(gold, language) for gold in pair[1])]
        for name, score in official_mlqa(load_script(given.mlqa), language).items():
            yield compare(name, language, score, pairs)
    for language in ("en", "de", "zh"):
        made = random_pairs(given.library_pairs, seed=given.seed, pieces=PIECES[language])
        pairs = [(said, golds) for said, golds in made if all(gold.strip() for gold in golds)]
        for name, score in reference_libraries(language).items():
            yield compare(name, language, score, pairs)


def main() -> None:
    """Print one table, or write it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--squad", type=Path, help="SQuAD's evaluate-v2.0.py")
    parser.add_argument("--mlqa", type=Path, help="MLQA's mlqa_evaluation_v1.py")
    parser.add_argument("--pairs", type=int, default=100_000, help="for em and f1")
    parser.add_argument("--library-pairs", type=int, default=10_000, help="for the libraries")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", action="store_true", help="into docs/results")
    given = parser.parse_args()
    versions = {name: version(name) for name in ("rouge-score", "sacrebleu")}
    head = circumstances(versions, 1).rpartition("\n")[0]  # the last line names a model
    names = ["measure", "pairs scored", "differ", "are 1", "are 0", "not scored", "by at most"]
    text = "\n\n".join([TITLE, head, table(names, list(rows(given))), NOTES])
    if given.write:
        (RESULTS / "metric_parity.md").write_text(text + "\n", "utf-8")
    print(text)


if __name__ == "__main__":
    main()
