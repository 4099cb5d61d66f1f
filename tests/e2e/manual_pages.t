#!/usr/bin/env -S python3 -B
"""The examples of the pages do what the pages say when they are typed
unchanged, with a simulated CRM. Each replacement here explains its difference.
"""

import http.server
import json
import os
import re
import threading

from harness import BIN, TOKEN, Checklist, run_checks, shown_in, until

SCRIPTS = os.path.abspath("scripts")
NO_CRM = "unset CRM_URL CRM_TOKEN CRM_TENANT\n"
NOW = "2026-11-20T10:00:00Z"
# The CRM of messaging-profile(5).
PAGES = {
    "/api/agents": {"agents": [{"id": 7, "name": "Ann"}]},
    "/api/chats": {"chats": [{"id": 9, "agent_id": 7, "created_at": NOW,
                              "updated_at": NOW, "last_message_id": 1}]},
    "/api/chats/9/messages": {"messages": [{
        "id": 1, "sent_at": NOW, "by_agent": False, "author_id": "c1"}]}}


class Crm(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        known = self.headers["Authorization"] == f"Bearer {TOKEN}"
        body = json.dumps(PAGES[self.path.split("?")[0]] if known else {})
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *args):
        pass


def page(name):
    with open(f"man/man{name[-1]}/{name}", encoding="utf-8") as f:
        return f.read()


def costs_may_be_high(lines, which="."):
    """The self-check's cost estimate depends on the world."""
    return re.sub(f"(?m)^(.*{which}.*)$", r"\1 || [ $? = 78 ]", lines)


def ends(lines):
    """Lets the last command end when its queue is empty."""
    return lines.rstrip("\n") + " --until-empty\n"


class Test(Checklist):
    def __init__(self, lab):
        super().__init__(lab)
        lab.start_servers()
        os.umask(0o077)
        for folder in ("bin", "here", "lib", "lib/poller"):
            os.mkdir(lab.path(folder))
        for program in os.listdir(BIN):
            os.symlink(os.path.realpath(f"{BIN}/{program}"),
                       lab.path(f"bin/{program}"))
        # There is no other user, no systemd, and another broker.
        for name, text in (
                ("sudo", '[ "$1" != -u ] || shift 2\nexec "$@"\n'),
                ("systemctl", ""),
                ("rabbitmqctl", f"exec {SCRIPTS}/servers rabbitmqctl "
                 f"{lab.server_dir} \"${{@/#messaging/{lab.vhost}}}\"\n")):
            lab.write("bin/" + name, "#!/bin/bash\n" + text, 0o700)
        sim = lab.sim("--seed", 7)
        lab.env.update(CRM_URL=sim.url, CRM_TOKEN=TOKEN, CRM_TENANT="acme",
                       PATH=lab.path("bin") + ":" + lab.env["PATH"])
        self.write("token", TOKEN + "\n")
        self.write("acme.token", TOKEN + "\n")
        self.write("stream", shown_in("messaging-stream.7",
                                      "WHAT IS PUBLISHED"))

    def write(self, name, text):
        return self.lab.write("here/" + name, text)

    def text(self, name):
        return self.lab.text("here/" + name)

    def command(self, *argv, **kw):
        return self.lab.must(argv, cwd=self.lab.path("here"), **kw).out.decode()

    def typed(self, what, lines, shows="", strict="-euo"):
        """Runs lines of a page, and checks that their output matches a pattern;
        returns the output."""
        lib, here = self.lab.path("lib"), self.lab.path("here")
        for shown, mine in (
                ("/var/lib/messaging-analytics", lib),
                ("/var/lib/stream", lib + "/stream"),
                ("mysql://admin:PASSWORD@localhost/messaging",
                 self.lab.env["MYSQL_URL"]),
                ("/etc/messaging-analytics", here)):
            lines = lines.replace(shown, mine)
        lines = re.sub(r"(?m)(^| )scripts/", rf"\1{SCRIPTS}/", lines)
        self.that(lines.strip(), f"{what}: no such example")
        done = self.lab.run(["bash", strict, "pipefail",
                             self.write("typed", lines)],
                            cwd=here, timeout=300)
        out = done.out.decode()
        if strict == "-euo":
            self.that(done.code == 0 and re.search(shows, out, re.M),
                      f"{what}: {done}, {out[-500:]!r} after {lines}")
        else: # a command that exists, with existing options
            self.that(done.code not in (64, 70, 126, 127),
                      f"{what}: {done} after {lines}")
        return out

    def query(self, what, name, block, shows="\n"):
        """Runs a statement in the database; its output must match."""
        out = self.command(*map(str, (f"{SCRIPTS}/servers", "mysql",
                                      self.lab.server_dir, self.lab.database)),
                           stdin=shown_in(name, "EXAMPLES", block).encode())
        self.that(out.count("\n") > 1 and re.search(shows, out, re.M),
                  f"{what} shows {out!r}")

    def poller(self):
        self.typed("the schema", shown_in("sink.1", "EXAMPLES", 1))

        def example(number):
            return shown_in("poller.1", "EXAMPLES", number)

        self.typed("poller's first two", costs_may_be_high(example(1))
                   + "unset CRM_TOKEN\n" + example(2),
                   '"table":"operator_metrics"')
        # Another port; and the event is sent when the listener is ready.
        listener, event = example(3).split("curl", 1)
        listener = listener.replace(":8080", ":0")
        listener = re.sub(r" \| tee .*",
                          " --port-file port >day.ndjson &", listener)
        event = event.replace(":8080", ":'$(cat port)'")
        self.typed("an event", listener + "until [ -s port ]; do sleep 0.02; "
                   "done\ncurl -sS --fail" + event + "kill %1; wait\n")
        self.that('"type":"event"' in self.text("day.ndjson"), "no event")
        self.typed("a chat's status", example(4),
                   '"chat":"9001".*"status":"open"')
        self.typed("the job", example(5))
        self.write("hooks.conf", f"[crm acme]\nurl = {self.lab.env['CRM_URL']}\n"
                   f"token = {TOKEN}\nhook = signature\n")
        self.hooks = "unset CRM_URL CRM_TOKEN\n" \
            "export MESSAGING_CONFIG=hooks.conf\n"
        self.typed("webhooks", self.hooks + example(6) +
                   "poller --registered\n", "https://hooks.example.com")

    def aggregator(self):
        def example(number):
            return shown_in("aggregator.1", "EXAMPLES", number)

        self.typed("the metrics now", example(1))
        self.typed("a day's records", example(2))
        self.that(self.text("chats.csv"), "no chats")
        self.typed("what if", example(3),
                   '"table":"allocation_operators".*"max_chats":3')
        self.typed("the job", example(4))
        self.command("aggregator", "--publish", "-f", "stream", "-t",
                     "queue:records")
        self.typed("a stream", ends(example(5)))

    def sink(self):
        self.typed("from cron", shown_in("sink.1", "EXAMPLES", 2))
        self.typed("without a broker", shown_in("sink.1", "EXAMPLES", 3))
        self.command("sink", stdin="".join(
            line + "\n" for line in self.text("stream").splitlines()
            if '"type":"view"' in line).encode())
        self.query("read messages", "sink.1", 4, "^2\tread")
        self.write("key.conf", "[serve]\nsecret_key = " + 64 * "0" + "\n")
        self.typed("a token", "export MESSAGING_CONFIG=key.conf\n"
                   + shown_in("sink.1", "EXAMPLES", 5))
        self.that(self.text("ann.token").count(".") == 2, "no token")
        self.typed("the API", shown_in("messaging-api.7", "EXAMPLES", 1),
                   '^{"tenant":"acme","now":')

    def report(self):
        def example(number):
            return shown_in("messaging-report.7", "EXAMPLES", number)

        self.typed("last week", example(1))
        self.that("\n<h1>acme: " in self.text("week.html"), "no week.html")
        self.that("\ntotals,responses,Responses,count," in
                  self.text("week.csv"), "no week.csv")
        self.typed("a month", example(2))
        self.that("2026-11-30" in self.text("november.html"), "not November")
        self.typed("the operators", example(3), "^operator,name,count,")
        with open("scripts/examples/crontab.example", encoding="utf-8") as f:
            self.crontab = f.read()
        self.that(shown_in("messaging-report.7", "EACH MONDAY", 1).strip() in
                  self.crontab, "not in the crontab")
        line = shown_in("messaging-report.7", "EACH MONDAY", 2).rstrip("\n")
        line = re.sub("(?m).*/bin/sink", "sink", line)
        self.typed("a file by cron", line.replace(
            "/var/www/html", self.lab.path("lib")) + " --tenant acme\n")
        self.that(self.lab.text("lib/team.html"), "cron keeps no file")

    def quickstart(self):
        lines = re.findall("(?m)^(?:export.*token|build.bin.*)$", shown_in(
            "messaging-quickstart.7", "LOOK FIRST"))
        self.equal(len(lines), 3, f"lines {lines}")
        self.typed("look first", "unset CRM_TOKEN\n" + costs_may_be_high(
            "\n".join(lines).replace("build/bin/", ""), "--check"),
            '"table":"operator_metrics"')
        self.typed("Monday's report", shown_in(
            "messaging-quickstart.7", "MONDAY REPORT", 1),
            "^totals,responses,Responses,")

    def troubleshooting(self):
        """Commands that exist, with existing options."""
        name = "messaging-troubleshooting.7"
        commands = [(heading, shown_in(name, heading, 1)) for heading in
                    re.findall(r"(?m)^\.Sh (.*)", page(name))]
        self.that(any(lines for _, lines in commands), "no commands")
        for heading, lines in commands:
            if lines:
                self.typed(heading, f"PATH={SCRIPTS}:$PATH\n" + lines,
                           strict="-o")

    def metrics(self):
        rows = self.command("aggregator", "-f", "day.ndjson", "-a", "all", "-o",
                            "ndjson")
        self.command("sink", stdin=rows.encode())
        for block, what in enumerate(("waiting customers", "how fresh",
                                      "a median"), 1):
            self.query(what, "messaging-tables.5", block)
        self.typed("two metrics", shown_in("messaging-metrics.7", "METRICS"),
                   '"table":"realtime_user_activity"')
        self.write("snapshot", shown_in("messaging-records.5", "EXAMPLES", 1))
        command, explained = shown_in(
            "messaging-metrics.7", "Over which chats").split("\n", 1)
        out = self.typed("--explain", command.replace("day", "snapshot").replace(
            ".ndjson", "") + " -o table\n")
        self.equal(out, explained, "what --explain says")

    def records(self):
        self.typed("messages of each operator", shown_in(
            "messaging-records.5", "EXAMPLES", 2).replace(
            "day.ndjson", "snapshot"), "^ *1 7$")
        about = shown_in("messaging-records.5", "message", 1)
        about = about.replace("\n", "").replace("...", ".")
        self.write("about", '{"type":"message","tenant":"t1","id":"3","chat":"9"'
                   ',"at":"2026-11-20T10:03:00Z","from":"customer","data":'
                   + about + "}\n")
        self.command("sink", stdin=self.command(
            "aggregator", "-f", "about", "-a", "messages", "-o",
            "ndjson").encode())
        self.equal(self.lab.sql(
            "SELECT sentiment_label, intent_name FROM message_analytics"),
            [["positive", "order"]], "what is known of a message")

    def jobs_and_conf(self):
        heading = "messaging-analytics.7", "THE MINUTE JOB"
        self.typed("job", shown_in(*heading, 2))
        self.typed("reap", shown_in(*heading, 3))
        for line in shown_in(*heading, 1).splitlines():
            self.that(line.rsplit(" ", 1)[0] in self.crontab,
                      f"not in the crontab: {line}")
        for heading in ("DESCRIPTION", "EXAMPLES"):
            self.write("some.conf", re.sub(
                "/var/lib/.*", self.lab.path("lib"), shown_in(
                    "messaging.conf.5", heading, 1)))
            conf = self.text("some.conf").replace("/etc/messaging-analytics",
                                                  self.lab.path("here"))
            self.write("some.conf", conf)
            self.typed("a configuration", NO_CRM + "poller -n -c some.conf\n")
        self.typed("a token", "unset CRM_TOKEN\n" + shown_in(
            "messaging.conf.5", "EXAMPLES", 2))

    def reaper(self):
        for block, what in ((1, "what would go"), (2, "with a copy"),
                            (4, "retention")):
            # The data of the examples grow old, and all of it is refused.
            self.typed(what, shown_in("reaper.1", "EXAMPLES", block).replace(
                "30d", "3000d"))
        who = self.lab.sql("SELECT customer FROM chat_metrics WHERE tenant = "
                           "'acme' AND customer IS NOT NULL LIMIT 1")[0][0]
        state = self.lab.path("lib/aggregator")
        stream = self.lab.start(["aggregator", "-f", "queue:records", "--state",
                                 state], cwd=self.lab.path("here"))
        until(30, lambda: os.path.exists(state + "/stream.mdb"), "the state")
        self.typed("a customer's rights", shown_in(
            "reaper.1", "EXAMPLES", 5).replace("5001", who))
        self.equal(self.lab.end(stream), 0, "the stream's exit code")
        self.that(re.search(f'"type":"export".*"customer":"{who}',
                            self.text("customer.ndjson")), "not exported")

    def listen(self):
        with open(self.lab.path("here/hooks.conf"), encoding="utf-8") as f:
            conf = f.read()
        self.write("hooks.conf", conf.replace(
            "hook = signature", "hook = secret\nhook_secret_file = acme.hook"))
        self.typed("webhooks", self.hooks + shown_in(
            "messaging-listen.7", "EXAMPLES", 1).replace(
            "/etc/systemd/system", self.lab.path("lib")))
        self.that(re.fullmatch("[0-9a-f]{64}\n", self.text("acme.hook")),
                  "no secret")
        self.that(self.lab.text("lib/messaging-listener.service"), "no unit")
        # Same as in tests/unit/poller/intake/test_route_messages.c.
        self.typed("a conversation's id", shown_in(
            "messaging-listen.7", "MESSAGES AND EVENTS", 1),
            "= e45069dcdc2f393c4fbdeda3")

    def rights_at_the_broker(self):
        for user in "aggregator", "sink", "poller", "listener", "assign", \
                "notify":
            self.command("rabbitmqctl", "-q", "add_user", user, "secret")
        self.typed("rights", shown_in("messaging-operation.7", "SECURITY", 1))
        listed = self.command("rabbitmqctl", "-q", "list_permissions", "-p",
                              "messaging")
        self.equal(len([x for x in listed.splitlines() if "amq" in x]),
                   6, listed)

    def profile(self):
        profile = re.search(r"(?ms)^def about:.*?(?=^\.Ed)",
                            page("messaging-profile.5"))[0]
        self.write("mycrm.jq", profile.replace(r"\e", "\\"))
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Crm) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            self.typed("your own CRM", "unset CRM_TOKEN; export CRM_URL="
                       f"http://127.0.0.1:{server.server_port}/api\n"
                       + shown_in("messaging-profile.5", "EXAMPLES", 2),
                       '"table":"chat_metrics".*"chat":"9"')
            server.shutdown()

    def who_left(self):
        """A deleted conversation, and a tenant that left."""
        self.lab.sql("INSERT INTO chat_metrics (tenant, chat, status, as_of) "
                     "VALUES ('acme', '42', 'open', UTC_TIMESTAMP(3))")
        self.typed("a company that left",
                   NO_CRM + shown_in("reaper.1", "EXAMPLES", 3))


run_checks(Test)
