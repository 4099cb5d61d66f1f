"""scripts/report --watch on a terminal that is wide, then narrow: names of
East Asia stand in their columns, the table fits, a database that goes away
leaves the last one with its age, and one that comes back refreshes it; q ends
it. A pseudo-terminal is the terminal; what it shows is worked out from what
was written."""

import fcntl
import os
import pty
import re
import struct
import termios
import unicodedata

from harness import BIN, Lab, main, say, until

# The last turns the direction of what follows it, and moves the cursor.
OPERATORS = [("1", "田中花子"), ("2", "Анна"), ("3", "Zoë e\u0301"), ("4", "김철수"),
             ("5", "Malik\u202e\u2067\ufeff\x9b2J")]


def width(text):
    return sum(0 if unicodedata.combining(c) else
               2 if unicodedata.east_asian_width(c) in "WF" else 1
               for c in text)


class Screen:
    """report --watch in a terminal of so many rows and columns."""

    def __init__(self, env, rows, columns):
        pid, self.fd = pty.fork()
        if pid == 0:
            # Here: it asks for it as soon as it runs.
            fcntl.ioctl(1, termios.TIOCSWINSZ,
                        struct.pack("HHHH", rows, columns, 0, 0))
            os.execve("scripts/report", ["report", "--watch=0.2"], env)
        self.pid = pid
        self.seen = b""
        os.set_blocking(self.fd, False)

    def page(self):
        """The lines of the newest whole page."""
        try:
            while True:
                self.seen += os.read(self.fd, 65536)
        except (BlockingIOError, OSError):
            pass
        pages = re.findall(rb"\x1b\[\?7l\x1b\[H\x1b\[J(.*?)\x1b\[\?7h",
                           self.seen, re.S)
        return pages[-1].decode().replace("\r", "").split("\n") if pages else []

    def shows(self, what, seconds=60):
        return until(seconds, lambda: any(what in line for line in self.page()),
                     f"the screen shows {what!r}: {self.page()}")

    def key(self, key):
        os.write(self.fd, key)

    def end(self):
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def records():
    begin = '{"type":"snapshot","tenant":"t","snapshot":"s","state":"%s"%s,"at":"2026-11-20T10:00:00Z"}'
    lines = [begin % ("begin", "")]
    for operator, name in OPERATORS:
        lines.append('{"type":"operator","tenant":"t","snapshot":"s","operator":"%s",'
                     '"name":"%s","available":true}' % (operator, name))
    lines.append(begin % ("end", ',"records":%d' % len(OPERATORS)))
    return "\n".join(lines) + "\n"


def table(page):
    """The header and its rows."""
    at = next(i for i, line in enumerate(page) if line.startswith("OPERATOR"))
    return page[at], page[at + 1:at + 1 + len(OPERATORS)]


def check_columns(page, titles):
    head, rows = table(page)
    assert head.split() == titles, head
    column = head.index("AVAIL")
    for row in rows:
        at = next(i for i in range(len(row)) if width(row[:i]) >= column)
        assert row[at:].startswith("yes"), (head, row)


def body():
    with Lab("report_watch") as lab:
        lab.start_servers("mariadb")
        lab.env.update(MESSAGING_BIN=BIN, TERM="xterm")
        env = lab.env
        lab.must(["sink", "--migrate"])
        rows = lab.must(["aggregator"], stdin=records().encode()).out
        lab.must(["sink"], stdin=rows)

        say("- a wide terminal")
        screen = Screen(env, 24, 120)
        screen.shows("田中花子")
        assert any("Malik????2J " in line for line in screen.page()), screen.page()
        check_columns(screen.page(), "OPERATOR AVAIL OPEN WAITING LONGEST "
                      "RESPONSES AVERAGE MEDIAN P90 FIRST".split())

        say("- the database goes, and the table stays")
        lab.servers("stop", "mariadb")
        screen.shows("no answer from the database for ")
        screen.shows("田中花子")
        lab.servers("start", "mariadb")
        until(60, lambda: "no answer" not in "".join(screen.page()),
              "it is fresh again")
        screen.key(b"q")
        assert screen.end() == 0

        say("- a narrow one")
        screen = Screen(env, 6, 40)
        until(60, lambda: any(line.startswith("OPERATOR") and width(line) <= 40
                              for line in screen.page()), screen.page())
        page = screen.page()
        head = next(line for line in page if line.startswith("OPERATOR"))
        assert head.split()[:3] == ["OPERATOR", "OPEN", "WAITING"], head
        assert len(page) <= 6, page
        screen.key(b"\x03")
        assert screen.end() == 0

        say("- one of a line, and one that does not say how many it has")
        for rows, most in ((1, 1), (0, 24)):
            screen = Screen(env, rows, 40)
            screen.shows("t, as of 2026-11-20 10:00:00 UTC")
            assert len(screen.page()) <= most, screen.page()
            screen.key(b"q")
            assert screen.end() == 0
    return 0


if __name__ == "__main__":
    main(body)
