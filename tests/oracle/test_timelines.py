"""Compares oracle and aggregator (one-shot runs) with timelines.txt: a chat's
messages in words, and the intervals that they give by each definition.

  customer T     bot T        A T (an operator's letter answers; ? is unknown)
  note T         autoreply T  campaign T (from the customer's side)
  handoff T      reopened T   closed T     other T
  transfer to A T   transfer to nobody T
  opened T       a chat record's opened_at, if it is not 0; "opened -" for none
  held A T       a chat record of that time names A, or nobody; without any, one
                 of 0 names A
  shut T         a chat record reports a closing
  now T          how late it is

Times are in seconds. Intervals are in the order of their ends: FR (first
response), RT (reply), resolution, unanswered, and waiting, a part of a wait;
each with its seconds and the operator credited. "waiting since T" means that
nobody has answered yet; "skewed", that a clock was wrong.

UPDATE=1 writes what both give; review it with git diff.
"""

import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import stream  # noqa: E402
import stream_metrics  # noqa: E402
import vectors  # noqa: E402
from clocks import CHATWOOT, OURS  # noqa: E402

FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                    "timelines.txt")
SYSTEM = {"handoff": "handoff", "reopened": "opened", "closed": "closed",
          "other": "other", "transfer": "assigned"}
WRITERS = {"customer": {"from": "customer", "user": "c"},
           "campaign": {"from": "customer", "user": "c", "automated": True},
           "bot": {"from": "bot", "user": "robot"}}
FLAGS = {"note": "private", "autoreply": "automated"}
KINDS = {"waiting": "waiting", "first_response": "FR", "reply": "RT",
         "resolution": "resolution", "unanswered": "unanswered"}
LATER = 100000 # unless the line says how late it is


def message(number, word, whom):
    m = {"type": "message", "id": str(number)}
    if word in SYSTEM:
        m.update({"from": "system", "kind": SYSTEM[word]})
    elif word in WRITERS:
        m.update(WRITERS[word])
    else:
        m["from"] = "operator"
        if word != "?":
            who = "A" if word in FLAGS else word
            m.update(user=who, operator=who)
        if word in FLAGS:
            m[FLAGS[word]] = True
    return {**m, **({"operator": whom} if whom else {})}


def at(seconds):
    return vectors.records.shown(vectors.instant(seconds))


def records_of(timeline):
    """The first chat record has the first opening."""
    steps = [part.replace(" to ", " ").split() for part in timeline.split(",")]
    words = [step[0] for step in steps]
    opened, now, holder, found = "0", str(LATER), None, []
    if "opened" in words:
        opened = steps.pop(words.index("opened"))[1]
    if "held" not in words:
        steps.insert(0, ["held", "A", "0"])
    for number, (word, *whom, time) in enumerate(steps):
        whom = whom[0] if whom and whom[0] != "nobody" else None
        if word == "now":
            now = time
        elif word in ("held", "opened", "shut"):
            holder = whom if word == "held" else holder
            r = {"type": "chat", "at": at(time)}
            opened = time if word == "opened" else opened
            if opened not in (None, "-"):
                r["opened_at"] = at(opened)
            opened = None
            if word == "shut":
                r.update(status="closed", closed_at=at(time))
            found.append({**r, **({"operator": holder} if holder else {})})
        else:
            found.append({**message(number, word, whom), "at": at(time)})
    # A record of another chat says how late it is.
    return [dict(r, chat="c") for r in found] + [
        {"type": "chat", "chat": "other", "at": at(now), "status": "pending"}]


def seconds(ms):
    return f"{ms // 1000}.{ms % 1000:03}".rstrip("0").rstrip(".")


def shown(rows):
    out = []
    for key, row in rows.items():
        if key[0] == "intervals" and row["chat"] == "c":
            out.append((row["end_at"], list(KINDS).index(row["kind"]),
                        row["start_at"], " ".join((
                            KINDS[row["kind"]], seconds(row["ms"]),
                            row["operator"] or "-"))))
    texts = [text for *_, text in sorted(out)]
    since = rows.get(("chat_metrics", "c"), {}).get("waiting_since")
    if since is not None:
        texts.append("waiting since " + seconds(since - vectors.BEGIN))
    if rows["tenant_metrics",]["skewed"]:
        texts.append("skewed")
    return ", ".join(texts)


def results(timelines, definition):
    """What the oracle and the aggregator show of each, a tenant each."""
    data = b"".join(json.dumps({"tenant": f"t{n}", **r}).encode() + b"\n"
                    for n, timeline in enumerate(timelines)
                    for r in records_of(timeline))
    conf = dict(stream.DEFAULTS, definition=definition)
    want, (got, said) = stream.expected(data, conf), stream_metrics.run(
        data, conf)
    assert not want.refused and not said, (want.refused, said)
    return [[shown(output.rows[f"t{n}"]) for output in (want, got)]
            for n in range(len(timelines))]


def main():
    with open(FILE, encoding="utf-8") as f:
        lines = f.read().splitlines()
    cases = [[part.strip() for part in line.split("|")] for line in lines
             if line and not line.startswith("#")]
    timelines = [case[0] for case in cases]
    found = list(zip(results(timelines, CHATWOOT), results(timelines, OURS)))
    failed = 0
    for case, pair in zip(cases, found):
        for definition, want, (oracle, aggregator) in zip(
                (CHATWOOT, OURS), case[1:], pair):
            if not want == oracle == aggregator:
                failed += 1
                print(f"{case[0]}, {definition}:\n  want       {want}\n"
                      f"  oracle     {oracle}\n  aggregator {aggregator}")
    if os.environ.get("UPDATE") == "1":
        new = {case[0]: f"{case[0]} | {a[1]} | {b[1]}".rstrip()
               for case, (a, b) in zip(cases, found)}
        with open(FILE, "w", encoding="utf-8") as f:
            f.writelines(new.get(line.split("|")[0].strip(), line) + "\n"
                         if line and not line.startswith("#") else line + "\n"
                         for line in lines)
    print(f"{len(cases)} timelines, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
