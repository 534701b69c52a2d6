"""Rank texts by one of llmlingua's `rank_method`s, on this package's scorers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from tersely.backends.base import CausalBackend, Floats, Ints, OnTokens
from tersely.compat.llmlingua.arguments import check_rank_method
from tersely.compat.llmlingua.models import open_encoder
from tersely.errors import PromptError, SettingError
from tersely.scorers.base import Scorer
from tersely.scorers.bm25 import BM25
from tersely.scorers.embedding import EmbeddingScorer
from tersely.scorers.embedding_endpoint import EmbeddingEndpoint
from tersely.scorers.lexical import GzipDistance
from tersely.scorers.question_likelihood import QuestionLikelihood
from tersely.scorers.surprisal import score_texts

# What each method's encoder is, and what it was trained to read before a question and a passage.
# Source: https://huggingface.co/BAAI/bge-large-en-v1.5, https://huggingface.co/BAAI/llm-embedder
_ENCODERS = {
    "sentbert": ("sentence-transformers/multi-qa-mpnet-base-dot-v1", "", ""),
    "bge": (
        "BAAI/bge-large-en-v1.5",
        "Represent this sentence for searching relevant passages: ",
        "",
    ),
    "bge_llmembedder": (
        "BAAI/llm-embedder",
        "Represent this query for retrieving relevant documents: ",
        "Represent this document for retrieval: ",
    ),
    "jinza": ("jinaai/jina-embeddings-v2-base-en", "", ""),
    "bge_reranker": ("BAAI/bge-reranker-large", "", ""),
}
_OPENAI_URL = "https://api.openai.com/v1"
_OPENAI_ENGINE = "text-embedding-ada-002"


@dataclass(frozen=True, slots=True)
class Perplexity:
    """Values a text by how much the model is surprised, whatever the question is."""

    backend: CausalBackend
    name: str = "perplexity"
    measured_in: str = "nats"

    def score(
        self, question: str, passages: Sequence[str], *, on_tokens: OnTokens | None = None
    ) -> Floats:
        """Return the mean surprisal of each passage, (P,), in nats; 0 for an empty one."""
        distinct = list(dict.fromkeys(passages))
        scores = score_texts(self.backend, distinct, on_tokens=on_tokens)
        means = [float(s.nats.mean()) if len(s.nats) else 0.0 for s in scores]
        value_of = dict(zip(distinct, means, strict=True))
        return np.array([value_of[passage] for passage in passages], dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Rankers:
    """Makes the scorer of a `rank_method`.

    Attributes:
        backend: The model of "llmlingua" and "longllmlingua".
        endpoint: The `open_api_config`, for "openai".
        may_stand_in: Whether MiniLM may stand in for an encoder that is not here.
    """

    backend: CausalBackend
    endpoint: Mapping[str, Any]
    may_stand_in: bool

    def scorer(self, rank_method: str, condition: str = "none") -> Scorer:
        """Return the scorer of a method.

        Args:
            rank_method: One of `RANK_METHODS`.
            condition: For "longllmlingua", where the question stands: "none" means "after".

        Raises:
            UnknownName: There is no such method.
            ModelNotFound: Its model is not here.
            SettingError: It needs a service that is not spoken to here, or has not been named.
        """
        check_rank_method(rank_method)
        if rank_method == "llmlingua":
            return Perplexity(self.backend)
        if rank_method == "longllmlingua":
            where: Literal["before", "after"] = "before" if condition == "before" else "after"
            return QuestionLikelihood(backend=self.backend, condition=where)
        if rank_method == "bm25":
            return BM25()
        if rank_method == "gzip":
            return GzipDistance()
        if rank_method == "openai":
            return EmbeddingScorer(encoder=self._openai())
        if rank_method in ("voyageai", "cohere"):
            raise SettingError(
                f"rank_method={rank_method!r} asks a service that is not spoken to here. Any server"
                " with OpenAI's embeddings protocol is: rank_method='openai', its address in"
                " open_api_config['api_base']; or use 'longllmlingua' or 'bm25'."
            )
        name, before_question, before_passage = _ENCODERS[rank_method]
        encoder = open_encoder(name, may_stand_in=self.may_stand_in)
        if encoder.name != name:
            before_question = before_passage = ""
        return EmbeddingScorer(
            encoder=encoder, question_prefix=before_question, passage_prefix=before_passage
        )

    def _openai(self) -> EmbeddingEndpoint:
        config = self.endpoint
        if config.get("api_type", "open_ai") not in ("open_ai", "openai"):
            raise SettingError(
                f"open_api_config: api_type {config['api_type']!r} is not spoken here, only"
                " 'open_ai'."
            )
        if not config.get("api_key") and not config.get("api_base"):
            raise SettingError(
                "rank_method='openai' needs open_api_config={'api_key': ...}, or the api_base of a"
                " server that wants none."
            )
        return EmbeddingEndpoint(
            url=config.get("api_base") or _OPENAI_URL,
            model=config.get("engine") or _OPENAI_ENGINE,
            api_key=config.get("api_key") or None,
        )


def values_of(scorer: Scorer, question: str, texts: Sequence[str]) -> Floats:
    """Return what each text is worth, (P,).

    Raises:
        PromptError: The scorer needs a question, and there is none.
    """
    if not question.strip() and not isinstance(scorer, Perplexity):
        raise PromptError(
            f"Ranking by {scorer.name} holds texts against a question, and there is none. Give"
            " question=..., or rank_method='llmlingua'."
        )
    return scorer.score(question, texts)


def best_first(values: Floats) -> Ints:
    """Return the places of (P,) values, the highest first, equal ones in order."""
    return np.argsort(-values, kind="stable")


def rank_results(scorer: Scorer, question: str, texts: Sequence[str]) -> list[tuple[int, float]]:
    """Return (place, score) of each text, best first, as `get_rank_results` does.

    Perplexities are mean surprisals in nats, of the text ("llmlingua": the highest first) or of
    the question ("longllmlingua": the lowest first); other scores are the higher the better.
    """
    if not len(texts):
        return []
    values = values_of(scorer, question, texts)
    sign = -1 if isinstance(scorer, QuestionLikelihood) else 1
    return [(int(place), sign * float(values[place])) for place in best_first(values)]


def written_order(ranked: Sequence[int], reorder: str) -> list[int]:
    """Return the order in which contexts are written: "original", "sort" or "two_stage".

    Args:
        ranked: The contexts, best first.
        reorder: "two_stage" puts ranks 1, 3, 5, ..., 6, 4, 2, so that the best are at both ends.
    """
    if reorder == "original":
        return sorted(ranked)
    return [*ranked[::2], *list(ranked[1::2])[::-1]] if reorder == "two_stage" else list(ranked)
