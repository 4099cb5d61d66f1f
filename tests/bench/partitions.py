"""partitions: two aggregators on two files, each with half of the chats and a
core of its own, beside one with one core on both; and that what they make adds up to what one makes: counts,
sums and maxima exactly, quantiles of all responses, at the middles of buckets,
within 1/64."""

import json
import os
import zlib

import table # first: it knows where the others are

from harness import BIN, TESTBIN, Checks, Lab, main

MESSAGES = table.scaled(2000000)
ROUNDS = table.rounds(5)
METRICS = "operators,chats,histograms"
WORLD = ["--tenants", "4", "--users", "20000", "--operators", "50", "--chats",
         str(max(1000, MESSAGES // 50)), "--late", "0", "--gap", "5",
         "--views", "0", "--events", "0"]
WITHIN = 1 / 64
CORES = sorted(os.sched_getaffinity(0))
QUANTILES = (0.5, 0.9, 0.99)


def split(path, parts):
    """Each chat's records to one of the parts, all others to both."""
    files = [open(p, "wb") for p in parts]
    with open(path, "rb") as f:
        for line in f:
            at = line.find(b'"chat":"')
            if at < 0:
                for part in files:
                    part.write(line)
            else:
                name = line[at + 8:line.index(b'"', at + 8)]
                files[zlib.crc32(name) % len(files)].write(line)
    for f in files:
        f.close()


def rows(path, *names):
    """The rows of those tables, or of their parts."""
    found = {n: [] for n in names}
    with open(path) as f:
        for line in f:
            r = json.loads(line)
            name = r.get("table", "").removesuffix("_parts")
            if name in found:
                found[name].append(r)
    return found


def add_up(paths):
    """Hours and buckets of all files together."""
    hours, buckets = {}, {}
    for path in paths:
        found = rows(path, "response_hours", "response_histogram")
        for r in found["response_hours"]:
            key = r["tenant"], r["operator"], r["hour"], r["kind"]
            n, total, longest = hours.get(key, (0, 0, 0))
            hours[key] = (n + r["responses"], total + r["sum_ms"],
                          max(longest, r["max_ms"]))
        for r in found["response_histogram"]:
            key = (r["tenant"], r["operator"], r["hour"], r["kind"],
                   r["bucket"])
            buckets[key] = buckets.get(key, 0) + r["count"]
    return hours, buckets


def bounds(bucket):
    """Of a log-linear bucket, in ms: the values below 32 each have their own,
    every power of two above has 32."""
    if bucket < 32:
        return bucket, bucket
    power, step = divmod(bucket - 32, 32)
    return (32 + step) << power, ((33 + step) << power) - 1


def quantile(counts, q):
    """The middle of the bucket in which that rank lies."""
    left = -(-sum(counts.values()) * q // 1)
    for bucket in sorted(counts):
        left -= counts[bucket]
        if left <= 0:
            low, high = bounds(bucket)
            return (low + high) / 2
    raise AssertionError("no responses")


def check_quantiles(checks, buckets, exact):
    """Of all responses of all operators."""
    counts, n = {}, len(exact)
    for (*_, kind, bucket), count in buckets.items():
        if kind in ("first_response", "reply"):
            counts[bucket] = counts.get(bucket, 0) + count
    checks.that(sum(counts.values()) == n,
                f"{sum(counts.values())} responses in buckets, {n} made")
    worst = 0
    for q in QUANTILES:
        want = exact[int(-(-n * q // 1)) - 1]
        got = quantile(counts, q)
        worst = max(worst, abs(got - want) / max(want, 1))
    checks.that(worst <= WITHIN, f"a quantile is off by {worst:.4f}")
    return worst


class Race:
    def __init__(self, lab):
        self.lab = lab
        self.whole = lab.path("whole")
        self.parts = [lab.path("part1"), lab.path("part2")]
        lab.must([TESTBIN + "/load", "-n", MESSAGES, "-t", self.whole] + WORLD,
                 timeout=600)
        split(self.whole, self.parts)

    def time(self, paths):
        """All at once."""
        table.touch_memory()
        began = table.now()
        parts = [["--part", f"{i}/{len(paths)}"] if len(paths) > 1 else []
                 for i in range(len(paths))]
        running = [
            self.lab.start(["taskset", "-c", str(CORES[i % len(CORES)]),
                            BIN + "/aggregator", "-a", METRICS, "-o", "ndjson",
                            "-f", p] + parts[i],
                           stdout=open(p + ".rows", "wb"))
            for i, p in enumerate(paths)
        ]
        codes = [p.wait() for p in running]
        took = table.now() - began
        for p in running:
            self.lab.processes.remove(p)
        if any(codes):
            raise AssertionError(f"aggregator ended with {codes}")
        return took

    def responses(self):
        """In ms, sorted."""
        path = self.lab.path("intervals")
        done = self.lab.must(["aggregator", "-a", "intervals", "-o", "ndjson",
                              "-f", self.whole, "-t", path], timeout=600)
        del done
        return sorted(
            r["ms"] for r in rows(path, "intervals")["intervals"]
            if r["kind"] in ("first_response", "reply")
            and not r.get("withdrawn"))


def body():
    table.machine()
    checks = Checks()
    with Lab("partitions") as lab:
        race = Race(lab)
        race.time([race.whole])
        one, two = [], []
        for _ in range(ROUNDS):
            one.append(race.time([race.whole]))
            two.append(race.time(race.parts))
        hours, buckets = add_up([race.whole + ".rows"])
        both = add_up([p + ".rows" for p in race.parts])
        checks.that(len(hours) > 0, "there are no hours")
        checks.that((hours, buckets) == both,
                    "the parts do not add up to the whole")
        worst = check_quantiles(checks, buckets, race.responses())
        ratio = table.ratio(one, two)
        table.show(
            f"Two partitions on two cores, {MESSAGES:,} messages from files", [
                ("one aggregator, a core", MESSAGES / table.median(one), "msg/s"),
                ("two, a core each", MESSAGES / table.median(two), "msg/s"),
                ("ratio", ratio, "", table.at_least(ratio, 1.6)),
                ("counts, sums, maxima", len(hours), "hours",
                 table.holds((hours, buckets) == both, "the same")),
                ("quantiles, the worst error", worst * 100, "%",
                 table.at_most(round(worst * 100, 3), WITHIN * 100)),
            ], f"Medians of {ROUNDS} rounds, turn by turn.")
    return checks.result()


main(body)
