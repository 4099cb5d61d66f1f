#!/usr/bin/env python3
"""audits: the reaper looks for the ids of customers in the cursors of the lists
whose key has them. Programs include nothing of each other, so that this holds
its table in reaper/rights/audit_line.c against sink/resources/resource_lists.c.
"""
import re
import sys

LISTS = "sink/resources/resource_lists.c"
AUDIT = "reaper/rights/audit_line.c"


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def of_the_sink():
    """{list: place of user_id in its key}"""
    found = {}
    for name, body in re.findall(
            r"^const struct list list_(\w+) = \{(.*?)^\};", read(LISTS),
            re.M | re.S):
        key = re.search(r"\.key = \{(.*?)\}", body, re.S)
        columns = re.findall(r'"(\w+)"', key.group(1))
        if "user_id" in columns:
            found[name.replace("_", "-")] = columns.index("user_id")
    return found


def of_the_reaper():
    table = re.search(r"by_user\[\] = \{(.*?)\};", read(AUDIT), re.S).group(1)
    return {path: int(place)
            for path, place in re.findall(r'V1 "([\w-]+)", (\d+)', table)}


def main():
    sink, reaper = of_the_sink(), of_the_reaper()
    for name in sorted(sink.keys() | reaper.keys()):
        if sink.get(name) != reaper.get(name):
            print(f"{AUDIT}: the place of user_id in a cursor of {name} is "
                  f"{reaper.get(name)}; in {LISTS} {sink.get(name)}")
    if not sink or not reaper:
        print(f"no lists in {LISTS}, or none in {AUDIT}")
        return 1
    return 0 if sink == reaper else 1


sys.exit(main())
