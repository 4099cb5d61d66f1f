/* The figures of this moment, how fresh they are, and what a screen reader is
 * told of them. */

import { byId, figures, setText } from "./element.js";
import { countedOnes, isUnknown, lateOnes, mayOpen, nothingYet, present,
	urgency } from "./present.js";
import { addressBehind, addressOfFigure, settings } from "./settings.js";
import { clockTime, now, secondsSince, span, spoken } from "./time.js";

/* Least time between two announcements, in ms. */
const ANNOUNCE_MS = 30000;

let announced = { text: "", at: 0 };

/* In seconds, now; null: nobody waits. */
function longestWait() {
	const { as_of: asOf, longest_wait_seconds: then = null }
		= present.now[0] ?? {};

	return then === null ? null
		: then + secondsSince(asOf);
}

/* Null: unknown. */
function lateText(atLeast) {
	const { n, least } = lateOnes();

	return !least ? String(n) : n > 0 ? `${atLeast} ${n}` : null;
}

export function showTotals() {
	const total = present.now[0] ?? {};
	/* Who is not listed any more can still have chats; an agent hears of no
	 * other operator. */
	const there = present.operators.filter((o) => o.available).length;
	const listed = present.operators.filter((o) => o.available !== null);
	const [first] = countedOnes();
	const longest = longestWait();
	const open = mayOpen();
	const chats = (query) => open ? addressBehind({ chats: query }) : null;
	/* Teams have no part of what nobody has. */
	const ours = present.of_teams ? "open=1&assigned=1" : "open=1";
	const responses = addressOfFigure(total.href);

	figures(byId("figures"), [
		{ id: "total-waiting", title: "Waiting",
			value: total.waiting_chats,
			opens: chats(`${ours}&waiting=1`) },
		{ id: "total-longest", title: "Longest wait",
			value: span(longest),
			kind: longest === null ? null : urgency(longest),
			opens: open && first?.chat
				? addressBehind({ chat: first.chat }) : null },
		{ id: "total-late", title: `Late, over ${span(settings.threshold)}`,
			value: lateText("≥"),
			kind: lateOnes().n > 0 ? "late" : null,
			opens: chats(`${ours}&waiting_seconds=${
				settings.threshold}`) },
		{ id: "total-open", title: "Open chats",
			value: total.open_chats, opens: chats(ours) },
		{ id: "total-unassigned", title: "Unassigned",
			value: total.unassigned_chats,
			opens: chats("open=1&nobody=1") },
		{ id: "total-available", title: "Operators online",
			value: present.role === "agent" || listed.length === 0
				? null : `${there}/${listed.length}` },
		{ id: "total-responses", title: "Responses",
			value: total.responses, opens: responses },
		{ id: "total-average", title: "Average response",
			value: span(total.avg_response_seconds),
			opens: responses },
	]);
}

/* Says what changed, politely and not too often. */
export function announce() {
	const total = present.now[0]?.waiting_chats ?? countedOnes().length;
	const late = lateText("at least");
	const longest = longestWait();
	const others = present.waiting.length - countedOnes().length;
	const summary = isUnknown() ? nothingYet() : `${total} waiting`
		+ (late === null ? "" : `, ${late} late`)
		+ (others > 0 ? `, ${others} more that nobody has` : "");
	const text = isUnknown() ? summary
		: total + others === 0 ? "No customers are waiting."
		: summary + (longest === null ? "."
			: `, the longest ${spoken(longest)}.`);

	if (summary === announced.text || now() - announced.at < ANNOUNCE_MS)
		return;
	announced = { text: summary, at: now() };
	setText(byId("announcement"), text);
}

export function showFreshness() {
	const { as_of: asOf, stale_at: staleAt } = present.now[0] ?? {};
	const isStale = now() > Date.parse(staleAt);
	const node = byId("fresh");

	if (!asOf) {
		setText(node, isUnknown() && present.operators.length === 0
			|| present.of_teams ? nothingYet() : "Totals are not kept.");
		node.classList.remove("old");
		return;
	}
	setText(node, `as of ${clockTime(asOf, true)}`
		+ (isStale ? `, ${spoken(secondsSince(asOf))} old` : ""));
	node.classList.toggle("old", isStale);
}
