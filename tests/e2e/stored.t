#!/usr/bin/env -S python3 -B
"""Runs the text cases of tests/cases/stored: what sink shows of a database with
the rows of some tenants, of which the aggregator makes the records in
tests/cases/stored/records and, of the tenant load, those of tests/load."""

import os
import pathlib
import sys

from harness import TESTBIN, Lab, main

sys.path.insert(0, "tests/cases")
import text_cases # pylint: disable=wrong-import-position

CASES = pathlib.Path("tests/cases/stored")


def body():
    with Lab("stored") as lab:
        lab.start_servers("mariadb")
        crm = {"url": "http://127.0.0.1:1/v1", "token": "x"}
        conf = lab.conf("conf", {
            "crm acme": {**crm, "teams": "sales: 1 2, support: 3"},
            "crm load": crm, "crm closing": crm})
        lab.must(["sink", "-c", conf, "--migrate"])
        records = (CASES / "records").read_bytes() + lab.must(
            [os.path.join(TESTBIN, "load"), "--seed", 7, "--start",
             "2026-11-16T00:00:00Z", "--gap", 2 * 24 * 3600000 // 400, "-n",
             400, "--tenants", 1, "--operators", 4, "--users", 30, "--chats",
             30, "--active", 6, "--late", 0, "--latecomers",
             0]).out.replace(b'"tenant":"t1"', b'"tenant":"load"')
        rows = lab.must(["aggregator", "-c", conf, "-a", "all", "-o", "ndjson"],
                        stdin=records).out
        lab.must(["sink", "-c", conf], stdin=rows)
        return text_cases.main("sink", CASES, {
            "MESSAGING_CONFIG": conf, "MYSQL_URL": lab.env["MYSQL_URL"]})


main(body)
