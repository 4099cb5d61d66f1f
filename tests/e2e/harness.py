"""harness: shared by the drivers of tests/e2e. A Lab is a private folder with
everything that a test starts in it: simulators, servers, programs. Leaving it
ends them all and removes the folder, even if the test fails or gets SIGTERM
(from tests/run, when it takes too long). It uses only Python's standard
library. The programs are found through BIN and the helpers through TESTBIN, as
in all tests.
"""

import fcntl
import importlib.util
import inspect
import json
import os
import re
import resource
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

BIN = os.environ.get("BIN", os.path.abspath("build/bin"))
TESTBIN = os.environ.get("TESTBIN", os.path.abspath("build/tests"))
LONG = os.environ.get("LONG") == "1"
PROBE = os.path.join(TESTBIN, "tools", "amqp_probe")
PUBLISHER = os.path.join(TESTBIN, "tools", "amqp_publish")
TOKEN = "sim-token"
URLS = {"AMQP_URL": "rabbitmq", "MYSQL_URL": "mariadb"}


class Skip(Exception):
    """The test cannot run here; the text says why."""


def sanitized():
    """True if the programs were built with a sanitizer: they are slower, and
    their memory and address space say nothing about the programs."""
    with open(os.path.join(BIN, "aggregator"), "rb") as f:
        return b"__asan_init" in f.read()


def seed():
    """SEED from the environment, that of the run (tests/run), or a new one;
    printed, so that a failure can be repeated."""
    n = int(os.environ.get("SEED") or os.environ.get("FIRST_SEED") or
            int.from_bytes(os.urandom(4), "big"))
    say(f"SEED={n}")
    return n


def say(text):
    print(text, flush=True)


def until(seconds, condition, what):
    """Waits for a condition; the only way to wait. Times are for a quiet
    machine and four times as long on a busy one. Pauses are a twentieth of the
    elapsed time, or twice the duration of a check, and at most a second, so
    that waiting does not slow the machine down."""
    began, seconds = time.monotonic(), 4 * seconds
    while True:
        look = time.monotonic()
        value = condition()
        if value:
            return value
        now = time.monotonic()
        # The last check begins after the end, because one check may take the
        # whole time.
        if look > began + seconds:
            raise AssertionError(f"waited {seconds} s in vain for {what}")
        pause = max(0.02, (now - began) / 20, 2 * (now - look))
        time.sleep(min(pause, 1))


class Checks:
    """Counts failures instead of stopping at the first."""

    any_failed = False # of all instances

    def __init__(self):
        self.checks_made = 0
        self.checks_failed = 0

    def that(self, good, text):
        self.checks_made += 1
        if not good:
            self.checks_failed += 1
            Checks.any_failed = True
            if self.checks_failed <= 50:
                say(f"FAILED: {text}"[:2000])
        return good

    def equal(self, got, want, what):
        return self.that(got == want, f"{what}: {got!r}, not {want!r}")

    def repeat(self, check, spoilt=lambda: True):
        """Makes a check that a pause of the machine can spoil, and makes it
        again, twice at most, if it failed and SPOILT() does not deny that this
        may be the reason. A defect makes each of them fail."""
        for _ in range(2):
            failed, any_failed = self.checks_failed, Checks.any_failed
            check()
            if self.checks_failed == failed or not spoilt():
                return
            self.checks_failed, Checks.any_failed = failed, any_failed
            say("once more: the machine may have paused")
        check()

    def ends(self, done, code, says=None, what=""):
        """Checks a finished program: its exit code, and a pattern for its one
        line of output ("": no output; None: any output)."""
        good = done.code == code
        if says is not None:
            good = good and len(done.lines()) == bool(says) and re.search(
                says, done.err)
        return self.that(good, f"{what} {done}, not {code} with {says!r}")

    def result(self):
        say(f"{self.checks_made} checks, {self.checks_failed} failed")
        return 1 if self.checks_failed else 0


class Checklist(Checks):
    """A test as a list of checks: the methods of its own class that take no
    parameters and have no leading underscore, in the order of the file."""

    def __init__(self, lab):
        super().__init__()
        self.lab = lab

    def _run(self):
        own = vars(type(self)).items()
        steps(*(check.__get__(self) for name, check in own
                if inspect.isfunction(check) and not name.startswith("_")
                and len(inspect.signature(check).parameters) == 1))
        return self.result()

    def _leave(self):
        """Comes last, even if a check raises an exception."""


TIME = re.compile(r"(?m)^\d{4}-\d\d-\d\dT[\d:.]+Z (?=[a-z-]+: )")


class Done:
    """The result of a program: exit code (negative: a signal), output, cost."""

    def __init__(self, code, out, err, cost):
        self.code = code
        self.out = out
        # Standard error is a file here, so its lines begin with the time.
        self.err = TIME.sub("", err.decode("utf-8", "replace"))
        self.wall = cost.get("wall", 0.0)
        self.cpu = cost.get("user", 0.0) + cost.get("system", 0.0)
        self.peak_kib = cost.get("peak_kib", 0)

    def lines(self):
        return self.err.splitlines()

    def records(self):
        return [json.loads(line) for line in self.out.splitlines()]

    def __repr__(self):
        return f"exit {self.code}, stderr {self.err[:600]!r}"


class Sim:
    """A running simulator of the CRM."""

    def __init__(self, lab, name, options):
        self.log = lab.path(name + ".log")
        self.process = lab.serve(
            [os.path.join(TESTBIN, "crm-sim"), *map(str, options)], name)
        self.port = self.process.port
        self.root = f"http://127.0.0.1:{self.port}"
        self.url = self.root + "/v1"

    def _ask(self, path, method, headers):
        request = urllib.request.Request(
            self.root + path, method=method, headers=headers
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def control(self, what, **query):
        """POST /control/WHAT; a trailing _ allows for Python's keywords."""
        text = urllib.parse.urlencode(
            {k.rstrip("_"): v for k, v in query.items()}
        )
        return self._ask(f"/control/{what}?{text}", "POST", {})

    def advance(self, seconds):
        self.control("advance", seconds=seconds)

    def fault(self, name="none", **query):
        self.control("fault", name=name, **query)

    def stats(self):
        return self._ask("/control/stats", "GET", {})

    def calls(self):
        return self.stats()["calls"]

    def world(self, token=TOKEN):
        return self._ask(f"/control/world?account={token}", "GET", {})

    def get(self, path, token=TOKEN):
        """Reads from the CRM without being counted."""
        headers = {"Authorization": token, "X-Uncounted": "1"}
        return self._ask("/v1" + path, "GET", headers)

    def open_dialogs(self, token=TOKEN):
        """The whole listing of open dialogs, by id."""
        found = {}
        while True:
            page = self.get(
                f"/dialogs?state=open&limit=200&offset={len(found)}", token
            )
            found.update((d["id"], d) for d in page["data"])
            if len(page["data"]) < 200:
                return found


class Door:
    """A TCP proxy to a shared server, for one test; its address is `url`. When
    shut, it behaves like a server that died: connections break, new ones are
    refused. When frozen, it behaves like a server that hangs: nothing passes.
    The server itself stays reachable, so tests can still query it."""

    def __init__(self, url):
        self.server = urllib.parse.urlsplit(url)
        self.place = socket.socket() # keeps the port while the door is shut
        self.place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.place.bind(("127.0.0.1", 0))
        port = self.place.getsockname()[1]
        self.url = url.replace(f":{self.server.port}/", f":{port}/")
        self.passable, self.lock = threading.Event(), threading.Lock()
        self.listener, self.ends = None, {} # each end, and its other end
        self.open()

    def open(self):
        if self.listener is None:
            self.listener = socket.create_server(self.place.getsockname())
            threading.Thread(target=self._admit, args=(self.listener,),
                             daemon=True).start()
        self.passable.set()

    def freeze(self):
        self.passable.clear()

    def shut(self):
        with self.lock:
            if self.listener is not None:
                self.listener.shutdown(socket.SHUT_RDWR)
            self.listener = None
        self.cut()
        self.passable.set()

    def cut(self):
        """Breaks all open connections."""
        with self.lock:
            for end in self.ends:
                hang_up(end, socket.SHUT_RDWR)

    def pieces(self, source, upward):
        """Data from SOURCE, to the server (UPWARD) or from it, in the pieces
        that are passed on; subclasses examine them. An OSError breaks the
        connection."""
        while data := source.recv(65536):
            yield data

    def _admit(self, listener):
        with listener:
            while True:
                try:
                    near = listener.accept()[0]
                except OSError: # shut
                    return
                self.passable.wait()
                threading.Thread(target=self._connect, args=(near, listener),
                                 daemon=True).start()

    def _connect(self, near, listener):
        try:
            far = socket.create_connection(
                (self.server.hostname, self.server.port))
        except OSError: # the server is down, too
            near.close()
            return
        with near, far:
            with self.lock:
                if self.listener is not listener:
                    return
                self.ends.update({near: far, far: near})
            back = threading.Thread(target=self._carry, daemon=True,
                                    args=(far, near, False))
            back.start()
            self._carry(near, far, True)
            back.join()
            with self.lock:
                del self.ends[near], self.ends[far]

    def _carry(self, source, target, upward):
        try:
            for data in self.pieces(source, upward):
                self.passable.wait()
                target.sendall(data)
            self.passable.wait()
            hang_up(target, socket.SHUT_WR)
        except OSError:
            hang_up(source, socket.SHUT_RDWR)
            hang_up(target, socket.SHUT_RDWR)


def hang_up(end, how):
    try:
        end.shutdown(how)
    except OSError: # the other side closed it
        pass


class Lab:
    def __init__(self, name):
        self.name = name
        self.env = dict(os.environ)
        for key in list(self.env):
            if key.startswith(("AMQP_", "MYSQL_", "CRM_", "MESSAGING_")):
                del self.env[key]
        self.env["LC_ALL"] = "C.UTF-8"
        self.processes, self.doors = [], []
        self.server_dir, self.lodging = None, False
        self.vhost = self.database = "messaging"
        self.runs = 0
        self.lock = threading.Lock()

    def __enter__(self):
        self.tmp = tempfile.mkdtemp(prefix=f"{self.name}.")
        self.env["XDG_STATE_HOME"] = self.path("default-state")
        return self

    def __exit__(self, *exc):
        for p in self.processes:
            if p.poll() is None:
                p.kill()
            p.wait()
        for door in self.doors:
            door.shut()
            door.place.close()
        if self.server_dir:
            self._leave_servers()
        shutil.rmtree(self.tmp, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.tmp, name)

    def write(self, name, text, mode=0o600):
        path = self.path(name)
        with open(path, "wb") as f:
            f.write(text if isinstance(text, bytes) else text.encode())
        os.chmod(path, mode)
        return path

    def conf(self, name, sections):
        """Writes a configuration; sections is {"crm acme": {key: value}}."""
        text = ""
        for section, keys in sections.items():
            text += f"[{section}]\n"
            text += "".join(f"{k} = {v}\n" for k, v in keys.items())
        return self.write(name, text)

    def sim(self, *options, name="sim"):
        return Sim(self, name, options)

    def start(self, argv, log=None, env=None, **kw):
        """A process in the background; it ends with the lab."""
        with open(log or os.devnull, "ab") as f:
            kw.setdefault("stdout", f)
            kw.setdefault("stderr", f)
            kw.setdefault("stdin", subprocess.DEVNULL)
            p = subprocess.Popen(
                program(argv), env={**self.env, **(env or {})}, **kw
            )
        self.processes.append(p)
        return p

    def serve(self, argv, name, env=None):
        """Starts a server with --port-file and returns it when it listens, with
        its port. Its log is the file NAME.log."""
        port_file = self.path(name + ".port")
        if os.path.exists(port_file):
            os.unlink(port_file)
        process = self.start([*argv, "--port-file", port_file],
                             self.path(name + ".log"), env)

        def is_ready():
            if process.poll() is not None:
                raise AssertionError(f"{name}: {self.text(name + '.log')}")
            return self.text(name + ".port").endswith("\n")

        until(60, is_ready, f"{name} to listen")
        process.port = int(self.text(name + ".port"))
        return process

    def run(self, argv, stdin=b"", env=None, timeout=600, limits=None,
            cwd=None):
        """Runs a program until it ends. stdin: bytes or an open file. limits:
        {resource.RLIMIT_...: bytes}."""
        with self.lock:
            self.runs += 1
            base = self.path(f"run{self.runs}")

        def limit():
            for which, value in limits.items():
                resource.setrlimit(which, (value, value))

        measure = os.path.join(TESTBIN, "tools", "measure")
        if isinstance(stdin, bytes):
            with open(base + ".in", "wb") as f:
                f.write(stdin)
            stdin = open(base + ".in", "rb")
        with stdin, open(base + ".out", "w+b") as out, open(
            base + ".err", "w+b"
        ) as err:
            p = subprocess.Popen(
                [measure, base + ".cost"] + program(argv),
                stdin=stdin, stdout=out, stderr=err, cwd=cwd,
                env={**self.env, **(env or {})},
                preexec_fn=limit if limits else None,
            )
            began = time.monotonic()
            try:
                p.wait(timeout)
            except BaseException as e:
                p.kill() # also ends the program
                p.wait()
                late = "%s: not done after %.0f s, stderr %r" % (
                    argv[0], time.monotonic() - began, end_of(err))
                if isinstance(e, subprocess.TimeoutExpired):
                    raise AssertionError(late) from None
                say(late)
                raise
            out.seek(0)
            err.seek(0)
            with open(base + ".cost") as f:
                cost = json.load(f)
            code = cost["code"] - 128
            done = Done(
                -code if code > 0 else cost["code"], out.read(), err.read(),
                cost,
            )
        for end in (".in", ".out", ".err", ".cost"):
            if os.path.exists(base + end):
                os.unlink(base + end)
        return done

    def must(self, argv, **kw):
        """Like run(), but the program must succeed."""
        done = self.run(argv, **kw)
        if done.code != 0:
            raise AssertionError(f"{argv[0]}: {done}")
        return done

    def pipe(self, *commands, stdin=b"", **kw):
        """A pipeline, one program after the other; a list of Done."""
        done = []
        for argv in commands:
            done.append(self.run(argv, stdin=stdin, **kw))
            stdin = done[-1].out
        return done

    def end(self, process):
        """Ends a process with SIGTERM; returns its exit code."""
        process.terminate()
        return process.wait(240)

    def text(self, name):
        """The content of a file in the folder, "" if it does not exist."""
        if not os.path.exists(self.path(name)):
            return ""
        with open(self.path(name), encoding="utf-8", errors="replace") as f:
            return f.read()

    def put(self, queue, lines, each=100):
        """Publishes lines of text, EACH lines per message."""
        self.must([PROBE, "-b", each, "write", "queue:" + queue],
                  stdin="".join(line + "\n" for line in lines).encode())

    def publish(self, messages, most=1, **kw):
        """Publishes messages without an id: their exchange, routing key and
        body. At most MOST are unconfirmed."""
        self.must([PUBLISHER, most], stdin=b"".join(map(framed, messages)), **kw)

    def take(self, queue):
        """Takes all lines of a queue."""
        out = self.must([PROBE, "-e", "read", "queue:" + queue]).out
        return [line.split("\t", 1)[1] for line in out.decode().splitlines()]

    def start_servers(self, *names, private=False):
        """Starts a broker, a database or (default) both, and sets their AMQP_URL
        and MYSQL_URL. Within tests/run, all tests share one of each, and this one
        gets its own virtual host and database. PRIVATE is for tests that kill,
        stop or configure a server, or measure a whole server."""
        names = names or ("rabbitmq", "mariadb")
        self.env.setdefault("MYSQL_OPTIONS", "--userstat=1")
        self.lodging = not private and bool(os.environ.get("TESTS_SHARED"))
        self.lodged = names
        if self.lodging:
            self.server_dir = shared_servers()
            self.vhost = self.database = "t_" + "".join(
                c if c.isalnum() else "_" for c in os.path.basename(self.tmp))
        else:
            self.server_dir = self.path("servers")
            self.servers("start", *names)
        text = subprocess.run(
            ["scripts/servers", "env", self.server_dir],
            check=True, capture_output=True, text=True,
        ).stdout
        for line in text.splitlines():
            key, value = shlex.split(line)[1].split("=", 1)
            if URLS.get(key, names[0]) not in names:
                continue
            if self.lodging:
                value = value.removesuffix("messaging") + self.vhost
            self.env[key] = value
        if self.lodging:
            self._lodge(names)

    def door(self, name, kind=Door):
        """A Door to the server NAME, rabbitmq or mariadb; programs that should
        use it get its url."""
        door = kind(self.env[next(k for k, v in URLS.items() if v == name)])
        self.doors.append(door)
        return door

    def _lodge(self, names):
        if "rabbitmq" in names:
            self.ask_broker("""
                ok = rabbit_vhost:add(<<"VHOST">>, <<"test">>),
                rabbit_auth_backend_internal:set_permissions(<<"messaging">>,
                    <<"VHOST">>, <<".*">>, <<".*">>, <<".*">>, <<"test">>).""")
        if "mariadb" in names:
            self._root_sql(
                f"CREATE DATABASE {self.database} CHARACTER SET utf8mb4; "
                f"GRANT ALL ON {self.database}.* TO 'messaging'@'127.0.0.1' "
                "WITH GRANT OPTION")

    def _leave_servers(self):
        if not self.lodging:
            # Their data is no longer needed.
            for name in ("rabbitmq", "mariadb"):
                self.servers("kill", name, quiet=True)
            self.servers("stop", quiet=True)
            return
        # Queues cost CPU while they exist. Databases stay: dropping hundreds of
        # partitions would delay every other test, and the server ends with the
        # run.
        try:
            if "rabbitmq" in self.lodged:
                self.ask_broker('rabbit_vhost:delete(<<"VHOST">>, '
                                '<<"test">>).')
        except AssertionError:
            pass

    def servers(self, command, *names, quiet=False):
        """start, stop, restart or kill private servers."""
        if self.lodging:
            raise AssertionError(f"cannot {command} servers that tests share;"
                                 " start_servers(private=True)")
        rc = subprocess.run(
            ["scripts/servers", command, self.server_dir, *names],
            env=self.env, stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL if quiet else None,
            stdout=subprocess.DEVNULL,
        ).returncode
        if rc != 0 and not quiet:
            raise AssertionError(f"servers {command} {names}: exit {rc}")
        return rc

    def ask_broker(self, expression):
        """The value of an Erlang expression in the broker; VHOST stands for the
        virtual host. If a busy broker does not answer, asks again."""
        answer = []

        def is_answered():
            done = subprocess.run(
                ["scripts/servers", "eval", self.server_dir,
                 expression.replace("VHOST", self.vhost)],
                check=False, capture_output=True, text=True,
                stdin=subprocess.DEVNULL)
            answer[:] = [done.stdout.strip(), done.stderr]
            return done.returncode == 0

        try:
            until(30, is_answered, "an answer of the broker")
        except AssertionError as e:
            raise AssertionError(f"{e}: {answer[1]}") from e
        return answer[0]

    def in_queue(self, name, which="ready"):
        """Messages of a quorum queue that are ready, checked_out (delivered,
        not acknowledged) or both (total). Asks the queue itself, because the
        broker's list is seconds old."""
        return int(self.ask_broker(OF_QUEUE % (name, which)))

    def mysql_argv(self, *options):
        """The database client as root, in this test's database."""
        return ["scripts/servers", "mysql", self.server_dir, "-N", "-B",
                *options, self.database]

    def _root_sql(self, statement):
        return subprocess.run(
            ["scripts/servers", "mysql", self.server_dir, "-N", "-B", "-e",
             statement],
            check=True, capture_output=True, text=True,
            stdin=subprocess.DEVNULL).stdout

    def own_database(self, name):
        """The MYSQL_URL of a new, empty database on the server of this lab."""
        self.sql(f"CREATE DATABASE {name}; "
                 f"GRANT ALL ON {name}.* TO messaging@127.0.0.1")
        return self.env["MYSQL_URL"].rsplit("/", 1)[0] + "/" + name

    def database_user(self, name, *grants):
        """A database user of this test with only the permissions GRANTS
        ("SELECT ON tenants"); returns the MYSQL_URL."""
        name = f"{name}_{self.database}"
        self.sql(f"CREATE USER {name}@'%' IDENTIFIED BY 'secret'; " + "; ".join(
            f"GRANT {grant} TO {name}@'%'" for grant in grants))
        server = self.env["MYSQL_URL"].split("@")[1]
        return f"mysql://{name}:secret@{server}"

    def broker_user(self, name, configure, write, read):
        """A broker user with permissions for these patterns; returns the
        AMQP_URL."""
        name = f"{name}_{self.vhost}"
        rights = ", ".join('<<"' + right.replace("\\", "\\\\") + '">>'
                           for right in (configure, write, read))
        self.ask_broker(f"""
            rabbit_auth_backend_internal:add_user(<<"{name}">>, <<"secret">>,
                <<"test">>),
            rabbit_auth_backend_internal:set_permissions(<<"{name}">>,
                <<"VHOST">>, {rights}, <<"test">>).""")
        return f"amqp://{name}:secret@" + self.env["AMQP_URL"].split("@")[1]

    def rows_read(self):
        """Rows read so far in this test's database."""
        return int(self.sql(
            "SELECT SUM(ROWS_READ) FROM information_schema.TABLE_STATISTICS "
            "WHERE TABLE_SCHEMA = DATABASE()")[0][0])

    def sql(self, statement):
        """Runs a statement as the database's root; rows are lists of text."""
        text = self._root_sql(f"USE {self.database}; {statement}")
        return [line.split("\t") for line in text.splitlines()]


OF_QUEUE = """
case rabbit_amqqueue:lookup(rabbit_misc:r(<<"VHOST">>, queue, <<"%s">>)) of
{ok, Q} ->
    case ra:local_query(amqqueue:get_pid(Q),
        fun rabbit_fifo:query_messages_%s/1, 30000)
    of {ok, {_, N}, _} -> N; _ -> -1 end;
_ -> 0 end.
"""


def shared_servers():
    """The folder of the servers that all tests of a run share; the first test
    that needs them starts them. Nothing kills them, so they do not sync to
    disk."""
    shared = os.environ["TESTS_SHARED"]
    folder = shared + "/servers"
    with open(shared + "/lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(shared + "/started"):
            done = subprocess.run(
                ["scripts/servers", "start", folder], check=False,
                stdin=subprocess.DEVNULL, capture_output=True, text=True,
                env={**os.environ, "TMPDIR": shared, "MYSQL_OPTIONS":
                     "--max-connections=1000 --innodb-buffer-pool-size=1G "
                     "--innodb-log-file-size=512M "
                     "--innodb-flush-method=nosync --userstat=1"})
            if done.returncode != 0:
                raise AssertionError("no servers: " + done.stderr)
            open(shared + "/started", "w").close()
    return folder


def framed(message):
    """A message as amqp_publish reads it."""
    parts = [p if isinstance(p, bytes) else p.encode() for p in message]
    return b"%d %d %d\n" % tuple(map(len, parts)) + b"".join(parts)


def shown_in(page, heading, block=0):
    """The literal lines below a heading of a page, as typed: of all blocks, or
    of number BLOCK."""
    with open(f"man/man{page[-1]}/{page}", encoding="utf-8") as f:
        section = re.split(r"(?m)^\.S[hs] ", f.read())
    blocks = [b for part in section if part.startswith(heading + "\n")
              for b in re.findall(r"(?ms)^\.Bd -literal[^\n]*\n(.*?)^\.Ed", part)]
    text = "".join(blocks[block - 1:block] if block else blocks)
    for shown, typed in ((r"\e", "\\"), (r"\(aq", "'"), (r"\&", "")):
        text = text.replace(shown, typed)
    return re.sub(r"(?m)^\$ ", "", text)


def program(argv):
    """A name without a slash is one of our programs."""
    first = argv[0]
    if "/" not in first and os.path.exists(os.path.join(BIN, first)):
        first = os.path.join(BIN, first)
    return [first] + [str(a) for a in argv[1:]]


def catches(pid, *signals):
    """Whether the process already runs our program and has installed its signal
    handlers."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as f:
            caught = int(re.search(r"SigCgt:\s*(\w+)", f.read())[1], 16)
        return os.readlink(f"/proc/{pid}/exe").startswith(os.path.realpath(
            BIN)) and all(caught >> s - 1 & 1 for s in signals)
    except OSError:
        return False


def end_of(file):
    """The text at the end of an open file."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 2000))
    return file.read().decode("utf-8", "replace")


def need(module, package, optional=False):
    """Restarts the test with a Python that has the module: this one, or
    Debian's."""
    debian = "/usr/bin/python3"
    if importlib.util.find_spec(module):
        return
    if os.path.realpath(sys.executable) != os.path.realpath(debian) and \
            subprocess.run([debian, "-c", "import " + module], check=False,
                           stderr=subprocess.DEVNULL).returncode == 0:
        os.execv(debian, [debian, "-B", *sys.argv])
    if not optional:
        say(f"skipped: {module} is missing; install {package}")
        sys.exit(77)


def steps(*parts):
    """Calls each function and logs its duration."""
    for part in parts:
        began = time.monotonic()
        part()
        say(f"- {part.__name__.replace('_', ' ')}: "
            f"{time.monotonic() - began:.1f} s")


def run_checks(kind):
    """Runs a Checklist as a test, in a Lab with the test's name."""
    def body():
        name = os.path.basename(sys.argv[0])
        with Lab(name.removesuffix(".t")) as lab:
            test = kind(lab)
            try:
                return test._run()
            finally:
                test._leave()

    main(body)


def main(body):
    """Runs body() as a test; its result is the exit code. A skip does not hide
    an earlier failure."""

    ends = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

    def leave(number, frame):
        for again in ends: # would interrupt the cleanup
            signal.signal(again, signal.SIG_IGN)
        raise SystemExit(128 + number)

    for number in ends:
        signal.signal(number, leave)
    try:
        code = body()
    except Skip as why:
        say(f"skipped: {why}")
        code = 1 if Checks.any_failed else 77
    sys.exit(code)
