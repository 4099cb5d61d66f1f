#!/usr/bin/env -S python3 -B
"""System errors, injected into calls of the programs: each ends with the
documented code and one line with advice. A lack of disk space or memory never
gets the code for a wrong name (66, 73, 78), because after these codes no unit
restarts a program.
"""

import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "e2e"))
from harness import Checks, Lab, Skip, main  # noqa: E402

NOWHERE = "mysql://u@127.0.0.1:1/d"
CHAT = ('{"type":"chat","tenant":"t","chat":"1","status":"closed",'
        '"at":"2026-11-20T10:00:00Z"}\n')
# Errors of open(): the exit code (None: that of a wrong name), and the advice.
OPENING = (("EMFILE", 75, "LimitNOFILE"), ("ENFILE", 75, "fs.file-max"),
           ("ENOMEM", 75, "MemoryMax"), ("EIO", 74, "disk may be failing"),
           ("ENOSPC", 74, "free disk space"), ("EACCES", None, "owner and mode"))
WRITING = (("ENOSPC", 74, "free disk space"), ("EDQUOT", 74, "quota"),
           ("EFBIG", 74, "file sizes"), ("EIO", 74, "disk may be failing"))


class Test:
    def __init__(self, lab):
        self.lab, self.checks = lab, Checks()
        if lab.run(["/usr/bin/strace", "-o", "/dev/null", "true"]).code:
            raise Skip("no process may be traced here")

    def conf(self, name, text):
        return self.lab.write(name, text)

    def inject(self, call, error, path, code, way_out, argv):
        """Makes the call fail on that file or, without PATH, everywhere. The
        leak checker does not work under strace."""
        trace = self.lab.path("trace")
        only = ["-P", path] if path else []
        done = self.lab.run(
            ["/usr/bin/strace", "-f", "-qq", "-o", trace, *only, "-e",
             f"trace={call}", "-e", f"inject={call}:error={error}",
             os.path.join(os.environ.get("BIN", "build/bin"), argv[0]),
             *argv[1:]],
            env={"ASAN_OPTIONS": "detect_leaks=0"}, timeout=60)
        with open(trace, encoding="utf-8", errors="replace") as f:
            struck = "INJECTED" in f.read()
        self.checks.that(
            done.code == code and struck and len(done.lines()) == 1
            and way_out in done.err,
            f"{call} {error} on {path or 'all'} of {argv[0]}: {done}, "
            f"not {code} and '{way_out}'; injected: {struck}")

    def opening(self, path, named, argv):
        """NAMED is the exit code of a wrong name."""
        for error, code, way_out in OPENING:
            self.inject("openat", error, path, code or named, way_out, argv)

    def records(self):
        path, rows = self.conf("in", CHAT), self.lab.path("rows")
        argv = ["aggregator", "-q", "-o", "ndjson", "-f", path, "-t", rows]
        self.opening(path, 66, argv)
        self.opening(rows, 73, argv)
        self.inject("read", "EIO", path, 74, "disk may be failing", argv)
        for call in ("write", "fsync"):
            for error, code, way_out in WRITING:
                self.inject(call, error, rows, code, way_out, argv)

    def configuration(self):
        path = self.conf("conf", f"[mysql]\nurl = {NOWHERE}\n[crm acme]\n")
        for argv in (["sink", "-n"], ["reaper", "-n"], ["poller", "-n"],
                     ["aggregator", "-f", self.lab.path("in")]):
            self.opening(path, 78, [argv[0], "-c", path, *argv[1:]])
        self.inject("read", "EIO", path, 74, "disk may be failing",
                    ["sink", "-n", "-c", path])

    def a_poll(self):
        conf = self.conf("poll.conf", "[crm acme]\nurl = http://127.0.0.1:1\n"
                         "token = x\n")
        os.mkdir(self.lab.path("kept"))
        self.opening(self.lab.path("kept/acme.mdb"), 73,
                     ["poller", "-c", conf, "--state", self.lab.path("kept"),
                      "-t", self.lab.path("out")])

    def an_archive(self):
        """The archive is opened before the database is."""
        conf = self.conf("db.conf", f"[mysql]\nurl = {NOWHERE}\n")
        path = self.lab.path("archive")
        argv = ["reaper", "-c", conf, "-f", self.lab.path("in"), "--archive",
                path]
        self.opening(path, 73, argv)
        self.conf("archive", '{"type":"row"}\n{"type":"row"')
        for call in ("pread64", "ftruncate"):
            self.inject(call, "EIO", path, 74, "be failing", argv)

    def a_report(self):
        path = self.conf("report.html", "<!doctype html>\n")
        self.inject("/fstat", "EIO", path, 74, "be failing", [
            "sink", "-c", self.lab.path("db.conf"), "--report", path,
            "--tenant", "t"])

    def a_state(self):
        """A disk error says nothing about the state file, so the message must
        not advise removing it."""
        conf = self.conf("broker.conf", "[amqp]\nurl = amqp://u:p@127.0.0.1:1/v\n"
                         "wait_timeout = 100ms\n")
        state = self.lab.path("state")
        argv = ["aggregator", "-c", conf, "-f", "queue:q", "-t", "queue:r",
                "--state", state, "--until-empty", "--every", "20ms"]
        for error, code, way_out in (
                ("EROFS", 73, "disk is read-only"), ("ENOSPC", 74, "free disk space"),
                ("EIO", 74, "disk may be failing"), ("EACCES", 73, "owner and")):
            shutil.rmtree(state, ignore_errors=True)
            self.inject("/^mkdir", error, state, code, way_out, argv)
        done = self.lab.run(argv)
        self.checks.that(done.code == 75, f"without a broker: {done}")
        path = state + "/stream.mdb"
        for error, code, way_out in OPENING[:4]:
            self.inject("openat", error, path, code, path, argv)
        self.inject("mmap", "ENOMEM", path, 75, "ulimit -v", argv)

    def a_listener(self):
        """The listener allocates what it needs before it accepts requests."""
        secret = self.conf("key", "0" * 31 + "7\n")
        conf = self.conf("listen.conf", "[crm acme]\n[listen]\ntenant = acme\n"
                         f"secret_key_file = {secret}\n")
        state = self.lab.path("listener")
        argv = ["poller", "-c", conf, "--listen", "127.0.0.1:0", "--state",
                state, "-t", self.lab.path("out.ndjson")]
        self.opening(secret, 78, argv)
        for call in ("socket", "bind", "epoll_create1"):
            self.inject(call, "EMFILE", "", 75, "LimitNOFILE", argv)
            self.inject(call, "ENOMEM", "", 75, "MemoryMax", argv)
        self.inject("bind", "EADDRINUSE", "", 69, "another address", argv)
        self.inject("bind", "EACCES", "", 77, "owner and mode", argv)


def body():
    with Lab("syserr") as lab:
        test = Test(lab)
        test.records()
        test.configuration()
        test.a_poll()
        test.an_archive()
        test.a_report()
        test.a_state()
        test.a_listener()
        return test.checks.result()


main(body)
