"""rollup_sums: the column sums of response_rollups, read as documented in
messaging-tables(5); and its expected value for the lengths of responses."""

from collections import Counter


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


def difference(got, want):
    """The difference between two dictionaries as text, empty if they are
    equal."""
    wrong = [k for k in want.keys() | got.keys()
             if want.get(k) != got.get(k)]
    return wrong and (
        f"{len(wrong)} of {len(want)} differ, such as {wrong[:1]}: "
        f"{[got.get(k) for k in wrong[:1]]} for "
        f"{[want.get(k) for k in wrong[:1]]}")
