"""`tersely soft compress`: make a memory of a text, and write it to a file."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tersely.cli import options as general
from tersely.cli.compress import print_json, read_settings, read_text
from tersely.cli.report import reported
from tersely.cli.soft import options
from tersely.cli.soft.show import as_dict, summary

if TYPE_CHECKING:
    from tersely.soft.base import Producer
    from tersely.soft.host import Host
    from tersely.soft.memory import Memory

Out = Annotated[
    Path,
    typer.Option("--out", "-o", help="The file to write; what is there goes.", parser=options.path),
]
Slots = Annotated[int | None, typer.Option("--slots", help="Most slots.")]
Rate = Annotated[
    float | None, typer.Option("--rate", "-r", help="Most slots per token, in (0, 1].")
]
MaxBytes = Annotated[int | None, typer.Option("--max-bytes", help="Most bytes of its numbers.")]
Method = Annotated[
    str | None,
    typer.Option("--method", "-m", help="See `tersely soft methods`; kvzip."),
]
Adapter = Annotated[
    Path | None,
    typer.Option("--adapter", help="What `tersely train soft-...` wrote.", parser=options.path),
]
SegmentTokens = Annotated[
    int | None, typer.Option("--segment-tokens", help="Most to read at once; the method's own.")
]
Int8 = Annotated[bool, typer.Option("--int8", help="Store numbers in 8 bits.")]


def compress(
    source: general.Source,
    out: Out,
    slots: Slots = None,
    rate: Rate = None,
    max_bytes: MaxBytes = None,
    method: Method = None,
    adapter: Adapter = None,
    setting: general.Setting = None,
    segment_tokens: SegmentTokens = None,
    int8: Int8 = False,
    model: options.Model = "smollm2-135m",
    system: options.System = None,
    prefix: options.Prefix = None,
    device: options.Device = "auto",
    precision: options.Precision = None,
    threads: options.Threads = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print what is known of it as JSON.")
    ] = False,
    quiet: options.Quiet = False,
) -> None:
    """Read SOURCE and write a memory of it: a few slots of keys and values.

    Give its size as --slots, --rate or --max-bytes.
    """
    with reported():
        from tersely.cli.progress import progress_bar
        from tersely.soft.segments import compress as make

        text = read_text(source).removeprefix("\ufeff")
        budget: dict[str, Any] = {"slots": slots, "rate": rate, "max_bytes": max_bytes}
        _check(text, budget, segment_tokens)
        _check_out(out, source)
        producer = choose_producer(method, adapter, read_settings(setting or []))
        place: dict[str, Any] = {"system": system, "prefix": prefix, "device": device}
        host = options.load_model(model, **place, precision=precision, threads=threads)
        started = time.monotonic()
        with progress_bar("reading", shown=not quiet and sys.stderr.isatty()) as advance:
            counted = Counted(producer, advance, len(host.encode(text)))
            given: dict[str, Any] = {"segment_tokens": segment_tokens, "quantize": int8}
            memory = make(text, **budget, method=counted, model=host, **given)
        seconds = time.monotonic() - started
        memory.save(out)
        if as_json:
            print_json({"file": str(out), "seconds": round(seconds, 3), **as_dict(memory)})
        if not quiet:
            typer.echo(f"{out}: {summary(memory)}, {host.name}, {seconds:.1f} s", err=True)


def _check(text: str, budget: Mapping[str, Any], segment_tokens: int | None) -> None:
    """Say at once what would only be found after the model is loaded."""
    from tersely.errors import BudgetError
    from tersely.soft.segments import check_budget, check_segment, check_text

    check_text(text)
    if sum(one is not None for one in budget.values()) != 1:
        raise BudgetError("Give exactly one of --slots, --rate and --max-bytes.")
    check_budget(**budget)
    check_segment(segment_tokens)


def _check_out(out: Path, source: str) -> None:
    """Say the same of a file that cannot be written, or should not."""
    from tersely.errors import SettingError
    from tersely.soft.memory_file import place_to_write

    if str(out) == "-":
        raise SettingError("--out is a file: a memory is no text for standard output.")
    target = place_to_write(out)
    if source != "-" and target.exists() and target.samefile(source):
        raise SettingError(f"--out is SOURCE itself, {out}. Name another file for the memory.")


def choose_producer(
    method: str | None, adapter: Path | None, settings: Mapping[str, Any]
) -> Producer:
    """Return the producer that the options name; an adapter names its own.

    Raises:
        UnknownName: No method is called that.
        SettingError: It has no such setting, or needs an adapter.
        ModelNotFound: There is no adapter in that folder.
        ModelMismatch: The adapter is of another method.
    """
    from tersely._registry import producer_class
    from tersely.errors import SettingError
    from tersely.soft.base import DEFAULT_METHOD, check_trained, load_producer

    if "adapter" in settings:
        raise SettingError("What was trained is named with --adapter FOLDER, not with --set.")
    if adapter is None:
        producer = load_producer(DEFAULT_METHOD if method is None else method, **settings)
        check_trained(producer)
        return producer
    from tersely.soft.adapter_file import read_adapter

    name = None if method is None else getattr(producer_class(method), "name", method)
    found = read_adapter(adapter, name)
    if "preset" in settings:
        raise SettingError(f"--set preset is for what is not trained; {adapter} says what it is.")
    return load_producer(found.method, **{**settings, "adapter": adapter})


@dataclass(slots=True)
class Counted:
    """A producer that says how far it is, and else does what another does.

    Attributes:
        producer: The other.
        advance: Is told how many tokens have been read, and of how many; None is not.
        expected: How many there are.
        done: How many have been read.
    """

    producer: Producer
    advance: Callable[[int, int], None] | None
    expected: int
    done: int = 0

    @property
    def name(self) -> str:
        """The other's."""
        return self.producer.name

    @property
    def settings(self) -> Mapping[str, Any]:
        """The other's."""
        return self.producer.settings

    @property
    def segment_tokens(self) -> int | None:
        """The other's."""
        return self.producer.segment_tokens

    def most_tokens(self, host: Host) -> int:
        """The other's, if it has any."""
        most = getattr(self.producer, "most_tokens", None)
        return host.window_tokens if most is None else int(most(host))

    def produce(self, host: Host, ids: Sequence[int], slots: int) -> Memory:
        """Make a memory of a segment."""
        memory = self.producer.produce(host, ids, slots)
        if self.done >= self.expected:  # a budget in bytes may take two goes
            self.done = 0
        self.done += len(ids)
        if self.advance:
            self.advance(self.done, self.expected)
        return memory
