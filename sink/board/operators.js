/* The operators: their open chats, who waits for them, how they answer; each
 * second anew how long the first one waits. */

import { byId, setText } from "./element.js";
import { present, shortened } from "./present.js";
import { addressBehind, addressOfFigure, settings } from "./settings.js";
import { secondsSince, span } from "./time.js";

const chats = (rest) => (row) => addressBehind({
	chats: `operator=${encodeURIComponent(row.operator)}&${rest}` });
const responses = (row) => addressOfFigure(row.href);

const COLUMNS = [
	{ title: "Operator", kind: "text", names: true,
		value: (o) => o.name ?? o.operator },
	{ title: "There", value: (o) => o.available === null ? null
		: o.available ? "yes" : "no" },
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
	{ title: "90 %", kind: "time", opens: responses,
		value: (o) => span(o.p90_response_seconds) },
];

/* Whose customer waits longest comes first. */
function byWait(a, b) {
	return (b.longest_wait_seconds ?? -1) - (a.longest_wait_seconds ?? -1);
}

export function showOperators() {
	const named = !settings.wall && present.operators.some((o) =>
		o.operator !== null);
	const rows = present.operators.filter((o) => named
		&& (settings.operator === "" || o.operator === settings.operator))
		.map((o) => ({ ...o, key: o.operator })).sort(byWait);

	shortened("operators", COLUMNS, rows,
		(o) => ({ "data-operator": o.operator,
			"data-longest": o.longest_wait_seconds,
			class: o.available ? "there" : "away" }));
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
