/* Today by hour, as a picture and as a table; and the alerts of 24 hours. Both
 * are asked for when the board changes, at most once a minute, and are hidden
 * from a role that may not see them. */

import { byId, drawing, element, setText, table } from "./element.js";
import { settings } from "./settings.js";
import { clockTime, midnight, now, span } from "./time.js";

const EVERY_MS = 60000;
const PAGES = 10;

/* The picture, in pixels of a screen with the usual size of text. */
const PICTURE = { height: 240, left: 56, right: 44, top: 14, floor: 206 };
const NARROW = 480;
const HOUR_MS = 3600000;

let shown = []; /* what the picture shows */
let asked = { key: "", at: 0 };

/* All rows of a list; null: the role may not see it. */
async function rowsOf(path, parameters) {
	const rows = [];
	const query = new URLSearchParams({ ...parameters, limit: 1000 });

	for (let page = 0; page < PAGES; page++) {
		const got = await fetch(`${path}?${query}`);

		if (got.status === 403)
			return null;
		if (!got.ok)
			throw new Error(`${path}: ${got.status}`);
		const answer = await got.json();

		rows.push(...answer.rows);
		if (!answer.next)
			break;
		query.set("cursor", answer.next);
	}
	return rows;
}

/* {hour, responses, average, longest}, oldest first; times in seconds. */
export function byHour(rows) {
	const hours = new Map();

	for (const row of rows) {
		if (row.kind !== "first_response" && row.kind !== "reply")
			continue;
		const at = hours.get(row.hour) ?? { n: 0, sum: 0, max: 0 };

		at.n += row.responses;
		at.sum += row.sum_ms;
		at.max = Math.max(at.max, row.max_ms);
		hours.set(row.hour, at);
	}
	return [...hours].filter(([, at]) => at.n > 0)
		.sort(([a], [b]) => a < b ? -1 : 1)
		.map(([hour, at]) => ({ hour: Date.parse(hour), responses: at.n,
			average: at.sum / at.n / 1000,
			longest: at.max / 1000 }));
}

/* A round number of seconds not below the value. */
function roundUp(value) {
	const steps = [10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200,
		14400, 28800, 86400];

	return steps.find((step) => step >= value) ?? value;
}

function grid(width, most, mostResponses) {
	const right = width - PICTURE.right;
	const parts = [];

	for (let i = 0; i <= 4; i++) {
		const y = PICTURE.floor - (PICTURE.floor - PICTURE.top) * i / 4;

		parts.push(
			drawing("line", { class: "grid", x1: PICTURE.left,
				x2: right, y1: y, y2: y }),
			drawing("text", { class: "before", x: PICTURE.left - 6,
				y: y + 4 }, span(most * i / 4)));
	}
	parts.push(
		drawing("text", { x: right + 6, y: PICTURE.top + 4 },
			String(mostResponses)),
		drawing("text", { x: right + 6, y: PICTURE.floor + 4 }, "0"));
	return parts;
}

function hourNames(width, x, first) {
	const every = width < NARROW ? 6 : 3;
	const parts = [];

	for (let hour = 0; hour < 24; hour += every)
		parts.push(drawing("text", { x: x(first + hour * HOUR_MS),
			y: PICTURE.floor + 20 },
		clockTime(first + hour * HOUR_MS)));
	return parts;
}

function bars(hours, x, wide, mostResponses) {
	const high = (PICTURE.floor - PICTURE.top) / mostResponses;

	return hours.map((h) => drawing("rect", { class: "bar",
		x: x(h.hour) + 0.1 * wide, width: 0.8 * wide,
		y: PICTURE.floor - high * h.responses,
		height: high * h.responses },
	drawing("title", {}, `${clockTime(h.hour)}: ${h.responses}`)));
}

function curve(hours, x, wide, most) {
	const high = (PICTURE.floor - PICTURE.top) / most;
	const place = (h) => [x(h.hour) + wide / 2,
		PICTURE.floor - high * h.average];
	const points = hours.map((h) => place(h).join(",")).join(" ");

	return [drawing("polyline", { class: "line", points }),
		...hours.map((h) => drawing("circle", { class: "point",
			cx: place(h)[0], cy: place(h)[1], r: 4 },
		drawing("title", {},
			`${clockTime(h.hour)}: ${span(h.average)}`)))];
}

/* Bars: responses; line: their average. Drawn for the width that it has, so
 * that text is as large as elsewhere. */
export function redraw() {
	const node = byId("today-picture");
	const text = parseFloat(getComputedStyle(document.body).fontSize) / 16;
	const width = node.getBoundingClientRect().width / text;

	if (shown.length === 0 || width === 0)
		return;
	const first = midnight().getTime();
	const wide = (width - PICTURE.left - PICTURE.right) / 24;
	const most = roundUp(Math.max(...shown.map((h) => h.average), 1));
	const mostResponses = Math.max(...shown.map((h) => h.responses));
	const x = (time) => PICTURE.left + wide * (time - first) / HOUR_MS;

	node.setAttribute("viewBox", `0 0 ${width} ${PICTURE.height}`);
	node.replaceChildren(...grid(width, most, mostResponses),
		...bars(shown, x, wide, mostResponses),
		...curve(shown, x, wide, most), ...hourNames(width, x, first));
}

const HOURS = [
	{ title: "Hour", names: true, value: (h) => clockTime(h.hour) },
	{ title: "Responses", kind: "number", value: (h) => h.responses },
	{ title: "Average", kind: "time", value: (h) => span(h.average) },
	{ title: "Longest", kind: "time", value: (h) => span(h.longest) },
];

async function showToday() {
	const parameters = { from: midnight().toISOString() };

	if (settings.operator !== "")
		parameters.operator = settings.operator;
	const rows = await rowsOf("/api/v1/response-hours", parameters);
	const hours = byHour(rows ?? []);

	byId("today").hidden = rows === null;
	byId("today-picture").toggleAttribute("hidden", hours.length === 0);
	setText(byId("today-note"), hours.length === 0
		? "No responses yet today."
		: "Line: average response; bars: number of responses.");
	shown = hours;
	redraw();
	table(byId("today-table"), HOURS, hours);
}

const ALERTS = [
	{ title: "Since", names: true, value: (a) => element("time",
		{ datetime: a.started_at }, clockTime(a.started_at)) },
	{ title: "Until", value: (a) => a.ended_at === null ? "now"
		: clockTime(a.ended_at) },
	{ title: "User", kind: "text", value: (a) => a.user_id },
	{ title: "Rule", value: (a) => a.rule },
	{ title: "Messages", kind: "number", value: (a) => a.messages },
	{ title: "Allowed", kind: "number", value: (a) => a.threshold },
];

async function showAlerts() {
	const rows = await rowsOf("/api/v1/alerts", { from: "24h" });

	byId("alerts").hidden = rows === null || settings.wall;
	setText(byId("alerts-note"), rows?.length === 0 ? "None." : "");
	table(byId("alerts-table"), ALERTS, rows ?? []);
}

/* Called after each change of the board. */
export async function refresh() {
	const key = `${settings.operator} ${settings.wall}`;

	if (key === asked.key && now() - asked.at < EVERY_MS)
		return;
	asked = { key, at: now() };
	await showToday();
	await showAlerts();
}
