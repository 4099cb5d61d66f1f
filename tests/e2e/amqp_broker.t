#!/usr/bin/env -S python3 -B
"""Faults of the broker itself. kill -9 while one program writes and another
reads: confirmed messages are not lost, redelivered ones have the same id, and
both programs continue by themselves; so does one that starts while the broker
is unavailable. During an alarm, nothing is sent. With amqps, its certificate
is checked, and every way in which it can be another broker is distinguished.
"""

import collections
import http.client
import os
import random
import re
import subprocess
import threading
import time

from certificates import Authority
from harness import BIN, LONG, PROBE, Checklist, run_checks, seed, until

ALARM = r"accepts no messages because of an alarm \(low on memory\); give it"

def records(first, last):
    return [b'{"type":"row","tenant":"t","n":%d,"filler":"0123456789"}\n' % n
            for n in range(first, last + 1)]


class Test(Checklist):
    def __init__(self, lab):
        super().__init__(lab)
        self.tls = lab.path("servers/rabbitmq/tls")
        os.makedirs(self.tls, mode=0o700)
        self.authority = Authority(self.tls)
        self.authority.issue("cert", "DNS:localhost")
        lab.start_servers("rabbitmq", private=True)

    def probe(self, url, *words, stdin=b"", **amqp):
        conf = self.lab.conf("conf", {"amqp": {"wait_timeout": "30s", **amqp}})
        return self.lab.run([PROBE, *words], stdin=stdin, env={
            "AMQP_URL": url, "MESSAGING_CONFIG": conf})

    def by_tls(self):
        lab = self.lab
        url, ca = lab.env["AMQPS_URL"], self.tls + "/ca.pem"
        lines = records(1, 5000)
        self.ends(self.probe(url, "write", "queue:tls", ca_file=ca,
                             stdin=b"".join(lines)), 0)
        done = self.probe(url, "-e", "read", "queue:tls", ca_file=ca)
        self.that([x.split(b"\t", 1)[1] + b"\n" for x in
                   done.out.splitlines()] == lines, "other lines came back")
        reader = lab.start([PROBE, "-p", "read", "queue:tls"], env={
            "AMQP_URL": url, "MESSAGING_CONFIG": lab.path("conf")})
        until(60, lambda: "true" in lab.ask_broker(
            "[proplists:get_value(ssl, C) || C <- "
            "rabbit_networking:connection_info_all([ssl])]."), "a TLS link")
        lab.end(reader)
        # The system's certificates do not include ours, nor does another
        # authority's.
        stranger, none = lab.path("stranger"), lab.write("none.pem", "none\n")
        Authority(lab.tmp, "stranger")
        untrusted = r"is not trusted .*; renew it, or set \[amqp\] ca_file"
        for options, says in (
                ({}, untrusted), ({"ca_file": stranger + ".pem"}, untrusted),
                ({"ca_file": stranger + ".gone"},
                 r"cannot read \[amqp\] ca_file '.*stranger.gone': No such file "
                 "or directory; check"),
                ({"ca_file": none}, "cannot load certificates from '.*none.pem'"
                 r"; check \[amqp\] ca_file")):
            self.refuses(url, 78, says, **options)
        self.refuses(url.replace("localhost", "127.0.0.1"), 78,
                     r"is for another host; use the certificate.s host name in",
                     ca_file=ca)
        # A port without TLS.
        self.refuses(lab.env["AMQP_URL"].replace("amqp:", "amqps:"), 75,
                     "cannot reach RabbitMQ at amqps:", ca_file=ca,
                     wait_timeout="1s")

    def refuses(self, url, code, says, **amqp):
        done = self.probe(url, "read", "queue:tls", **amqp)
        self.ends(done, code, says)
        password = re.search(":([^:@]*)@", url)[1]
        self.that(password not in done.err, "it shows the password")

    def crashes(self):
        lab, dice = self.lab, random.Random(seed())
        crashes, n = 3 if LONG else 1, 40000
        # One message per flush, so one is always unconfirmed.
        with open(lab.path("writer"), "wb") as said:
            writer = lab.start(
                [PROBE, "-p", "-b", "10", "write", "queue:crash"],
                lab.path("confirmed"), stdin=subprocess.PIPE, stderr=said)
        with open(lab.path("reader"), "wb") as said:
            reader = lab.start([PROBE, "-p", "-b", "200", "read", "queue:crash"],
                               lab.path("read"), stderr=said)
        share = n // (crashes + 1)
        for crash in range(crashes + 1):
            lines = b"".join(records(crash * share + 1, (crash + 1) * share))
            before = os.path.getsize(lab.path("read"))

            def feed(lines=lines):
                writer.stdin.write(lines)
                writer.stdin.flush()

            feeder = threading.Thread(target=feed)
            feeder.start()
            until(30, lambda before=before: os.path.getsize(
                lab.path("read")) > before, "it to go on")
            if crash < crashes:
                time.sleep(dice.random()) # a random moment
                lab.servers("kill", "rabbitmq")
                late = lab.start(
                    ["aggregator", "-v", "-f", "queue:late", "-t", "queue:later",
                     "--every", "1s", "--state", lab.path("late")],
                    lab.path("late.err"))
                until(60, lambda: "trying again" in lab.text("late.err"),
                      "a program that finds no broker")
                lab.servers("start", "rabbitmq")
                until(60, lambda: re.search(
                    "reconnected endpoint=queue:late after_ms=",
                    lab.text("late.err")), "it to come up")
                self.that(lab.end(late) == 0, lab.text("late.err"))
                os.unlink(lab.path("late.err"))
            feeder.join()
        writer.stdin.close()
        self.that(writer.wait() == 0, lab.text("writer"))
        self.equal(lab.text("confirmed").splitlines()[-1:],
                   [f"confirmed {n}"], "the writer")

        def pairs():
            return {tuple(x.split("\t", 1))
                    for x in lab.text("read").split("\n")[:-1]}

        until(60, lambda: len({line for _, line in pairs()}) >= n, "all")
        self.that(lab.end(reader) == 0, lab.text("reader"))
        # Messages that were on their way at the stop are in the queue again.
        lab.start([PROBE, "-e", "-b", "200", "read", "queue:crash"],
                  lab.path("read")).wait()
        got = pairs()
        self.that({line.encode() + b"\n" for _, line in got} ==
                  set(records(1, n)), "other records")
        self.equal(lab.in_queue("crash", "total"), 0, "left")
        # A line is always in the same message, however often it is delivered.
        twice = [line for line, k in collections.Counter(
            line for _, line in got).items() if k > 1]
        self.equal(twice[:3], [], "other ids")
        for side in "writer", "reader":
            # Either side may have finished before the last restart, and a busy
            # broker may need several attempts.
            tries = lab.text(side).count("trying again")
            self.that(1 <= tries <= 5 * crashes, f"{tries} lines about "
                      f"{crashes} crashes: {lab.text(side)}")

    def alarm(self):
        """During an alarm, no message is sent. Programs notice its end, a
        writer from cron reports the alarm, and so does a listener, whose spool
        grows."""
        lab, lines = self.lab, records(1, 20)
        listener = lab.serve(
            ["poller", "-c", lab.write("listen.conf", "[listen]\n"), "--listen",
             "127.0.0.1:0", "-t", "queue:spooled", "--state", lab.path("spool")],
            "listen")
        lab.ask_broker("vm_memory_monitor:set_vm_memory_high_watermark(0.00001)"
                       ".")
        until(60, lambda: "memory" in lab.ask_broker(
            "rabbit_alarm:get_alarms()."), "an alarm")
        url = lab.env["AMQP_URL"]
        self.ends(self.probe(
            url, "-b", "10", "write", "queue:alarm", stdin=b"".join(lines),
            wait_timeout="5s"), 75, ALARM)
        done = lab.run(["aggregator", "--declare"], stdin=b"alarm records\n")
        self.ends(done, 75, ALARM)
        done = lab.run(["scripts/health-check.sh"], env={
            "MESSAGING_BIN": BIN, "MESSAGING_CONFIG": lab.conf("health", {
                "crm one": {"token": "x"}})})
        self.that(done.code == 2 and re.search(
            "CRITICAL.*broker: .*" + ALARM, done.out.decode()),
            f"{done} {done.out}")
        writer = lab.start([PROBE, "-p", "-b", "10", "write", "queue:alarm"],
                           lab.path("alarmed"), stdin=subprocess.PIPE)
        writer.stdin.write(b"".join(lines))
        writer.stdin.close()
        asked = http.client.HTTPConnection("127.0.0.1", listener.port)
        asked.request("POST", "/api/v1/analytics/events?tenant_id=acme", body=(
            '{"event_type":"user_action","event_data":{}}'),
            headers={"Content-Type": "application/json"})
        self.that(asked.getresponse().status < 300, "an event in an alarm")
        asked.close()
        until(90, lambda: "wait in the spool" in lab.text("listen.log"),
              "a warning")
        for log in "listen.log", "alarmed":
            until(60, lambda n=log: re.search(ALARM, lab.text(n)),
                  f"the alarm in {log}")
            self.equal(len(re.findall(ALARM, lab.text(log))), 1,
                       lab.text(log))
        until(60, lambda: "block" in lab.ask_broker(
            "rabbit_networking:connection_info_all([state])."), "a blocked one")
        lab.ask_broker("vm_memory_monitor:set_vm_memory_high_watermark(0.4).")
        until(60, lambda: lab.run(["aggregator", "--declare"],
                                  stdin=b"alarm records\n").code == 0,
              "the end of the alarm")
        self.that(writer.wait() == 0 and "confirmed 20" in lab.text("alarmed"),
                  lab.text("alarmed"))
        self.that({x.encode() + b"\n" for x in lab.take("alarm")} ==
                  set(lines), "other lines")
        until(60, lambda: lab.take("spooled") != [], "the event")
        lab.end(listener)

    def expired(self):
        self.authority.issue("cert", "DNS:localhost", -1)
        self.lab.servers("restart", "rabbitmq")
        self.refuses(self.lab.env["AMQPS_URL"], 78, "has expired; renew it",
                     ca_file=self.tls + "/ca.pem")


run_checks(Test)
