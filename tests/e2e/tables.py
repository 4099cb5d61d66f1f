"""tables: the tables as a reader sees them at one time. A Reader keeps one
session of the mariadb client and queries everything in a transaction with a
consistent snapshot, so that rows and tombstones are of the same moment. If the
database becomes unavailable, one query fails, and the next one opens a new
session.
"""

import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "oracle"))
import compare  # noqa: E402

DONE = "--end--"


def statement():
    """One SQL statement: all tables, each row as a line of JSON."""
    parts = ["START TRANSACTION WITH CONSISTENT SNAPSHOT"]
    for table, columns in compare.COLUMNS.items():
        names = ", ".join(f"`{c}`" for c in columns)
        parts.append(f"SELECT '{table}', JSON_ARRAY({names}) FROM {table}")
    return "; ".join(parts) + f"; COMMIT; SELECT '{DONE}';\n"


def thousandths(value):
    """12.345, "12.345" or None as an integer of thousandths, or None."""
    if value is None:
        return None
    return round(float(value) * 1000)


def normal(column, value):
    """Converts values so that those from SQL and from JSON rows are
    comparable."""
    if value is None:
        return None
    if column.endswith("_seconds"):
        return thousandths(value)
    if column.endswith(("_at", "_since")) or column == "as_of":
        text = str(value).replace(" ", "T").rstrip("Z")
        return (text + ".000" if "." not in text else text)[:23]
    if column == "available":
        return int(value)
    return value


def row_of(table, values):
    """{column: normal value} of a row given as a list or a dict."""
    columns = compare.COLUMNS[table]
    if isinstance(values, dict):
        values = [values.get(c) for c in columns]
    return {c: normal(c, v) for c, v in zip(columns, values)}


def key_of(table, row):
    return tuple(row[c] for c in compare.KEYS[table])


class Reader:
    def __init__(self, lab):
        self.argv = lab.mysql_argv("-r", "-n", "--skip-reconnect")
        self.session = None
        self.sql = statement()

    def _open(self):
        self.session = subprocess.Popen(
            self.argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True, encoding="utf-8",
        )
        self.session.stdin.write(
            "SET NAMES utf8mb4; "
            "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ;\n"
        )

    def close(self):
        if self.session is not None:
            self.session.kill()
            self.session.wait()
            for pipe in (self.session.stdin, self.session.stdout):
                try:
                    pipe.close()
                except OSError:
                    pass # never sent
            self.session = None

    def look(self):
        """A list of (table, JSON text), or None if the database is
        unavailable."""
        try:
            if self.session is None:
                self._open()
            self.session.stdin.write(self.sql)
            self.session.stdin.flush()
            found = []
            for line in self.session.stdout:
                if line.rstrip("\n") == DONE:
                    return found
                found.append(tuple(line.rstrip("\n").split("\t", 1)))
        except (BrokenPipeError, OSError, ValueError):
            pass
        self.close()
        return None

    def tables(self):
        """{table: {key: row}} now; waits until the database is available."""
        for _ in range(600):
            seen = self.look()
            if seen is not None:
                break
            time.sleep(0.05)
        else:
            raise AssertionError("the database does not come back")
        tables = {table: {} for table in compare.COLUMNS}
        for table, text in seen:
            row = row_of(table, json.loads(text))
            tables[table][key_of(table, row)] = row
        return tables


def differences(table, want, got):
    """Sentences about the differences of two {key: row}, including as_of."""
    for key in sorted(set(want) | set(got), key=str):
        name = f"{table} {' '.join(map(str, key))}"
        if key not in got:
            yield f"{name}: missing"
        elif key not in want:
            yield f"{name}: should not be there: {got[key]}"
        else:
            for column, value in want[key].items():
                if got[key][column] != value:
                    yield (
                        f"{name}: {column} is {got[key][column]!r}, "
                        f"should be {value!r}"
                    )
