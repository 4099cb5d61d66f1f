"""Compares oracle and aggregator (one-shot runs) with the vectors of records."""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import stream  # noqa: E402
import stream_metrics  # noqa: E402
import vectors  # noqa: E402
from clocks import CHATWOOT, OURS  # noqa: E402


class Vectors(unittest.TestCase):
    def test_vectors(self):
        read = list(vectors.read())
        self.assertGreater(len(read), 60)
        for v in read:
            for definition in (OURS, CHATWOOT):
                for data in v.orders():
                    with self.subTest(v.sentence, definition=definition):
                        self.check(v, definition, data)

    def check(self, v, definition, data):
        conf = dict(stream.DEFAULTS, **v.conf, definition=definition)
        want = stream.expected(data, conf)
        got, _ = stream_metrics.run(data, conf)
        for w in v.wanted:
            if definition not in w.definitions or w.refused:
                continue
            for name, output in ("oracle", want), ("aggregator", got):
                self.assertTrue(w.holds(output.rows.get("t", {})),
                                "%s, the %s has: %s" % (
                                    w.text, name, shown(output.rows, w.table)))
        self.assertEqual(list(stream_metrics.problems(data, conf)), [])
        if data.splitlines()[0] == v.records[0]:
            self.assertEqual(set(want.refused), {
                w.refused for w in v.wanted if w.refused})


def shown(rows, table):
    return "\n".join(stream_metrics.shown_row(row)
                     for key, row in rows.get("t", {}).items()
                     if key[0] == table)


if __name__ == "__main__":
    unittest.main()
