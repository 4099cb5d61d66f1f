"""longest_monologue: the most messages in a row by one side of a chat."""

import itertools

import counts
from clocks import id_key

KEY = ("conversation_id",)
ZERO_IF_WITHDRAWN = ("messages",)


def rows(versions, newest, conf):
    for chat, own in counts.remembered(
            versions, counts.of_chat, conf).items():
        if not own:
            continue
        own = sorted(own, key=lambda m: (m["at"], id_key(m["id"])))
        yield {
            "conversation_id": chat, "last_message_at": own[-1]["at"],
            "messages": max(
                len(list(run)) for _, run in itertools.groupby(
                    own, lambda m: m["from"] == "customer"))}
