"""sink: rows a second from a file into MariaDB, beside a bare loop that sends
the same statements with the same rows ready in memory; new rows, then newer
versions of the same rows. Turn by turn on one server."""

import table # first: it knows where the others are

from harness import TESTBIN, Lab, main

ROWS = 200000
BATCH = 1000
ROUNDS = 5
BARE = TESTBIN + "/tools/sink_bare"


class Store:
    def __init__(self, lab):
        self.lab = lab
        lab.env["MYSQL_POOL"] = "256M"
        lab.start_servers("mariadb")
        self.conf = lab.conf("messaging.conf", {"sink": {"batch": BATCH}})
        self.must(["sink", "-c", self.conf, "--migrate"])
        self.version = 0

    def must(self, argv, **kw):
        done = self.lab.run(argv, **kw)
        if done.code != 0:
            raise AssertionError(f"{argv[0]}: {done}")
        return done

    def rows(self):
        self.version += 1
        path = self.lab.path("rows")
        with open(path, "wb") as f:
            f.write(self.must([BARE, "rows", ROWS, self.version]).out)
        return path

    def ours(self):
        path = self.rows()
        done = self.must(["sink", "-c", self.conf, "-f", path])
        done.rate = ROWS / done.wall
        return done

    def bare(self):
        self.version += 1
        done = self.must([BARE, "store", ROWS, self.version, BATCH])
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
        table.show(f"{what}, {ROWS:,} rows of chat_metrics", [
            ("bare loop", bare, "rows/s"),
            ("sink", ours, "rows/s"),
            ("ratio", table.ratio([d.rate for d in both["ours"]],
                                  [d.rate for d in both["bare"]]), "",
             "at least 0.80"),
            ("sink's CPU", table.median([d.cpu for d in both["ours"]]), "s"),
            ("sink's peak memory",
             table.median([d.peak_kib for d in both["ours"]]) / 1024, "MiB"),
        ], f"Medians of {ROUNDS} rounds, {BATCH:,} rows a transaction, "
            "turn by turn.")


def body():
    with Lab("store") as lab:
        store = Store(lab)
        store.show("New rows", store.rounds(True))
        store.show("Newer versions", store.rounds(False))
    return 0


main(body)
