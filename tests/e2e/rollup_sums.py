"""rollup_sums: the column sums of response_rollups, read as documented in
messaging-tables(5); and its expected value for the lengths of responses, or for
rows of the table intervals."""

from collections import Counter, defaultdict

HOUR, DAY = 3600000, 86400000


def read_sums(stored):
    """{kind: (n, sum, max, {bucket: n})}"""
    found = {}
    for kind in stored.split(";")[:-1]:
        name, *numbers = kind.split(" ")
        buckets = {}
        for run in numbers[3:]:
            first, counts = run.split(":")
            bucket, n = int(first), 0
            for letter in counts:
                n = 26 * n + ord(letter.lower()) - ord("a")
                if letter.islower():
                    if n:
                        buckets[bucket] = n
                    bucket, n = bucket + 1, 0
        found[name] = (*map(int, numbers[:3]), buckets)
    return found


def bucket(length):
    """The bucket of a duration."""
    shift = max(length.bit_length() - 6, 0)
    return shift * 32 + (length >> shift)


def sums_of(lengths):
    """The sums of a kind, in the form of read_sums()."""
    return (len(lengths), sum(lengths), max(lengths),
            dict(Counter(map(bucket, lengths))))


def measures(row):
    """What an interval adds: lengths by name, and the names of counters."""
    kind, work, kept = row["kind"], row["work_ms"], row["kept"]
    closed = work == 0 < row["ms"] and kind in ("first_response", "reply")
    lengths = [(kind, row["ms"])] + (
        [] if work is None else [(kind + "_work", work)])
    counted = [kind + name for name, is_so in (
        ("_kept", kept == 1), ("_missed", kept == 0), ("_closed", closed))
        if is_so]
    # A closing beyond the target is a missed response.
    if kind == "unanswered" and kept == 0:
        counted.append(row["awaited"] + "_missed")
    return lengths, counted


def sums_of_rows(tenant, rows):
    """{(tenant, subject, span, begin, id): {name: sums}} of rows of the table
    intervals. Times are in ms."""
    lengths = defaultdict(lambda: defaultdict(list))
    counts = defaultdict(Counter)
    for row in rows:
        if row["kind"] == "waiting":
            continue
        own, counted = measures(row)
        for span, length in (("hour", HOUR), ("day", DAY)):
            begin = row["end_at"] // length * length
            for subject, name in (("operator", row["operator"] or ""),
                                  ("channel", row["channel"] or ""),
                                  ("tenant", "")):
                key = (tenant, subject, span, begin, name)
                for measure, ms in own:
                    lengths[key][measure].append(ms)
                counts[key].update(counted)
    return {key: {**{name: sums_of(ms) for name, ms in of.items()},
                  **{name: (n, 0, 0, {}) for name, n in counts[key].items()}}
            for key, of in lengths.items()}


def difference(got, want):
    """The difference between two dictionaries as text, empty if they are
    equal."""
    wrong = [k for k in want.keys() | got.keys()
             if want.get(k) != got.get(k)]
    return wrong and (
        f"{len(wrong)} of {len(want)} differ, such as {wrong[:1]}: "
        f"{[got.get(k) for k in wrong[:1]]} for "
        f"{[want.get(k) for k in wrong[:1]]}")
