"""migrations: the schema that sink/migrations makes, read as text; for tables.py
and docs.py."""
import os
import re

FOLDER = "sink/migrations"


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


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
    found[table, name] = re.sub(r" (DEFAULT|AFTER) \S+", "", definition)


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
        m = re.match(r"ALTER TABLE (\w+) RENAME COLUMN IF EXISTS (\w+) TO (\w+)",
                     sql)
        if m:
            found[m.group(1), m.group(3)] = found.pop(m.group(1, 2))
        m = re.match(r"DROP TABLE IF EXISTS (\w+)", sql)
        for key in [k for k in found if m and k[0] == m.group(1)]:
            del found[key]
        m = re.match(r"CREATE OR REPLACE .* VIEW (\w+) AS", sql)
        if m:
            views[m.group(1)] = sql
    return found, views
