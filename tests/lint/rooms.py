#!/usr/bin/env python3
"""rooms.py [--draw]: the rooms of tests/lint/rooms in messaging-internals(7).

Compares the page's drawing with that table and ends with 1 where they differ;
with --draw it writes the drawing into the page. Works from the root of the
repository.
"""
import re
import sys
import textwrap

TABLE = "tests/lint/rooms"
PAGE = "man/man7/messaging-internals.7"
BEGIN = '.\\" Drawn by tests/lint/rooms.py --draw from tests/lint/rooms.\n'
END = '.\\" The end of what is drawn.\n'
NAME_WIDTH = 14
WIDTH = 74  # a literal block is indented by five columns


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def table():
    """[(program, room, [room], header, purpose)] in the table's order."""
    for line in read(TABLE).splitlines():
        if line.strip() and not line.startswith("#"):
            path, may, header, purpose = [x.strip() for x in line.split("|")]
            program, room = path.split("/", 1)
            yield program, room, may.split(), header, purpose


def block(text, first):
    rest = " " * len(first)
    return textwrap.wrap(text, WIDTH, initial_indent=first,
                         subsequent_indent=rest, break_on_hyphens=False,
                         break_long_words=False)


def draw():
    out = []
    before = ""
    for program, room, may, header, purpose in table():
        if program != before:
            if before:
                out.append(".Ed")
            out += [".Ss " + program, ".Bd -literal"]
            before = program
        if header:
            purpose += " (%s)" % header
        out += block(purpose, room.ljust(NAME_WIDTH))
        # All may include all of common/, so only the others tell anything.
        names = [x.removeprefix(program + "/") for x in may if x != "common"]
        law = "  < " + " ".join(names)
        if names and len(out[-1] + law) <= WIDTH:
            out[-1] += law
        elif names:
            out += block(law[4:], " " * NAME_WIDTH + "< ")
    out.append(".Ed")
    return "\n".join(out) + "\n"


def main():
    page = read(PAGE)
    parts = re.split("(%s|%s)" % (re.escape(BEGIN), re.escape(END)), page)
    if [*parts[1:4:2]] != [BEGIN, END]:
        print("%s: the marks of what is drawn are missing" % PAGE)
        return 1
    drawn = draw()
    if sys.argv[1:] == ["--draw"]:
        parts[2] = drawn
        with open(PAGE, "w", encoding="utf-8") as f:
            f.write("".join(parts))
    elif parts[2] != drawn:
        print("%s: not what %s says; run tests/lint/rooms.py --draw"
              % (PAGE, TABLE))
        return 1
    return 0


sys.exit(main())
