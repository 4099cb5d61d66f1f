#!/usr/bin/env python3
"""calls.py BUILD: calls between files, read with nm from the objects in BUILD.

The law of includes (tests/lint/rooms) holds of calls, too, which need no
include where a header declares what another room defines: a room calls, or
names a variable of, only itself, the rooms that it may include, and those that
these may. And no files of a room call each other, be it by way of others, but
those of tests/lint/circles. Prints what is against this, and ends with 1 if
anything was. Works from the root of the repository.
"""
import collections
import glob
import os
import subprocess
import sys

PROGRAMS = ["common", "poller", "aggregator", "sink", "reaper"]


def table(path):
    """The first two columns."""
    with open(path, encoding="utf-8") as f:
        for line in f:
            if line.strip() and not line.startswith("#"):
                yield [x.strip() for x in line.split("|")[:2]]


def law():
    """{room: all that it may call}, of a table whose rooms include upwards."""
    may = {}
    for room, names in table("tests/lint/rooms"):
        may[room] = {room}
        for name in names.split():
            for above in may if name == "common" else [name]:
                if name != "common" or above.startswith("common/"):
                    may[room] = may[room] | may[above]
    return may


def calls(build):
    """{(file, file): [name]}: who uses what of whom."""
    sources = [s for p in PROGRAMS
               for s in glob.glob(p + "/*.c") + glob.glob(p + "/*/*.c")]
    objects = {s[:-2] + ".o": s for s in sources}
    there = sorted(o for o in objects
                   if os.path.exists(os.path.join(build, o)))
    # Below the checkout no name has a blank.
    out = subprocess.run(["nm", "-A", "-g", "-P", *there], check=True,
                         cwd=build, capture_output=True, text=True).stdout
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


def reached(found, first):
    """All files of its room that a file calls, be it by way of others."""
    room, seen, queue = os.path.dirname(first), set(), [first]
    while queue:
        user = queue.pop()
        for owner in {o for u, o in found if u == user} - seen:
            if os.path.dirname(owner) == room:
                seen.add(owner)
                queue.append(owner)
    return seen


def circles(found):
    """Sets of files that call each other."""
    reach = {user: reached(found, user) for user, _ in found}
    return {frozenset(x for x in reach[user] if user in reach.get(x, ()))
            for user in reach if user in reach[user]}


def against_the_list(found):
    listed = {}
    for header, names in table("tests/lint/circles"):
        folder = os.path.dirname(header)
        listed[frozenset(folder + "/" + x for x in names.split())] = header
        with open(header, encoding="utf-8") as f:
            if "call each other" not in " ".join(f.read().split("\n * ")):
                yield "%s: say that they call each other: %s" % (header, names)
    for files in sorted(map(sorted, circles(found) ^ set(listed))):
        yield "tests/lint/circles: these %s: %s" % (
            "do not call each other" if frozenset(files) in listed
            else "call each other", " ".join(files))


def main():
    found = calls(sys.argv[1])
    if not found:
        print("no calls in the objects of " + sys.argv[1])
        return 1
    complaints = [*against_the_law(found), *against_the_list(found)]
    for complaint in complaints:
        print(complaint)
    return 1 if complaints else 0


sys.exit(main())
