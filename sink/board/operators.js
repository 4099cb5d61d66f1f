/* The operators: their open chats, their waiting customers, and their response
 * times. The longest wait counts up each second. */

import { byId, setText } from "./element.js";
import { present, shortened } from "./present.js";
import { addressBehind, addressOfFigure, settings } from "./settings.js";
import { secondsSince, span } from "./time.js";

const chats = (rest) => (row) => addressBehind({
	chats: `operator=${encodeURIComponent(row.operator)}&${rest}` });
const responses = (row) => addressOfFigure(row.href);

/* Nobody answers these customers until somebody takes the chats over. */
function isUnattended(o) {
	return o.available === false && o.waiting_chats > 0;
}

const COLUMNS = [
	{ title: "Operator", kind: "text", names: true,
		value: (o) => o.name ?? o.operator },
	{ title: "Online", value: (o) => o.available === null ? null
		: o.available ? "yes"
			: isUnattended(o) ? "no, customers are waiting" : "no" },
	{ title: "Chats", kind: "number", value: (o) => o.open_chats,
		opens: chats("open=1") },
	{ title: "Waiting", kind: "number", value: (o) => o.waiting_chats,
		opens: chats("open=1&waiting=1") },
	{ title: "Longest wait", kind: "time longest",
		value: (o) => span(o.longest_wait_seconds),
		opens: chats("open=1&waiting=1") },
	{ title: "Responses", kind: "number", value: (o) => o.responses,
		opens: responses },
	{ title: "Average", kind: "time", opens: responses,
		value: (o) => span(o.avg_response_seconds) },
	{ title: "Median", kind: "time", opens: responses,
		value: (o) => span(o.median_response_seconds) },
	{ title: "P90", kind: "time", opens: responses,
		value: (o) => span(o.p90_response_seconds) },
];

/* Operators who are offline while their customers wait, then by longest wait. */
function byUrgency(a, b) {
	return isUnattended(b) - isUnattended(a)
		|| (b.longest_wait_seconds ?? -1) - (a.longest_wait_seconds ?? -1);
}

export function showOperators() {
	const named = !settings.wall && present.operators.some((o) =>
		o.operator !== null);
	const rows = present.operators.filter((o) => named
		&& (settings.operator === "" || o.operator === settings.operator))
		.map((o) => ({ ...o, key: o.operator })).sort(byUrgency);

	shortened("operators", COLUMNS, rows,
		(o) => ({ "data-operator": o.operator,
			"data-longest": o.longest_wait_seconds,
			class: isUnattended(o) ? "unattended"
				: o.available ? "online" : "offline" }));
	byId("operators").hidden = !named;
}

export function tickOperators() {
	const asOf = present.now[0]?.as_of;
	const since = asOf ? secondsSince(asOf) : 0;
	const rows = byId("operators-table")
		.querySelectorAll("tr[data-longest]");

	for (const row of rows)
		setText(row.querySelector(".longest a"),
			span(Number(row.dataset.longest) + since));
}
