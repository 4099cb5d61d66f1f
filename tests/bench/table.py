"""table: how a part of the bench shows what it measured, and where it finds
the harness of the tests."""

import os
import sys

sys.path.insert(
    0, os.path.join(os.path.dirname(__file__), os.pardir, "e2e")
)


def show(title, rows, note=None):
    """Rows of (what, value, unit, beside what)."""
    print(f"\n{title}")
    print("-" * len(title))
    for what, value, unit, *beside in rows:
        if isinstance(value, float):
            value = f"{value:.2f}" if value < 100 else f"{value:.0f}"
        elif isinstance(value, int):
            value = f"{value:,}"
        print(f"{what:<44} {value:>12} {unit:<8} {' '.join(beside)}".rstrip())
    if note:
        print(note)
    sys.stdout.flush()


def median(values):
    return sorted(values)[len(values) // 2]


def ratio(ours, theirs):
    """The median of what each round gave: neighbours disturb both sides of a
    round alike."""
    return median([a / b for a, b in zip(ours, theirs)])
