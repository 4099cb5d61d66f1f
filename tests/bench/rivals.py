"""rivals: builds the programs with which ours are compared, as far as
compilers and libraries are installed; tests/bench/peers/Makefile lists
them."""

import os
import subprocess
import sys

from harness import TESTBIN

OUT = os.path.join(TESTBIN, "bench")
TITLES = {
    "newlines": "count of lines (floor)",
    "jansson": "jansson, one thread",
    "simdjson": "simdjson on demand, one thread",
    "golisten": "Go, net/http and amqp091-go",
    "store": "bulk-array loop, only storing",
}
HINTS = {
    "simdjson": "libsimdjson-dev g++",
    "golisten": "golang-go golang-github-rabbitmq-amqp091-go-dev",
}


def path(name):
    return os.path.join(OUT, name)


def build(*names):
    """Builds those of the programs whose libraries are installed, and returns
    their names; says what is missing. If the libraries are there, the build
    must succeed."""
    subprocess.run(
        ["make", "-s", "-k", "-C", "tests/bench/peers", "OUT=" + OUT,
         "COMMON=" + os.path.join(os.path.dirname(TESTBIN), "common.a")],
        check=True, stdin=subprocess.DEVNULL, stdout=sys.stderr,
    )
    found = []
    for name in names:
        if os.path.exists(path(name)):
            found.append(name)
        else:
            print(f"not measured: {TITLES[name]}; apt-get install "
                  f"{HINTS.get(name, 'build-essential')}")
    return found
