"""damage_kinds: the kinds of damage to a file of a state. Each gets the current
bytes, those of an earlier time (None: the file did not exist), and dice. It
returns other bytes, None if it cannot be applied to this file, or REMOVED.
"""

import struct

PAGE = 4096
REMOVED = object()
LMDB = ("stream.mdb", "spool/requests.mdb", "acme.mdb")


def patched(now, at, new):
    return now[:at] + new + now[at + len(new):]


def differs(now, new):
    return new if new != now else None


def bit(now, earlier, dice):
    if not now:
        return None
    at = dice.randrange(len(now))
    return patched(now, at, bytes([now[at] ^ 1 << dice.randrange(8)]))


def byte(now, earlier, dice):
    if not now:
        return None
    at = dice.randrange(len(now))
    return patched(now, at, bytes([now[at] ^ dice.randrange(1, 256)]))


def zeroed(size, aligned):
    def zero(now, earlier, dice):
        if not now:
            return None
        at = dice.randrange(len(now))
        if aligned:
            at -= at % size
        return differs(now, patched(now, at, bytes(min(size, len(now) - at))))
    return zero


def root(lmdb):
    """The number of LMDB's current commit. The newest of its two roots is the
    current one; even and odd commits alternate between them."""
    found = [0, 0]
    for n in range(2):
        p = page(lmdb, n)
        if len(p) == PAGE and p[16:20] == b"\xde\xc0\xef\xbe" and p[10] & 8:
            found[n] = struct.unpack_from("<Q", p, 144)[0]
    return found[max(found) & 1]


def is_older(now, new):
    """An empty file equals one before the first commit."""
    return not new or 0 < root(new) < root(now)


def page(bytes_, n):
    return bytes_[n * PAGE:(n + 1) * PAGE]


def exchanged(now, earlier, dice):
    pages = len(now) // PAGE
    if pages < 2:
        return None
    a, b = dice.sample(range(pages), 2)
    return differs(now, patched(patched(now, a * PAGE, page(now, b)),
                                b * PAGE, page(now, a)))


def stale_page(now, earlier, dice):
    """A page that changed since then."""
    if not earlier:
        return None
    changed = [n for n in range(min(len(now), len(earlier)) // PAGE + 1)
               if page(now, n)[:len(page(earlier, n))] != page(earlier, n)]
    if not changed:
        return None
    n = dice.choice(changed)
    return differs(now, patched(now, n * PAGE, page(earlier, n))[:len(now)])


def stale_file(now, earlier, dice):
    return differs(now, earlier) if earlier is not None else None


def cut(now, earlier, dice):
    return now[:dice.randrange(len(now))] if now else None


def cut_at_page(now, earlier, dice):
    pages = (len(now) - 1) // PAGE
    return now[:dice.randrange(pages + 1) * PAGE] if now else None


def cut_at_line(now, earlier, dice):
    ends = [i + 1 for i, c in enumerate(now[:-1]) if c == 10]
    return now[:dice.choice(ends)] if ends else None


def removed(now, earlier, dice):
    return REMOVED


KINDS = {
    "bit": bit,
    "byte": byte,
    "16 zeroed": zeroed(16, False),
    "512 zeroed": zeroed(512, True),
    "page zeroed": zeroed(PAGE, True),
    "exchanged": exchanged,
    "stale page": stale_page,
    "stale file": stale_file,
    "cut": cut,
    "cut at page": cut_at_page,
    "cut at line": cut_at_line,
    "removed": removed,
}
