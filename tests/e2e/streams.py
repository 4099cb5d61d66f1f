"""streams: a streaming aggregator between two queues, and the tables after its
rows."""

import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "oracle"))
import row_keys  # noqa: E402


def is_gone(row):
    table = row["table"]
    if table == "chat_metrics":
        return row["status"] == "left"
    if table == "intervals":
        return bool(row.get("withdrawn"))
    if table == "operator_metrics" and row.get("name"):
        return False
    return row_keys.is_zero(table, row)


def folded(records, by_hand):
    """A sorted line for each final row, without values that may differ between
    two ways to the same metrics. Rows about removed objects (a chat that left,
    an operator of zeros, a withdrawn interval, counts back at zero) are left
    out. Unless BY_HAND, each row must have a version, and rows of the same
    version must be equal."""
    newest = {}
    for line in records:
        row = json.loads(line)
        if row["type"] != "row":
            continue
        version = row.get("version")
        if (version is None) != by_hand:
            sys.exit(f"version: {line}")
        key = (row["tenant"], row["table"],
               *(str(row[c]) for c in row_keys.KEYS[row["table"]]))
        old = newest.get(key)
        if old is None or by_hand or version > old["version"]:
            newest[key] = row
        elif version == old["version"] and row != old:
            sys.exit(f"two rows of one version: {line}")
    for key in sorted(newest):
        row = newest[key]
        if is_gone(row):
            continue
        for name in ("as_of", "waits_until", "since", "version", "snapshot"):
            row.pop(name, None)
        yield json.dumps(row, sort_keys=True, ensure_ascii=False)


class Flow:
    """A streaming aggregator between the queues records and rows of a Lab; its
    rows are collected in self.rows. No sink answers, so its state is local,
    unless the test says otherwise."""

    def __init__(self, lab, metrics="operators,chats,tenant,events",
                 prefetch=50, **aggregator):
        self.lab, self.metrics, self.rows = lab, metrics, []
        self.state = lab.path("state")
        self.clock = aggregator.get("clock")
        self.conf = lab.conf("conf", {
            "amqp": {"prefetch": prefetch, "wait_timeout": "90s"},
            "crm t": {"token": "x"},
            "aggregator": {"keep_state": "local", **aggregator}})
        lab.env["MESSAGING_CONFIG"] = self.conf

    def put(self, lines, per_message=100, queue="records"):
        """Lines are text, with or without a newline."""
        self.lab.put(queue, (line.rstrip("\n") for line in lines), per_message)

    def get(self, queue="rows"):
        """Takes all lines of a queue."""
        return self.lab.take(queue)

    def letters(self, queue="records"):
        return [json.loads(line) for line in self.get(queue + ".dead")]

    def argv(self, *options, every="20ms", metrics=None, queue="records",
             to="queue:rows", state=None):
        return ["aggregator", "-f", "queue:" + queue, "-t", to, "--state",
                state or self.state, "--every", every, "-a",
                metrics or self.metrics, *options]

    def run(self, *options, code=0, **kw):
        """Runs the aggregator until the queue is empty, and collects its
        rows."""
        done = self.lab.run(self.argv(*options, "--until-empty", **kw))
        if done.code != code:
            raise AssertionError(f"not exit {code}: {done}")
        self.rows += self.get()
        return done

    def fresh(self):
        """Removes the state and the rows."""
        self.lab.run(["rm", "-rf", self.state])
        self.rows = []

    def by_hand(self, records, *options):
        done = self.lab.must(["aggregator", "-a", self.metrics, "-o", "ndjson",
                              *options], stdin="".join(
            line.rstrip("\n") + "\n" for line in records).encode())
        return list(folded(done.out.decode().splitlines(), True))

    def figures(self):
        return list(folded(self.rows, False))

    def same_figures(self, records, *options):
        """The collected rows equal those of the same records in a terminal,
        except for running waits, which grow with the system clock."""
        want, got = self.by_hand(records, *options), self.figures()
        if self.clock != "records":
            want, got = ([re.sub('"longest_wait_seconds": [^,]*', "", line)
                          for line in lines] for lines in (want, got))
        if not want:
            raise AssertionError("no rows in a terminal")
        if want != got:
            raise AssertionError("other rows than in a terminal: missing " +
                                 f"{[x for x in want if x not in got][:3]}, "
                                 f"more {[x for x in got if x not in want][:3]}")


def lines_of(kind, records):
    return sorted({line.rstrip("\n") for line in records
                   if json.loads(line)["type"] == kind})
