"""worlds: the oracle's results for several accounts over time. The simulator's
clock does not move between two steps, so the CRM's state at an as_of is that
at the nearest step.
"""

import bisect
import os
import sys
import threading
from datetime import datetime, timedelta, timezone

import tables

sys.path.insert(
    0, os.path.join(os.path.dirname(os.path.dirname(__file__)), "oracle")
)
import crm # noqa: E402  the oracle

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
# How far a snapshot's time may be from the frozen clock: the Date header has
# whole seconds, and repeating a call takes time.
NEAR_MS = 4000


def ms_of(text):
    """2026-11-20T10:00:00.123 as milliseconds."""
    text = text.rstrip("Z")
    t = datetime.fromisoformat(text).replace(tzinfo=timezone.utc)
    return (t - EPOCH) // timedelta(milliseconds=1)


def text_of(ms):
    t = EPOCH + timedelta(milliseconds=ms)
    return t.isoformat(timespec="milliseconds")[:23]


def row_of(table, row):
    """Formats an expected row like tables.row_of() formats the stored one."""
    return {
        c: text_of(row[c]) if isinstance(row.get(c), int)
        and (c.endswith(("_at", "_since")) or c == "as_of")
        else tables.normal(c, row.get(c))
        for c in tables.compare.COLUMNS[table]
    }


class Worlds:
    def __init__(self, sim, tokens, **options):
        self.sim = sim
        self.accounts = {
            tenant: crm.Account(sim.url, token, tenant, **options)
            for tenant, token in tokens.items()
        }
        self.times = [] # of each step, in ms
        self.views = [] # per step {tenant: what was shown}
        self.cache = {}
        self.lock = threading.Lock()

    def remember(self):
        """Records what the CRM shows now."""
        now = ms_of(self.sim.stats()["now"])
        views = {t: a.look() for t, a in self.accounts.items()}
        with self.lock:
            self.times.append(now)
            self.views.append(views)

    def _nearest(self, ms):
        i = bisect.bisect_left(self.times, ms)
        near = [k for k in (i - 1, i) if 0 <= k < len(self.times)]
        best = min(near, key=lambda k: abs(self.times[k] - ms))
        if abs(self.times[best] - ms) > NEAR_MS:
            raise AssertionError(
                f"as_of {text_of(ms)} is the time of no step; nearest is "
                f"{text_of(self.times[best])}"
            )
        return best

    def expected(self, tenant, as_of):
        """{table: {key: row}} of a tenant at an as_of as text."""
        with self.lock:
            if (tenant, as_of) not in self.cache:
                ms = ms_of(as_of)
                view = self.views[self._nearest(ms)][tenant]
                self.cache[(tenant, as_of)] = {
                    table: {
                        tables.key_of(table, r): r
                        for r in (row_of(table, r) for r in rows.values())
                    }
                    for table, rows in view.expected(ms).items()
                }
            return self.cache[(tenant, as_of)]

    def age(self, as_of):
        """How many steps ago that was."""
        with self.lock:
            return len(self.times) - 1 - self._nearest(ms_of(as_of))

    def open_now(self, tenant):
        return set(self.views[-1][tenant].chats)
