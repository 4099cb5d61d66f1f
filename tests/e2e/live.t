#!/usr/bin/env -S python3 -B
"""live: scripts/demo --live without a terminal, as an ordinary user if there
is one: it prints a link with a token, the board and the API return changing
figures, and SIGINT ends it without leaving anything; with LONG=1 also SIGTERM,
and SIGTERM at its start.
"""

import calendar
import json
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

from harness import BIN, LONG, TESTBIN, Checks, main, say, until

START = 240
END = 600 # seconds: bash handles a signal only when the servers have started


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args):
        return None


class Live:
    """A run of the script, and its processes."""

    def __init__(self, checkout, command, crm="chat2desk"):
        self.out = os.path.join(checkout, "out")
        with open(self.out, "wb") as f:
            self.process = subprocess.Popen(
                [*command, os.path.join(checkout, "scripts/demo"),
                 "--live"],
                stdin=subprocess.DEVNULL, stdout=f, stderr=f,
                cwd=checkout, start_new_session=True,
                env={**os.environ, "BIN": BIN, "TESTBIN": TESTBIN, "CRM": crm})

    def said(self):
        with open(self.out, encoding="utf-8") as f:
            return f.read()

    def find(self, pattern, patience=START):
        def look():
            found = re.search(pattern, self.said(), re.M)
            if not found and self.process.poll() is not None:
                raise AssertionError(f"it ended: {self.said()}")
            return found

        return until(patience, look, f"{pattern}: {self.said()}").group(1)

    def its_own(self):
        """The script's process; it is not our child if a command changes the
        user."""
        pid = self.process.pid
        while True:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                words = f.read().split(b"\0")
            if words[0].endswith(b"bash"):
                return pid
            with open(f"/proc/{pid}/task/{pid}/children",
                      encoding="ascii") as f:
                pid = int(f.read().split()[0])

    def stop(self, number):
        os.kill(self.its_own(), number)
        return self.process.wait(END)

    def kill(self):
        if self.process.poll() is None:
            self.stop(signal.SIGTERM)


def left(folder):
    """Processes with the folder in their command line or as working
    directory."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                words = f.read().replace(b"\0", b" ").decode(
                    errors="replace")
            if folder in words + os.readlink(f"/proc/{pid}/cwd"):
                found.append(f"{pid}: {words}")
        except OSError:
            pass
    return found


def ask(url, token):
    request = urllib.request.Request(
        url, headers={"Authorization": "Bearer " + token})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def log_in(url, token):
    """Logs in like the form; returns what the browser would keep."""
    opener = urllib.request.build_opener(NoRedirect)
    body = urllib.parse.urlencode({"token": token}).encode()
    try:
        opener.open(urllib.request.Request(
            url + "login", body, {"Origin": url.rstrip("/")}), timeout=30)
    except urllib.error.HTTPError as answer:
        if answer.code == 303 and answer.headers["Location"] == "/":
            return answer.headers["Set-Cookie"].split(";")[0]
    raise AssertionError("no login")


def board(url, cookie):
    request = urllib.request.Request(url, headers={"Cookie": cookie})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.read().decode()


def clock_is_right(now):
    """The last step of the past may still be running."""
    if not now["now"]:
        return False
    as_of = calendar.timegm(time.strptime(now["now"][0]["as_of"][:19],
                                          "%Y-%m-%dT%H:%M:%S"))
    return -60 < time.time() - as_of < 120


def figures_change(checks, url, token):
    until(START, lambda: clock_is_right(ask(url + "api/v1/now", token)),
          "the board tells the time of day")
    first = ask(url + "api/v1/now", token)
    checks.that(first["tenant"] == "demo" and len(first["operators"]) > 4
                and first["now"][0]["open_chats"] > 5, f"{first}")
    until(90, lambda: ask(url + "api/v1/now", token)["now"] != first["now"],
          "another figure")
    total = url + "api/v1/responses?by=total&from=4h"
    count = ask(total, token)["rows"][0]["count"]
    checks.that(count > 0, "no responses of the hours before")
    until(120, lambda: ask(total, token)["rows"][0]["count"] > count,
          "another response")


def one_run(checks, checkout, command, number, crm="chat2desk"):
    live = Live(checkout, command, crm)
    try:
        folder = live.find(r"^ +all in (.*)$")
        token = live.find(r"/login#token=(\S+)$")
        url = live.find(r"(http://127\.0\.0\.1:\d+/)login#")
        live.find(r"(\^C stops it all)")
        page = board(url, log_in(url, token))
        checks.that("board.js" in page, "no board")
        for words in left(folder):
            checks.that(token not in words, f"the token is in {words}")
        if number == signal.SIGINT:
            figures_change(checks, url, token)
        code = live.stop(number)
    finally:
        live.kill()
    checks.that(code == 0, f"{number}: exit {code}: {live.said()}")
    checks.that(not os.path.exists(folder), f"{folder} is left")
    checks.that(left(folder) == [], f"left running: {left(folder)}")
    checks.that(not re.search("^demo: ", live.said(), re.M),
                f"it complains: {live.said()}")


def at_its_begin(checks, checkout, command):
    """Stopped before anything runs."""
    live = Live(checkout, command)
    try:
        folder = live.find(r"^ +all in (.*)$")
        code = live.stop(signal.SIGTERM)
    finally:
        live.kill()
    checks.that(code in (0, 143), f"at its begin: exit {code}")
    checks.that(not os.path.exists(folder) and left(folder) == [],
                f"left from the begin: {folder} {left(folder)}")


def checkout_of(user):
    """A checkout owned by the user, with the programs under test."""
    folder = tempfile.mkdtemp(prefix="live.")
    shutil.copytree("scripts", os.path.join(folder, "scripts"))
    os.mkdir(os.path.join(folder, "build"))
    if user is not None:
        for path in (folder, os.path.join(folder, "build")):
            os.chown(path, user.pw_uid, user.pw_gid)
    return folder


def ordinary_user():
    """Another user who may read the sources; None: only us."""
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        return None, []
    user = pwd.getpwnam("nobody")
    become = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}",
              "--clear-groups", "env", "HOME=/nonexistent"]
    if subprocess.run([*become, "test", "-x",
                       os.path.join(BIN, "sink")], check=False).returncode:
        return None, []
    return user, become


def body():
    checks = Checks()
    user, become = ordinary_user()
    say(f"as {user.pw_name if user else 'ourselves'}")
    checkout = checkout_of(user)
    try:
        one_run(checks, checkout, become, signal.SIGINT)
        if LONG:
            at_its_begin(checks, checkout, become)
            one_run(checks, checkout, [], signal.SIGTERM, "chatwoot")
    finally:
        shutil.rmtree(checkout, ignore_errors=True)
    return checks.result()


if __name__ == "__main__":
    main(body)
