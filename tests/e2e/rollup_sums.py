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
            for i, n in enumerate(counts.split(",")):
                if n != "0":
                    buckets[int(first) + i] = int(n)
        found[name] = (*map(int, numbers[:4]), buckets)
    return found
