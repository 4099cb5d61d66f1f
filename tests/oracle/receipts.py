"""Random messages and read receipts, and the expected rows of read_status.

usage: receipts.py SEED LINES WANT: writes the records to the file LINES,
shuffled and some of them twice, and to WANT the view's lines for the tenant r
as the database client prints them.
"""

import json
import random
import sys


def clock(second):
    return "10:00:%02d.000" % second


def time(second):
    return "2026-11-20T%sZ" % clock(second)


def main():
    seed, lines, want = sys.argv[1:]
    dice = random.Random(int(seed))
    chats, users = ("a", "b", "c"), ("7", "amy", "Zoé", "ж", "u 1")
    ids = ["m%d" % i for i in range(40)]
    messages = {(dice.choice(chats), dice.choice(ids)) for _ in range(60)}
    # Few seconds, so that many receipts have the same time.
    views = [(dice.randrange(9), dice.choice(users),
              dice.choice(("",) + chats), dice.choice(ids))
             for _ in range(90)]
    records = [{"type": "message", "chat": chat, "id": i, "from": "customer",
                "at": time(3)} for chat, i in sorted(messages)]
    for second, user, chat, i in views:
        record = {"type": "view", "message": i, "user": user,
                  "at": time(second)}
        if chat:
            record["chat"] = chat
        records.append(record)
    records += dice.sample(records, 30)
    dice.shuffle(records)
    with open(lines, "w", encoding="utf-8") as f:
        for r in records:
            f.write(json.dumps(dict(r, tenant="r")) + "\n")
    with open(want, "w", encoding="utf-8") as f:
        for chat, i in sorted(messages):
            of_it = [(second, user.encode()) for second, user, c, m in views
                     if m == i and c in ("", chat)]
            said = "sent NULL NULL"
            if of_it:
                second, user = min(of_it)
                said = "read %s %s" % (clock(second), user.decode())
            f.write("%s %s %s\n" % (chat, i, said))


if __name__ == "__main__":
    main()
