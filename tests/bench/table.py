"""table: prints the results of a part of the bench, and finds the harness of
the tests."""

import ctypes
import mmap
import os
import platform
import sys
import time

sys.path.insert(
    0, os.path.join(os.path.dirname(__file__), os.pardir, "e2e")
)


# BENCH_SCALE=0.1 makes everything a tenth as large: for CI, not for metrics.
SCALE = float(os.environ.get("BENCH_SCALE") or 1)


def scaled(n, least=1000):
    return max(least, int(n * SCALE))


def rounds(n):
    """BENCH_ROUNDS=1 shortens the run."""
    return int(os.environ.get("BENCH_ROUNDS") or n)


def machine():
    """Prints once per run what the figures below depend on."""
    if os.environ.get("BENCH_MACHINE_TOLD"):
        return
    model = "?"
    with open("/proc/cpuinfo") as f:
        for line in f:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    with open("/proc/meminfo") as f:
        gib = int(f.readline().split()[1]) / 1024 / 1024
    print(f"{model}, {os.cpu_count()} cores, {gib:.0f} GiB, Linux "
          f"{platform.release()}"
          + (f"; BENCH_SCALE={SCALE:g}" if SCALE != 1 else ""))


def touch_memory(size=256 << 20):
    """Allocates and frees memory first: otherwise the first program after a
    pause would pay for the system's page allocation."""
    m = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    p = (ctypes.c_char * size).from_buffer(m)
    ctypes.memset(p, 1, size)
    del p
    m.close()


now = time.monotonic
TICK = os.sysconf("SC_CLK_TCK")


def cpu_of(pid):
    """CPU seconds of a process, including children it has waited for."""
    with open(f"/proc/{pid}/stat") as f:
        v = f.read().rsplit(")", 1)[1].split()
    return sum(int(x) for x in v[11:15]) / TICK


def peak_of(pid):
    """KiB."""
    with open(f"/proc/{pid}/status") as f:
        for line in f:
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    return 0


def memory_of(pid):
    """Private memory in KiB; pages of mapped files do not count."""
    with open(f"/proc/{pid}/status") as f:
        for line in f:
            if line.startswith("RssAnon:"):
                return int(line.split()[1])
    return 0


class Cpu:
    """The CPU seconds that processes use between two points in time."""

    def __init__(self, processes):
        self.pids = [p.pid for p in processes]

    def __enter__(self):
        self.began = [cpu_of(p) for p in self.pids]
        return self

    def __exit__(self, *exc):
        if exc[0] is None:
            self.seconds = sum(cpu_of(p) for p in self.pids) - sum(self.began)
            self.peak_kib = sum(peak_of(p) for p in self.pids)


def cpu_of_servers(lab):
    """{name: seconds}"""
    return {name: cpu_of(pid_of_server(lab, name))
            for name in ("rabbitmq", "mariadb")}


def pid_of_server(lab, name):
    with open(os.path.join(lab.server_dir, name, "pid")) as f:
        return int(f.read().split()[0])


def minus(a, b):
    return {k: a[k] - b[k] for k in a}


def cpu_times():
    """CPU times of all cores in ticks, in the order of proc(5)."""
    with open("/proc/stat") as f:
        return [int(x) for x in f.readline().split()[1:]]


def busy():
    """CPU seconds that this machine has used."""
    v = cpu_times()
    return (sum(v[:3]) + sum(v[5:8])) / TICK


def stolen():
    """CPU seconds that the host gave to other machines instead."""
    return cpu_times()[7] / TICK


def quiet(limit=0.3, wait_timeout=20):
    """Waits until other processes have been quiet for a while."""
    for _ in range(wait_timeout):
        before, began = busy(), now()
        time.sleep(0.5)
        if (busy() - before) / (now() - began) < limit:
            return


def holds(good, text):
    return f"{text}: {'holds' if good else 'DOES NOT HOLD'}"


def at_least(value, limit):
    return "" if limit is None else holds(
        value >= limit, f"at least {limit:g}")


def at_most(value, limit):
    return "" if limit is None else holds(value <= limit, f"at most {limit:g}")


def show(title, rows, note=None):
    """Rows of (what, value, unit, compared with)."""
    print(f"\n{title}")
    print("-" * len(title))
    for what, value, unit, *beside in rows:
        if isinstance(value, float):
            value = f"{value:.2f}" if value < 100 else f"{value:.0f}"
        elif isinstance(value, int):
            value = f"{value:,}"
        print(f"{what:<44} {value:>12} {unit:<8} {' '.join(beside)}".rstrip())
    if note:
        print(note)
    sys.stdout.flush()


def median(values):
    v = sorted(values)
    return (v[(len(v) - 1) // 2] + v[len(v) // 2]) / 2


def ratio(ours, theirs):
    """The median of the ratios of all rounds: other load disturbs both sides of
    a round alike."""
    return median([a / b for a, b in zip(ours, theirs)])
