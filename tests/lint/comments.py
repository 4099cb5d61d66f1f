#!/usr/bin/env python3
"""comments.py: a comment names only source files and functions that there are.

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

missing = 0
for path, text in sorted(sources.items()):
    for comment in COMMENT.findall(text):
        named = re.findall(r"(?<![\w*./])[a-z][a-z0-9_]{2,}\.[ch]\b", comment)
        called = re.findall(r"\b([a-z]\w*)\(\)", comment)
        for name in [n for n in named if n not in files] + \
                [c + "()" for c in called if c not in words]:
            print("%s: a comment names %s, which is not there" % (path, name))
            missing += 1
sys.exit(missing > 0)
