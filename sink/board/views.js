/* What the board shows of an answer of /api/v1/now, and each second anew what
 * counts up and down. */

import { byId, element, setText, table } from "./element.js";
import { settings } from "./settings.js";
import { clockTime, now, span, spoken } from "./time.js";

/* Of the time to answer, what is left when a wait becomes urgent. */
const SOON = 0.2;
/* Figures that are older, in ms, are said to be. */
const OLD_MS = 3 * 60 * 1000;
/* Least time between two announcements, in ms. */
const ANNOUNCE_MS = 30000;

const WORDS = { fine: "in time", soon: "soon", late: "late" };

let answer = null; /* the newest */
let announced = { text: "", at: 0 };

function seconds(value) {
	return value === null ? null : span(value);
}

function nameOf(operator) {
	const found = answer.operators.find((o) => o.operator === operator);

	return operator === null ? null : found?.name ?? operator;
}

function waited(row) {
	return (now() - Date.parse(row.waiting_since)) / 1000;
}

function urgency(waited) {
	const left = settings.threshold - waited;

	if (left <= 0)
		return "late";
	return left <= SOON * settings.threshold ? "soon" : "fine";
}

function remaining(waited) {
	const left = settings.threshold - waited;

	return left > 0 ? `${span(left)} left` : `${span(-left)} over`;
}

function chosen(row) {
	return (settings.operator === "" || row.operator === settings.operator)
		&& (settings.channel === ""
			|| row.channel === settings.channel);
}

/* Figures of the whole tenant, and how many of those shown are late. */
function totals() {
	const total = answer.now[0] ?? {};
	const there = answer.operators.filter((o) => o.available).length;
	const late = answer.waiting.filter(chosen)
		.filter((row) => urgency(waited(row)) === "late").length;
	const first = answer.waiting[0];
	const longest = first ? waited(first) : null;

	return [
		["waiting", "Waiting", total.waiting_chats, null],
		["longest", "Longest wait", seconds(longest),
			longest === null ? null : urgency(longest)],
		["late", "Late", late, late > 0 ? "late" : null],
		["open", "Open chats", total.open_chats, null],
		["unassigned", "Unassigned", total.unassigned_chats, null],
		["available", "Operators there",
			`${there}/${answer.operators.length}`, null],
		["responses", "Responses", total.responses, null],
		["average", "Average response",
			seconds(total.avg_response_seconds ?? null), null],
	];
}

function showTotals() {
	const figures = totals().map(([id, title, value, kind]) =>
		element("div",
			{ class: `figure ${kind ?? ""}`, id: `total-${id}` },
			element("dt", {}, title),
			element("dd", {}, String(value ?? "–"))));

	byId("figures").replaceChildren(...figures);
}

const WAITING = [
	{ title: "Waits", kind: "time waits", value: () => "" },
	{ title: "Answer", kind: "time left", value: () => "" },
	{ title: "Customer", kind: "text", value: (row) => row.customer_name },
	{ title: "Chat", kind: "text", names: true, value: (row) => row.chat },
	{ title: "Operator", kind: "text",
		value: (row) => nameOf(row.operator) },
	{ title: "Channel", kind: "text", value: (row) => row.channel },
];
/* On a wall nobody is named. */
const WAITING_WALL = [WAITING[0], WAITING[1], WAITING[5]];

function showWaiting() {
	const rows = answer.waiting.filter(chosen);
	const all = answer.now[0]?.waiting_chats ?? answer.waiting.length;
	const note = rows.length === 0 ? "Nobody waits."
		: rows.length < all
			? `${rows.length} of ${all} are shown.` : "";

	setText(byId("waiting-note"), note);
	table(byId("waiting-table"),
		settings.wall ? WAITING_WALL : WAITING, rows,
		(row) => ({ "data-since": row.waiting_since,
			"data-chat": settings.wall ? null : row.chat }));
}

const OPERATORS = [
	{ title: "Operator", kind: "text", names: true,
		value: (o) => o.name ?? o.operator },
	{ title: "There", value: (o) => o.available === null ? null
		: o.available ? "yes" : "no" },
	{ title: "Chats", kind: "number", value: (o) => o.open_chats },
	{ title: "Waiting", kind: "number", value: (o) => o.waiting_chats },
	{ title: "Longest wait", kind: "time",
		value: (o) => seconds(o.longest_wait_seconds) },
	{ title: "Responses", kind: "number", value: (o) => o.responses },
	{ title: "Average", kind: "time",
		value: (o) => seconds(o.avg_response_seconds) },
	{ title: "Median", kind: "time",
		value: (o) => seconds(o.median_response_seconds) },
	{ title: "90 %", kind: "time",
		value: (o) => seconds(o.p90_response_seconds) },
];

function showOperators() {
	const rows = answer.operators.filter((o) => settings.operator === ""
		|| o.operator === settings.operator);
	const named = rows.some((o) => o.operator !== null);

	table(byId("operators-table"), OPERATORS, rows,
		(o) => ({ "data-operator": o.operator,
			class: o.available ? "there" : "away" }));
	byId("operators").hidden = settings.wall || !named;
}

function showChoices(id, title, values) {
	const node = byId(id);
	const all = new Map(values);

	if (settings[id] !== "" && !all.has(settings[id]))
		all.set(settings[id], settings[id]);
	node.replaceChildren(element("option", { value: "" }, title),
		...[...all].sort((a, b) => a[1].localeCompare(b[1]))
			.map(([value, name]) =>
				element("option", { value }, name)));
	node.value = settings[id];
}

function showSettings() {
	if (document.activeElement !== byId("operator"))
		showChoices("operator", "all", answer.operators
			.filter((o) => o.operator !== null)
			.map((o) => [o.operator, o.name ?? o.operator]));
	if (document.activeElement !== byId("channel"))
		showChoices("channel", "all", answer.waiting
			.filter((row) => row.channel !== null)
			.map((row) => [row.channel, row.channel]));
	if (document.activeElement !== byId("threshold"))
		byId("threshold").value = settings.threshold / 60;
	byId("keys").checked = settings.keys;
	byId("wall-button").setAttribute("aria-pressed", String(settings.wall));
	document.body.classList.toggle("wall", settings.wall);
}

/* Says what changed, politely and not too often. */
function announce() {
	const total = answer.now[0]?.waiting_chats ?? 0;
	const first = answer.waiting[0];
	const text = total === 0 ? "Nobody waits."
		: `${total} waiting, ${totals()[2][2]} late` + (first
			? `, the longest ${spoken(waited(first))}.` : ".");
	const summary = `${total} ${totals()[2][2]}`;

	if (summary === announced.text || now() - announced.at < ANNOUNCE_MS)
		return;
	announced = { text: summary, at: now() };
	setText(byId("announcement"), text);
}

function showFreshness() {
	const asOf = answer.now[0]?.as_of;
	const age = now() - Date.parse(asOf);
	const node = byId("fresh");

	if (asOf === undefined) {
		setText(node, "nothing is stored yet");
		return;
	}
	setText(node, `as of ${clockTime(asOf, true)}`
		+ (age > OLD_MS ? `, ${spoken(age / 1000)} old` : ""));
	node.classList.toggle("old", age > OLD_MS);
}

/* Each second, and after each change. */
export function tick() {
	if (answer === null)
		return;
	for (const row of byId("waiting-table").tBodies[0]?.rows ?? []) {
		const time = (now() - Date.parse(row.dataset.since)) / 1000;
		const kind = urgency(time);

		row.className = kind;
		setText(row.querySelector(".waits"), span(time));
		setText(row.querySelector(".left"),
			`${WORDS[kind]}, ${remaining(time)}`);
	}
	showTotals();
	showFreshness();
	announce();
}

/* Shows the answer, or the last one anew after a change of the settings. */
export function show(newest = answer) {
	if (newest === null)
		return;
	answer = newest;
	setText(byId("tenant"), answer.tenant);
	document.title = `${answer.now[0]?.waiting_chats ?? 0} waiting – `
		+ "live board";
	showSettings();
	showWaiting();
	showOperators();
	tick();
}
