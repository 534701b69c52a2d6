"""Pictures: small panels side by side, one colour for an arm wherever it stands.

Colours are Okabe and Ito's, which people with any colour vision tell apart; baselines are muted and
dashed, and every arm has a marker of its own. PNG is for Markdown. The SVG is for the page: its ink
is a colour of the page's style, so it is readable in the dark, too.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tersely._optional import need
from tersely.evaluation.arms import FULL, NONE, ORACLE
from tersely.evaluation.report.corpus import Corpus, role_of

INK, MUTED, LINE = "#1b1f24", "#6e7781", "#d8dee4"
IN_PAGE = {INK: "var(--ink)", MUTED: "var(--muted)", LINE: "var(--line)"}

METHODS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
BASELINES = ("#8c959f", "#8d7b68", "#7d86ad", "#93994f", "#a8788f", "#5f8f92", "#777777")
DARK_BAR, LIGHT_BAR = "#6a51a3", "#b9a9dc"  # no arm's
MARKERS = "osD^vPXph<>*"
WIDTH = 9.0  # inches; 900 points of a screen, and PNG has twice as many
DPI = 200
PIXELS = 1.4
"""How many of the page's pixels a point of a picture may have."""
MOST_LINES = 8
MOST_PANELS = 9

Draw = Callable[[str], bytes]


@dataclass(frozen=True, slots=True)
class Style:
    """How an arm looks.

    Attributes:
        colour: As "#rrggbb".
        marker: One of matplotlib's.
        dashes: One of matplotlib's line styles.
        width: Of the line, in points.
    """

    colour: str
    marker: str
    dashes: Any = "-"
    width: float = 1.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One arm in one panel; all of one length.

    Attributes:
        arm: Which.
        x: Where its points stand.
        y: How high.
        low: Lower ends of their intervals; NaN where there is none.
        high: Upper ends.
    """

    arm: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One small picture.

    Attributes:
        title: What stands above it.
        lines: Its arms.
        levels: Horizontal lines: "full" and "none", with their height.
        bound: Corners of the best found curve; empty for none.
        names: What stands at the x positions 0, 1, ...; empty where x is a number.
        front: Corners of the Pareto front; empty for none.
        aside: How far neighbouring arms are moved apart along x, so that no bar hides another.
    """

    title: str
    lines: tuple[Line, ...]
    levels: tuple[tuple[str, float], ...] = ()
    bound: tuple[tuple[float, float], ...] = ()
    names: tuple[str, ...] = ()
    front: tuple[tuple[float, float], ...] = ()
    aside: float = 0.0


def styles_of(corpus: Corpus) -> dict[str, Style]:
    """Return how each arm looks; it depends on which arms there are, and on nothing else."""
    found = {
        FULL: Style(INK, "", "--", 1.2),
        NONE: Style(MUTED, "", ":", 1.4),
        ORACLE: Style(INK, "*", ":", 1.2),
    }
    counts = {"method": 0, "baseline": 0}
    for arm in corpus.arms:
        role = role_of(arm)
        if role == "reference":
            continue
        number = counts[role]
        counts[role] += 1
        marker = MARKERS[number % len(MARKERS)]
        if role == "method":
            dashes = "-" if number < len(METHODS) else "-."
            found[arm] = Style(METHODS[number % len(METHODS)], marker, dashes)
        else:
            found[arm] = Style(BASELINES[number % len(BASELINES)], marker, (0, (4, 2)), 1.2)
    return found


def chosen(corpus: Corpus, worth: Callable[[str], float], most: int = MOST_LINES) -> list[str]:
    """Return the arms that a picture shows: the best methods, and the best baselines.

    Args:
        corpus: Where the arms are from.
        worth: What an arm is worth; the higher is shown first.
        most: How many lines a picture bears.
    """
    by_role = {
        role: sorted((a for a in corpus.arms if role_of(a) == role), key=worth, reverse=True)
        for role in ("method", "baseline", "reference")
    }
    room = most - min(3, len(by_role["baseline"])) - len(by_role["reference"])
    methods = by_role["method"][:room]
    room = most - len(methods) - len(by_role["reference"])
    taken = {*methods, *by_role["baseline"][:room], *by_role["reference"]}
    return [arm for arm in corpus.arms if arm in taken]


def panels(
    given: Sequence[Panel],
    styles: dict[str, Style],
    *,
    x: str,
    y: str,
    log_x: bool = False,
    joined: bool = True,
) -> Draw:
    """Return what draws panels with one legend.

    Args:
        given: The panels; three stand in a row.
        styles: How arms look.
        x: What is along.
        y: What is up.
        log_x: Whether x is on a logarithmic scale.
        joined: Whether the points of an arm are joined.
    """

    @_looking_alike
    def draw(form: str) -> bytes:
        pyplot = _pyplot()
        across = 2 if len(given) in (2, 4) else min(3, len(given))
        down = -(-len(given) // across)
        width = WIDTH if across > 1 else 0.62 * WIDTH
        size = (width, 0.75 + 2.75 * down if across > 1 else 4.6)
        figure, axes = pyplot.subplots(down, across, figsize=size, squeeze=False)
        flat = [*axes.flat]
        for place, panel in zip(flat, given, strict=False):
            _draw_panel(place, panel, styles, joined=joined)
            if log_x:
                _log_scale(place)
        for place in flat[len(given) :]:
            place.set_visible(False)
        for row in axes:
            row[0].set_ylabel(y)
        for number, place in enumerate(flat[: len(given)]):
            if number + across >= len(given):  # nothing stands below it
                place.set_xlabel(x)
        _legend(figure, flat, styles, across=5 if across > 1 else 3)
        return _saved(figure, form)

    return draw


def bars(
    given: Sequence[tuple[str, Sequence[tuple[str, float, float]]]], *, x: str, parts: Sequence[str]
) -> Draw:
    """Return what draws stacked bars: for each panel its title, and name, first, second part.

    A line at 1.0 is what both parts together are compared with.
    """

    @_looking_alike
    def draw(form: str) -> bytes:
        pyplot = _pyplot()
        rows = max(len(lines) for _, lines in given)
        size = (WIDTH, 1.1 + 0.22 * rows)
        figure, axes = pyplot.subplots(1, len(given), figsize=size, squeeze=False, sharey=True)
        for place, (title, lines) in zip(axes.flat, given, strict=True):
            names = [name for name, _, _ in lines]
            first, second = [a for _, a, _ in lines], [b for _, _, b in lines]
            place.barh(names, first, color=DARK_BAR, label=parts[0], height=0.66)
            place.barh(names, second, left=first, color=LIGHT_BAR, label=parts[1], height=0.66)
            place.axvline(1.0, color=INK, linestyle="--", linewidth=1.0)
            place.set_title(title)
            place.set_xlabel(x)
            place.grid(visible=False, axis="y")
        axes.flat[0].invert_yaxis()
        handles, labels = axes.flat[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=2, frameon=False)
        return _saved(figure, form)

    return draw


def _draw_panel(place: Any, panel: Panel, styles: dict[str, Style], *, joined: bool) -> None:
    for name, height in panel.levels:
        style = styles[name]
        place.axhline(
            height, color=style.colour, linestyle=style.dashes, linewidth=style.width, label=name
        )
    if panel.bound:
        along, up = zip(*panel.bound, strict=True)
        place.plot(along, up, color=INK, linewidth=1.0, label="best found")
        place.fill_between(along, up, min(up), color=LINE, alpha=0.45, linewidth=0)
    if panel.front:
        along, up = zip(*panel.front, strict=True)
        place.plot(along, up, color=MUTED, linewidth=1.0, drawstyle="steps-post", zorder=1)
        place.scatter(
            along, up, s=120, facecolors="none", edgecolors=INK, linewidths=1.1, label="Pareto set"
        )
    middle = (len(panel.lines) - 1) / 2
    for number, line in enumerate(panel.lines):
        style = styles[line.arm]
        aside = 0.0 if line.arm == ORACLE else panel.aside
        below = [max(0.0, v - e) for v, e in zip(line.y, line.low, strict=False)]
        above = [max(0.0, e - v) for v, e in zip(line.y, line.high, strict=False)]
        _, _, errors = place.errorbar(
            [x + aside * (number - middle) for x in line.x],
            line.y,
            yerr=[below, above] if below else None,
            color=style.colour,
            marker=style.marker,
            linestyle=style.dashes if joined and line.arm != ORACLE else "none",
            linewidth=style.width,
            elinewidth=0.8,
            markersize=4.5 if joined else 7,
            label=line.arm,
            zorder=3 if role_of(line.arm) == "method" else 2,
        )
        for bar in errors:
            bar.set_alpha(0.55)
    place.set_title(panel.title)
    if panel.names:
        place.set_xticks(range(len(panel.names)), panel.names)
    elif joined:  # shares: from nothing on
        most = max((x for line in panel.lines for x in line.x), default=1.0)
        place.set_xlim(-0.04 * most, 1.06 * most)


def _log_scale(place: Any) -> None:
    ticker = need("matplotlib.ticker", extra="eval")
    place.set_xscale("log")
    place.xaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:g}"))
    place.xaxis.set_minor_formatter(ticker.NullFormatter())


def _legend(figure: Any, places: Sequence[Any], styles: dict[str, Style], across: int) -> None:
    """One legend for all panels, above them."""
    found: dict[str, Any] = {}
    for place in places:
        for handle, label in zip(*place.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    order = [*styles, "best found", "Pareto set"]
    labels = sorted(found, key=order.index)
    figure.legend(
        [found[label] for label in labels],
        labels,
        loc="outside upper center",
        ncols=min(across, len(labels)),
        frameon=False,
        handlelength=2.6,
    )


def _pyplot() -> Any:
    mpl = need("matplotlib", extra="eval")
    mpl.use("Agg")
    return need("matplotlib.pyplot", extra="eval")


LOOK = {
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "axes.titlesize": 9,
    "axes.titleweight": "bold",
    "axes.edgecolor": LINE,
    "axes.labelcolor": MUTED,
    "axes.titlecolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "svg.fonttype": "none",
    "text.parse_math": False,  # a dollar in a name is a dollar
    "figure.constrained_layout.use": True,
}


def _looking_alike(draw: Draw) -> Draw:
    """Return what draws in our look, whatever the process has set."""

    def drawn(form: str) -> bytes:
        with need("matplotlib", extra="eval").rc_context(LOOK):
            return draw(form)

    return drawn


def _saved(figure: Any, form: str) -> bytes:
    pyplot = _pyplot()
    out = io.BytesIO()
    metadata = {"Date": None} if form == "svg" else {"Software": None}
    figure.savefig(out, format=form, dpi=DPI, metadata=metadata, transparent=form == "svg")
    pyplot.close(figure)
    return out.getvalue() if form == "svg" else _smaller(out.getvalue())


def _smaller(png: bytes) -> bytes:
    """Return a PNG of at most 256 colours, a third of the size; matplotlib brings Pillow."""
    image = need("PIL.Image", extra="eval")
    out = io.BytesIO()
    with image.open(io.BytesIO(png)) as picture:
        picture.convert("RGB").quantize(256, dither=image.Dither.NONE).save(
            out, format="PNG", optimize=True
        )
    return out.getvalue()


def _widest(match: re.Match[str]) -> str:
    return f'style="max-width: {float(match[1]) * PIXELS:.0f}px" {match[0]}'


def for_page(svg: bytes, name: str) -> str:
    """Return an SVG as it stands inside an HTML page: no head, no metadata, ids of its own.

    Args:
        svg: What matplotlib wrote.
        name: Of the figure; what its ids begin with.
    """
    text = svg.decode("utf-8")
    text = text[text.index("<svg") :]
    for needless in (
        r"<metadata>.*?</metadata>",
        r"<style.*?</style>",
        r"<!--.*?-->",
        r' xmlns(:\w+)?="[^"]*"',
    ):
        text = re.sub(needless, "", text, flags=re.DOTALL)
    for side in ("width", "height"):  # the page decides
        text = re.sub(rf'(<svg[^>]*?) {side}="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'viewBox="0 0 ([\d.]+)', _widest, text, count=1)
    text = text.replace("xlink:href", "href")
    used = {*re.findall(r'(?:url\(|href=")#([^)"]+)', text)}
    text = re.sub(r' id="([^"]*)"', lambda m: m[0] if m[1] in used else "", text)
    text = re.sub(r'(id="|href="#|url\(#)', rf"\g<1>{name}-", text)
    text = re.sub(r"\d+\.\d{3,}", lambda m: f"{float(m[0]):.2f}", text)
    text = re.sub(r"\s*\n\s*", "\n", text)
    text = re.sub(r"'DejaVu Sans'(, [^;\"]*)?", "var(--font)", text)
    for colour, variable in IN_PAGE.items():
        text = text.replace(colour, variable)
    return text
