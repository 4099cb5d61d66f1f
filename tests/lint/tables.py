#!/usr/bin/env python3
"""tables.py [--write]: compares what is generated from common/tables/tables.def
with the pages of tables and metrics.

Prints one line for each difference and exits with 1 if there was one. With
--write it writes the pages. Works from the root of the repository, with the
helpers in TESTBIN (build/tests).
"""
import os
import subprocess
import sys


PAGES = {"columns": "man/man5/messaging-tables.5",
         "metrics": "man/man7/messaging-metrics.7"}
problems = []


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def complain(where, what):
    problems.append("%s: %s" % (where, what))


def declared(*args):
    path = os.path.join(os.environ.get("TESTBIN", "build/tests"),
                        "tools", "declared")
    return subprocess.run([path, *args], check=True, text=True,
                          stdout=subprocess.PIPE).stdout


def page(name):
    """The page as it should be: the generated tables between their two
    marks."""
    before, rest = read(PAGES[name]).split('.\\" Declared %s:\n' % name)
    behind = rest.partition('.\\" End of what is declared.\n')[2]
    return (before + '.\\" Declared %s:\n' % name + declared(name)
            + '.\\" End of what is declared.\n' + behind)


def check_pages(write):
    for name, path in PAGES.items():
        want = page(name)
        if write:
            with open(path, "w", encoding="utf-8") as f:
                f.write(want)
        elif read(path) != want:
            complain(path, "is not what is declared; run tests/lint/tables.py "
                     "--write")


def main():
    check_pages(sys.argv[1:] == ["--write"])
    for line in problems:
        print(line)
    return 1 if problems else 0


sys.exit(main())
