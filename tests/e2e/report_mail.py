"""report_mail: tests scripts/mail-report as cron runs it, with a program in
place of sendmail that stores its input.
"""

import codecs
import email
import email.policy
import glob
import os
import re

from harness import BIN
from report_page import ReportPage

SENDMAIL = """#!/bin/sh
printf '%s\\n' "$@" >"$0.arguments"
cat >"$0.mail"
[ ! -e "$0.fails" ] || { echo 'no such relay' >&2; exit 75; }
"""
SUBJECT = "Неделя команды — with ümlauts, and longer than a line of a header"


class Mail:
    """A stub of sendmail, and the script in cron's environment."""

    def __init__(self, lab, tenant):
        self.lab = lab
        self.tenant = tenant
        self.program = lab.write("sendmail", SENDMAIL, 0o700)
        self.metrics = lab.path("mail.metrics")
        os.mkdir(self.metrics)
        self.conf = lab.conf("mail.conf", {
            "mysql": {"url": lab.env["MYSQL_URL"]},
            "metrics": {"folder": self.metrics}})

    def run(self, *arguments, **env):
        env = {"PATH": "/usr/bin:/bin", "HOME": self.lab.tmp,
               "SENDMAIL": self.program, "TMPDIR": self.lab.tmp, **env}
        words = [f"{k}={v}" for k, v in env.items() if v is not None]
        return self.lab.run(
            ["/usr/bin/env", "-i", *words, os.path.abspath(
                "scripts/mail-report"), "-b", BIN, "-c", self.conf,
             "--tenant", self.tenant, *arguments])

    def told(self):
        """The success metric for Prometheus; None: no file."""
        for path in glob.glob(self.metrics + "/messaging_report_*.prom"):
            with open(path, encoding="utf-8") as f:
                return re.search('last_run_succeeded{task="report",.*} (.)',
                                 f.read()).group(1) == "1"
        return None

    def message(self):
        with open(self.program + ".mail", "rb") as f:
            return email.message_from_binary_file(
                f, policy=email.policy.default)


def check_mail(lab, tenant, that):
    mail = Mail(lab, tenant)
    week = ("--since", "2026-10-19", "--until", "2026-10-26", "--zone",
            "Europe/Lisbon")
    done = mail.run("--dry-run", *week, "ann@example.com")
    that(done.code == 0 and mail.told() is None, f"it was not mailed: {done}")
    done = mail.run(*week, "ann@example.com", "team-lead@example.com")
    that(mail.told() is True, "a success is not told")
    that(done.code == 0 and not done.out and not done.err, f"mail: {done}")
    with open(mail.program + ".arguments", encoding="ascii") as f:
        that(f.read() == "-oi\n-t\n", "other arguments of sendmail")
    message = mail.message()
    that(message["To"] == "ann@example.com, team-lead@example.com",
         f"to {message['To']}")
    that(tenant in message["Subject"] and "Sun 2026-10-25" in
         message["Subject"], f"subject {message['Subject']}")
    that_parts(mail, message, that)
    done = mail.run(*week, "--subject", SUBJECT, "ann@example.com")
    that(done.code == 0 and mail.message()["Subject"] == SUBJECT,
         f"{done} {mail.message()['Subject']}")
    that_refused(mail, that)
    that([x for x in os.listdir(lab.tmp) if x.startswith("mail-report")]
         == [], "its folder is left")


def that_parts(mail, message, that):
    """The attachments are those of sink --report; the text has the same
    tables."""
    that(message["MIME-Version"] == "1.0" and message["Date"]
         and not message.defects, f"headers: {message.items()}")
    text, page, table = message.iter_parts()
    that([p.get_filename() for p in (text, page, table)]
         == [None, "report.html", "report.csv"], "other parts")
    for part, form in ((page, "html"), (table, "csv")):
        want = mail.lab.must(
            ["sink", "--tenant", mail.tenant, "--report", "-", "-o", form,
             "--since", "2026-10-19", "--until", "2026-10-26", "--zone",
             "Europe/Lisbon"]).out
        if form == "csv":
            want = codecs.BOM_UTF8 + want
        that(part.get_payload(decode=True) == want, f"other {form}")
        that(not part.defects, f"{form}: {part.defects}")
    whole = ReportPage(page.get_payload(decode=True).decode())
    shown = ReportPage(text.get_payload(decode=True).decode())
    that(shown.complaints() == [], f"{shown.complaints()}")
    that(shown.tables == whole.tables and shown.pictures == [],
         "the text has other tables")
    that("<style" not in shown.source, "the text has styles")


def that_refused(mail, that):
    for arguments, env, code, says in (
        ((), {}, 64, "no recipient"),
        (("-Xlog",), {}, 64, "option"),
        (("--", "-Xlog"), {}, 64, "not an address"),
        (("a@b.example\nBcc: c@d.example",), {}, 64, "not an address"),
        (("--zone", "Mars/Base", "a@b.example"), {}, 64, "Mars"),
        (("a@b.example",), {"SENDMAIL": None, "PATH": mail.lab.path("bin")},
         69, "sink --report"),
        (("a@b.example",), {"TMPDIR": mail.lab.path("none")}, 73,
         "set TMPDIR to another"),
    ):
        if "PATH" in env:
            os.makedirs(mail.lab.path("bin"), exist_ok=True)
            for name in ("bash", "sed", "cat", "readlink", "dirname", "env",
                         "awk", "realpath", "cksum", "cut", "date", "chmod",
                         "mv", "rm"):
                link = mail.lab.path("bin/" + name)
                if not os.path.lexists(link):
                    os.symlink("/usr/bin/" + name, link)
            if os.path.exists("/usr/sbin/sendmail"):
                continue
        done = mail.run(*arguments, **env)
        that(done.code == code and says in done.err, f"{arguments}: {done}")
    mail.lab.write("sendmail.fails", "")
    done = mail.run("ann@example.com")
    that(done.code == 69 and "no such relay" in done.err, f"{done}")
    that(mail.told() is False, "a failure is not told")
