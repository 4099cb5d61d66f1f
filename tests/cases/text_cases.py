#!/usr/bin/env python3
"""text_cases.py PROGRAM [NAME...]: runs the program once for each folder of
tests/cases/PROGRAM that has a file cmd, or for those with these names, in which
* stands for anything. The file cmd has the arguments as in a shell (after any
NAME=VALUE for its environment), and the file in has the standard input. The
files out, err and rc have the expected output, errors and exit code; a missing
one stands for no output and 0. The file conf next to the folders is the
configuration, if there is one. If there is a file only, out has only the lines
that match one of its patterns. If cmd has several lines, the program runs once
for each, in the same environment and with the input in, in2, in3 ...; the files
have the output of all, and rc a line for each. A file about is for readers.

CRM=FOLDER... in cmd starts a CRM; its address is in CRM_URL, and is written as
http://crm in out and err. A response is a file as written by poller --record;
path and body suffice, and a path may end with *. Several responses to one path
are given in turn, and the last one is repeated; a response in an earlier folder
hides those of later ones. Other paths get 404. Its clock shows
2026-11-20T10:00:00Z. STATE in cmd is a new folder.

UPDATE=1 writes out, err and rc from what the program does; review them with git
diff."""

import concurrent.futures
import contextlib
import difflib
import http.server
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile
import threading

RESULTS = ["out", "err", "rc"]
SNAPSHOT = re.compile(
    r'("snapshot":")\d{8}T\d{9}-[0-9a-f]{8}(?:","at":"[^"]+(?="))?')
NOW = re.compile(r"2026-11-20T(?:09:59:5|10:00:\d)\d\.\d{3}Z") # the CRM's clock


def read(path):
    return path.read_text() if path.exists() else ""


def environment(case):
    env = {k: v for k, v in os.environ.items()
           if not k.startswith(("AMQP_", "MYSQL_", "CRM")) and
           k not in ("COLUMNS", "MESSAGING_CONFIG", "XDG_STATE_HOME")}
    if (case.parent / "conf").exists():
        env["MESSAGING_CONFIG"] = "conf"
    return {**env, "TZ": "UTC"}


def matching(patterns, text):
    return "".join(line for line in text.splitlines(True)
                   if any(re.search(p, line) for p in patterns))


class Crm(http.server.BaseHTTPRequestHandler):
    """Answers with the responses of its server."""

    def do_GET(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        left = next((
            found for (method, path), found in self.server.responses.items()
            if method == self.command and (path == self.path or path[-1:] == "*"
                                           and self.path.startswith(path[:-1]))
        ), [])
        given = (left.pop(0) if len(left) > 1 else left[0]) if left else \
            {"status": 404, "body": {"message": f"{self.command} {self.path}"}}
        body = given["body"]
        body = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response_only(given.get("status", 200))
        for name, value in {"Date": "Fri, 20 Nov 2026 10:00:00 GMT",
                            **given.get("headers", {}),
                            "Content-Length": len(body)}.items():
            self.send_header(name, value)
        self.end_headers()
        with contextlib.suppress(ConnectionError): # it may have read enough
            self.wfile.write(body)

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def crm_of(folders):
    """The address of a CRM with these responses; None without folders."""
    if not folders:
        yield None
        return
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Crm)
    server.responses = {}
    for folder in folders:
        found = {}
        for file in sorted(folder.iterdir()):
            response = json.loads(file.read_text())
            found.setdefault((response.get("method", "GET"), response["path"]),
                             []).append(response)
        server.responses = {**found, **server.responses}
    threading.Thread(target=server.serve_forever, args=(0.02,)).start()
    try:
        yield "http://127.0.0.1:%d" % server.server_port
    finally:
        server.shutdown()
        server.server_close()


def run(program, case, more):
    first, *others = read(case / "cmd").splitlines()
    words = shlex.split(first)
    env = {**environment(case), **more}
    while words and re.match("[A-Z_]+=", words[0]):
        name, value = words.pop(0).split("=", 1)
        env[name] = value
    for conf in case.rglob("*conf"):
        conf.chmod(0o600) # it may contain secrets
    runs = [(0, words), *enumerate(map(shlex.split, others), 2)]
    folders = [case.parent / f for f in env.pop("CRM", "").split()]
    with crm_of(folders) as crm, tempfile.TemporaryDirectory() as state:
        if crm:
            env["CRM_URL"] = crm + "/v1"
        env.setdefault("XDG_STATE_HOME", state)
        done = [subprocess.run(
            [os.environ["BIN"] + "/" + program] +
            [state if word == "STATE" else word for word in argv],
            cwd=case.parent, input=read(case / f"in{n or ''}"),
            capture_output=True, text=True, env=env, timeout=600)
                for n, argv in runs]
    out, err = ("".join(text) for text in zip(
        *((d.stdout, d.stderr) for d in done)))
    if crm:
        out, err = (NOW.sub("2026-11-20T10:00:00.000Z", text.replace(
            crm, "http://crm").replace(state, "STATE")) for text in (out, err))
    if (case / "only").exists():
        out = matching(read(case / "only").splitlines(), out)
    out = SNAPSHOT.sub(r"\1", out)
    codes = [d.returncode for d in done]
    rc = "".join(f"{code}\n" for code in codes) if any(codes) else ""
    return dict(zip(RESULTS, [out, err, rc]))


def update(path, text):
    if text:
        path.write_text(text)
    else:
        path.unlink(missing_ok=True)


def main(program, folder, more, names=("*",)):
    """Runs all cases of a folder, with more variables in the environment."""
    cases = sorted({cmd.parent for name in names
                    for cmd in folder.glob(name + "/cmd")})
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(lambda case: run(program, case, more), cases)
        for case, got in zip(cases, results):
            for name in RESULTS:
                want = read(case / name)
                if os.environ.get("UPDATE") == "1":
                    update(case / name, got[name])
                elif got[name] != want:
                    failed += 1
                    print("%s/%s is not as expected:" % (case, name))
                    print("".join(difflib.unified_diff(
                        want.splitlines(True), got[name].splitlines(True),
                        "want", "got")))
    print("%d cases, %d differences" % (len(cases), failed))
    return not cases or failed > 0


if __name__ == "__main__":
    PROGRAM, *NAMES = sys.argv[1:]
    sys.exit(main(PROGRAM, pathlib.Path("tests/cases", PROGRAM), {},
                  NAMES or ["*"]))
