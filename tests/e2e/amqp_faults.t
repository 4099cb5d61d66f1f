#!/usr/bin/env -S python3 -B
"""amqp_faults: every refusal of a broker leads to one clear line that names
the object and the remedy, with the documented exit code, no password, and no
lost record. Programs wait for queues that are full, deleted or slow; idle
connections stay open; a broker that hangs is detected in time, and all
programs continue when it is back.
"""

import os
import re
import signal
import time
from urllib.parse import urlsplit

from harness import PROBE, Checklist, run_checks, say, until

PATIENCE = 60
QUEUE = ('{ok, Q} = rabbit_amqqueue:lookup(rabbit_misc:r(<<"VHOST">>, queue, '
         '<<"%s">>)), ')


def records(first, last):
    return b"".join(
        b'{"type":"row","tenant":"t","n":%d,"filler":"0123456789"}\n' % n
        for n in range(first, last + 1))


class Running:
    """A probe in the background."""

    def __init__(self, test, *argv, env=None, stdin=None, patient="-p"):
        test.count += 1
        self.out = test.lab.path(f"probe{test.count}.out")
        self.err = test.lab.path(f"probe{test.count}.err")
        with open(self.err, "wb") as err:
            self.process = test.lab.start([PROBE, *filter(None, [patient]),
                                           *argv], self.out, env, stderr=err,
                                          stdin=stdin)
        if stdin:
            stdin.close()

    def said(self):
        with open(self.err, encoding="utf-8") as f:
            return f.read()

    def wrote(self):
        with open(self.out, "rb") as f:
            return f.read()

    def lines(self):
        """The distinct lines that were read."""
        return {line.split(b"\t")[1] for line in
                self.wrote().rpartition(b"\n")[0].split(b"\n") if line}

    def has(self, text):
        """Waits until it has read the whole text."""
        want = set(text.splitlines())
        until(PATIENCE, lambda: len(self.lines()) >= len(want),
              f"{len(want)} lines, after {self.said()!r}")
        if self.lines() != want:
            raise AssertionError(f"other lines: {sorted(self.lines())[:5]}")

    def stop(self):
        self.process.terminate()
        return self.process.wait(PATIENCE)


class Test(Checklist):
    def __init__(self, lab):
        super().__init__(lab)
        self.count = 0
        lab.start_servers("rabbitmq")
        self.url = lab.env["AMQP_URL"]
        self.parts = urlsplit(self.url)

    def settings(self, **keys):
        name = "-".join(map(str, keys.values())) + ".conf"
        return {"MESSAGING_CONFIG": self.lab.conf(name, {"amqp": keys})}

    def expect(self, code, says, *argv, stdin=b"", program=PROBE, **env):
        """Checks the exit code and the one line on stderr."""
        done = self.lab.run([program, *argv], stdin=stdin, env=env)
        good = done.code == code and len(done.lines()) == 1 and re.search(
            says, done.err) if says else done.code == code
        self.that(good and self.parts.password not in done.err,
                  f"{argv} {says!r}: {done}")
        return done

    def on_queue(self, name, expression):
        return self.lab.ask_broker(QUEUE % name + expression + ".")

    def delete(self, name):
        self.on_queue(name, 'rabbit_amqqueue:delete(Q, false, false, '
                            '<<"test">>), ok')

    def read_all(self, queue, **env):
        done = self.expect(0, "", "-e", "read", "queue:" + queue, **env)
        return {line.split(b"\t")[1] for line in done.out.splitlines()}

    def names_and_urls(self):
        short = self.settings(wait_timeout="2s")
        long = self.settings(wait_timeout="1h")
        p = self.parts
        here = f"{p.hostname}:{p.port}"
        for code, says, endpoint, env in (
            (78, r"set \[amqp\] url or AMQP_URL", "queue:q", {"AMQP_URL": ""}),
            (78, "'http://h/' is not a URL of RabbitMQ", "queue:q",
             {"AMQP_URL": "http://h/"}),
            (78, r"unencrypted; use amqps://, or set \[amqp\] plaintext = yes",
             "queue:q", {"AMQP_URL": self.url.replace(
                 "127.0.0.1", "broker.example.org")}),
            (75, r"cannot reach RabbitMQ at amqp://u:\*\*\*@127.0.0.1:1/v.*"
             "is it running", "queue:q",
             {"AMQP_URL": "amqp://u:secret@127.0.0.1:1/v", **short}),
            (77, r"cannot log in .*refused.*check user and password in "
             r"\[amqp\] url", "queue:q", # waiting would not help
             {"AMQP_URL": f"amqp://messaging:wrong@{here}{p.path}", **long}),
            (77, r"vhost \w+x not found; check the virtual host in "
             r"\[amqp\] url", "queue:q", {"AMQP_URL": self.url + "x", **long}),
        ):
            self.expect(code, says, "write", endpoint, **env)

    def user(self, configure, write, read):
        name = "few_" + self.lab.vhost
        self.lab.ask_broker(
            f'U = <<"{name}">>, catch rabbit_auth_backend_internal:add_user(U, '
            '<<"few-secret">>, <<"test">>), '
            'rabbit_auth_backend_internal:set_permissions(U, <<"VHOST">>, '
            f'<<"{configure}">>, <<"{write}">>, <<"{read}">>, <<"test">>).')
        return {"AMQP_URL": "amqp://%s:few-secret@%s:%d%s" % (
            name, self.parts.hostname, self.parts.port, self.parts.path)}

    def few_rights(self):
        """An existing queue can be used, but a new one cannot be created."""
        rows = records(1, 10)
        self.read_all("there")
        few = self.user("^$", "amq.default", "^there$")
        self.expect(0, "", "write", "queue:there", stdin=rows, **few)
        self.that(self.read_all("there", **few) == set(rows.splitlines()),
                  "other lines")
        self.expect(77, "cannot create queue 'new' .*refused for user 'few_.*'; "
                    "grant the permission", "write", "queue:new", stdin=rows, **few)
        few = self.user("^$", "^$", "^$")
        self.expect(77, "access to exchange 'amq.default' .*refused.*; grant "
                    "the permission", "write", "queue:there", stdin=rows, **few)
        self.expect(77, "access to queue 'there' .*refused.*; grant the permission",
                    "read", "queue:there", **few)
        done = self.expect(0, "", "--declare", program="aggregator",
                           stdin=b"count there\n", **few)
        self.that(done.out == b"0 there\n", f"counted: {done.out}")

    def another_one_reads_alone(self):
        self.lab.ask_broker("""
            Name = fun(N) -> rabbit_misc:r(<<"VHOST">>, queue, N) end,
            {new, Q} = rabbit_amqqueue:declare(Name(<<"alone">>), true, false,
                [], none, <<"test">>),
            register('other_VHOST', spawn(fun() ->
                rabbit_amqqueue:basic_consume(Q, false, self(), none, false,
                    10, <<"other">>, true, [], undefined, <<"test">>,
                    rabbit_queue_type:init()),
                timer:sleep(infinity) end)).""")
        until(PATIENCE, lambda: self.on_queue(
            "alone", "length(rabbit_amqqueue:consumers(Q))") == "1",
            "one who reads alone")
        self.expect(75, "read queue 'alone' .* exclusive use; stop its "
                    "other consumer", "-e", "read", "queue:alone",
                    **self.settings(wait_timeout="1s"))
        reader = Running(self, "read", "queue:alone")
        until(PATIENCE, lambda: re.search(
            "exclusive use; .*; trying again", reader.said()), "its word")
        self.lab.ask_broker("exit(whereis('other_VHOST'), kill).")
        rows = records(1, 10)
        self.expect(0, "", "write", "queue:alone", stdin=rows)
        reader.has(rows)
        self.that(reader.stop() == 0, reader.said())

    def policy(self, definition):
        self.lab.ask_broker(
            'rabbit_policy:parse_set(<<"VHOST">>, <<"small">>, <<"^full$">>, '
            f'<<"{{{definition}}}">>, <<"0">>, <<"queues">>, <<"test">>).')

    def a_full_queue_is_waited_for(self):
        self.read_all("full")
        self.policy(r'\"max-length\":10')
        rows = records(1, 2000)
        done = self.expect(75, "queue 'full' at .* is full; let its consumer "
                           "catch up", "-b", "20", "write", "queue:full",
                           stdin=rows, **self.settings(wait_timeout="5s"))
        safe = int(done.out.split()[-1])
        self.that(100 <= safe < 2000, f"{safe} of 2000 records fitted")
        left = self.read_all("full")
        self.that(left >= set(records(1, safe).splitlines()),
                  "what was confirmed is lost")
        reader = Running(self, "-s", "100", "-b", "100", "read", "queue:full")
        self.expect(0, "", "-b", "20", "write", "queue:full", stdin=rows)
        reader.has(rows)
        self.that(reader.stop() == 0, reader.said())

    def a_deleted_queue_is_made_anew(self):
        """The reader creates a deleted queue again, and the writer resends
        returned messages."""
        reader = Running(self, "read", "queue:gone")
        near, far = os.pipe()
        writer = Running(self, "-b", "10", "write", "queue:gone",
                         env=self.settings(heartbeat="1h"),
                         stdin=os.fdopen(near, "rb"))
        os.write(far, records(1, 10))
        reader.has(records(1, 10))
        self.delete("gone")
        os.write(far, records(11, 20))
        reader.has(records(1, 20))
        self.that(re.search("the queue 'gone' at .* was deleted or moved; "
                            "trying again", reader.said()), reader.said())
        self.that(reader.stop() == 0, reader.said())
        self.delete("gone")
        os.write(far, records(21, 30))
        until(PATIENCE, lambda: b"confirmed 30" in writer.wrote(),
              "what came back to be sent again")
        os.close(far)
        self.that(writer.process.wait(PATIENCE) == 0, writer.said())
        self.that(self.read_all("gone") == set(records(21, 30).splitlines()),
                  "not what was written behind its end")

    def a_forgotten_reader_comes_back(self):
        """A reader that the broker has lost, as when a queue is recreated at
        the moment of its deletion, consumes again."""
        reader = Running(self, "read", "queue:forgetful")
        self.expect(0, "", "write", "queue:forgetful", stdin=records(1, 10))
        reader.has(records(1, 10))
        self.on_queue("forgetful", """
            [C] = rabbit_amqqueue:consumers(Q), {ok, _, _} =
            ra:process_command(amqqueue:get_pid(Q), rabbit_fifo:make_checkout(
                {element(2, C), element(1, C)}, cancel, #{})), ok""")
        self.expect(0, "", "write", "queue:forgetful", stdin=records(11, 20))
        reader.has(records(1, 20))
        self.that(reader.stop() == 0, reader.said())

    def a_stream_is_not_read(self):
        """RabbitMQ counts neither messages nor consumers of a stream, so a
        reader would never see its end."""
        self.lab.ask_broker(
            'rabbit_amqqueue:declare(rabbit_misc:r(<<"VHOST">>, queue, '
            '<<"flowing">>), true, false, [{<<"x-queue-type">>, longstr, '
            '<<"stream">>}], none, <<"test">>).')
        says = "does not report its messages.*; if it is a stream, read a"
        self.expect(75, says, "-e", "read", "queue:flowing",
                    **self.settings(wait_timeout="5s"))
        self.expect(75, says, "--until-empty", "-f", "queue:flowing", "-t",
                    "queue:rows", "--state", self.lab.path("flowing"),
                    program="aggregator", **self.settings(wait_timeout="5s"))

    def stall(self, name):
        """The queue's process does not answer for 4 s: the broker reports the
        queue as empty and unread."""
        self.on_queue(name, "P = amqqueue:get_pid(Q), sys:suspend(P, 60000), "
                      "spawn(fun() -> timer:sleep(4000), sys:resume(P) end), "
                      "ok")

    def a_queue_that_stands_still_is_not_empty(self):
        patient = self.settings(wait_timeout="40s", prefetch=1)
        self.expect(0, "", "write", "queue:one", stdin=b"x\n")
        self.stall("one")
        done = self.expect(0, "", "--declare", program="aggregator",
                           stdin=b"count one\n", **patient)
        self.that(done.out == b"1 one\n", f"counted: {done.out}")
        self.expect(0, "", "-b", "1", "write", "queue:many",
                    stdin=records(1, 30))
        reader = Running(self, "-e", "-b", "1", "-s", "100", "read",
                         "queue:many", env=patient)
        until(PATIENCE, reader.wrote, "a reader")
        self.stall("many")
        self.that(reader.process.wait(PATIENCE) == 0, reader.said())
        reader.has(records(1, 30))

    def idle_connections_live_on(self):
        """Idle connections stay open, also that of a reader that has prefetched
        its maximum."""
        seconds = iter((3, 10, 20))
        self.repeat(lambda: self.idle_for_three(next(seconds)))

    def idle_for_three(self, heartbeat):
        """A pause of two heartbeats, on either side, would break a link."""
        beats = self.settings(heartbeat=f"{heartbeat}s", prefetch=1000)
        reader = Running(self, "read", "queue:idle", env=beats)
        self.expect(0, "", "write", "queue:much", stdin=records(1, 100000))
        busy = Running(self, "-e", "-l", 3000 * heartbeat, "read",
                       "queue:much", env=beats)
        self.expect(0, "", "idle", "queue:idle", f"{3 * heartbeat}s", **beats)
        until(PATIENCE, lambda: reader.lines(), "what comes after idling")
        busy.has(records(1, 100000))
        self.that(busy.process.wait(PATIENCE) == 0, busy.said())
        self.that(reader.stop() == 0, reader.said())
        for one in reader, busy:
            self.that(one.said() == "", f"a link was lost: {one.said()}")

    def a_broker_that_stands_still_is_noticed(self):
        door = self.lab.door("rabbitmq")
        env = {"AMQP_URL": door.url,
               **self.settings(heartbeat="2s", wait_timeout="10s")}
        reader = Running(self, "read", "queue:hung", env={
            "AMQP_URL": door.url, **self.settings(heartbeat="2s")})
        path = self.lab.write("much", records(1, 600000))
        writer = Running(self, "-b", "1000", "write", "queue:fed", env=env,
                         stdin=open(path, "rb"), patient=None)
        until(PATIENCE, lambda: b"confirmed" in writer.wrote(), "a writer")
        door.freeze()
        began = time.monotonic()
        self.that(writer.process.wait(100) == 75, writer.said())
        self.that(re.search("(cannot publish at|cannot talk to|cannot log in "
                            "at|RabbitMQ at) ", writer.said()), writer.said())
        say(f"noticed after {time.monotonic() - began:.0f} s")
        until(PATIENCE, reader.said, "the reader's word")
        door.open()
        self.expect(0, "", "write", "queue:hung", stdin=b"one\n")
        reader.has(b"one\n")
        # Then the reader itself hangs, for longer than the broker waits.
        reader.process.send_signal(signal.SIGSTOP)
        until(PATIENCE, lambda: self.on_queue(
            "hung", "length(rabbit_amqqueue:consumers(Q))") == "0",
            "the broker to mind")
        reader.process.send_signal(signal.SIGCONT)
        self.expect(0, "", "write", "queue:hung", stdin=b"two\n")
        reader.has(b"one\ntwo\n")
        self.that(reader.stop() == 0, reader.said())


run_checks(Test)
