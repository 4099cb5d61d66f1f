#!/usr/bin/env -S python3 -B
"""Faults of CRMs, brokers, databases and files, one row each. Each row has a
fault, the exit code, and the contents of the one line on stderr: the object
and the remedy. In addition, for each row: no output contains a secret, memory
stays bounded, the snapshot of the tenant is incomplete, tenants without a
fault are served, and the first poll after the fault is complete. The text cases
have more faults. The arguments are words; only rows whose names contain one of
them are run. Without any, a quarter of the faults of a CRM are run, chosen by the
seed; with LONG=1 all.
"""

import json
import os
import queue
import random
import re
import resource
import socket
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "oracle"))
import compare  # noqa: E402
from certificates import Authority  # noqa: E402
from harness import (LONG, Checks, Lab, main, program,  # noqa: E402
                     sanitized, say, seed)

WORKERS = 3
PEAK_KIB = 120 * 1024 # memory limit of a program under any fault
PASSWORD = "canary-password-5e81"
MIB = 1 << 20


class Crm:
    """A fault of the CRM, for the first of two tenants.

    code: of the poller; says: pattern of its line, None: no line. faults:
    (name, parameters) for the simulator; conf: keys of the tenant; big: the
    account has more than one page of open dialogs; calls: the most calls that
    are allowed; other_world: it works, but reads other data than the tenant's
    own simulator shows; waits: the next poll makes no call at all."""

    def __init__(self, name, code, says, *faults, conf=None, big=False,
                 budget="1s", calls=60, at_least=0.0, other_world=False,
                 waits=False):
        self.name, self.code, self.says = name, code, says
        self.faults, self.conf, self.big = faults, conf or {}, big
        self.budget, self.calls, self.at_least = budget, calls, at_least
        self.other_world, self.waits = other_world, waits


DENIED = r"Token is not correct; check the token"
BUSY = r"(429|too many|throttl)"
UNREADABLE = r"(not JSON|JSON|cannot be read|unusable|not what)"

CRM = [
    Crm("a wrong token", 77, DENIED, ("401", {})),
    Crm("a wrong token, which the answer quotes", 77, DENIED.replace(
        "Token", r"Token \*\*\*"), ("401-echo", {})),
    Crm("a token that loses its rights in the middle", 77, DENIED,
        ("403", {"after": 2})),
    Crm("429 without a header", 75, BUSY, ("429", {})),
    Crm("429, Retry-After in seconds", 0, None,
        ("429-retry", {"value": 1, "count": 1}), budget="10s", at_least=1.0),
    Crm("429, Retry-After as a date", 0, None,
        ("429-date", {"value": 2, "count": 1}), budget="10s", at_least=0.5),
    Crm("429, Retry-After as a date of a CRM whose clock differs by days", 75,
        r"accepts no calls for 1[01]\d s", ("429-date", {"value": 120}),
        waits=True),
    Crm("429, Retry-After in ten years", 75, BUSY, ("429-decade", {}),
        waits=True),
    Crm("429, Retry-After below 0", 75, BUSY, ("429-negative", {})),
    Crm("429, reset at a Unix time", 0, None,
        ("429-reset-s", {"value": 2, "count": 1}), budget="10s"),
    Crm("429, reset at a time in milliseconds", 0, None,
        ("429-reset-ms", {"value": 2, "count": 1}), budget="10s"),
    Crm("the month's calls are used up", 69, r"month|quota", ("quota", {}),
        calls=3),
    Crm("500", 75, r"500", ("500", {})),
    Crm("502 with a page of HTML", 75, r"502", ("502-html", {})),
    Crm("an empty answer", 69, r"empty|" + UNREADABLE, ("empty", {})),
    Crm("a redirect to http", 69, r"redirect",
        ("redirect-http", {"value": "{trap}"}), calls=3),
    Crm("a redirect to another host", 69, r"redirect", ("redirect-host", {}),
        calls=3),
    Crm("chunks that stop in the middle", 75, r"cut|short|closed|transfer",
        ("cut-chunk", {})),
    Crm("a Content-Length above the body", 75, r"cut|short|closed|transfer",
        ("long-length", {})),
    Crm("a Content-Length below the body", 69, UNREADABLE,
        ("short-length", {})),
    Crm("JSON that stops in the middle", 69, UNREADABLE, ("truncated", {})),
    Crm("a byte order mark", 0, None, ("bom", {})),
    Crm("no answer", 75, r"time", ("hang", {"value": 20}),
        conf={"timeout": "1s"}),
    Crm("a byte a second", 75, r"time|slow", ("drip", {}),
        conf={"timeout": "1s"}),
    Crm("closed without an answer", 75, r"Empty reply",
        ("reset", {})),
    Crm("a page that never ends", 69, r"page", ("endless-page", {}),
        big=True),
    Crm("rows missing between pages, once", 0, None,
        ("page-gap", {"value": 1, "count": 1, "route": "/v1/dialogs"}),
        big=True),
    Crm("rows that come twice between pages", 0, None,
        ("page-dup", {"value": -3, "route": "/v1/dialogs"}), big=True),
    Crm("a huge answer", 69, r"max_body", ("huge", {}),
        conf={"max_body": "1M"}, calls=3),
    Crm("a gzip bomb", 69, r"max_body", ("bomb", {}),
        conf={"max_body": "1M"}, calls=3),
    Crm("arrays in arrays in arrays", 69, UNREADABLE, ("deep", {})),
    Crm("invalid UTF-8", 0, None, ("bad-utf8", {})),
    Crm("a clock an hour ahead", 0, None, ("skew", {}), other_world=True),
    Crm("no Date header", 0, None, ("no-date", {})),
    Crm("a port where nobody listens", 75, r"connect|refused",
        conf={"url": "http://127.0.0.1:{closed}/v1"}),
    Crm("a host that is not there", 75, r"resolve|no-such-host|time",
        conf={"url": "https://no-such-host.invalid/v1"}),
    Crm("an expired certificate", 69, r"certificate.*expired",
        conf={"url": "https://localhost:{expired}/v1", "ca_file": "{ca}"}),
    Crm("a certificate of another host", 69, r"certificate",
        conf={"url": "https://localhost:{other}/v1", "ca_file": "{ca}"}),
    Crm("a certificate of an unknown authority", 69,
        r"certificate.*; if you use your own CA, set ca_file",
        conf={"url": "https://localhost:{good}/v1"}),
    Crm("TLS as it should be", 0, None,
        conf={"url": "https://localhost:{good}/v1", "ca_file": "{ca}"},
        other_world=True),
    Crm("plain HTTP where TLS is expected", 75,
        r"TLS failed: .*; check that the port of url speaks TLS 1.2",
        conf={"url": "https://localhost:{plain}/v1", "ca_file": "{ca}"}),
]


class Prog:
    """A fault of one program.

    argv and the texts of env, conf and says may contain places in {}; stdin is
    the input or the name of a place. says: pattern of the one line. served:
    tenants whose snapshots must be complete; mends: a command that must work
    afterwards; keeps: SQL with the same result before and after."""

    def __init__(self, name, argv, code, says, stdin=b"", env=None,
                 conf=None, limits=None, wrap=(), mends=None, served=None,
                 keeps=None):
        self.name, self.argv, self.code, self.says = name, argv, code, says
        self.stdin, self.env, self.conf = stdin, env or {}, conf
        self.limits, self.wrap, self.mends = limits, wrap, mends
        self.served, self.keeps = served, keeps


def record(**fields):
    return json.dumps(fields).encode() + b"\n"


ROW = record(type="row", table="operator_metrics", tenant="by-hand",
             operator="7", name="Anna", open_chats=1,
             as_of="2026-11-20T10:00:00.000Z")
CLOSED = record(type="chat", tenant="by-hand", chat="5", status="closed",
                at="2026-11-20T10:00:00.000Z")
ARCHIVED = record(type="chat", tenant="kept", chat="6", status="closed",
                  at="2026-11-20T10:00:00.000Z")
KEPT = "select * from chat_metrics where tenant = 'kept'"
MESSAGE = record(type="message", tenant="acme", id="1", chat="5",
                 at="2026-11-20T10:00:00.000Z", **{"from": "customer"})
BROKEN = b'{"type":"row","name":"\xff\xfe"}\n'
GONE_DB = {"MYSQL_URL": f"mysql://messaging:{PASSWORD}@127.0.0.1:{{closed}}/m"}
WRONG_DB = {"MYSQL_URL": f"mysql://messaging:{PASSWORD}@{{mysql}}"}
GONE_MQ = {"AMQP_URL": f"amqp://messaging:{PASSWORD}@127.0.0.1:{{closed}}/m"}
DEAF_MQ = {"AMQP_URL": f"amqp://messaging:{PASSWORD}@127.0.0.1:{{deaf}}/m"}
CRM_ENV = {"CRM_URL": "{url}", "CRM_TOKEN": "{token}", "CRM_TENANT": "acme"}
SOON = "[amqp]\nwait_timeout = 1s\n[mysql]\nwait_timeout = 1s\n"
NO_DB = r"database mysql://messaging:\*\*\*@127.* running"
DENIED_DB = r"database mysql://messaging:\*\*\*@127.*denied.*check user"
NO_MQ = r"RabbitMQ at amqp://messaging:\*\*\*@127.*; is it running"
FULL = r"(No space left|File too large)"

PROGRAMS = [
    Prog("no database: sink", ["sink"], 75, NO_DB, ROW, GONE_DB, SOON),
    Prog("no database: sink --migrate", ["sink", "--migrate"], 75, NO_DB,
         b"", GONE_DB, SOON),
    Prog("no database: reaper", ["reaper"], 75, NO_DB, CLOSED, GONE_DB,
         SOON),
    Prog("no database: reaper --list", ["reaper", "--list"], 75, NO_DB, b"",
         GONE_DB, SOON),
    Prog("a wrong password: sink", ["sink"], 77, DENIED_DB, ROW, WRONG_DB),
    Prog("no tables", ["sink"], 78, r"sink --migrate", ROW,
         {"MYSQL_URL": "{empty}"}),
    Prog("no broker: aggregator", ["aggregator", "-t", "queue:rows"], 75,
         NO_MQ, MESSAGE, GONE_MQ, SOON),
    Prog("no broker: sink",
         ["sink", "-f", "queue:rows", "--until-empty"], 75, NO_MQ, b"",
         GONE_MQ, SOON),
    Prog("a broker that says nothing",
         ["sink", "-f", "queue:rows", "--until-empty"], 75,
         r"amqp://messaging:\*\*\*@127.*; is it RabbitMQ", b"", DEAF_MQ,
         SOON),
    Prog("a typo in the file of one tenant of three", ["poller"], 78,
         r"bolt\.conf:2: unknown key 'tokn'.*; see messaging",
         conf="[poller]\ntenants = {tenants}\n", served={"acme", "core"}),
    Prog("a token file that is not there", ["poller"], 78,
         r"'?/nowhere'?.*No such file",
         env={"CRM_URL": "{url}", "CRM_TOKEN_FILE": "/nowhere"}),
    Prog("invalid UTF-8: aggregator", ["aggregator"], 65, r"line 2: .*UTF-8",
         MESSAGE + BROKEN + MESSAGE),
    Prog("invalid UTF-8: sink", ["sink"], 65, r"line 2: .*UTF-8",
         ROW + BROKEN + ROW),
    Prog("invalid UTF-8: reaper", ["reaper"], 65, r"line 2: .*UTF-8",
         CLOSED + BROKEN + CLOSED),
    *[
        Prog(f"a line of 200 MB: {argv[0]}", argv, 65, r"line 1", "long_line",
             CRM_ENV, limits={resource.RLIMIT_DATA: 400 * MIB})
        for argv in (["aggregator"], ["sink"], ["reaper"],
                     ["poller", "--status"])
    ],
    Prog("a full disk under stdout: poller", ["poller"], 74, FULL,
         env=CRM_ENV, wrap=["sh", "-c", 'exec "$@" >/dev/full', "sh"]),
    Prog("a full disk under stdout: aggregator", ["aggregator"], 74, FULL,
         MESSAGE, wrap=["sh", "-c", 'exec "$@" >/dev/full', "sh"]),
    Prog("a full disk under an output file", ["aggregator", "-t",
                                              "/dev/full"], 74, FULL,
         MESSAGE),
    Prog("a full disk under --state",
         ["poller", "--state", "{state}/full"], 74,
         r"{state}/full.*" + FULL, env=CRM_ENV, wrap="no space",
         mends=["poller", "--state", "{state}/full"]),
    Prog("a file size limit under --state",
         ["poller", "--state", "{state}/limit"], 74,
         r"{state}/limit.*" + FULL, env=CRM_ENV,
         limits={resource.RLIMIT_FSIZE: 16 << 10},
         mends=["poller", "--state", "{state}/limit"]),
    Prog("a full disk under --archive",
         ["reaper", "--archive", "{archive}"], 74, r"{archive}.*" + FULL,
         ARCHIVED, limits={resource.RLIMIT_FSIZE: 4 << 10}, keeps=KEPT),
    Prog("a file where --state wants a folder",
         ["poller", "--state", "{long_line}"], 73,
         r"{long_line}.*Not a directory",
         env=CRM_ENV),
    Prog("damage in the state",
         ["poller", "--state", "{damaged}"], 74,
         r"'{damaged}/acme.mdb' is damaged: .*; remove it", env=CRM_ENV),
]


def whole(done):
    """Tenants with complete snapshots."""
    return {
        r["tenant"] for r in done.records()
        if r["type"] == "snapshot" and r["state"] == "end"
    }


def free_port():
    """A port where nothing listens. It stays bound, so nothing can."""
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    return s


# Every write at an offset fails from the second one on.
NO_SPACE = ["strace", "-f", "-o", "/dev/null", "-e",
            "trace=pwrite64,pwritev", "-e",
            "inject=pwrite64,pwritev:error=ENOSPC:when=2+"]


class Bench:
    """The simulator and tenants of one worker; several workers run in
    parallel."""

    def __init__(self, work, number, dice):
        self.work, self.lab, self.number = work, work.lab, number
        self.checks, self.polled, self.fresh = work.checks, set(), 0
        self.names = [f"{n}{number}" for n in ("acme", "bolt")]
        self.tokens = {
            n: f"canary-token-{dice.randrange(1 << 60):x}" for n in self.names
        }
        self.big_token = f"canary-token-{dice.randrange(1 << 60):x}"
        self.calm_token = f"canary-token-{dice.randrange(1 << 60):x}"
        accounts = [
            f"{t}:{dice.randrange(1, 1 << 30)}:{n}"
            for t, n in zip(
                [*self.tokens.values(), self.big_token, self.calm_token],
                (12, 6, 250, 8),
            )
        ]
        # Its clock runs: with a frozen clock a pause would never end, and the
        # next poll would respect it.
        self.sim = self.lab.sim(
            *[w for a in accounts for w in ("--account", a)],
            "--pace", 0, "--speed", 1, "--messages", 4, name=f"sim{number}",
        )

    def conf(self, case, state=True, fix=False, tenants=None):
        """The configuration of a case; fix: without its own fault."""
        sections = {}
        for name in tenants or self.names:
            keys = {
                "url": self.sim.url, "token": self.tokens[name],
                "timeout": "60s",
                "operators_every": "0s",
            }
            if name == self.names[0]:
                if case.big:
                    keys["token"] = self.big_token
                for k, v in ({} if fix else case.conf).items():
                    keys[k] = v.format(**self.work.places)
            sections[f"crm {name}"] = keys
        sections["poller"] = {"retry_budget": case.budget}
        # A pause of one row would last through the next one.
        kind = "big" if case.big else \
            f"long{CRM.index(case)}" if case.waits else ""
        if not state: # a new one instead of the user's
            self.fresh += 1
            kind = f"fresh{self.fresh}"
        sections["poller"]["state"] = self.lab.path(
            f"state{self.number}{kind}"
        )
        return self.lab.conf(f"case{self.number}.conf", sections)

    def that(self, good, text):
        return self.checks.that(good, f"{self.case.name}: {text}")

    def check_line(self, done):
        """Exactly one line, with the object and the remedy."""
        case, lines = self.case, done.lines()
        if case.says is None:
            return self.that(not lines, f"unexpected words: {lines}")
        self.that(len(lines) == 1, f"{len(lines)} lines: {lines}")
        line = lines[0] if lines else ""
        self.that(
            re.match(r"poller: .*" + self.names[0], line)
            and re.search(case.says, line) and re.search(r"; \w", line),
            f"the line: {line!r}",
        )

    def check_served(self, done):
        """Checks which tenants' snapshots are complete. The rows of the others
        stay, since an aggregator ignores a truncated snapshot."""
        want = set(self.names[1:])
        if self.case.code == 0:
            want.add(self.names[0])
        self.that(whole(done) == want, f"whole are {whole(done)}")

    def check_secrets(self, done):
        text = done.out + done.err.encode()
        for token in (*self.tokens.values(), self.big_token):
            self.that(
                token.encode() not in text, "a token is in the output"
            )

    def check_cost(self, done):
        self.that(
            self.work.sanitized or done.peak_kib < PEAK_KIB,
            f"{done.peak_kib} KiB of memory",
        )
        self.that(
            done.wall >= self.case.at_least,
            f"{done.wall} s: the CRM asked for more patience",
        )

    def check_healed(self):
        """With the remaining state, the next poll gives the same result as a
        poll without a state."""
        with_state, without = (
            self.lab.run(["poller", "-c", self.conf(
                self.case, state, True, self.names[:1])])
            for state in (True, False)
        )
        self.that(
            with_state.code == 0 and without.code == 0,
            f"afterwards: {with_state} {without}",
        )
        got, want = self.rows(with_state), self.rows(without)
        wrong = [(want.get(k), got.get(k)) for k in want | got
                 if want.get(k) != got.get(k)]
        self.that(not wrong, f"afterwards differ: {wrong[:3]}")

    def rows(self, polled):
        """The aggregator's rows for the records: {(table, key): row}, without
        values that differ from run to run."""
        done = self.lab.run(["aggregator", "-o", "ndjson"], stdin=polled.out)
        tables, _ = compare.from_ndjson(done.out.decode())
        return {(table, *key): {
            k: v for k, v in row.items()
            if k not in ("as_of", "longest_wait_seconds")}
            for table, found in tables.items() for key, row in found.items()}

    def check_waits(self, token):
        used = self.calls(token)
        done = self.lab.run(["poller", "-c", self.conf(self.case, fix=True)])
        used = self.calls(token) - used
        self.that(
            done.code == 75 and "accepts no calls until" in done.err
            and used == 0, f"the next poll makes {used} calls: {done}",
        )

    def calls(self, token):
        return self.sim.stats()["by_account"][token]

    def run(self, case):
        self.case = case
        token = self.big_token if case.big else self.tokens[self.names[0]]
        # The poll after one fault precedes the next fault.
        before = case.big, case.waits and case.name
        if before not in self.polled:
            done = self.lab.run(["poller", "-c", self.conf(case, fix=True)])
            self.that(done.code == 0, f"beforehand: {done}")
            self.polled.add(before)
        self.sim.advance(60)
        self.sim.control("act", do="touch", percent=50, account=token)
        for name, query in case.faults:
            self.sim.fault(name, account=token, **{
                k: str(v).format(**self.work.places)
                for k, v in query.items()
            })
        used = self.calls(token)
        done = self.lab.run(
            ["poller", "-c", self.conf(case, state=not case.other_world)]
        )
        used = self.calls(token) - used
        self.that(done.code == case.code, f"{done}")
        self.that(
            case.code == 0 or used <= case.calls, f"{used} calls: a storm"
        )
        self.check_line(done)
        self.check_served(done)
        self.check_secrets(done)
        self.check_cost(done)
        self.sim.fault("none")
        if case.waits:
            self.check_waits(token)
        elif not case.other_world:
            self.check_healed()


class Work:
    def __init__(self, lab, dice):
        self.lab, self.dice = lab, dice
        self.checks = Checks()
        self.sanitized = sanitized()
        self.closed = free_port()
        self.deaf = free_port()
        self.deaf.listen(20) # never answers
        self.trap = free_port() # target of redirects
        self.trap.listen(20)
        self.trap.setblocking(False)

    def setup(self):
        self.lab.start_servers("mariadb")
        self.lab.must(["sink", "--migrate"])
        self.benches = [
            Bench(self, n, self.dice) for n in range(WORKERS)
        ]
        bench = self.benches[0]
        url = self.lab.env["MYSQL_URL"]
        self.lab.sql("insert into tenants (tenant, as_of) values "
                     "('kept', '2026-11-20 09:00:00'); "
                     "insert into chat_metrics (tenant, chat, status, as_of) "
                     "values ('kept', '6', 'left', '2026-11-20 09:00:00')")
        tenants = self.lab.path("tenants")
        os.mkdir(tenants)
        for name, key in (
            ("acme", "token"), ("bolt", "tokn"), ("core", "token")
        ):
            self.lab.write(
                f"tenants/{name}.conf",
                f"url = {bench.sim.url}\n{key} = {bench.calm_token}\n",
            )
        long_line = self.lab.write("long_line", "")
        os.truncate(long_line, 200 * MIB) # a sparse file
        damaged = self.lab.path("damaged")
        os.mkdir(damaged)
        self.lab.write("damaged/acme.mdb", os.urandom(20000))
        self.places = {
            "closed": self.closed.getsockname()[1],
            "deaf": self.deaf.getsockname()[1],
            "trap": self.trap.getsockname()[1],
            "plain": bench.sim.port,
            "url": bench.sim.url,
            "token": bench.calm_token,
            "mysql": url.split("@")[1],
            "empty": self.lab.own_database(
                self.lab.database + "_empty"),
            "long_line": long_line,
            "state": self.lab.tmp,
            "damaged": damaged,
            "tenants": tenants,
            "archive": self.lab.write("archive", b"{}\n" * (4 << 10)),
        }
        self.start_tls()

    def start_tls(self):
        """Servers with TLS, in three setups."""
        authority = Authority(self.lab.tmp)
        accounts = [f"{b.tokens[b.names[0]]}:1:5" for b in self.benches]
        self.places["ca"] = authority.pem
        for name, host, days in (
            ("good", "localhost", 2), ("expired", "localhost", -1),
            ("other", "other.example.test", 2),
        ):
            cert, key = authority.issue(name, "DNS:" + host, days)
            self.places[name] = self.lab.sim(
                *[w for a in accounts for w in ("--account", a)],
                "--tls-cert", cert, "--tls-key", key, name=name,
            ).port

    def run_program(self, case):
        """One row of PROGRAMS."""
        places = self.places

        def fill(text):
            return re.sub(r"\{(\w+)\}", lambda m: str(places[m[1]]), text)

        def that(good, text):
            return self.checks.that(good, f"{case.name}: {text}")

        env = {k: fill(v) for k, v in case.env.items()}
        if case.conf is not None:
            env["MESSAGING_CONFIG"] = self.lab.write(
                "case.conf", fill(case.conf)
            )
        argv = program([fill(a) for a in case.argv])
        wrap, limits = case.wrap, case.limits
        if wrap == "no space":
            wrap = NO_SPACE
            env["ASAN_OPTIONS"] = "detect_leaks=0" # strace interferes
        if self.sanitized and limits and resource.RLIMIT_DATA in limits:
            limits = None
        stdin = case.stdin
        if isinstance(stdin, str):
            stdin = open(places[stdin], "rb")
        kept = case.keeps and self.lab.sql(case.keeps)
        done = self.lab.run(
            [*wrap, *argv], stdin=stdin, env=env, limits=limits
        )
        that(done.code == case.code, f"{done}")
        if case.keeps:
            that(kept and self.lab.sql(case.keeps) == kept, "lost data")
        if case.served is not None:
            that(whole(done) == case.served, f"whole are {whole(done)}")
        lines = done.lines()
        if case.says is None:
            that(not lines, f"unexpected words: {lines}")
        else:
            that(
                len(lines) == 1 and re.search(fill(case.says), done.err),
                f"the words: {lines}",
            )
        text = done.out + done.err.encode()
        for secret in (PASSWORD, places["token"]):
            that(secret.encode() not in text, "a secret is in the output")
        that(
            self.sanitized or done.peak_kib < PEAK_KIB,
            f"{done.peak_kib} KiB of memory",
        )
        if case.mends:
            env.pop("ASAN_OPTIONS", None)
            done = self.lab.run([fill(a) for a in case.mends], env=env)
            that(done.code == 0, f"afterwards: {done}")

    def check_trap(self):
        """No client followed the redirect with the token."""
        try:
            self.trap.accept()
            self.checks.that(False, "a redirect was followed")
        except BlockingIOError:
            pass

    def run_programs(self, cases):
        for case in cases:
            try:
                self.run_program(case)
            except Exception as e:
                self.checks.that(False, f"{case.name}: {e!r}")

    def run_crm(self, cases):
        todo = queue.Queue()
        for case in cases:
            todo.put(case)

        def work(bench):
            while not todo.empty():
                try:
                    case = todo.get_nowait()
                except queue.Empty:
                    return
                try:
                    bench.run(case)
                except Exception as e:
                    self.checks.that(False, f"{case.name}: {e!r}")

        threads = [
            threading.Thread(target=work, args=(b,)) for b in self.benches
        ]
        for t in threads:
            t.start()
        for t in threads:
            t.join()


def body():
    dice = random.Random(seed())
    with Lab("fault_injection") as lab:
        work = Work(lab, dice)
        work.setup()
        wanted = sys.argv[1:] # only rows whose names contain one of these words

        def chosen(cases):
            return [
                c for c in cases
                if not wanted or any(w in c.name for w in wanted)
            ]

        crm, programs = chosen(CRM), chosen(PROGRAMS)
        if not (LONG or wanted):
            crm = dice.sample(crm, len(crm) // 4)
        other = threading.Thread(target=work.run_programs, args=(programs,))
        other.start()
        work.run_crm(crm)
        other.join()
        work.check_trap()
        say(f"{len(crm)} faults of a CRM, {len(programs)} of programs")
        return work.checks.result()


main(body)
