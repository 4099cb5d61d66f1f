"""rollup_sums: the column sums of response_rollups, read as messaging-tables(5)
says."""


def read_sums(stored):
    """{kind: (n, sum, max, version, {bucket: n})}"""
    found = {}
    for kind in stored.split(";")[:-1]:
        name, *numbers = kind.split(" ")
        buckets = {}
        for run in numbers[4:]:
            first, counts = run.split(":")
            bucket, n = int(first), 0
            for letter in counts:
                n = 26 * n + ord(letter.lower()) - ord("a")
                if letter.islower():
                    if n:
                        buckets[bucket] = n
                    bucket, n = bucket + 1, 0
        found[name] = (*map(int, numbers[:4]), buckets)
    return found
