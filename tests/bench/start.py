"""start: how long a job waits for its state: a run over an empty queue with a
million messages in the state. After an unclean stop, all of the state is
verified; after a clean one, only what the run reads. BENCH_BEFORE=DIR also runs
the aggregator of another build, whose states must have the same format."""

import os

import table # adds the folder of the harness to the path

from harness import TESTBIN, Lab, main
from streams import Flow

MESSAGES = table.scaled(1000000)
ROUNDS = table.rounds(9)
WORLD = ["--tenants", 1, "--chats", max(100, MESSAGES // 25), "--views", 0,
         "--events", 0, "--duplicates", 0, "--latecomers", 0, "--late", 0]
METRICS = "operators,chats,tenant,users"


def distrust(state):
    """As after an unclean stop."""
    path = os.path.join(state, "stream.mdb")
    for name in os.listxattr(path):
        os.removexattr(path, name)


def body():
    table.machine()
    with Lab("start") as lab:
        lab.start_servers("rabbitmq")
        flow = Flow(lab, metrics=METRICS, clock="records", prefetch=1000)
        lab.must([TESTBIN + "/load", "-n", MESSAGES, "-t", "queue:records",
                  *WORLD])
        lab.must(flow.argv("--until-empty", every="1s", to="/dev/null"))
        kinds = {"clean": [], "unclean": []}
        if os.environ.get("BENCH_BEFORE"):
            kinds["before"] = []
        for _ in range(ROUNDS):
            for kind, runs in kinds.items():
                argv = flow.argv("--until-empty", every="1s", to="/dev/null")
                if kind == "before":
                    argv[0] = os.environ["BENCH_BEFORE"] + "/aggregator"
                if kind == "unclean":
                    distrust(flow.state)
                runs.append(lab.must(argv))
        size = os.path.getsize(os.path.join(flow.state, "stream.mdb"))
        cpu = {k: [d.cpu for d in runs] for k, runs in kinds.items()}
        wall = {k: [d.wall for d in runs] for k, runs in kinds.items()}
        rows = [(f"start, {k}", table.median(wall[k]), "s",
                 f"CPU {table.median(cpu[k]):.3f} s") for k in kinds]
        rows += [(f"CPU clean / {k}", table.ratio(cpu["clean"], cpu[k]), "",
                  table.at_most(table.ratio(cpu["clean"], cpu[k]), 0.5))
                 for k in kinds if k != "clean"]
        table.show(f"A state with {MESSAGES:,} messages, "
                   f"{size / 1024 / 1024:.0f} MiB", rows,
                   f"Medians of {ROUNDS} rounds, turn by turn.")
    return 0


main(body)
