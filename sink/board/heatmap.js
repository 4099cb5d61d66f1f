/* Responses by hour of the week: a picture whose colour is the average, and the same
 * data as a table. */

import { byId, drawing, element, exchange, link, setFailed,
	setText } from "./element.js";
import { fetchJson, newestOnly } from "./fetch_json.js";
import { incompleteText, isIncomplete, notKept } from "./present.js";
import { clockText, keptShare, percent } from "./responses.js";
import { addressOfFigure, settings } from "./settings.js";
import { heatmapSpan, isRangeTooShort, span, spanText } from "./time.js";

const DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
/* Upper limits of the colours, as multiples of the target. */
const LIMITS = [0.5, 1, 2, 4];
const CELL = { left: 36, top: 6, high: 24, gap: 2 };

const newest = newestOnly();
let shown = []; /* rows of the answer, with level */

/* Relative to the target: 1 and 2 are within it; 0: no responses. */
function levelOf(row) {
	const above = LIMITS.findIndex((limit) =>
		row.avg_seconds <= limit * settings.threshold);

	return !row.count ? 0 : above < 0 ? LIMITS.length + 1 : above + 1;
}

function textOf(row) {
	const kept = percent(keptShare(row));

	return row.count === null ? "not known" : row.count === 0 ? "none"
		: `${span(row.avg_seconds)}, ${row.count}`
			+ (kept === null ? "" : `, ${kept} kept`);
}

function cellOf(row, wide) {
	return drawing("rect", { class: `heat level-${row.level}`,
		x: CELL.left + row.hour * wide,
		y: CELL.top + (row.weekday - 1) * CELL.high, rx: 2,
		width: wide - CELL.gap, height: CELL.high - CELL.gap,
		"data-opens": row.opens },
	drawing("title", {}, `${DAYS[row.weekday - 1]} ${row.hour}:00: `
		+ textOf(row)));
}

export function redrawHeatmap() {
	const node = byId("heatmap-picture");
	const text = parseFloat(getComputedStyle(document.body).fontSize) / 16;
	const width = node.getBoundingClientRect().width / text;
	const wide = (width - CELL.left) / 24;
	const floor = CELL.top + 7 * CELL.high;
	const every = wide < 20 ? 6 : 3;

	if (shown.length === 0 || width === 0)
		return;
	node.setAttribute("viewBox", `0 0 ${width} ${floor + 20}`);
	node.replaceChildren(
		...DAYS.map((day, i) => drawing("text", { x: 0,
			y: CELL.top + (i + 0.65) * CELL.high }, day)),
		...shown.map((row) => cellOf(row, wide)),
		...[...Array(24).keys()].filter((h) => h % every === 0)
			.map((h) => drawing("text", { x: CELL.left + h * wide,
				y: floor + 14 }, `${h}:00`)));
}

/* The limits of each colour, and the colour of an hour without responses. */
function showLegend() {
	const end = (i) => span(LIMITS[i] * settings.threshold);
	const called = (level) => level === 0 ? "none"
		: level > LIMITS.length ? `over ${end(LIMITS.length - 1)}`
			: `up to ${end(level - 1)}`
				+ (LIMITS[level - 1] === 1 ? ", the target" : "");
	const there = [0, 1, 2, 3, 4, 5].filter((level) =>
		shown.some((row) => row.level === level));

	byId("heatmap-legend").replaceChildren(...there.map((level) =>
		element("li", {}, drawing("svg", { viewBox: "0 0 12 12",
			"aria-hidden": "true" }, drawing("rect", {
			class: `heat level-${level}`, width: 12, height: 12,
			rx: 2 })), called(level))));
}

function tableCell(row) {
	const text = !row.count ? null : textOf(row);

	return element("td", { role: "cell", class: "number",
		"data-label": DAYS[row.weekday - 1] },
	link(text, row.opens) ?? "–");
}

function showTable() {
	const at = (weekday, hour) => shown[(weekday - 1) * 24 + hour];
	const head = ["Hour", ...DAYS].map((title) => element("th",
		{ role: "columnheader", scope: "col",
			class: title === "Hour" ? null : "number" }, title));
	const lines = [...Array(24).keys()].map((hour) =>
		element("tr", { role: "row" },
			element("th", { role: "rowheader", scope: "row",
				"data-label": "Hour" }, `${hour}:00`),
			...DAYS.map((day, i) => tableCell(at(i + 1, hour)))));

	byId("heatmap-table").setAttribute("role", "table");
	exchange(byId("heatmap-table"),
		element("thead", { role: "rowgroup" },
			element("tr", { role: "row" }, ...head)),
		element("tbody", { role: "rowgroup" }, ...lines));
}

export async function showHeatmap() {
	const parameters = heatmapSpan();
	const answer = await newest(fetchJson("/api/v1/heatmap", parameters));

	if (answer === undefined)
		return;
	setFailed("heatmap", "");
	byId("heatmap").hidden = answer === null || settings.wall;
	if (answer === null)
		return;
	shown = answer.rows.map((row) => ({ ...row, level: levelOf(row),
		opens: !row.count ? null
			: addressOfFigure(row.href) }));
	const none = answer.not_kept !== null
		&& answer.rows.every((row) => row.count === null);

	setText(byId("heatmap-note"), `${spanText(parameters)}${
		clockText(answer)}: `
		+ (none ? notKept(answer.not_kept)
		: `average response by hour of the week${isIncomplete(answer)
			? `, ${incompleteText()}` : ""}.`
			+ (isRangeTooShort() ? " The chosen range is not applied: "
				+ "it is shorter than a week." : "")));
	byId("heatmap-picture").toggleAttribute("hidden", none);
	byId("heatmap-legend").hidden = none;
	byId("heatmap-table").closest("details").hidden = none;
	redrawHeatmap();
	showLegend();
	showTable();
}

/* Handles a click on the picture; keyboard users have the table. */
export function listenToHeatmap() {
	byId("heatmap-picture").addEventListener("click", (event) => {
		const { opens } = event.target.dataset;

		if (opens)
			location.assign(opens);
	});
}
