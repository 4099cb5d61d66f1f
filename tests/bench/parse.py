"""parse: a million messages from a file into the metrics of operators and
chats, `aggregator -a operators,chats`, on one core, compared with readers of
the same records that use other parsers and give the same answer: jansson
always, simdjson if it is installed, and a count of lines as the lower bound.
Then the same with keys shuffled, with spaces, with unknown fields, and of five
tenants."""

import json

import table # adds the folder of the harness to the path
import rivals

from harness import TESTBIN, Lab, main

MESSAGES = table.scaled(1000000)
ROUNDS = table.rounds(7)
VARIANT_ROUNDS = table.rounds(5)
OURS = ["aggregator", "-a", "operators,chats", "-o", "ndjson"]
ARGV = {"ours": OURS}
TITLES = {"ours": "aggregator", **rivals.TITLES}
WORLD = ["--tenants", "1", "--chats", "20000", "--users", "18000",
         "--operators", "200", "--ids", "number",
         "--views", "0", "--events", "0", "--late", "0"]
VARIANTS = [("keys shuffled", ["--shuffle"]), ("blanks", ["--spaces"]),
            ("unknown fields", ["--extra"]),
            ("five tenants", ["--tenants", "5"])]
# A column that the other readers lack is not compared.
KEYS = {"operator_metrics": "operator", "chat_metrics": "chat"}


def rows(out):
    """Rows by table, tenant and key; only open chats."""
    found = {}
    for line in out.splitlines():
        r = json.loads(line)
        if r.get("table") in KEYS:
            key = r["table"], r["tenant"], r[KEYS[r["table"]]]
            if r.get("status", "open") == "open":
                found[key] = r
    return found


def compare(ours, theirs):
    """Returns the first difference, or None."""
    a, b = rows(ours), rows(theirs)
    for key in a.keys() | b.keys():
        if key not in a or key not in b:
            return f"{key} is missing on one side"
        for column, value in b[key].items():
            if a[key].get(column, "absent") != value:
                return f"{key} {column}: {a[key].get(column)}, {value}"
    return None


class Stream:
    def __init__(self, lab, title, options):
        self.lab = lab
        self.title = title
        self.path = lab.path("stream")
        lab.must([TESTBIN + "/load", "-n", MESSAGES, "-t", self.path]
                 + WORLD + options)
        with open(self.path, "rb") as f:
            data = f.read()
        self.lines = data.count(b"\n")
        self.bytes = len(data) / self.lines

    def once(self, argv):
        table.touch_memory()
        return self.lab.must(argv, stdin=open(self.path, "rb"))

    def race(self, names, rounds):
        """Runs the readers in turn; {name: [Done]}. The first round only warms
        up, and its answers are compared."""
        argv = {n: ARGV.get(n) or [rivals.path(n)] for n in names}
        first = {n: self.once(argv[n]) for n in names}
        for n in names:
            if n in ("ours", "newlines"):
                continue
            bad = compare(first["ours"].out, first[n].out)
            if bad:
                raise AssertionError(f"{n} answers otherwise: {bad}")
        done = {n: [] for n in names}
        for k in range(rounds):
            for n in names[k % len(names):] + names[:k % len(names)]:
                done[n].append(self.once(argv[n]))
                done[n][-1].out = None
        return done


def times(done, name):
    """How many times faster ours is than that program."""
    return table.ratio([d.wall for d in done[name]],
                       [d.wall for d in done["ours"]])


def show(stream, done, rounds, limits):
    lines = []
    for name, runs in done.items():
        wall = table.median([d.wall for d in runs])
        lines.append((
            TITLES[name], stream.lines / wall, "rec/s",
            f"CPU {table.median([d.cpu for d in runs]):.2f} s, peak "
            f"{max(d.peak_kib for d in runs) / 1024:.0f} MiB",
        ))
    for name in done:
        if name not in ("ours", "newlines"):
            lines.append((f"aggregator / {name}", times(done, name), "",
                          table.at_least(times(done, name),
                                         limits.get(name))))
    table.show(
        f"{stream.title}: {stream.lines:,} records of {stream.bytes:.0f} bytes"
        " from a file", lines,
        f"Medians of {rounds} rounds, turn by turn; rows compared.",
    )


def body():
    table.machine()
    with Lab("parse") as lab:
        names = list(ARGV) + rivals.build(
            "newlines", "jansson", "simdjson")
        stream = Stream(lab, "Plain", [])
        show(stream, stream.race(names, ROUNDS), ROUNDS,
             {"simdjson": 1.3})
        few = [n for n in names if n in ("ours", "jansson", "simdjson")]
        if "simdjson" in few:
            few.remove("jansson")
        for title, options in VARIANTS:
            stream = Stream(lab, title.capitalize(), options)
            show(stream, stream.race(few, VARIANT_ROUNDS), VARIANT_ROUNDS,
                 {"simdjson": 1.0})
    return 0


main(body)
