/* The backlog over the day: the figures at earlier moments of today and yesterday,
 * and a picture of the waiting customers by age. */

import { byId, drawing, setText } from "./element.js";
import { fetchJson, newestOnly } from "./fetch_json.js";
import { hasTargets } from "./present.js";
import { settings } from "./settings.js";
import { clockTime, span, todaysSpan } from "./time.js";
import { showTotals } from "./totals.js";

const AGES = ["waiting_5m", "waiting_15m", "waiting_1h", "waiting_longer"];
/* In pixels of a screen with normal text size. */
const PICTURE = { height: 92, top: 6, floor: 70, left: 36 };
const QUARTERS = 96; /* of most days */
const HOURS = 3; /* between two names below the picture */

const newest = newestOnly();
let rows = []; /* of the answer */

function rowsOf(name) {
	return rows.filter((row) => row.span === name);
}

/* Of a column: its value yesterday at this time, and the points of both days; null
 * before the first answer, and if the past is unknown. */
export function pastOf(column) {
	const points = rowsOf("asked").map((row) => row[column]);
	const earlier = rowsOf("previous").map((row) => row[column]);

	return points.some((point) => point !== null)
		? { was: earlier.at(-1) ?? null, points, earlier } : null;
}

/* With targets, ages are not urgent as such: a night would be all red. */
function colour(age) {
	return hasTargets() ? "quiet-part" : `level-${age + 2}`;
}

function bar(row, x, wide, high) {
	let y = PICTURE.floor;

	return drawing("g", {}, drawing("title", {},
		`${clockTime(row.at_utc)}: ${row.waiting_chats} waiting, longest `
		+ span(row.longest_wait_seconds)),
	...AGES.map((age, i) => {
		y -= high * row[age];
		return row[age] === 0 ? null : drawing("rect", {
			class: colour(i), x, y, width: wide,
			height: high * row[age] });
	}));
}

function grid(most, width) {
	const line = (y) => drawing("line", { class: "grid", x1: PICTURE.left,
		x2: width, y1: y, y2: y });

	return [line(PICTURE.top), line(PICTURE.floor),
		drawing("text", { class: "before", x: PICTURE.left - 6,
			y: PICTURE.top + 8 }, String(most)),
		drawing("text", { class: "before", x: PICTURE.left - 6,
			y: PICTURE.floor + 4 }, "0")];
}

/* The full hours of both days in the time zone. */
function names(x) {
	const begins = new Map([...rowsOf("previous"), ...rowsOf("asked")]
		.map((row) => [row.period, row.at.slice(11, 16)]));
	const wanted = ([, time]) => time.endsWith(":00")
		&& parseInt(time, 10) % HOURS === 0;

	return [...begins].filter(wanted).map(([period, time]) =>
		drawing("text", { x: x(period), y: PICTURE.floor + 16 }, time));
}

export function redrawBacklog() {
	const node = byId("day-picture");
	const today = rowsOf("asked").filter((row) => row.waiting_chats > 0);
	const before = rowsOf("previous").filter((row) =>
		row.waiting_chats !== null);
	/* The picture covers all customers, but the list may not. */
	const isShown = today.length > 0 && !settings.wall
		&& settings.operator === "" && settings.channel === "";

	node.toggleAttribute("hidden", !isShown);
	byId("day-note").hidden = !isShown;
	if (!isShown)
		return;
	const peak = today.reduce((a, b) =>
		b.waiting_chats > a.waiting_chats ? b : a);
	const text = parseFloat(getComputedStyle(document.body).fontSize) / 16;
	const width = node.getBoundingClientRect().width / text;
	const most = Math.max(...[...today, ...before].map((row) =>
		row.waiting_chats));
	const last = Math.max(QUARTERS, ...rows.map((row) => row.period));
	const wide = (width - PICTURE.left) / (last + 1);
	const high = (PICTURE.floor - PICTURE.top) / most;
	const x = (period) => PICTURE.left + wide * period;

	setText(byId("day-note"), "Today: at most "
		+ `${peak.waiting_chats} waiting, at ${clockTime(peak.at_utc)}`
		+ (before.length > 1 ? "; broken line: yesterday." : "."));
	if (width === 0)
		return;
	node.setAttribute("viewBox", `0 0 ${width} ${PICTURE.height}`);
	node.replaceChildren(...grid(most, width),
		...today.map((row) => bar(row, x(row.period), wide * 0.8, high)),
		drawing("polyline", { class: "line earlier",
			points: before.map((row) => `${x(row.period) + wide * 0.4},${
				PICTURE.floor - high * row.waiting_chats}`)
				.join(" ") }), ...names(x));
}

/* If the request fails, the present is shown next to the last answer. */
export async function showBacklog() {
	try {
		const answer = await newest(fetchJson("/api/v1/backlog",
			{ ...todaysSpan(), by: "quarter", compare: "previous" }));

		if (answer === undefined)
			return;
		rows = answer?.rows ?? [];
	} catch (error) {
		console.warn(error);
	}
	redrawBacklog();
	showTotals();
}
