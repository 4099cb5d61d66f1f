#!/usr/bin/env -S python3 -B
"""setup: runs scripts/setup as a user with a checkout, with a simulated CRM,
private servers and a crontab in a file.
"""

import getpass
import json
import os
import pty
import re
import select
import socket
import stat
import subprocess
import time
import urllib.error
import urllib.request

from harness import BIN, TOKEN, Checklist, run_checks, say, until
from notice_receiver import Receiver

# One that runs, wherever the test runs.
PGREP = """#!/bin/sh
[ "$*" = "-x cron|crond" ] || exec /usr/bin/pgrep "$@"
"""
# Cannot add a line to the configuration.
AWK = """#!/bin/sh
[ -n "${LINE:-}" ] || exec /usr/bin/awk "$@"
exit 2
"""
SETUP = os.path.abspath("scripts/setup")
CRONTAB = """#!/bin/sh
# crontab: that of the user is the file $HOME/crontab.
case $1 in
-l) cat "$HOME/crontab" ;;
-r) rm "$HOME/crontab" ;;
-) cat >"$HOME/crontab" ;;
esac
"""

# Setup by root on a machine with its own folders and systemd, where its user is
# not root; a stub of systemctl logs its calls. One unit does not restart.
SYSTEMD = """set -e
mount -t tmpfs none /mnt && cp -a /etc /mnt/etc && mount --bind /mnt/etc /etc
for folder in /run /var/lib /opt; do mount -t tmpfs none $folder; done
chmod 755 /opt && mkdir -p /run/systemd/system /etc/systemd/system
rm -rf /etc/messaging-analytics
mkdir /opt/build && cp -r "$MESSAGING_BIN" /opt/build/bin
cp -r Makefile scripts poller sink /opt
chmod -R go+rX /opt
setup="/opt/scripts/setup -y --as nobody"
unset MESSAGING_BIN
$setup --cron no --board 127.0.0.1:9 "$@"
cat /etc/systemd/system/messaging-api.service
cmp scripts/units/messaging-hardening.conf \
    /etc/systemd/system/messaging-.service.d/hardening.conf
$setup
cp scripts/units/messaging-aggregator.service /etc/systemd/system
! $setup --restart || echo "left: no failure of --restart"
$setup --remove
# Setup failed before it created the user, and kept the answers.
mkdir /etc/messaging-analytics && : >/etc/messaging-analytics/acme.token
/opt/scripts/setup -y --as nobody-yet --remove || echo "left: no user"
find /etc/systemd/system /etc/messaging-analytics /var/lib/messaging-analytics \
    -name 'messaging-*' 2>/dev/null | sed 's/^/left: /'
"""
SYSTEMCTL = """#!/bin/sh
echo "$*" >>"$HOME/systemctl"
case $1 in
list-units) printf '%s\n' messaging-aggregator.service messaging-api.service ;;
restart) [ "$2" != messaging-aggregator.service ] ;;
esac
"""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args):
        return None


class Test(Checklist):
    def __init__(self, lab):
        super().__init__(lab)
        lab.start_servers()
        self.sim = lab.sim("--seed", 5, "--operators", 3, "--dialogs", 12,
                           "--hours", "0-24", "--pace", 4)
        self.token_file = lab.write("token", TOKEN + "\n")
        self.home = lab.path("home")
        os.mkdir(self.home)
        os.mkdir(lab.path("bin"))
        lab.write("bin/crontab", CRONTAB, 0o755)
        lab.write("bin/pgrep", PGREP, 0o755)
        lab.env.update(
            HOME=self.home, MESSAGING_BIN=BIN,
            PATH=lab.path("bin") + ":" + os.environ["PATH"])
        for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME"):
            lab.env.pop(name, None)
        self.folder = self.home + "/.config/messaging-analytics/"
        self.state = self.home + "/.local/state/messaging-analytics/"

    def setup(self, *options, code=0, stdin=b"", env=None):
        done = self.lab.run([SETUP, "--as", getpass.getuser(), *options],
                            stdin=stdin, env=env)
        self.that(done.code == code, f"setup {options}: {done} {done.out}")
        said = done.out.decode() + done.err
        for secret in (TOKEN, "messaging:"):  # the URLs have a password
            self.that(secret not in said, f"setup tells '{secret}': {said}")
        return done

    def _answers(self):
        return ["--crm", "chat2desk", "--tenant", "acme", "--url",
                self.sim.url, "--token-file", self.token_file]

    def _crontab(self):
        try:
            with open(self.home + "/crontab", encoding="utf-8") as f:
                return f.read()
        except FileNotFoundError:
            return None

    def _files(self):
        """What a second run must not change: name, mode and content of each
        file."""
        found = {}
        for name in os.listdir(self.folder):
            path = self.folder + name
            if os.path.isdir(path):
                continue
            with open(path, "rb") as f:
                found[name] = (stat.S_IMODE(os.stat(path).st_mode), f.read())
        return found

    def check_refusals(self):
        before = os.listdir(self.home)
        for options, word in (
                ([], "--crm"), (["--crm", "qiscus"], "--tenant"),
                (["-y", "--crm", "none"], "unknown profile 'none'"),
                (["-y", "--tenant", "../x", *self._answers()[4:]], "../x"),
                (["--broker", "amqp://u:secret@h/v"], "AMQP_URL"),
                (["--webhooks", "no"], "'no' is not an address"),
                (["--webhooks", "https://h.example", "--listen", "no"],
                 "'no' is not an address"),
                (["--crm"], "needs a value"), (["--remove"], "-y")):
            done = self.setup(*options, code=64)
            self.that(word in done.err and "secret" not in done.err,
                      f"{options}: {done}")
        done = self.setup("-y", *self._answers()[:-2], code=65)
        self.that("no token" in done.err, f"an empty token: {done}")
        done = self.setup("-y", *self._answers()[:-1], "/none", code=65)
        self.that("cannot read the token file '/none'" in done.err,
                  f"no token file: {done}")
        self.that(os.listdir(self.home) == before, "a refusal leaves files")
        # Nothing listens at the address, whose password is not told.
        done = self.setup("-y", *self._answers(), code=75, env={
            "MYSQL_URL": "mysql://who:no@127.0.0.1:1/x"})
        self.that("'database' cannot be used" in done.err, f"{done}")
        # The CRM refuses the token: nothing is configured, and nothing runs.
        done = self.setup("-y", *self._answers()[:-2], stdin=b"wrong\n",
                          code=77)
        self.that("nothing is configured" in done.err
                  and b"Token is not correct" in done.out,
                  f"a wrong token: {done} {done.out}")
        self.that(not os.path.exists(self.folder + "messaging.conf")
                  and self._crontab() is None, "a wrong token is kept")

    def link(self, said):
        found = re.findall(r"^  (http://\S+)/login#token=(\S+)$", said, re.M)
        self.that(len(found) == 1, f"no link: {said}")
        return found[0]

    def open_board(self, address, token):
        """Logs in like the login page; returns the answer of /api/v1/now."""
        opener = urllib.request.build_opener(NoRedirect)
        with opener.open(address + "/login") as page:
            self.that(b"/board/login.js" in page.read(), "no login by link")
        with opener.open(address + "/board/login.js") as script:
            self.that(b'get("token")' in script.read(), "no script")
        request = urllib.request.Request(
            address + "/login", b"token=" + token.encode(),
            {"Origin": address})
        try:
            answer = opener.open(request)
        except urllib.error.HTTPError as e:
            answer = e
        self.that(answer.status == 303 and answer.headers["Location"] == "/",
                  f"not logged in: {answer.status} {answer.headers}")
        cookie = answer.headers["Set-Cookie"].split(";")[0]
        request = urllib.request.Request(address + "/api/v1/now",
                                         headers={"Cookie": cookie})
        with opener.open(request) as answer:
            return json.load(answer)

    def _run_cron(self):
        """Runs both lines like cron, without the half-minute pause."""
        for line in self._crontab().splitlines():
            command = line.split(None, 5)[5].replace("sleep 30; ", "")
            done = subprocess.run(
                ["env", "-i", "HOME=" + self.home, "PATH=/usr/bin:/bin",
                 "MESSAGING_BIN=" + BIN, "sh", "-c", command],
                check=False, capture_output=True)
            self.that(done.returncode == 0 and not done.stdout + done.stderr,
                      f"{command}: {done}")
        with open(self.state + "jobs.log", encoding="utf-8") as f:
            self.that(f.read() == "", "the jobs complain")

    def check_setup(self):
        done = self.setup("-y", *self._answers(), "--board", "127.0.0.1:0")
        self.that(b"delete '" + self.token_file.encode() in done.out,
                  f"the other copy of the token: {done.out}")
        for name, (mode, _) in self._files().items():
            self.that(mode == 0o600, f"{name} has the mode {mode:o}")
        lines = self._crontab().splitlines()
        self.that([line.split(None, 5)[:5] for line in lines]
                  == [["*"] * 5, ["*/2"] + ["*"] * 4], f"cron: {lines}")
        pid = self._board()
        self.that(all("board.log" in os.readlink(f"/proc/{pid}/fd/{n}")
                      for n in (1, 2)), "the board holds setup's output")
        address, token = self.link(done.out.decode())
        for _ in range(3):
            self.sim.advance(120)
            self._run_cron()
        now = self.open_board(address, token)
        self.that(now["now"][0]["open_chats"] == len(self.sim.open_dialogs()),
                  f"the board shows {now}")
        self.terminal_shows(done.out.decode(), now["now"][0]["open_chats"])
        self.check_second_run(address)

    def terminal_shows(self, said, chats):
        """The command that setup recommends; watch(1) needs a terminal."""
        command = re.search("^In a terminal:  (.* )watch -t (.*)$", said,
                            re.M)
        done = subprocess.run(
            ["env", "-i", "PATH=/usr/bin:/bin", "sh", "-c",
             "".join(command.groups())], check=False, capture_output=True)
        self.that(done.returncode == 0 and f"open {chats}".encode()
                  in done.stdout, f"{command[0]}: {done}")

    def check_second_run(self, address):
        with open(self.home + "/crontab", "a", encoding="utf-8") as f:
            f.write("0 0 * * * other\n")
        before = self._files(), self._crontab(), self._board()
        done = self.setup("-y", "--crm", "qiscus", "--cron", "yes")
        self.that((self._files(), self._crontab(), self._board()) == before,
                  "a second run changes something")
        self.that(b"Keeping" in done.out, f"it does not say so: {done.out}")
        said = done.out.decode()
        self.that(f"The board:  {address}/\n" in said
                  and "token=" not in said, f"another link: {said}")
        command = re.search("^For each other person: (.*)NAME$", said, re.M)
        done = subprocess.run(["sh", "-c", command[1] + "ann"], check=False,
                              capture_output=True)
        self.open_board(address, done.stdout.decode().strip())

    def check_restart(self):
        """After an upgrade or a change of the configuration: the board reads
        the new file. Its process was started before."""
        pid = self._board()
        before = self.lab.sql("SELECT COUNT(*) FROM messages")
        with open(self.folder + "messaging.conf", "a", encoding="utf-8") as f:
            f.write("rate = 7\n")
        done = self.setup("--restart")
        self.that(not os.path.exists(f"/proc/{pid}"), "the old board runs")
        address = re.search(r"Starting the board at (\S+)",
                            done.out.decode())[1]
        self.equal(self.text_of("board.address"), address, "the address")
        with urllib.request.urlopen(f"http://{address}/login") as page:
            self.that(page.status == 200, "no board after the restart")
        self.that(self.lab.sql("SELECT COUNT(*) FROM messages") == before,
                  "rows were lost")

    def check_failed_restart(self):
        """A migration that is refused stops nothing. The next restart also
        starts a daemon that has ended."""
        pid, address = self._board(), self.text_of("board.address")
        self.lab.sql("ALTER TABLE closed_chats DROP KEY by_age")
        done = self.setup("--restart", code=78)
        self.that("ALTER TABLE" in done.err
                  and "run setup --restart again" in done.err, f"{done}")
        self.equal(self._board(), pid, "the board")
        with urllib.request.urlopen(f"http://{address}/login") as page:
            self.that(page.status == 200, "no board after the refusal")
        statement = re.search("type: (ALTER TABLE .*)", done.err)[1]
        self.lab.sql(statement)
        os.kill(int(pid), 15)
        until(30, lambda: not os.path.exists(f"/proc/{pid}"), "its end")
        self.setup("--restart")
        with urllib.request.urlopen(f"http://{address}/login") as page:
            self.that(page.status == 200, "the board was not started again")

    def check_failed_change(self):
        """The configuration is kept if a line cannot be added."""
        before = self._files()
        self.lab.write("bin/awk", AWK, 0o755)
        done = self.setup("-y", "--webhooks", "http://127.0.0.1:1", code=73)
        os.remove(self.lab.path("bin/awk"))
        self.that("cannot add 'hook' to" in done.err, f"{done}")
        self.equal(self._files(), before, "after the failure")

    def text_of(self, name):
        with open(self.state + name, encoding="ascii") as f:
            return f.read().strip()

    def pid_of(self, daemon):
        return self.text_of(daemon + ".pid").split()[0]

    def _board(self):
        return self.pid_of("board")

    def check_removal(self):
        pid = int(self._board())
        self.setup("--remove", "-y")
        self.that(not os.path.exists(f"/proc/{pid}"), "the board still runs")
        self.that(self._crontab() in (None, "0 0 * * * other\n"), "cron")
        for path in (self.folder, self.state):
            self.that(not os.path.exists(path), f"{path} is left")
        rows = self.lab.sql("SELECT COUNT(*) FROM chat_metrics")
        self.that(rows == [["0"]], f"rows are left: {rows}")

    def check_terminal(self):
        """The questions in a terminal, each answered when it is asked. A token
        is not shown."""
        receiver = Receiver()
        address = receiver.url + "/hook"
        answers = [("CRM (", "chat3desk"), ("unknown profile", ""),
                   ("name for your company", "a b"),
                   ("is not a name", "typed"),
                   ("Address of its API", self.sim.root),
                   ("has a path", self.sim.url), ("token", "wrong"),
                   ("refuses this token", "wrong again"),
                   ("Answer again", ""), ("token", TOKEN),
                   ("customers' names", "maybe"),
                   ("neither yes nor no", "y"),
                   ("Address of a chat", "https://crm.example/{chat}"),
                   ("Opening hours", "Mon to Fri"),
                   ("are no hours", "Mon to Fri 9-17:30, Sat 10:00-9:60"),
                   ("9:60", "Mon to Fri 9-17:30, Sat, Sun 10:00-14:00"),
                   ("Time zone", "Lisbon"), ("Lisbon", "Europe/Lisbon"),
                   ("Tell whom", "everybody"), ("is neither", address),
                   ("cron run", "n"), ("Address of the board", "127.0.0.1:0"),
                   ("public address", "board.example"),
                   ("is not an address", "https://board.example"),
                   ("last 30 days: about", "y")]
        said, code = self.type([], answers)
        self.that(code == 0, f"in a terminal: {code} {said}")
        told = receiver.messages("/hook")
        receiver.close()
        # The poller may have found late customers already, and told so.
        tests = [notice for notice in told if notice["rule"] == "test"]
        self.that(len(tests) == 1 and "first: sent" in said, f"{told} {said}")
        with open(self.folder + "messaging.conf", encoding="utf-8") as f:
            conf = f.read()
        for line in ("customers = yes", "proxies = 127.0.0.1",
                     "chat_url = https://crm.example/{chat}",
                     f"tenants = {self.folder}tenants", "hours = team",
                     "zone = Europe/Lisbon", "mon = 9:00-17:30",
                     "fri = 9:00-17:30", "sat = 10:00-14:00",
                     "sun = 10:00-14:00"):
            self.that(line in conf.splitlines(), f"no {line}: {conf}")
        with open(self.folder + "nginx.conf", encoding="utf-8") as f:
            self.that("server_name board.example;" in f.read(), "nginx")
        self.that("https://board.example/login#token=" in said, said)
        said = said.replace("https://board.example",
                            "http://" + self.text_of("board.address"))
        self.that(TOKEN not in said, "the token is shown")
        self.open_board(*self.link(said))
        self.that(self.lab.sql("SELECT DISTINCT tenant FROM chat_metrics")
                  == [["typed"]], "another tenant")
        said, code = self.type(["--remove"], [("(yes, no)", "no")])
        self.that(code == 64 and os.path.exists(self.folder), f"no: {said}")
        said, code = self.type(["--remove"], [("(yes, no)", "yes")])
        self.that(code == 0 and not os.path.exists(self.folder), f"y: {said}")

    def check_kept_answers(self):
        """After a failure, Enter repeats each answer; the token, too."""
        answers = [("CRM (", "chat2desk"), ("name for your company", "kept"),
                   ("Address of its API", self.sim.url), ("token", TOKEN),
                   ("customers' names", "n"), ("Address of a chat", "no"),
                   ("Opening hours", "daily 8-20"), ("Time zone", "UTC"),
                   ("Tell whom", "a@example.com"),
                   ("RabbitMQ", "amqp://u:p@127.0.0.1:1/v"),
                   ("RabbitMQ", None)]
        said, code = self.type([], answers, {"AMQP_URL": ""})
        self.that(code == 64 and "answers are kept" in said, f"{code}: {said}")
        self.that(not os.path.exists(self.folder + "messaging.conf"), said)
        answers = [("CRM (", ""), ("company [kept]", ""),
                   (f"API [{self.sim.url}]", ""), ("Enter keeps", ""),
                   ("customers' names", ""), ("Address of a chat", ""),
                   ("[daily 8-20]", ""), ("hours [UTC]", ""),
                   ("[a@example.com]", "no"),
                   ("cron run", "n"), ("Address of the board", "no"),
                   ("last 30 days", "n")]
        said, code = self.type([], answers)
        self.that(code == 0, f"with the kept answers: {code} {said}")
        self.setup("--remove", "-y")

    def check_kept_password(self):
        """An earlier address of a server is offered without its password."""
        url = self.lab.env["AMQP_URL"]
        password = re.search("://[^:]*:(.*)@", url)[1]
        begin = [("CRM (", "chat2desk"), ("name for your company", "kept"),
                 ("Address of its API", self.sim.url), ("token", TOKEN),
                 ("customers' names", "n"), ("Address of a chat", "no"),
                 ("Opening hours", "no"), ("Tell whom", "no")]
        empty = {"AMQP_URL": "", "MYSQL_URL": ""}
        said, code = self.type([], [*begin, ("RabbitMQ", url),
                                    ("MariaDB", None)], empty)
        self.that(code == 64 and "answers are kept" in said, f"{code}: {said}")
        shown = url.replace(f":{password}@", ":...@")
        said, code = self.type(
            [], [*((question, "") for question, _ in begin),
                 (f"[{shown}]", ""), ("cron run", "n"),
                 ("Address of the board", "no"), ("last 30 days", "n")],
            {"AMQP_URL": ""})
        self.that(code == 0 and f":{password}@" not in said, f"{code}: {said}")
        with open(self.folder + "messaging.conf", encoding="utf-8") as f:
            self.that(f"url = {url}" in f.read().splitlines(), "the address")
        self.setup("--remove", "-y")

    def check_chatwoot(self):
        """Chatwoot needs an account; history begins before setup."""
        sim = self.lab.sim("--crm", "chatwoot", "--seed", 6, "--operators", 3,
                           "--dialogs", 12, "--hours", "0-24", name="woot")
        options = ["-y", "--crm", "chatwoot", "--tenant", "woot", "--url",
                   sim.root, "--token-file", self.token_file, "--cron", "no",
                   "--board", "no"]
        done = self.setup(*options, code=64)
        self.that("--account" in done.err, f"no account: {done}")
        done = self.setup(*options, "--account", "1", "--past", "yes",
                          "--hours", "inboxes")
        with open(self.folder + "messaging.conf", encoding="utf-8") as f:
            conf = f.read()
        inbox = re.search(r"^hours\.(\d+) = inbox-\1$", conf, re.M)[1]
        self.that(f"[hours inbox-{inbox}]\nzone = Europe/Lisbon\n"
                  "mon = 9:00-17:30\n" in conf and
                  "sat = 0:00-24:00\n" in conf and "sun = " not in conf, conf)
        self.that(b"role: administrator" in done.out, f"{done.out}")
        found = self.lab.sql("SELECT open_chats FROM tenant_metrics "
                             "WHERE tenant = 'woot'")
        self.that(found == [["12"]], f"open chats: {found}")
        days = self.lab.sql("SELECT TIMESTAMPDIFF(DAY, MIN(begin_at), "
                            "MAX(end_at)) FROM coverage WHERE "
                            "tenant = 'woot' AND source = 'backfill'")
        self.that(days == [["30"]], f"days that are covered: {days}")
        found = int(self.lab.sql("SELECT COUNT(*) FROM intervals "
                                 "WHERE tenant = 'woot'")[0][0])
        self.that(found > 40, f"intervals of the past: {found}")
        self.setup("--remove", "-y")

    def check_webhooks(self):
        """From the CRM to the board: daemons, the secret, the registration. A
        second run changes nothing; --remove also removes the webhook."""
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        sim = self.lab.sim("--crm", "chatwoot", "--seed", 8, "--operators", 3,
                           "--dialogs", 12, "--hours", "0-24", "--pace", 10,
                           "--start", now, "--speed", 1, name="hooks")
        listener = f"127.0.0.1:{free_port()}"
        options = ["-y", "--webhooks", "http://" + listener, "--listen",
                   listener]
        done = self.setup(
            "-y", "--crm", "chatwoot", "--tenant", "woot", "--url", sim.root,
            "--account", "1", "--token-file", self.token_file, "--cron", "no",
            "--board", "127.0.0.1:0")
        board = self.link(done.out.decode())
        before = self._files()["messaging.conf"]
        done = self.setup(*options)
        self.that(b"A webhook arrived after" in done.out, f"{done.out}")
        files = self._files()
        lines = files["messaging.conf"][1].decode().splitlines()
        for line in ("hook = signature", "proxies = 127.0.0.1",
                     f"hook_secret_file = {self.folder}woot.hook"):
            self.that(line in lines, f"no {line}: {lines}")
        self.that({*before[1].decode().splitlines()} <= {*lines}
                  and files["woot.hook"][0] == 0o600, "the configuration")
        self.equal(self.registered(sim),
                   [f"http://{listener}/hooks/woot/chatwoot"], "registered")
        chat = str(sim.control("act", do="arrive")["dialog"])
        until(30, lambda: self.chat_on(board, chat), "the message")
        done = self.setup(*options)
        self.equal(self._files(), files, "a second run")
        daemons = "aggregator", "sink", "listener", "board"
        pids = [self.pid_of(name) for name in daemons]
        self.setup("--restart")
        self.that(not any(os.path.exists(f"/proc/{pid}") for pid in pids),
                  f"old processes of {pids}")
        pids = [self.pid_of(name) for name in daemons]
        chat = str(sim.control("act", do="arrive")["dialog"])
        board = self.text_of("board.address"), board[1]
        until(60, lambda: self.chat_on(board, chat), "a later message")
        done = self.setup("--remove", "-y")
        self.equal(self.registered(sim), [], "still registered")
        self.that(not any(os.path.exists(f"/proc/{pid}") for pid in pids),
                  f"processes of {pids}: {done.out}")

    def chat_on(self, board, chat):
        address = "http://" + board[0].removeprefix("http://")
        found = self.lab.run(["curl", "-s", "-H", "Authorization: Bearer "
                              + board[1], f"{address}/api/v1/chats?chat={chat}"])
        return f'"chat":"{chat}"'.encode() in found.out

    @staticmethod
    def registered(sim):
        request = urllib.request.Request(
            sim.root + "/api/v1/accounts/1/webhooks",
            headers={"Api-Access-Token": TOKEN})
        with urllib.request.urlopen(request) as answer:
            return [x["url"] for x in json.load(answer)["payload"]["webhooks"]]

    def check_jobs_end(self):
        """A shell of cron that sleeps before its job does not outlive the
        removal."""
        self.setup("-y", *self._answers(), "--board", "no")
        [line] = [x for x in self._crontab().splitlines() if "sleep 30" in x]
        shell = self.lab.start(["sh", "-c", line.split(None, 5)[5]])
        self.setup("--remove", "-y")
        self.that(shell.wait(20) != 0, "its job ran")
        self.lab.processes.remove(shell)

    def check_systemd(self):
        """The board becomes a unit; --remove also stops units that others
        enabled."""
        if os.getuid() != 0:
            say("only root can try the unit of the board")
            return
        self.lab.write("bin/systemctl", SYSTEMCTL, 0o755)
        done = self.lab.run(
            ["unshare", "-m", "sh", "-c", SYSTEMD, "sh", *self._answers()])
        said = done.out.decode()
        self.that(done.code == 0, f"systemd: {done} {said}")
        conf = "/etc/messaging-analytics/messaging.conf"
        for line in ("User=nobody", "    --serve 127.0.0.1:9",
                     f"ExecStart=/opt/build/bin/sink -v -c {conf} \\",
                     "Keeping /etc/systemd/system/messaging-api.service"):
            self.that(line in said.splitlines(), f"no '{line}': {said}")
        self.that(said.count("http://127.0.0.1:9/login#token=") == 1
                  and "\nThe board:  http://127.0.0.1:9/\n" in said
                  and "left: " not in said, f"systemd: {said}")
        with open(self.home + "/systemctl", encoding="utf-8") as f:
            told = f.read().splitlines()
        start = ["enable --now messaging-api"]
        self.that(told == ["daemon-reload", *start, *start,
                           "list-units --plain --no-legend "
                           "--state=active,activating,failed "
                           "messaging-*.service",
                           "restart messaging-aggregator.service",
                           "restart messaging-api.service",
                           "stop messaging-aggregator.service",
                           "disable messaging-aggregator.service",
                           "stop messaging-api.service",
                           "disable messaging-api.service",
                           "daemon-reload", "daemon-reload"],
                   f"systemctl: {told}")

    def type(self, options, answers, env=None):
        """An answer that is None ends the input."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.execve(SETUP, [SETUP, "--as", getpass.getuser(), *options],
                      {**self.lab.env, **(env or {})})
        said, asked, ended = "", 0, False

        def goes_on():
            nonlocal said, asked, ended
            if select.select([terminal], [], [], 0.05)[0]:
                try:
                    more = os.read(terminal, 65536)
                except OSError:  # it has ended
                    more = b""
                said += more.decode().replace("\r\n", "\n")
                ended = not more
            rest = said[asked:]
            if answers and answers[0][0] in rest and rest.endswith(": "):
                asked = len(said)
                answer = answers.pop(0)[1]
                os.write(terminal, b"\x04" if answer is None
                         else answer.encode() + b"\n")
            return ended

        until(120, goes_on, f"the end of setup, after {answers}")
        os.close(terminal)
        return said, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


run_checks(Test)
