#!/usr/bin/env -S python3 -B
"""Input and states that the streaming aggregator refuses: one line with
advice, the documented exit code, and nothing is acknowledged. A damaged state
is refused, or the damage makes no difference. Then it continues with the
intact state. LONG=1: all kinds of damage of damage_kinds.py.
"""

import os
import random
import re
import resource
import shutil

import damage_kinds
from damage_states import read_files
from harness import (LONG, TESTBIN, Checklist, run_checks, sanitized, say,
                     seed, until)
from streams import Flow

WAY_OUT = re.compile(
    r"; .*\b(remove|put|replay|choose|give|make|have|raise|end)\b")


class Refusals(Checklist):
    def __init__(self, lab):
        super().__init__(lab)
        lab.start_servers("rabbitmq")
        self.flow = Flow(lab)
        self.kept = lab.path("kept")
        self.records = self.load(3000)
        self.copies = [] # {file: bytes}, the earlier first
        for n in 0, 750:
            self.flow.put(self.records[n:n + 750])
            self.flow.run()
            self.copies.append(read_files(self.flow.state))
        shutil.copytree(self.flow.state, self.kept)
        self.flow.put(self.records[1500:])
        self.left = lab.in_queue("records")

    def load(self, n, *options):
        return self.lab.must([TESTBIN + "/load", "-n", n, "--late", 0, "--seed",
                              2, *options]).out.decode().splitlines()

    def _undo(self):
        shutil.rmtree(self.flow.state, ignore_errors=True)
        shutil.copytree(self.kept, self.flow.state)

    def refused(self, code, text, *options, **kw):
        done = self.lab.run(self.flow.argv(*options, "--until-empty"), **kw)
        self.that(done.code == code and text in done.err and
                  len(done.lines()) == 1 and
                  WAY_OUT.search(done.err), f"not {text!r}: {done}")
        until(20, lambda: self.lab.in_queue("records") == self.left,
              "what was not acknowledged")
        return done

    def others(self):
        say("- another definition or window")
        self.refused(78, "created with --definition ours; ", "--definition",
                     "chatwoot")
        self.refused(78, "created with --window 86400s; ", "--window", "12h")
        say("- a metric that is left out for a while is named")
        for metrics, says in (
                (None, ""), ("operators", "no longer has events; "),
                ("operators", ""), (None, "has events again; "), (None, "")):
            self.flow.put(self.records[:10], queue="narrowed")
            done = self.lab.must(self.flow.argv(
                "--until-empty", metrics=metrics, queue="narrowed",
                to="queue:narrowed_rows", state=self.lab.path("narrowed")))
            self.that(says in done.err and
                      len(done.lines()) == (says != ""),
                      f"not {says!r}: {done}")
        say("- a second run with the same state")
        first = self.lab.start(self.flow.argv(queue="others"))
        fds = f"/proc/{first.pid}/fd"
        until(20, lambda: any(
            os.path.realpath(os.path.join(fds, n)).startswith(self.flow.state)
            for n in os.listdir(fds)), "a state in use")
        self.refused(75, "stop it, or choose another folder with --state")
        first.terminate()
        self.that(first.wait(60) == 0, "SIGTERM is not a failure")
        say("- a folder that cannot be made")
        state, self.flow.state = self.flow.state, self.flow.conf
        self.refused(73, "Not a directory; a folder in its path is a file; choose")
        self.flow.state = state

    def goes_on_with(self, what, name, content):
        """True if the state with this file is refused; otherwise the figures
        must be unchanged."""
        self._undo()
        path = os.path.join(self.flow.state, name)
        with open(path, "wb") as f:
            f.write(content)
        self.trials += 1
        queue = f"damaged{self.trials}"
        self.flow.put(self.records[1500:], 100, queue)
        done = self.lab.run(self.flow.argv(
            "--until-empty", queue=queue, to="queue:elsewhere"))
        rows = self.flow.get("elsewhere")
        if done.code in (65, 74):
            return self.that(
                len(done.lines()) == 1 and WAY_OUT.search(done.err) and
                self.lab.in_queue(queue, "total") > 0, f"{what} {name}: {done}")
        # An older root of LMDB is a valid state of that time.
        if self.that(done.code == 0, f"{what} {name}: {done}") and \
                not damage_kinds.is_older(self.copies[-1][name], content):
            before, self.flow.rows = self.flow.rows, self.flow.rows + rows
            self.flow.same_figures(self.records)
            self.flow.rows = before
        return False

    def damage(self):
        say("- a damaged state")
        dice = random.Random(seed())
        self.trials = refused = 0
        earlier, now = self.copies
        for name, good in sorted(now.items()):
            if not good:
                continue
            trials = [("cut", good[:len(good) // 2]),
                      ("overwritten", good[:len(good) // 9] +
                       b"\xee" * (len(good) - len(good) // 9)),
                      ("a bit", damage_kinds.bit(good, None, dice))]
            trials += [(kind, spoil(good, earlier.get(name), dice))
                       for kind, spoil in damage_kinds.KINDS.items()
                       for _ in range(40 if LONG else 0) if kind != "removed"]
            for what, content in trials:
                if content is not None:
                    refused += self.goes_on_with(what, name, content)
        say(f"  {self.trials} damages, {refused} refused")
        self.that(refused > 1, "what is damaged is not refused")

    def room(self):
        """Separate queues: rows of the part that fits are written."""
        say("- a state that may not grow, a full disk, few addresses")
        big = self.load(20000)
        state = self.lab.path("big")
        argv = self.flow.argv("--until-empty", queue="big", state=state,
                              to="queue:elsewhere", every="200ms")

        def fails(code, text, **kw):
            shutil.rmtree(state, ignore_errors=True)
            done = self.lab.run(argv, **kw)
            self.that(done.code == code and text in done.err and
                      len(done.lines()) == 1, f"not {text!r}: {done}")
            until(20, lambda: self.lab.in_queue("big", "checked_out") == 0,
                  "the messages to be back")

        self.flow.put(big, 500, "big")
        limited = self.lab.conf("limited", {
            "amqp": {"wait_timeout": "90s"},
            "aggregator": {"state_limit": "1M"}})
        fails(74, "raise [aggregator] state_limit",
              env={"MESSAGING_CONFIG": limited})
        fails(74, "raise the limit of file sizes",
              limits={resource.RLIMIT_FSIZE: 100 * 1024})
        if not sanitized(): # a sanitizer reserves address space
            fails(75, "ulimit -v",
                  limits={resource.RLIMIT_AS: 500 << 20})

    def goes_on(self):
        say("- and then it goes on")
        self._undo()
        self.flow.run()
        self.that(self.lab.in_queue("records", "total") == 0,
                  "not all was acknowledged")
        self.flow.same_figures(self.records)


run_checks(Refusals)
