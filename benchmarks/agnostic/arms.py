"""What is compared: trained classifiers, what surprises a causal model, and no model at all."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any, cast

import numpy as np

import tersely
from benchmarks.agnostic.baselines import (
    REACH,
    ByWord,
    Known,
    Lexicon,
    Pooled,
    Surprisal,
    central,
    dense,
)
from benchmarks.agnostic.passages import Passage, training_texts
from benchmarks.common import MODEL, at_root
from tersely.backends.base import CausalBackend, Floats, Ints, OnTokens
from tersely.backends.load import load_causal
from tersely.errors import SettingError
from tersely.evaluation.arms import read_spec
from tersely.evaluation.by_scorer import ByScorer, Shuffled
from tersely.evaluation.source import Source, number_of
from tersely.hard.base import HardCompressor, RankingCompressor

MOST_READINGS = 32

Make = Callable[[Passage], HardCompressor]
"""Returns the compressor for a passage."""


class RememberedScores:
    """A causal model that remembers what it last scored; all else it does as before.

    So a passage is read once for all rates and for all arms that read it as it is.
    """

    def __init__(self, backend: CausalBackend) -> None:
        """Remember nothing yet."""
        self._backend = backend
        self._known: dict[bytes, Floats] = {}

    def __getattr__(self, name: str) -> Any:
        """Do as the model does."""
        return getattr(self._backend, name)

    def score(
        self,
        sequences: Sequence[Ints],
        *,
        scored_from: Sequence[int] | None = None,
        on_tokens: OnTokens | None = None,
    ) -> list[Floats]:
        """Score sequences; whole ones that were scored before are not read again."""
        if scored_from is not None:
            return self._backend.score(sequences, scored_from=scored_from, on_tokens=on_tokens)
        keys = [np.asarray(ids, np.int64).tobytes() for ids in sequences]
        known = {key: self._known[key] for key in keys if key in self._known}
        new = {key: ids for key, ids in zip(keys, sequences, strict=True) if key not in known}
        if new:
            found = self._backend.score(list(new.values()), on_tokens=on_tokens)
            known |= dict(zip(new, found, strict=True))
            recent = [*self._known.items(), *((key, known[key]) for key in new)]
            self._known = dict(recent[-MOST_READINGS:])
        return [known[key] for key in keys]


@dataclass(frozen=True, slots=True)
class Given:
    """A classifier as it was given.

    Attributes:
        folder: With its weights.
        settings: Of the method, as in {"word": "max"}, and of `Pooled`, as in {"share": 0.5}.
    """

    folder: Path
    settings: dict[str, Any]


@dataclass(frozen=True)
class Tools:
    """What arms are built of; each part is loaded when it is first asked for.

    Attributes:
        source: Where the data sets are, for counts of words.
        threads: Of the models.
        seed: Of all coins; each passage has its own.
        folders: The classifiers, by the names that their arms have.
    """

    source: Source
    threads: int
    seed: int
    folders: dict[str, Given]

    @cached_property
    def causal(self) -> CausalBackend:
        """The language model, the same for all arms."""
        return cast(CausalBackend, RememberedScores(load_causal(MODEL, threads=self.threads)))

    def lexicon(self, passage: Passage) -> Lexicon:
        """Return what is known of the words of a passage's set and language."""
        return _lexicon(self.source, passage.set, passage.language)

    def coin(self, passage: Passage) -> int:
        """Return the seed of a passage."""
        return number_of(self.seed, passage.id)


@cache
def _lexicon(source: Source, name: str, language: str) -> Lexicon:
    return Lexicon.of(language, training_texts(name, source, language))


def read_folders(given: Sequence[str]) -> dict[str, Given]:
    """Return classifiers by name: NAME=FOLDER[,SETTING=VALUE...], or a folder that names itself.

    Raises:
        SystemExit: One is not there, or two have one name.
        SettingError: What follows a folder is no setting.
    """
    found: dict[str, Given] = {}
    for text in given:
        first, comma, rest = text.partition(",")
        name, equals, place = first.rpartition("=")
        folder = at_root(Path(place))
        if not (folder / "config.json").is_file():
            raise SystemExit(f"{place} is no folder of a classifier: it has no config.json.")
        known = ("export", "checkpoint", "model")
        name = name if equals else (folder.parent if folder.name in known else folder).name
        if name in found or name in ARMS:
            raise SystemExit(f"Two arms would be called {name!r}. Name them: NAME=FOLDER.")
        found[name] = Given(folder, read_spec(f"llmlingua2:{rest}")[1] if comma else {})
    return found


def fingerprint(given: Given) -> str:
    """Return 16 hex digits that change with any of a classifier's files and settings."""
    digest = hashlib.sha256(repr(sorted(given.settings.items())).encode())
    for file in sorted(given.folder.glob("*")):
        if file.suffix in (".json", ".safetensors") and file.name != "tersely.json":
            digest.update(file.name.encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def load_classifier(given: Given, threads: int) -> HardCompressor:
    """Return `llmlingua2` with a classifier; what it says may be pooled over larger units."""
    settings = dict(given.settings)
    pooled = {name: settings.pop(name) for name in ("unit", "share") if name in settings}
    found = tersely.load("llmlingua2", model=str(given.folder), threads=threads, **settings)
    return Pooled(inner=cast(RankingCompressor, found), **pooled) if pooled else found


def build(name: str, tools: Tools) -> Make:
    """Return an arm.

    Raises:
        SettingError: No arm and no folder is called that.
    """
    if name in tools.folders:
        return _same(load_classifier(tools.folders[name], tools.threads))
    if name not in ARMS:
        raise SettingError(f"There is no arm {name!r}. There are: {', '.join(ARMS)}.")
    return ARMS[name](tools)


def _same(compressor: HardCompressor) -> Make:
    return lambda passage: compressor


def _named(tools: Tools, name: str, **settings: Any) -> Make:
    return _same(tersely.load(name, **settings))


def _reads(tools: Tools, name: str, **settings: Any) -> Make:
    return _same(tersely.load(name, model=tools.causal, **settings))


def _random(tools: Tools) -> Make:
    return lambda passage: tersely.load("random_drop", seed=tools.coin(passage))


def _random_sentences(tools: Tools) -> Make:
    return lambda passage: ByScorer(scorer=Shuffled(tools.coin(passage)))


def _words(tools: Tools, worth: Any, reach: int = 0) -> Make:
    return lambda passage: ByWord(
        lexicon=tools.lexicon(passage), worth=worth, reach=reach, seed=tools.coin(passage)
    )


def _sentences(tools: Tools, scorer: Any) -> Make:
    return lambda passage: ByScorer(scorer=scorer(tools.lexicon(passage)))


def _known(tools: Tools) -> Make:
    return lambda passage: Known(answers=tuple(a for one in passage.asked for a in one.answers))


KNOWN = "known answers"
SURPRISAL = "surprisal"
ARMS: dict[str, Callable[[Tools], Make]] = {
    KNOWN: _known,
    "random words": _random,
    "random sentences": _random_sentences,
    "truncate": partial(_named, name="truncate"),
    "stop words": partial(_words, worth="content"),
    "names and numbers": partial(_words, worth="names"),
    "names and numbers, smoothed": partial(_words, worth="names", reach=REACH),
    "names and numbers, then rare words": partial(_words, worth="names, rare"),
    "rare words": partial(_words, worth="rare"),
    "tf-idf": partial(_words, worth="tf-idf"),
    "tf-idf, smoothed": partial(_words, worth="tf-idf", reach=REACH),
    "central sentences": partial(_sentences, scorer=central),
    "dense sentences": partial(_sentences, scorer=dense),
    SURPRISAL: lambda tools: _same(Surprisal(backend=tools.causal)),
    "surprisal, shifted": lambda tools: _same(
        Surprisal(backend=tools.causal, alignment="reference")
    ),
    "surprising sentences": lambda tools: _same(Pooled(inner=Surprisal(backend=tools.causal))),
    "selective_context": partial(_reads, name="selective_context"),
    "llmlingua": partial(_reads, name="llmlingua"),
    "llmlingua, shifted": partial(_reads, name="llmlingua", alignment="reference"),
}
"""Every arm but the classifiers: name -> what builds it."""
