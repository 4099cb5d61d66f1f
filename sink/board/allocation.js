/* The queue, how long it waits, and who could take more. */

import { byId, drawing, figures, setFailed, setText } from "./element.js";
import { fetchJson, newestOnly } from "./fetch_json.js";
import { shortened } from "./present.js";
import { addressBehind, settings } from "./settings.js";
import { secondsSince, span } from "./time.js";

const newest = newestOnly();
let refused = false; /* it is not for the role */
let shown = null; /* the answer's queue, and who may take of it */

const PLACE = { width: 12, gap: 3, height: 14, most: 20 };

/* A place each: full, free, or of nobody who is there. */
function places(o) {
	const n = Math.min(Math.max(o.open_chats ?? 0, o.max_chats ?? 0),
		PLACE.most);
	const step = PLACE.width + PLACE.gap;

	return drawing("svg", { class: "places", "aria-hidden": "true",
		viewBox: `0 0 ${n * step} ${PLACE.height}` },
	...[...Array(n).keys()].map((i) => drawing("rect", {
		class: i >= o.open_chats ? o.available ? "free" : "shut"
			: o.max_chats !== null && i >= o.max_chats ? "above"
				: "full",
		x: i * step + 1, y: 1, rx: 2, width: PLACE.width,
		height: PLACE.height - 2 })));
}

const COLUMNS = [
	{ title: "Operator", kind: "text", names: true,
		value: (o) => o.name ?? o.operator },
	{ title: "Online", value: (o) => o.available === null ? null
		: o.available ? "yes" : "no" },
	{ title: "Chats", kind: "number", value: (o) => o.open_chats,
		opens: (o) => addressBehind({ chats:
			`operator=${encodeURIComponent(o.operator)}&open=1` }) },
	{ title: "Limit", kind: "number", value: (o) => o.max_chats },
	{ title: "Free", kind: "number", value: (o) => o.free },
	{ title: "Assigned in 24 h", kind: "number", value: (o) => o.given },
	{ title: "Slots", kind: "wide", value: (o) => places(o) },
];

/* Each second: who waits, waits on. */
export function tickAllocation() {
	if (shown === null)
		return;
	const { queue, rows } = shown;
	const since = secondsSince(queue.as_of);
	const waits = (then) => then === null ? null : span(then + since);
	const known = rows.filter((o) => o.free !== null);
	const free = known.reduce((sum, o) => sum + o.free, 0);
	const chats = (query) => addressBehind({ chats: query });
	const waiting = chats("open=1&nobody=1&waiting=1");

	figures(byId("queue"), [
		{ id: "queue-chats", title: "In the queue",
			value: queue.unassigned_chats,
			opens: chats("open=1&nobody=1") },
		{ id: "queue-waiting", title: "Of these, waiting",
			value: queue.waiting_chats, opens: waiting },
		{ id: "queue-average", title: "Average wait",
			value: waits(queue.avg_wait_seconds), opens: waiting },
		{ id: "queue-longest", title: "Longest wait",
			value: waits(queue.longest_wait_seconds),
			opens: waiting },
		{ id: "queue-free", title: "Free slots",
			value: known.length > 0 ? free : null },
	]);
}

/* Where no assignment was ever stored, how many chats were given is not. */
function isGivenKnown(answer) {
	return !answer.not_kept?.includes("assignments");
}

/* Who could take most comes first. */
function rowsOf(answer) {
	const given = new Map(answer.assigned.map((row) =>
		[row.operator, row.chats]));
	const none = isGivenKnown(answer) ? 0 : null;

	return answer.operators.filter((o) => settings.operator === ""
		|| o.operator === settings.operator)
		.map((o) => ({ ...o, key: o.operator,
			given: given.get(o.operator) ?? none }))
		.sort((a, b) => (b.free ?? -1) - (a.free ?? -1));
}

export function redrawAllocation() {
	if (shown !== null)
		shortened("allocation", COLUMNS, shown.rows);
}

export async function showAllocation() {
	if (refused)
		return;
	const answer = await newest(fetchJson("/api/v1/allocation"));

	if (answer === undefined)
		return;
	setFailed("allocation", "");
	refused = answer === null;
	byId("allocation").hidden = refused || settings.wall;
	if (refused)
		return;
	shown = { queue: answer.queue[0], rows: rowsOf(answer) };
	tickAllocation();
	setText(byId("allocation-note"), [
		shown.rows.every((o) => o.max_chats === null)
			? "No limits are stored; scripts/limits sets them." : "",
		isGivenKnown(answer) ? "" : "No assignment was ever stored; "
			+ "messaging-allocation(7) has more.",
	].join(" ").trim());
	redrawAllocation();
}
