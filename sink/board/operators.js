/* The load of the operators: their open chats and capacity, their waiting customers,
 * and their response times. The longest wait counts up each second. */

import { byId, drawing, setFailed, setText } from "./element.js";
import { fetchJson, newestOnly } from "./fetch_json.js";
import { longestOne, mayOpen, present, shortened } from "./present.js";
import { addressBehind, addressOfFigure, settings } from "./settings.js";
import { secondsSince, span } from "./time.js";

const BAR = { width: 100, height: 10 };
const LETTERS = 14;

const newest = newestOnly();
let refused = false; /* the role may not read allocation */
/* From allocation's answer: by operator, the capacity and the number of assigned
 * chats; and the queue. */
export let allocation = { limits: new Map(), given: new Map(), queue: null,
	free: null, note: "" };

const chats = (rest) => (row) => addressBehind({
	chats: `operator=${encodeURIComponent(row.operator)}&${rest}` });
const responses = (row) => addressOfFigure(row.href);

/* These customers get no answer until another operator takes over the chats. */
function isUnattended(o) {
	return o.available === false && o.waiting_chats > 0;
}

function isOverloaded(o) {
	return o.limit !== null && o.open_chats > o.limit;
}

/* Leaves space in the tile for the text after the name. */
function shortName(o) {
	const letters = [...o.name ?? o.operator];

	return letters.length > LETTERS
		? `${letters.slice(0, LETTERS).join("")}…` : letters.join("");
}

/* {text, opens}: the first operator who needs attention, and the number of others;
 * empty if there is none. */
function firstOf(operators, text, opens) {
	const [first, ...others] = operators;

	return settings.wall || first === undefined ? {}
		: { before: `${shortName(first)} ${text(first)}`
			+ (others.length > 0 ? `, ${others.length} more` : ""),
		beforeOpens: opens(first) };
}

export function firstUnattended() {
	return firstOf(present.operators.filter(isUnattended)
		.sort((a, b) => b.waiting_chats - a.waiting_chats),
	(o) => `offline, ${o.waiting_chats} wait`, chats("open=1&waiting=1"));
}

/* The number of overloaded operators, and the first one. */
export function overloaded() {
	const operators = present.operators.map((o) => ({ ...o,
		limit: allocation.limits.get(o.operator) ?? null }))
		.filter(isOverloaded)
		.sort((a, b) => b.open_chats / b.limit - a.open_chats / a.limit);

	return { value: allocation.free === null ? null : operators.length,
		kind: operators.length > 0 ? "late" : null,
		...firstOf(operators, (o) => `${o.open_chats} of ${o.limit}, `
			+ `${o.waiting_chats} wait`, chats("open=1")) };
}

/* Chats up to the limit, free slots, and in red those above. Without a limit, the
 * bar is relative to the operator with most chats. */
function loadBar(o) {
	const limit = o.limit ?? o.most;
	const scale = BAR.width / Math.max(1, o.open_chats, limit, o.most);
	const rect = (kind, from, to) => from >= to ? null : drawing("rect", {
		class: kind, x: (from * scale).toFixed(1), rx: 1,
		width: ((to - from) * scale).toFixed(1), height: BAR.height });

	return drawing("svg", { class: "load", "aria-hidden": "true",
		preserveAspectRatio: "none",
		viewBox: `0 0 ${BAR.width} ${BAR.height}` },
	o.limit === null ? null : rect(o.available ? "free" : "shut",
		o.open_chats, limit),
	rect("full", 0, Math.min(o.open_chats, limit)),
	rect("above", limit, o.open_chats));
}

/* From the list of waiting customers if it contains the operator, otherwise from the
 * answer, plus the time since. */
function longestOf(operator, then) {
	const first = longestOne(present.waiting.filter((one) =>
		one.operator === operator));
	const asOf = present.now[0]?.as_of;

	return then === null ? null
		: first !== undefined ? secondsSince(first.waiting_since)
			: Number(then) + (asOf ? secondsSince(asOf) : 0);
}

const COLUMNS = [
	{ title: "Operator", kind: "text", names: true,
		value: (o) => o.name ?? o.operator,
		order: (o) => o.name ?? o.operator },
	/* A bot may have chats without being listed. */
	{ title: "Status", order: (o) => o.available === null ? 2 : !o.available,
		value: (o) => o.available === null ? "not listed"
			: o.available ? "online" : "offline" },
	{ title: "Chats", kind: "number load", order: (o) => -o.load,
		value: (o) => o.limit === null ? o.open_chats
			: `${o.open_chats} of ${o.limit}`,
		opens: chats("open=1"), picture: loadBar },
	{ title: "Waiting", kind: "number", value: (o) => o.waiting_chats,
		order: (o) => -o.waiting_chats, opens: chats("open=1&waiting=1") },
	{ title: "Longest wait", kind: "time longest",
		value: (o) => span(longestOf(o.operator, o.longest_wait_seconds)),
		order: (o) => -(o.longest_wait_seconds ?? -1),
		opens: chats("open=1&waiting=1") },
	{ title: "Responses", kind: "number", value: (o) => o.responses,
		order: (o) => -o.responses, opens: responses },
	{ title: "Average", kind: "time rare", opens: responses,
		order: (o) => -(o.avg_response_seconds ?? -1),
		value: (o) => span(o.avg_response_seconds) },
	{ title: "Median", kind: "time", opens: responses,
		order: (o) => -(o.median_response_seconds ?? -1),
		value: (o) => span(o.median_response_seconds) },
	{ title: "P90", kind: "time rare", opens: responses,
		order: (o) => -(o.p90_response_seconds ?? -1),
		value: (o) => span(o.p90_response_seconds) },
	{ title: "Assigned in 24 h", kind: "number rare", value: (o) => o.given,
		order: (o) => -(o.given ?? -1) },
];

/* Offline operators with waiting customers come first, then those above capacity,
 * then by longest wait; bots, which are not listed, come last. */
function byUrgency(a, b) {
	return isUnattended(b) - isUnattended(a)
		|| (a.available === null) - (b.available === null)
		|| isOverloaded(b) - isOverloaded(a)
		|| (b.longest_wait_seconds ?? -1) - (a.longest_wait_seconds ?? -1);
}

function kindOf(o) {
	return isUnattended(o) ? "unattended"
		: `${o.available ? "online" : "offline"}`
			+ (isOverloaded(o) ? " overloaded" : "");
}

export function showOperators() {
	const named = !settings.wall && present.operators.some((o) =>
		o.operator !== null);
	const most = Math.max(...present.operators.map((o) => o.open_chats), 1);
	const rows = present.operators.filter((o) => named
		&& (settings.operator === "" || o.operator === settings.operator))
		.map((o) => {
			const limit = allocation.limits.get(o.operator) ?? null;

			return { ...o, key: o.operator, limit, most,
				load: o.open_chats / (limit || most),
				given: allocation.given.get(o.operator)
					?? allocation.none ?? null };
		}).sort(byUrgency);

	shortened("operators", COLUMNS, rows,
		(o) => ({ "data-operator": o.operator,
			"data-longest": o.longest_wait_seconds,
			class: kindOf(o) }));
	setText(byId("operators-note"), `${allocation.note}Responses and their `
		+ "times are those in chats that are open now"
		+ (present.hours ? ", in calendar time." : "."));
	byId("operators").hidden = !named;
}

export function tickOperators() {
	const rows = byId("operators-table")
		.querySelectorAll("tr[data-longest]");

	for (const row of rows)
		setText(row.querySelector(".longest a"), span(
			longestOf(row.dataset.operator, row.dataset.longest)));
}

/* Reads the capacities and the queue. If no assignment was ever stored, the number
 * of assigned chats is unknown. */
export async function showAllocation() {
	if (refused)
		return;
	const answer = await newest(fetchJson("/api/v1/allocation"));

	if (answer === undefined)
		return;
	refused = answer === null;
	if (refused)
		return;
	const given = !answer.not_kept?.includes("assignments");
	const known = answer.operators.filter((o) => o.free !== null);
	const limited = answer.operators.some((o) => o.max_chats !== null);
	const free = known.length === 0 ? null
		: known.reduce((sum, o) => sum + o.free, 0);

	setFailed("operators", "");
	allocation = {
		limits: new Map(answer.operators.map((o) =>
			[o.operator, o.max_chats])),
		given: new Map(answer.assigned.map((o) => [o.operator, o.chats])),
		none: given ? 0 : null,
		queue: answer.queue[0],
		free,
		note: free !== null && mayOpen() ? `Free slots: ${free}. `
			: limited || answer.operators.length === 0 ? ""
			: "No capacity is set. ",
	};
	if (present !== null)
		showOperators();
}
