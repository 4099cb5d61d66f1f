#!/usr/bin/env python3
"""tables.py [--write]: holds what is made of common/tables/tables.def against
what stands in the tree: the page of the tables, and the migrations.

One line on stdout for each difference; ends with 1 if there was one. With
--write the page is written anew. Works from the root of the repository, with
TESTBIN set as tests/run sets it.
"""
import os
import re
import subprocess
import sys

PAGE = "man/messaging-tables.5"
FOLDER = "sink/migrations"
problems = []


def complain(where, what):
    problems.append("%s: %s" % (where, what))


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def declared(*args):
    path = os.path.join(os.environ.get("TESTBIN", "build/tests"),
                        "tools", "declared")
    return subprocess.run([path, *args], check=True, text=True,
                          stdout=subprocess.PIPE).stdout


# The page.

def page():
    """The page as it should be: between two marks what is declared."""
    text = read(PAGE)
    for name in "columns", "figures":
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


# The migrations.

def plain(sql):
    """Without backticks, and with one blank for each gap."""
    sql = re.sub(r"\s+", " ", sql.replace("`", "")).strip()
    return re.sub(r"\( | \)", lambda m: m.group(0).strip(), sql)


def statements():
    for name in sorted(os.listdir(FOLDER)):
        sql = re.sub(r"--.*", "", read(os.path.join(FOLDER, name)))
        for statement in re.split(r";\s*\n", sql):
            yield plain(statement)
    own = re.sub(r'"\s*\n\s*"', "", read("sink/tables/migrate.c"))
    yield plain(re.search(r'"(CREATE TABLE [^"]*)"', own).group(1))


def parts_of(body):
    """Of a list its members; commas within brackets part nothing."""
    depth, part = 0, ""
    for c in body:
        depth += (c == "(") - (c == ")")
        if c == "," and depth == 0:
            yield part.strip()
            part = ""
        else:
            part += c
        if depth < 0:
            yield part[:-1].strip()
            return


def take_column(found, table, text):
    name, definition = text.split(" ", 1)
    if name == "PRIMARY":
        name = "PRIMARY KEY"
        definition = definition[5:-1].replace(" ", "")
    elif name == "KEY":
        return
    found[table, name] = re.sub(r" DEFAULT \S+", "", definition)


def migrated():
    """({(table, column): definition}, {view: statement}) in the end."""
    found, views = {}, {}
    for sql in statements():
        m = re.match(r"CREATE TABLE IF NOT EXISTS (\w+) \(", sql)
        for text in parts_of(sql[m.end():]) if m else ():
            take_column(found, m.group(1), text)
        m = re.match(r"ALTER TABLE (\w+) ADD COLUMN (.*)", sql)
        if m:
            take_column(found, m.group(1), m.group(2))
        m = re.match(r"CREATE OR REPLACE .* VIEW (\w+) AS", sql)
        if m:
            views[m.group(1)] = sql
    return found, views


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


def main():
    check_page(sys.argv[1:] == ["--write"])
    columns, views = migrated()
    check_columns(columns)
    check_views(views)
    for line in problems:
        print(line)
    return 1 if problems else 0


sys.exit(main())
