"""longest_monologue: the most messages in a row by one side of a chat."""

import itertools

import counts
from clocks import in_order, latest

KEY = ("conversation_id",)
ZERO_IF_WITHDRAWN = ("messages",)


def places(versions):
    """The place of each message in its chat, as for the clocks."""
    told = sorted((m for v in versions for m in v), key=lambda m: m["taken"])
    return {(chat, m["id"]): place
            for chat, own in counts.groups(told, counts.of_chat)
            for place, m in enumerate(in_order(own))}


def rows(versions, newest, conf):
    place = places(versions)
    best = [latest(v) for v in versions]
    for chat, own in counts.remembered(
            [m for m in best if counts.counts(m)], counts.of_chat,
            conf).items():
        own = sorted(own, key=lambda m: place[m["chat"], m["id"]])
        yield {
            "conversation_id": chat, "last_message_at": own[-1]["at"],
            "messages": max(
                len(list(run)) for _, run in itertools.groupby(
                    own, lambda m: m["from"] == "customer"))}
