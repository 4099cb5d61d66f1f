#!/usr/bin/env -S python3 -B
"""poller --record stores a CRM's answers without token and personal data, and
--replay polls from them: the same records, except for masked names and texts.
"""

import json
import os

from harness import TOKEN, Checks, Lab, main

# Personal values, and values that depend on the clock.
LOOSE = {"name", "customer_name", "customer_phone", "text", "tag", "at",
         "snapshot", "available_at"}


def strict(records):
    """In an order of their own: chats come in the order of their responses."""
    return sorted(json.dumps({k: v for k, v in r.items() if k not in LOOSE})
                  for r in records)


def poll(lab, checks, *options, code=0, says="", url=None):
    env = {"CRM_URL": url or "http://127.0.0.1:1/v1", "CRM_TOKEN": TOKEN}
    done = lab.run(["poller", "--with-text", *options], env=env)
    checks.ends(done, code, says, options)
    return done


def body():
    checks = Checks()
    with Lab("tape") as lab:
        sim = lab.sim("--dialogs", 30, "--operators", 4, "--pace", 0)
        folder = lab.path("answers")
        live = poll(lab, checks, "--record", folder, url=sim.url).records()
        checks.that(len(live) > 30, f"{len(live)} records")
        people = {r.get("customer_name") or r.get("text") or r.get("name")
                  for r in live} - {None, "", "null"}
        checks.that(people, "nobody has a name or says anything")
        kept = "".join(lab.text(os.path.join("answers", name))
                       for name in os.listdir(folder))
        checks.that(TOKEN not in kept, "the token is kept")
        told = [who for who in people if json.dumps(who)[1:-1] in kept
                and any(c.isalnum() and c not in "x0" for c in who)]
        checks.that(not told, f"people are kept: {told[:5]}")
        again = poll(lab, checks, "--replay", folder).records()
        checks.equal(strict(again), strict(live), "what is replayed")
        # A missing answer is named, and an incomplete snapshot does not count
        # as one.
        lists = [name for name in os.listdir(folder) if '"/v1/dialogs?' in
                 lab.text(os.path.join("answers", name))]
        os.unlink(os.path.join(folder, lists[0]))
        done = poll(lab, checks, "--replay", folder, code=69,
                    says="has no further answer for GET /v1/dialogs")
        checks.that(not done.out, f"half a snapshot: {done.out[:300]}")
        poll(lab, checks, "--record", folder, code=73, says="already")
        empty = lab.path("empty")
        os.mkdir(empty)
        poll(lab, checks, "--replay", empty, code=66, says="no answers")
        poll(lab, checks, "--replay", lab.path("none"), code=66,
             says="No such file")
        lab.write("empty/00001.json", "{")
        poll(lab, checks, "--replay", empty, code=66, says="00001.json")
        poll(lab, checks, "--replay", folder, "--record", empty, code=64,
             says="cannot be combined")
        poll(lab, checks, "--replay", folder, "--state", empty, code=64,
             says="--state")
        return checks.result()


main(body)
