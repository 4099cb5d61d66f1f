#!/usr/bin/env -S python3 -B
"""grafana: the dashboards of scripts/grafana. The macros of Grafana's data
source for MySQL are expanded by its rules, then each query is sent as the user
of grants.sql.example to a database that is filled from a stream of messages.
The panels must not overlap; the eight of the original message tracking system
are present. Grafana itself is not packaged in Debian.
"""

import datetime
import glob
import json
import os
import re
import shutil
import subprocess
import xml.etree.ElementTree

from harness import BIN, Checks, Lab, main, say

FOLDER = "scripts/grafana"
ORIGINAL = {"Messages", "Unread messages", "Active users",
            "Active conversations", "Messages per minute", "Read and unread",
            "Top users", "Top conversations"}
HOURS = 6
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
TEXTS = {"tenant", "metric", "operator", "name", "chat", "channel", "user_id",
         "conversation_id", "read_status", "rule", "word"}
# Metrics of other programs.
FOREIGN = {"up", "rabbitmq_queue_messages"}
FUNCTIONS = {"sum", "min", "max", "count", "rate", "increase", "time", "by",
             "le", "histogram_quantile", "or"}


def records(now):
    """Some hours of a team's work."""
    def at(seconds):
        moment = now - datetime.timedelta(seconds=seconds)
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")

    def record(kind, **fields):
        return {"type": kind, "tenant": "acme", **fields}

    for o in ("ann", "bob"):
        yield record("operator", operator=o, name=o.title(), available=True)
    for c in range(12):
        chat, operator = f"c{c}", ("ann", "bob")[c % 2]
        begin = 5 * 3600 - c * 1450
        # The first chat has no operator
        held = {"operator": operator} if c else {}
        yield record("chat", chat=chat, customer=f"u{c}", channel="web",
                     status="open", opened_at=at(begin), at=at(60), **held)
        for k in range(40 if c == 11 else 9): # u11 writes enough for an alert
            customer = k % 2 == 0
            message, when = f"m{c}-{k}", begin - k * (1 if c == 11 else 97)
            yield record(
                "message", chat=chat, id=message, channel="web", at=at(when),
                user=f"u{c}" if customer else operator,
                text="the deadline is near",
                **{"from": "customer" if customer else "operator"},
                **({} if customer else {"operator": operator}))
            if k % 3 == 0:
                yield record("view", message=message, chat=chat, user="z",
                             at=at(when - 20))


def seconds_of(interval):
    return int(interval[:-1]) * UNITS[interval[-1]]


def expand(text, begin, end):
    """Expands a query like Grafana's data source."""
    def group(column, interval, *fill):
        n = seconds_of(interval.strip(" '\""))
        assert len(fill) <= 1 and n > 0, text
        return f"UNIX_TIMESTAMP({column}) DIV {n} * {n}"

    macros = {
        "timeFrom": lambda: f"FROM_UNIXTIME({begin})",
        "timeTo": lambda: f"FROM_UNIXTIME({end})",
        "timeFilter": lambda column: f"{column} BETWEEN FROM_UNIXTIME("
                                     f"{begin}) AND FROM_UNIXTIME({end})",
        "timeGroup": group,
        "timeGroupAlias": lambda *a: group(*a) + ' AS "time"',
    }

    def replace(match):
        given = [a.strip() for a in match.group(2).split(",")]
        return macros[match.group(1)](*[a for a in given if a])

    text = re.sub(r"\$__(\w+)\(([^()]*)\)", replace, text)
    text = text.replace("${tenant:sqlstring}", "'acme','other'")
    assert "$" not in text, f"unknown to this test: {text}"
    return text


class Database:
    """Grafana's user, with the session settings of the data source."""

    def __init__(self, lab):
        where = re.match(r"mysql://[^@]*@([^:/]+):(\d+)", lab.env["MYSQL_URL"])
        self.options = lab.write("grafana.cnf", (
            "[client]\nuser=grafana\npassword=secret\n"
            f"host={where.group(1)}\nport={where.group(2)}\n"
            'init-command="SET time_zone = \'+00:00\'"\n'))

    def ask(self, query):
        """Rows of (column, text or None), or the error as text."""
        done = subprocess.run(
            ["mariadb", f"--defaults-file={self.options}", "-X", "messaging"],
            input=query, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            return done.stderr
        if not done.stdout.strip():
            return []
        nil = "{http://www.w3.org/2001/XMLSchema-instance}nil"
        return [[(f.get("name"), None if f.get(nil) else f.text or "")
                 for f in row]
                for row in xml.etree.ElementTree.fromstring(done.stdout)]


def is_number(text):
    return text is None or re.fullmatch(r"-?\d+(\.\d+)?", text) is not None


class Test:
    def __init__(self, lab):
        self.lab, self.checks = lab, Checks()
        self.end = datetime.datetime.now(datetime.timezone.utc).replace(
            microsecond=0)

    def fill(self):
        lab = self.lab
        lab.start_servers("mariadb", private=True)
        lab.must(["sink", "--migrate"])
        with open("scripts/examples/grants.sql.example", encoding="utf-8") as f:
            text = f.read()
        statements = [
            s for s in re.sub("(?m)^--.*", "", text).split(";")
            if "admin@" in s or "grafana" in s]
        for s in statements:
            lab.sql(s.replace("@localhost", "@'%'")
                    .replace("CHANGE ME", "secret"))
        lines = "".join(json.dumps(r) + "\n" for r in records(self.end))
        done = lab.pipe(["aggregator", "-a", "all", "-o", "ndjson"], ["sink"],
                        stdin=lines.encode())
        for d in done:
            self.checks.that(d.code == 0, repr(d))
        # As in a stream, long after the last change of any chat.
        lab.sql("UPDATE chat_metrics SET as_of = as_of - INTERVAL 1 HOUR")
        self.database = Database(lab)

    def sane(self, path, board, uids):
        """Checks for settings that Grafana would refuse or show badly."""
        that = self.checks.that
        that("id" not in board, f"{path}: has an id")
        that(re.fullmatch("[a-zA-Z0-9_-]{1,40}", board["uid"]) is not None
             and board["uid"] not in uids, f"{path}: uid {board['uid']}")
        uids.add(board["uid"])
        ids, taken = set(), set()
        for p in board["panels"]:
            name = f"{path}: {p['title']}"
            that(p["id"] not in ids, f"{name}: its id")
            ids.add(p["id"])
            that(p["title"] and p["description"], f"{name}: says nothing")
            g = p["gridPos"]
            that(g["x"] + g["w"] <= 24 and g["h"] > 2, f"{name}: {g}")
            cells = {(x, y) for x in range(g["x"], g["x"] + g["w"])
                     for y in range(g["y"], g["y"] + g["h"])}
            that(not cells & taken, f"{name}: lies on another")
            taken |= cells
            refs = [t["refId"] for t in p["targets"]]
            that(refs and len(set(refs)) == len(refs), f"{name}: {refs}")
            for t in p["targets"]:
                that(t["datasource"] == p["datasource"], f"{name}: source")
                self.sources.add((t["datasource"]["type"],
                                  t["datasource"]["uid"]))

    def query(self, name, panel, target):
        """A MySQL query: no error, the columns that the panel needs, and
        rows."""
        begin = int(self.end.timestamp()) - HOURS * 3600
        sql = expand(target["rawSql"], begin, int(self.end.timestamp()))
        if "operator" in sql and "FROM intervals" in sql:
            self.by_operator.append((name, target["rawSql"]))
        rows = self.database.ask(sql)
        if not self.checks.that(isinstance(rows, list), f"{name}: {rows}"):
            return
        if not self.checks.that(len(rows) > 0, f"{name}: no rows"):
            return
        columns = [c for c, _ in rows[0]]
        self.checks.that(len(set(columns)) == len(columns), f"{name}: twice")
        for row in rows:
            for column, value in row:
                if column not in TEXTS and not re.search("_at$|_start$|"
                                                         "last_active", column):
                    self.checks.that(is_number(value),
                                     f"{name}: {column} is {value}")
        if target["format"] == "time_series":
            self.series(name, rows, begin)
        elif "chat" in columns and "seconds" in columns:
            self.who_waits(rows)
        elif panel["type"] == "stat":
            self.checks.that(len(rows) == 1 and len(columns) == 1
                             and float(rows[0][0][1]) > 0, f"{name}: {rows}")

    def namesakes(self):
        """Operators with the same ids in a second tenant get their own rows."""
        end = int(self.end.timestamp())
        before = [(n, q, self.database.ask(expand(q, end - HOURS * 3600, end)))
                  for n, q in self.by_operator]
        columns = ("end_at, chat, message, kind, operator, ms, withdrawn, "
                   "as_of, version")
        self.lab.sql(f"INSERT INTO intervals (tenant, {columns}) SELECT "
                     f"'other', {columns} FROM intervals")
        for name, query, rows in before:
            now = self.database.ask(expand(query, end - HOURS * 3600, end))
            self.checks.that(len(now) == 2 * len(rows) > 0,
                             f"{name}: {len(rows)} rows became {len(now)}")
            self.checks.that(len({str(r) for r in now}) == len(now),
                             f"{name}: whose are they? {now}")
        self.checks.that(len(before) == 2, f"{before}")

    def who_waits(self, rows):
        """Waits last until the tenant's newest row, because a stream does not
        update a chat whose customer just waits."""
        longest = self.lab.sql("SELECT FLOOR(longest_wait_seconds) FROM "
                               "tenant_metrics WHERE tenant = 'acme'")
        self.checks.that([[dict(rows[0])["seconds"]]] == longest,
                         f"the longest wait is {longest}, not {rows[0]}")

    def series(self, name, rows, begin):
        times = []
        for row in rows:
            cells = dict(row)
            self.checks.that("time" in cells, f"{name}: no time")
            times.append(int(cells.pop("time")))
            cells.pop("metric", None)
            self.checks.that(len(cells) == 1, f"{name}: values {cells}")
        self.checks.that(times == sorted(times), f"{name}: not in order")
        self.checks.that(begin - 3600 <= times[0], f"{name}: {times[0]}")

    def promql(self, name, target, exported):
        """A Prometheus query: valid PromQL with existing metrics."""
        names = re.sub(r'"[^"]*"|\{\{.*?\}\}|\[\w+\]', "", target["expr"])
        names = re.sub(r"\b(by|on|without) *\([^)]*\)", "", names)
        names = re.sub(r"\{[^}]*\}", "", names)
        for word in set(re.findall(r"[a-zA-Z_:]\w*", names)) - FUNCTIONS:
            plain = re.sub("_bucket$", "", word)
            self.checks.that(plain in exported | FOREIGN,
                             f"{name}: nobody exports {word}")
        self.expressions.append(target["expr"])

    def promtool(self):
        """promtool parses all queries."""
        if not shutil.which("promtool"):
            say("promtool is missing: scripts/install-deps monitoring")
            return
        rules = self.lab.write("rules.json", json.dumps({"groups": [{
            "name": "x", "rules": [{"record": f"x{i}", "expr": e}
                                   for i, e in enumerate(self.expressions)]}]}))
        done = subprocess.run(["promtool", "check", "rules", rules],
                              capture_output=True, text=True, check=False)
        self.checks.that(done.returncode == 0 and self.expressions != [],
                         f"{done.stdout}{done.stderr}")

    def one_of_several(self):
        """A sum over several counters of which only one exists: not every
        installation has a listener or a daemon."""
        tests = []
        for e in self.expressions:
            names = sorted(set(re.findall(r"messaging_\w+_total", e)))
            for name in names if len(names) > 1 else []:
                tests.append({
                    "interval": "1h",
                    "input_series": [{"series": f'{name}{{instance="a"}}',
                                      "values": "0+1x24"}],
                    "promql_expr_test": [{
                        "expr": e, "eval_time": "24h",
                        "exp_samples": [{"labels": "{}", "value": 24}]}]})
        if not shutil.which("promtool"):
            return
        path = self.lab.write("series.json", json.dumps(
            {"rule_files": [], "tests": tests}))
        done = subprocess.run(["promtool", "test", "rules", path],
                              capture_output=True, text=True, check=False)
        self.checks.that(done.returncode == 0 and tests != [],
                         f"{done.stdout}{done.stderr}")

    def exported(self):
        """Each metric name occurs in a source file that writes metrics."""
        found = set()
        paths = glob.glob("common/**/*.c", recursive=True)
        for program in ("poller", "aggregator", "sink", "reaper"):
            paths += glob.glob(f"{program}/**/*.c", recursive=True)
        for path in [*paths, "scripts/lib.sh"]:
            with open(path, encoding="utf-8") as f:
                text = f.read()
            found |= set(re.findall(r'"(messaging_[a-z_]+)"', text))
            found |= set(re.findall(r"# TYPE (messaging_\w+)", text))
        return found

    def provisioning(self):
        """The data sources are those of the panels, and the dashboards are in
        the installed folder."""
        with open(f"{FOLDER}/datasources.yml", encoding="utf-8") as f:
            text = f.read()
        given = set(zip(re.findall(r"(?m)^    type: (\S+)", text),
                        re.findall(r"(?m)^    uid: (\S+)", text)))
        self.checks.that(given == self.sources, f"{given}, {self.sources}")
        self.checks.that("timezone: '+00:00'" in text, "no time zone")
        self.checks.that("password: $MESSAGING_GRAFANA_PASSWORD" in text,
                         "no password")
        with open(f"{FOLDER}/dashboards.yml", encoding="utf-8") as f:
            path = re.search(r"(?m)^ *path: (\S+)", f.read()).group(1)
        root = self.lab.path("root")
        # -o all: does not rebuild the programs under test.
        subprocess.run(["make", "-s", "-o", "all", "install",
                        f"DESTDIR={root}", "B=" + os.path.dirname(BIN)],
                       check=True, stdout=subprocess.DEVNULL)
        self.checks.that(
            sorted(os.listdir(root + path)) ==
            sorted(os.listdir(f"{FOLDER}/dashboards")), f"not in {path}")

    def secrets(self):
        """Tables that Grafana's user may not read."""
        for query in ("SELECT content FROM messages",
                      "SELECT customer_name FROM chat_metrics",
                      "SELECT customer_phone FROM chat_metrics",
                      "SELECT * FROM revoked_tokens",
                      "DELETE FROM user_stats"):
            said = self.database.ask(query)
            self.checks.that("denied" in said, f"{query}: {said}")

    def run(self):
        self.sources, self.expressions, self.by_operator = set(), [], []
        say("- a filled database")
        self.fill()
        exported, uids, titles = self.exported(), set(), set()
        for path in sorted(glob.glob(f"{FOLDER}/dashboards/*.json")):
            with open(path, encoding="utf-8") as f:
                board = json.load(f)
            say(f"- {board['title']}")
            self.sane(path, board, uids)
            for v in board["templating"]["list"]:
                rows = self.database.ask(expand(v["query"], 0, 1))
                self.checks.that(rows == [[("tenant", "acme")]],
                                 f"{path}: {v['name']}: {rows}")
            for p in board["panels"]:
                titles.add(p["title"])
                for t in p["targets"]:
                    name = f"{board['title']}, {p['title']} {t['refId']}"
                    if "rawSql" in t:
                        self.query(name, p, t)
                    else:
                        self.promql(name, t, exported)
        self.checks.that(ORIGINAL <= titles, f"without {ORIGINAL - titles}")
        self.namesakes()
        self.secrets()
        self.promtool()
        self.one_of_several()
        say("- as it is installed")
        self.provisioning()
        return self.checks.result()


def body():
    with Lab("grafana") as lab:
        return Test(lab).run()


main(body)
