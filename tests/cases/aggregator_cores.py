"""aggregator_cores: random streams and snapshots, whole, damaged and cut, read
on all cores and on one, from a file and from a pipe; both must say the same to
the byte. The same of what waits for others when a snapshot or the end comes,
where it is known what is right. A part of the input is 256 KiB of a file, and
64 of a pipe, so that lines lie across the borders of parts, and some are longer
than a part.
"""

import os
import random
import subprocess
import sys
import tempfile
import time

BIN, TESTBIN = os.environ["BIN"], os.environ["TESTBIN"]
ROUNDS = int(os.environ.get("CORES_ROUNDS") or 24)
PART = 256 * 1024
LONGEST = 1024 * 1024  # RECORD_MAX_LINE

MODES = (
    ["-o", "ndjson"],
    ["-o", "ndjson", "-a", "operators,chats,events"],
    ["-o", "ndjson", "-a", "all"],
    ["-o", "table"],
)


def stream(dice):
    options = ["-n", str(dice.choice((4000, 9000))), "--seed",
               str(dice.randrange(1 << 30)), "--late", "0",
               "--chats", dice.choice(("300", "3000")),
               "--tenants", str(dice.choice((1, 3))), "--operators", "9",
               "--ids", dice.choice(("mixed", "number", "uuid"))]
    options += [o for o in ("--shuffle", "--spaces", "--extra")
                if dice.random() < 0.3]
    return subprocess.run([TESTBIN + "/load", "-t", "-"] + options,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          check=True).stdout


def snapshot(data, dice):
    """The records between markers, which some of them name."""
    name = b'"snapshot":"s-1",'
    lines = [b'{"tenant":"t1",' + name + line[1:] if dice.random() < 0.9
             else line
             for line in data.replace(b'"tenant":"t1",', b"").splitlines()
             if line.startswith(b"{") and b'"tenant"' not in line]
    if not lines:
        return data
    marker = b'{"type":"snapshot","tenant":"t1","snapshot":"s-1",'
    n = sum(name in line for line in lines) - dice.choice((0, 0, 1))
    return b"\n".join(
        [marker + b'"state":"begin","at":"2026-11-20T10:00:00Z"}'] + lines
        + [marker + b'"state":"end","at":"2026-11-21T10:00:00Z",'
           b'"records":%d}' % n, b""])


def some_lines(data, dice, change):
    lines = data.split(b"\n")
    for _ in range(dice.randrange(1, 40)):
        i = dice.randrange(len(lines) - 1)
        lines[i] = change(lines[i])
    return b"\n".join(lines)


def flip(data, dice):
    data = bytearray(data)
    for _ in range(dice.randrange(1, 60)):
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    return bytes(data)


def nul(data, dice):
    return some_lines(data, dice, lambda line: line[:9] + b"\0" + line[9:])


def markers(data, dice):
    return some_lines(
        data, dice, lambda line: line + b'\n{"type":"snapshot","tenant":"t1",'
        b'"snapshot":"s-%d","state":"begin","at":"2026-11-20T10:00:00Z"}'
        % dice.randrange(3))


def crlf(data, dice):
    return data.replace(b"\n", b"\r\n")


def blank(data, dice):
    return some_lines(data, dice, lambda line: line + b"\n\n \n")


def long_lines(data, dice):
    size = dice.choice((PART - 1, PART, PART + 1, 3 * PART, LONGEST - 200,
                        LONGEST, LONGEST + 1, 2 * LONGEST))
    return some_lines(data, random.Random(dice.randrange(3)), lambda line:
                      line.replace(b'"type"', b'"x":"%s","type"'
                                   % (b"y" * (size - len(line) - 7)), 1))


def border(data, dice):
    """The first lines made so long that a part ends near a newline."""
    at = data.index(b"\n", PART // 2) + 1
    end = data.index(b"\n", at)
    grow = PART * dice.randrange(1, 3) + dice.randrange(-2, 3) - end
    if grow < 10:
        return data
    return (data[:at] + b'{"x":"%s",' % (b"z" * (grow - 7))
            + data[at + 1:])


def cut(data, dice):
    at = dice.choice((PART, 2 * PART, 3 * PART, len(data)))
    return data[:at + dice.randrange(-3, 3)]


def whole(data, dice):
    return data


DAMAGES = (whole, flip, nul, markers, crlf, blank, long_lines, border, cut)


def run(args, path, piped, one):
    argv = (["taskset", "-c", first_core()] if one else []) + args
    with open(path, "rb") as f:
        cat = subprocess.Popen(["cat"], stdin=f, stdout=subprocess.PIPE) \
            if piped else None
        done = subprocess.run(argv, stdin=cat.stdout if piped else f,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              check=False)
        if piped:
            cat.stdout.close()
            cat.wait()
    return done.returncode, done.stdout, done.stderr


def first_core():
    return str(min(os.sched_getaffinity(0)))


def differs(ours, want):
    for name, a, b in zip(("exit code", "standard output", "standard error"),
                          ours, want):
        if a != b:
            return "another %s: %.400r, with one core %.400r" % (name, a, b)
    return None


def event(n, user, extra=b""):
    return (b'{"type":"event","tenant":"t1","id":"%d","user":"%s","event":"e",'
            b'%b"at":"2026-11-20T10:00:00Z"}' % (n, user, extra))


def marker(state, at, more=b""):
    return (b'{"type":"snapshot","tenant":"t1","snapshot":"s","state":"%b",'
            b'"at":"%b"%b}' % (state, at, more))


# Nobody's; with so much of it, threads read.
FILLER = [b'{"type":"future","tenant":"zz","x":"%b"}' % (b"y" * 90000)] * 4
MESSAGES = [b'{"type":"message","tenant":"t1","id":"%d","chat":"c%d",'
            b'"from":"customer","at":"2026-11-20T10:00:00Z"}' % (i, i % 9)
            for i in range(6000)]
# Bucket 29 is that of chat c: what was known of it after its message.
ABSENT = (
    [b'{"type":"clock","tenant":"t1","at":"2026-11-20T09:30:00Z",'
     b'"bucket":29,"absent_at":"2026-11-20T09:30:00Z"}',
     b'{"type":"message","tenant":"t1","id":"1","chat":"c","from":"customer",'
     b'"at":"2026-11-20T09:00:00Z"}',
     marker(b"begin", b"2026-11-20T08:00:00Z"),
     b'{"type":"operator","tenant":"t1","snapshot":"s","operator":"7"}',
     marker(b"end", b"2026-11-20T08:00:00Z", b',"records":1')])
# More pairs than are counted, which those are that come first: of the stream,
# then of the snapshot.
PAIRS = ([marker(b"begin", b"2026-11-20T08:00:00Z")]
         + [event(i, b"u%d" % i, b'"snapshot":"s",') for i in range(6)]
         + [marker(b"end", b"2026-11-20T08:00:00Z", b',"records":6')]
         + [event(10 + i, b"v%d" % i) for i in range(3)])
# A pair above the limit, and mistakes around it that are told as well.
TOLD = ([event(i, b"u%d" % i) for i in range(6)] + MESSAGES[:3000]
        + [event(7, b"above"), b"{bad"] + MESSAGES[3000:] + [b"{bad"])
WAITING = {
    "absent": (ABSENT, ["-a", "chats"], [], [b'"chat":"c"']),
    "pairs": (PAIRS, ["-a", "events"],
              [b'"user":"%b"' % u for u in
               (b"u0", b"u1", b"u2", b"v0", b"v1", b"v2")],
              [b'"user":"u%d"' % i for i in range(3, 6)]),
    "told": (TOLD, ["-a", "events"], [b'"user":"u5"'], [b"above"]),
}


def waiting(folder):
    """What one core still holds back when a snapshot or an end comes. None, or
    what is wrong."""
    path = os.path.join(folder, "input")
    conf = os.path.join(folder, "conf")
    with open(conf, "w", encoding="ascii") as f:
        f.write("[aggregator]\nevent_pairs = 6\n")
    for name, (lines, args, has, lacks) in WAITING.items():
        args = [BIN + "/aggregator", "-c", conf, "-o", "ndjson"] + args
        results = []
        for data in (FILLER + lines, lines):
            with open(path, "wb") as f:
                f.write(b"\n".join(data + [b""]))
            for piped, one in ((False, True), (False, False), (True, False)):
                results.append(run(args, path, piped, one))
                bad = differs(results[-1], results[-1 if one else -2])
                if bad is not None:
                    return "%s: %s" % (name, bad)
        out = results[0][1]
        if out != results[-1][1] or any(x not in out for x in has) \
                or any(x in out for x in lacks):
            return "%s: %r and %r" % (name, out, results[-1][1])
    return None


def main():
    seed = int(os.environ.get("SEED") or time.time())
    print("SEED=%d" % seed)
    codes = set()
    with tempfile.TemporaryDirectory() as folder:
        bad = waiting(folder)
        if bad is not None:
            print(bad)
            return 1
        path = os.path.join(folder, "input")
        for i in range(ROUNDS):
            dice = random.Random(seed + i)
            data = stream(dice)
            if dice.random() < 0.4:
                data = snapshot(data, dice)
            damage = [DAMAGES[i % len(DAMAGES)]]
            if dice.random() < 0.5:
                damage.append(dice.choice(DAMAGES))
            for change in damage:
                data = change(data, dice)
            with open(path, "wb") as f:
                f.write(data)
            args = [BIN + "/aggregator"] + dice.choice(MODES)
            want = run(args, path, False, True)
            codes.add(want[0])
            for piped in (False, True):
                bad = differs(run(args, path, piped, False), want)
                if bad is not None:
                    print("SEED=%d: %s of %s, %s: %s" % (
                        seed + i, args[1:],
                        "+".join(c.__name__ for c in damage),
                        "pipe" if piped else "file", bad))
                    return 1
    # Both good and bad input.
    if not {0, 65} <= codes and ROUNDS >= 24:
        print("only exit codes", codes)
        return 1
    print("%d inputs" % ROUNDS)
    return 0


sys.exit(main())
