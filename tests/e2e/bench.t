#!/usr/bin/env -S python3 -B
"""The benches run at a small scale, and the programs that they compare give
equal results, whatever the figures are. LONG=1 runs more of them.
"""

import os
import shutil

from harness import LONG, Lab, Skip, main


def body():
    compiler = os.environ.get("CC", "cc").split()[0]
    for tool in ("make", compiler):
        if not shutil.which(tool):
            raise Skip(f"{tool} is missing")
    with Lab("bench") as lab:
        for scale, *parts in (
                [("0.01", "parse", "pipeline"),
                 ("0.002", "serve")] if LONG else [("0.002", "parse")]):
            lab.must(["tests/bench/run", *parts], timeout=7000,
                     env={"BENCH_SCALE": scale, "BENCH_ROUNDS": "1"})
    return 0


main(body)
