#!/usr/bin/env python3
"""calls.py BUILD: calls between rooms, read with nm from the objects in BUILD.

The law of includes (tests/lint/rooms) holds of calls, too, which need no
include where a header declares what another room defines: a room calls, or
names a variable of, only itself, the rooms that it may include, and those that
these may. Prints each call that is against it, and ends with 1 if there was
one. Works from the root of the repository.
"""
import collections
import glob
import os
import subprocess
import sys

PROGRAMS = ["common", "poller", "aggregator", "sink", "reaper"]


def law():
    """{room: all that it may call}, of a table whose rooms include upwards."""
    may = {}
    with open("tests/lint/rooms", encoding="utf-8") as f:
        for line in f:
            if not line.strip() or line.startswith("#"):
                continue
            room, names = [x.strip() for x in line.split("|")[:2]]
            allowed = {room}
            for name in names.split():
                below = [name] if name != "common" else \
                    [x for x in may if x.startswith("common/")]
                for x in below:
                    allowed |= may[x]
            may[room] = allowed
    return may


def calls(build):
    """{(file, file): [name]}: who uses what of whom."""
    sources = [s for p in PROGRAMS
               for s in glob.glob(p + "/*.c") + glob.glob(p + "/*/*.c")]
    objects = {"%s/%s.o" % (build, s[:-2]): s for s in sources}
    there = sorted(o for o in objects if os.path.exists(o))
    out = subprocess.run(["nm", "-A", "-g", "-P", *there], check=True,
                         capture_output=True, text=True).stdout
    defined = {}
    used = collections.defaultdict(list)
    for line in out.splitlines():
        path, name, kind = line.split()[:3]
        source = objects[path.rstrip(":")]
        if kind == "U":
            used[name].append(source)
        elif kind in "BCDRT":
            defined[source.split("/")[0], name] = source
    found = collections.defaultdict(list)
    for name, users in used.items():
        for user in users:
            owner = defined.get((user.split("/")[0], name),
                                defined.get(("common", name)))
            if owner is not None:
                found[user, owner].append(name)
    return found


def against_the_law(found):
    may = law()
    for (user, owner), names in sorted(found.items()):
        room, other = os.path.dirname(user), os.path.dirname(owner)
        # The main folder of a program is no room: it may call all of them.
        if "/" in room and other not in may.get(room, {room}):
            yield "%s: calls %s of %s, see tests/lint/rooms" % (
                user, ", ".join(sorted(names)), owner)


def main():
    found = calls(sys.argv[1])
    if not found:
        print("no calls in the objects of " + sys.argv[1])
        return 1
    complaints = list(against_the_law(found))
    for complaint in complaints:
        print(complaint)
    return 1 if complaints else 0


sys.exit(main())
