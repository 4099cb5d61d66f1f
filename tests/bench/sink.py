"""sink: rows a second into MariaDB, beside bare loops that send the same rows
ready in memory: the metrics of a snapshot from a file, by one connection each,
new rows and then newer versions of them; and messages from a queue in bodies of
64 KB, by two connections each. Turn by turn on one server."""

import table # first: it knows where the others are

from harness import TESTBIN, Lab, main

ROWS = table.scaled(200000)
BATCH = 1000
ROUNDS = table.rounds(5)
MESSAGES = table.scaled(300000)
TRANSACTION = 5000
BODY = 300  # messages, 64 KB
RATIO = 0.8 # of the bare loop, at least
BARE = TESTBIN + "/tools/sink_bare"
PROBE = TESTBIN + "/tools/amqp_probe"


def ratio_of(both):
    return table.ratio([d.rate for d in both["ours"]],
                       [d.rate for d in both["bare"]])


class Store:
    def __init__(self, lab):
        self.lab = lab
        lab.env["MYSQL_OPTIONS"] = "--innodb-buffer-pool-size=256M"
        lab.start_servers("mariadb", "rabbitmq")
        self.conf = lab.conf("messaging.conf", {
            "sink": {"batch": BATCH, "connections": 1}})
        self.two = lab.conf("two.conf", {
            "sink": {"batch": TRANSACTION, "connections": 2}})
        self.must(["sink", "-c", self.conf, "--migrate"])
        self.version = 0

    def must(self, argv, **kw):
        return self.lab.must(argv, **kw)

    def stored(self, counts, name, want):
        """Whose rows are not all there has been fast at nothing."""
        there = [int(n) for n in self.lab.sql(
            f"select {counts} from {name}")[0]]
        assert there == want, f"{name} has {there}, not {want}"

    def rows_stored(self):
        """All rows, and all of the version that was sent last; the bare
        loop's header has the time of version 0."""
        at = "timestamp'2025-11-20 09:00:00' + interval {} minute".format(
            self.version)
        self.stored(f"count(*), count(nullif(as_of = {at}, 0))",
                    "chat_metrics", [ROWS, ROWS])

    def messages_stored(self):
        self.stored("count(*)", "messages", [MESSAGES])

    def rows(self):
        self.version += 1
        path = self.lab.path("rows")
        with open(path, "wb") as f:
            f.write(self.must([BARE, "rows", ROWS, self.version]).out)
        return path

    def ours(self):
        path = self.rows()
        done = self.must(["sink", "-c", self.conf, "-f", path])
        self.rows_stored()
        done.rate = ROWS / done.wall
        return done

    def bare(self):
        self.version += 1
        done = self.must([BARE, "store", ROWS, self.version, BATCH])
        self.rows_stored()
        done.rate = float(done.out.split()[0])
        return done

    def empty(self):
        for name in ("chat_metrics", "tenants"):
            self.lab.sql(f"truncate table {name}")

    def rounds(self, fresh):
        both = {"ours": [], "bare": []}
        for _ in range(ROUNDS):
            for which in ("bare", "ours"):
                if fresh:
                    self.empty()
                both[which].append(getattr(self, which)())
        return both

    def show(self, what, both):
        bare = table.median([d.rate for d in both["bare"]])
        ours = table.median([d.rate for d in both["ours"]])
        ratio = ratio_of(both)
        table.show(f"{what}, {ROWS:,} rows of chat_metrics", [
            ("bare loop", bare, "rows/s"),
            ("sink", ours, "rows/s"),
            ("ratio", ratio, "", table.at_least(ratio, RATIO)),
            ("sink's CPU", table.median([d.cpu for d in both["ours"]]), "s"),
            ("sink's peak memory",
             table.median([d.peak_kib for d in both["ours"]]) / 1024, "MiB"),
        ], f"Medians of {ROUNDS} rounds, {BATCH:,} rows a transaction, "
            "turn by turn.")


    def messages(self):
        """As rounds(), of messages."""
        path = self.lab.path("messages")
        with open(path, "wb") as f:
            f.write(self.must([BARE, "messages", MESSAGES]).out)
        both = {"ours": [], "bare": []}
        for _ in range(ROUNDS):
            self.lab.sql("truncate table messages")
            done = self.must([BARE, "store-messages", MESSAGES, TRANSACTION,
                              2])
            self.messages_stored()
            done.rate = float(done.out.split()[0])
            both["bare"].append(done)
            self.lab.sql("truncate table messages")
            with open(path, "rb") as f:
                self.must([PROBE, "-b", BODY, "write", "queue:bench"], stdin=f)
            done = self.must(["sink", "-c", self.two, "-f", "queue:bench",
                              "--until-empty"])
            self.messages_stored()
            done.rate = MESSAGES / done.wall
            both["ours"].append(done)
        return both

    def show_messages(self, both):
        ratio = ratio_of(both)
        table.show(f"Messages, {MESSAGES:,} of 220 bytes from a queue", [
            ("bare loop", table.median([d.rate for d in both["bare"]]),
             "rows/s"),
            ("sink", table.median([d.rate for d in both["ours"]]), "rows/s"),
            ("ratio", ratio, "", table.at_least(ratio, RATIO)),
            ("sink's CPU", table.median([d.cpu for d in both["ours"]]), "s"),
            ("sink's peak memory",
             table.median([d.peak_kib for d in both["ours"]]) / 1024, "MiB"),
        ], f"Medians of {ROUNDS} rounds, two connections, {TRANSACTION:,} rows "
            "a transaction, turn by turn. The sink's time includes starting "
            "and seeing twice that the queue is empty.")


def body():
    with Lab("store") as lab:
        store = Store(lab)
        store.show("New rows", store.rounds(True))
        store.show("Newer versions", store.rounds(False))
        store.show_messages(store.messages())
    return 0


main(body)
