"""tables: rows of the tables in one form, whether they come from the database
or from the aggregator's output, and how two of them differ.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "oracle"))
import compare  # noqa: E402


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
