#!/usr/bin/env python3
"""comments.py: a comment names only files and functions that there are.

Prints a line for each that is missing, and ends with 1 if there was one. Works
from the root of the repository.
"""
import glob
import re
import sys

FOLDERS = ["common", "poller", "aggregator", "sink", "reaper", "tests"]
# Headers of libraries and of the system.
FOREIGN = {"sysexits.h", "mysql.h", "queue.h", "zlib.h", "curl.h",
           "microhttpd.h"}
COMMENT = re.compile(r"/\*.*?\*/", re.S)

sources = {path: open(path, encoding="utf-8").read()
           for folder in FOLDERS
           for path in glob.glob(folder + "/**/*.[ch]", recursive=True)}
files = {path.rsplit("/", 1)[-1] for path in sources} | FOREIGN
words = {word for text in sources.values()
         for word in re.findall(r"\w+", COMMENT.sub("", text))}

PLACE = re.compile(r"(?<![\w./])((?:%s)/[\w./*-]*\w\*?)" % "|".join(FOLDERS))


def is_there(place):
    """A path, or PROGRAM/NAME of a file that lies deeper."""
    program, name = place.split("/", 1)
    return bool(glob.glob(place) or glob.glob(place + ".[ch]") or
                glob.glob("%s/**/%s.[ch]" % (program, name), recursive=True))


missing = 0
for path, text in sorted(sources.items()):
    for comment in COMMENT.findall(text):
        named = re.findall(r"(?<![\w*./])[a-z][a-z0-9_]{2,}\.[ch]\b", comment)
        called = re.findall(r"\b([a-z]\w*)\(\)", comment)
        for name in [n for n in named if n not in files] + \
                [c + "()" for c in called if c not in words] + \
                [p for p in PLACE.findall(comment) if not is_there(p)]:
            print("%s: a comment names %s, which is not there" % (path, name))
            missing += 1
sys.exit(missing > 0)
