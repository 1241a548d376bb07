"""The results as a table, as JSON and as a picture."""

import json
import os
import platform
from datetime import UTC, datetime
from html import escape
from math import log10
from pathlib import Path

_FORMAT = "{:<4} {:<52} {:>7} {:>15} {:>7} {:>7}  {}"


def print_head() -> None:
    _print("", "what", "median", "min…max", "CPU", "target", "")


def print_line(result: dict) -> None:
    low, high = result["spread"]
    _print(
        result["benchmark"],
        result["what"],
        _short(result["median"]),
        f"{_short(low)}…{_short(high)}",
        _short(result["cpu"]),
        _target(result),
        _verdict(result),
    )


def write(folder: Path, results: list[dict]) -> None:
    """Puts the results in the place of older ones of the same benchmarks."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "results.json"
    fresh = {result["benchmark"] for result in results}
    machine = {
        "cores": os.cpu_count(),
        "processor": platform.machine(),
        "python": platform.python_version(),
        "date": datetime.now(UTC).date().isoformat(),
    }
    results = [result | {"machine": machine} for result in results]
    if file.exists():
        old = json.loads(file.read_text())
        results += [result for result in old if result["benchmark"] not in fresh]
    results.sort(key=lambda result: (result["benchmark"][0], int(result["benchmark"][1:])))
    file.write_text(json.dumps(results, indent=1) + "\n")
    (folder / "results.svg").write_text(picture(results))


def picture(results: list[dict]) -> str:
    """A line for each ratio with a target: median and spread as shares of the target.

    The scale is logarithmic from a tenth of the target to ten times as good; what lies in the
    green half meets it, whichever way the target goes.
    """
    results = [result for result in results if result["target"]]
    row, left, width = 26, 430, 400
    height = row * len(results) + 50

    def x(ratio: float, result: dict) -> float:
        good = ratio / result["target"]
        good = 1 / good if result["at_most"] else good
        return left + width * (min(max(log10(good), -1), 1) + 1) / 2

    middle = left + width / 2
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 960 {height}"'
        ' font-family="sans-serif" font-size="12">',
        f'<rect width="960" height="{height}" fill="#fff"/>',
        f'<rect x="{middle}" y="24" width="{width / 2}" height="{height - 34}" fill="#e6f4e6"/>',
        f'<path d="M{middle} 24V{height - 10}" stroke="#2a7a2a"/>',
        f'<text x="{middle}" y="16" text-anchor="middle">target</text>',
        f'<text x="{left}" y="16">ten times worse</text>',
        f'<text x="{left + width}" y="16" text-anchor="end">ten times better</text>',
    ]
    for number, result in enumerate(results):
        y = 42 + row * number
        low, high = (x(value, result) for value in result["spread"])
        colour = "#2a7a2a" if result["met"] else "#b03030"
        text = escape(f"{result['benchmark']} {result['what']}")
        lines += [
            f'<text x="10" y="{y + 4}">{text}</text>',
            f'<path d="M{low:.1f} {y}H{high:.1f}" stroke="{colour}" stroke-width="2"/>',
            f'<circle cx="{x(result["median"], result):.1f}" cy="{y}" r="4" fill="{colour}"/>',
            f'<text x="{left + width + 10}" y="{y + 4}">'
            f"{_short(result['median'])} ({_target(result)})</text>",
        ]
    return "\n".join([*lines, "</svg>", ""])


def _print(*cells: str) -> None:
    print(_FORMAT.format(*cells).rstrip(), flush=True)


def _short(number: float | None) -> str:
    if number is None:
        return ""
    return f"{number:.0f}" if number >= 100 else f"{number:.3g}"


def _target(result: dict) -> str:
    if result["target"] is None:
        return ""
    return f"{'≤' if result['at_most'] else '≥'} {result['target']:g}"


def _verdict(result: dict) -> str:
    return {True: "met", False: "not met", None: ""}[result["met"]]
