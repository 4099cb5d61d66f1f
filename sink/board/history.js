/* Today by hour, as a picture and as a table; and the alerts of 24 hours. Both
 * are asked for when the board changes, at most once a minute, and are hidden
 * from a role that may not see them. */

import { byId, drawing, element, setText, table } from "./element.js";
import { settings } from "./settings.js";
import { clockTime, midnight, now, span } from "./time.js";

const EVERY_MS = 60000;
const PAGES = 10;

/* The picture, in the units of its viewBox. */
const PICTURE = { width: 720, left: 56, right: 44, top: 14, floor: 206 };
const HOUR_MS = 3600000;

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
		.map(([hour, at]) => ({ hour: new Date(hour), responses: at.n,
			average: at.sum / at.n / 1000, longest: at.max / 1000 }));
}

/* A round number of seconds not below the value. */
function roundUp(value) {
	const steps = [10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200,
		14400, 28800, 86400];

	return steps.find((step) => step >= value) ?? value;
}

function axes(most, mostResponses) {
	const lines = [];

	for (let i = 0; i <= 4; i++) {
		const y = PICTURE.floor - (PICTURE.floor - PICTURE.top) * i / 4;

		lines.push(
			drawing("line", { class: "grid", x1: PICTURE.left,
				x2: PICTURE.width - PICTURE.right, y1: y, y2: y }),
			drawing("text", { class: "before", x: PICTURE.left - 6,
				y: y + 4 }, span(most * i / 4)));
	}
	lines.push(drawing("text", { class: "behind", x: PICTURE.width
		- PICTURE.right + 6, y: PICTURE.top + 4 }, String(mostResponses)),
		drawing("text", { class: "behind", x: PICTURE.width
			- PICTURE.right + 6, y: PICTURE.floor + 4 }, "0"));
	return lines;
}

/* Bars: responses; line: their average. */
function draw(hours) {
	const first = midnight().getTime();
	const wide = (PICTURE.width - PICTURE.left - PICTURE.right) / 24;
	const high = PICTURE.floor - PICTURE.top;
	const most = roundUp(Math.max(...hours.map((h) => h.average), 1));
	const mostResponses = Math.max(...hours.map((h) => h.responses));
	const x = (hour) => PICTURE.left + wide * (hour - first) / HOUR_MS;
	const points = hours.map((h) => [x(h.hour) + wide / 2,
		PICTURE.floor - high * h.average / most, h]);
	const parts = axes(most, mostResponses);

	for (const h of hours)
		parts.push(drawing("rect", { class: "bar", x: x(h.hour) + 2,
			y: PICTURE.floor - high * h.responses / mostResponses,
			width: wide - 4, height: high * h.responses / mostResponses },
			drawing("title", {}, `${clockTime(h.hour)}: ${h.responses}`)));
	parts.push(drawing("polyline", { class: "line",
		points: points.map(([x, y]) => `${x},${y}`).join(" ") }));
	for (const [px, py, h] of points)
		parts.push(drawing("circle", { class: "point", cx: px, cy: py, r: 4 },
			drawing("title", {}, `${clockTime(h.hour)}: `
				+ span(h.average))));
	for (let hour = 0; hour < 24; hour += 3)
		parts.push(drawing("text", { class: "under", x: PICTURE.left
			+ wide * hour, y: PICTURE.floor + 20 },
			clockTime(new Date(first + hour * HOUR_MS))));
	byId("today-picture").replaceChildren(...parts);
}

const HOURS = [
	{ title: "Hour", value: (h) => clockTime(h.hour) },
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
	if (hours.length > 0)
		draw(hours);
	table(byId("today-table"), HOURS, hours);
}

const ALERTS = [
	{ title: "Since", value: (a) => element("time",
		{ datetime: a.started_at }, clockTime(new Date(a.started_at))) },
	{ title: "Until", value: (a) => a.ended_at === null ? "now"
		: clockTime(new Date(a.ended_at)) },
	{ title: "User", value: (a) => a.user_id },
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
