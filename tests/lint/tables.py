#!/usr/bin/env python3
"""tables.py [--write]: compares what is generated from common/tables/tables.def
with the tree: the page of the tables, and the migrations. And two tables of C
with each other, see check_audits().

One line on stdout for each difference; ends with 1 if there was one. With
--write it writes the page. Works from the root of the repository, with the
helpers in TESTBIN (build/tests).
"""
import os
import re
import subprocess
import sys

from migrations import FOLDER, migrated, plain, read

PAGE = "man/man5/messaging-tables.5"
problems = []


def complain(where, what):
    problems.append("%s: %s" % (where, what))


def declared(*args):
    path = os.path.join(os.environ.get("TESTBIN", "build/tests"),
                        "tools", "declared")
    return subprocess.run([path, *args], check=True, text=True,
                          stdout=subprocess.PIPE).stdout


# The page.

def page():
    """The page as it should be: between two marks what is declared."""
    text = read(PAGE)
    for name in "columns", "metrics":
        marks = '.\\" Declared %s:\n' % name, '.\\" End of what is declared.\n'
        before, rest = text.split(marks[0])
        _, behind = rest.split(marks[1], 1)
        text = before + marks[0] + declared(name) + marks[1] + behind
    return text


def check_page(write):
    want = page()
    if write:
        with open(PAGE, "w", encoding="utf-8") as f:
            f.write(want)
    elif read(PAGE) != want:
        complain(PAGE, "is not what is declared; run tests/lint/tables.py "
                 "--write")


def check_columns(there):
    want = {}
    for line in declared("types").splitlines():
        table, column, definition = line.split("\t")
        want[table, column] = plain(definition)
    for key in sorted(set(want) | set(there)):
        where = "%s: %s.%s" % (FOLDER, *key)
        if key not in there:
            complain(where, "is declared, and in no migration")
        elif key not in want:
            complain(where, "is not declared in common/tables/tables.def")
        elif not there[key].startswith(want[key]):
            complain(where, "is %s, declared as %s" % (there[key], want[key]))


def check_views(views):
    """Those that only add up, do it as it is declared."""
    made = 0
    tables = {line.split("\t")[0]
              for line in declared("types").splitlines()}
    for table in sorted(t for t in tables if t + "_parts" in tables):
        m = re.search(r"CREATE OR REPLACE .*?;\n", declared("sql", table),
                      re.S)
        if not m:
            continue
        made += 1
        name = table + "_all"
        if plain(m.group(0).rstrip(";\n")) != views.get(name):
            complain("%s: the view %s" % (FOLDER, name),
                     "is not that of build/tests/tools/declared sql %s"
                     % table)
    if made < 6:
        complain(FOLDER, "only %d views are declared" % made)


LISTS = "sink/resources/resource_lists.c"
AUDIT = "reaper/rights/audit_line.c"


def check_audits():
    """The reaper looks for a customer's id in the cursors of those lists of the
    sink whose key has it. Programs include nothing of each other, so each has
    its own table."""
    sink = {}
    for name, body in re.findall(
            r"^const struct list list_(\w+) = \{(.*?)^\};", read(LISTS),
            re.M | re.S):
        key = re.search(r"\.key = \{(.*?)\}", body, re.S).group(1)
        columns = re.findall(r'"(\w+)"', key)
        if "user_id" in columns:
            sink[name.replace("_", "-")] = columns.index("user_id")
    table = re.search(r"by_user\[\] = \{(.*?)\};", read(AUDIT), re.S).group(1)
    reaper = {path: int(place) for path, place in
              re.findall(r'V1 "([\w-]+)", (\d+)', table)}
    if not sink or sink != reaper:
        complain(AUDIT, "the places of user_id in cursors are %s, in %s %s"
                 % (reaper, LISTS, sink))


def main():
    check_audits()
    check_page(sys.argv[1:] == ["--write"])
    columns, views = migrated()
    check_columns(columns)
    check_views(views)
    for line in problems:
        print(line)
    return 1 if problems else 0


sys.exit(main())
