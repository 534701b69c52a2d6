"""Turn a method's name into a compressor, with the models it needs."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from tersely._registry import compressor_class
from tersely._settings import check_settings, settings_of
from tersely.backends.base import CausalBackend, ClassifierBackend, EncoderBackend
from tersely.backends.load import (
    DEFAULT_CLASSIFIER,
    DEFAULT_ENCODER,
    DEFAULT_MODEL,
    is_classifier,
    load_causal,
    load_classifier,
    load_encoder,
)
from tersely.errors import SettingError
from tersely.hard.base import HardCompressor
from tersely.hard.chain import Chain

DEFAULT_METHOD = "llmlingua2"
CAUSAL_METHOD = "llmlingua"


def load(
    name: str,
    *,
    model: Any = None,
    runtime: str | None = None,
    threads: int | None = None,
    **settings: Any,
) -> HardCompressor:
    """Return a compressor to keep and use again.

    >>> tersely.load("truncate", keep="tail").name
    'truncate'

    Args:
        name: A method's name, or several joined by "+": "truncate+llmlingua" is a chain of them.
        model: Model of a method that needs one: a name or path (`tersely models list`), or a
            backend; the default is smollm2-135m, for encoders minilm-l6, for classifiers keep-l6.
        runtime: "openvino" (the default) or "torch".
        threads: Threads of the model.
        **settings: The method's own settings; its page in the documentation lists them.

    Raises:
        UnknownName: No method is called that.
        SettingError: The method has no such setting, or its value is out of range.
        ModelNotFound: The model is not on this machine.
    """
    if name == "chain" or "+" in name:
        given = {"model": model, "runtime": runtime, "threads": threads}
        return _load_chain(name, settings, {k: v for k, v in given.items() if v is not None})
    cls = compressor_class(default_method(model) if name == "auto" else name)
    check_settings(name, cls, settings)
    _add_model(name, settings_of(cls), settings, model, runtime, threads)
    return _built(cls, name, settings)


def default_method(model: Any = None) -> str:
    """Return the method that "auto" is where nothing is known of the prompt.

    Args:
        model: What it is to run; None is the method's own default. What is no token classifier is
            taken for a causal model.
    """
    if model is None:
        return DEFAULT_METHOD
    reads = is_classifier(model) if isinstance(model, str) else hasattr(model, "classify")
    return DEFAULT_METHOD if reads else CAUSAL_METHOD


def _add_model(
    name: str,
    known: set[str],
    settings: dict[str, Any],
    model: Any,
    runtime: str | None,
    threads: int | None,
) -> None:
    """Put the model that a method needs among its settings; refuse one that it does not need."""
    if "backend" in known:
        if "backend" not in settings:
            settings["backend"] = _backend(model, runtime, threads)
    elif "encoder" in known:
        if settings.setdefault("encoder", model or DEFAULT_ENCODER) is not None:
            settings["encoder"] = _encoder(settings["encoder"], runtime, threads)
    elif "classifier" in known:
        chosen = settings.get("classifier") or model or DEFAULT_CLASSIFIER
        settings["classifier"] = _classifier(chosen, runtime, threads)
    elif model is not None or runtime is not None or threads is not None:
        raise SettingError(f"{name} needs no model: leave out model, runtime and threads.")


def _built(cls: type[Any], name: str, settings: dict[str, Any]) -> HardCompressor:
    try:
        compressor = cls(**settings)
    except TypeError as error:  # a str compared with a number, say
        raise SettingError(f"A setting of {name} has the wrong type: {error}.") from error
    assert isinstance(compressor, HardCompressor)
    return compressor


def _load_chain(name: str, settings: dict[str, Any], given: dict[str, Any]) -> HardCompressor:
    """Return a chain, its stages loaded where they are names.

    Args:
        name: "chain", whose stages are a setting, or their names joined by "+".
        settings: The chain's own.
        given: Model, runtime and threads, for the stages that run a model.
    """
    stages = settings.pop("stages", "") if name == "chain" else name
    stages = stages.split("+") if isinstance(stages, str) and stages else stages
    if not isinstance(stages, list | tuple):
        raise SettingError(
            'A chain needs its stages: name them joined by "+" (truncate+llmlingua), or give'
            " stages=[...] of names and of what tersely.load returns."
        )
    if unknown := sorted(set(settings) - {"k"}):
        raise SettingError(
            f"{name} has no setting {unknown[0]!r}, it has k. For settings of a stage:"
            ' tersely.load("chain", stages=[tersely.load(...), ...]).'
        )
    if "" in stages:
        raise SettingError(f"A stage of {name!r} has no name: write truncate+llmlingua, say.")
    takes = {stage: _taken(stage, given) for stage in stages if isinstance(stage, str)}
    if given and not any(takes.values()):
        raise SettingError(f"{name} needs no model: leave out model, runtime and threads.")
    loaded = [load(stage, **takes[stage]) if isinstance(stage, str) else stage for stage in stages]
    return Chain(stages=tuple(loaded), **settings)


def _taken(stage: str, given: dict[str, Any]) -> dict[str, Any]:
    """Return what of model, runtime and threads a stage takes; encoders take threads only."""
    known = settings_of(compressor_class(stage))
    if "backend" in known:
        return given
    is_other = known & {"encoder", "classifier"}
    return {k: v for k, v in given.items() if k == "threads"} if is_other else {}


def _backend(
    model: str | CausalBackend | None, runtime: str | None, threads: int | None
) -> CausalBackend:
    if model is not None and not isinstance(model, str):
        return model
    return _loaded(model or DEFAULT_MODEL, runtime or "openvino", threads)


def _encoder(
    model: str | EncoderBackend, runtime: str | None, threads: int | None
) -> EncoderBackend:
    if isinstance(model, str):
        return _loaded_encoder(model, runtime or "openvino", threads)
    if not hasattr(model, "embed"):
        raise SettingError(f"An encoder gives vectors of texts; a {type(model).__name__} does not.")
    return model


def _classifier(
    model: str | ClassifierBackend, runtime: str | None, threads: int | None
) -> ClassifierBackend:
    if isinstance(model, str):
        return _loaded_classifier(model, runtime or "openvino", threads)
    if not hasattr(model, "classify"):
        raise SettingError(
            f"A token classifier says how likely tokens are kept; a {type(model).__name__} does"
            " not."
        )
    return model


@lru_cache(maxsize=2)
def _loaded_classifier(model: str, runtime: Any, threads: int | None) -> ClassifierBackend:
    return load_classifier(model, runtime=runtime, threads=threads)


@lru_cache(maxsize=2)
def _loaded_encoder(model: str, runtime: Any, threads: int | None) -> EncoderBackend:
    return load_encoder(model, runtime=runtime, threads=threads)


@lru_cache(maxsize=2)
def _loaded(model: str, runtime: Any, threads: int | None) -> CausalBackend:
    """Keep the last models, so that calling `compress` twice loads once. They hold no prompt."""
    return load_causal(model, runtime=runtime, threads=threads)
