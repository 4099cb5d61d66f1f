#!/usr/bin/env python3
"""text_cases.py PROGRAM: runs the program once for each folder of
tests/cases/PROGRAM that has a file cmd. Of its files, cmd has the arguments, as
a shell would split them (behind any NAME=VALUE for its environment), and in the
standard input. out, err and rc are what must come of it; a missing one stands
for no output and 0. The file conf beside the folders is the configuration, if
there is one. Where there is a file only, out has only the lines that match one
of its patterns.

UPDATE=1 writes out, err and rc from what the program does, to be read with
git diff."""

import concurrent.futures
import difflib
import os
import pathlib
import re
import shlex
import subprocess
import sys

RESULTS = ["out", "err", "rc"]
SNAPSHOT = re.compile(
    r'("snapshot":")\d{8}T\d{9}-[0-9a-f]{8}(?:","at":"[^"]+(?="))?')


def read(path):
    return path.read_text() if path.exists() else ""


def environment(case):
    env = {k: v for k, v in os.environ.items()
           if not k.startswith(("AMQP_", "MYSQL_", "CRM_")) and
           k not in ("COLUMNS", "MESSAGING_CONFIG")}
    if (case.parent / "conf").exists():
        env["MESSAGING_CONFIG"] = "conf"
    return {**env, "TZ": "UTC"}


def matching(patterns, text):
    return "".join(line for line in text.splitlines(True)
                   if any(re.search(p, line) for p in patterns))


def run(program, case):
    words = shlex.split(read(case / "cmd"))
    env = environment(case)
    while words and re.match("[A-Z_]+=", words[0]):
        name, value = words.pop(0).split("=", 1)
        env[name] = value
    done = subprocess.run(
        [os.environ["BIN"] + "/" + program] + words, cwd=case.parent,
        input=read(case / "in"), capture_output=True, text=True, env=env,
        timeout=60)
    out = done.stdout
    if (case / "only").exists():
        out = matching(read(case / "only").splitlines(), out)
    out = SNAPSHOT.sub(r"\1", out)
    rc = "%d\n" % done.returncode if done.returncode != 0 else ""
    return dict(zip(RESULTS, [out, done.stderr, rc]))


def update(path, text):
    if text:
        path.write_text(text)
    else:
        path.unlink(missing_ok=True)


def main():
    program, = sys.argv[1:]
    folder = pathlib.Path("tests/cases", program)
    cases = sorted(cmd.parent for cmd in folder.glob("*/cmd"))
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(lambda case: run(program, case), cases)
        for case, got in zip(cases, results):
            for name in RESULTS:
                want = read(case / name)
                if os.environ.get("UPDATE") == "1":
                    update(case / name, got[name])
                elif got[name] != want:
                    failed += 1
                    print("%s/%s is not as expected:" % (case, name))
                    print("".join(difflib.unified_diff(
                        want.splitlines(True), got[name].splitlines(True),
                        "want", "got")))
    print("%d cases, %d differences" % (len(cases), failed))
    return not cases or failed > 0


sys.exit(main())
