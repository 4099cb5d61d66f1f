/* Response times of the selected range, compared with the previous period: figures,
 * a picture, and the same data as a table. */

import { byId, drawing, figures, setFailed, setText, stackedBar,
	table } from "./element.js";
import { fetchJson, newestOnly } from "./fetch_json.js";
import { incompleteText, isIncomplete, notKept } from "./present.js";
import { addressOfFigure, addressOfMissed, settings } from "./settings.js";
import { showTotals } from "./totals.js";
import { chosenSpan, difference, now, period, previousText, span,
	spanText } from "./time.js";

/* In pixels of a screen with normal text size. */
const PICTURE = { height: 240, top: 14, floor: 206 };
const NAME = { gap: 22, letter: 8, edge: 6 };
/* Limits of the distribution, in seconds. */
const LIMITS = [60, 300, 900, 3600];
const LIMIT_NAMES = ["1 min", "5 min", "15 min", "1 h"];
const LINES = 4; /* of the grid, above the floor */

const newest = newestOnly();

let shown = []; /* what the picture shows */

/* Labels of periods: the hour if all are on one day, otherwise the first day. They
 * are unique, so they include the day and the year if there are several, and the
 * offset of the zone when clocks go back. */
function namesOfPeriods(rows, by) {
	const several = (n) => new Set(rows.map((row) =>
		row.begin.slice(0, n))).size > 1;
	const from = several(4) ? 0 : by === "hour" && !several(10) ? 11 : 5;
	const to = by === "hour" ? 16 : 10;
	const plain = rows.map((row) =>
		row.begin.slice(from, to).replace("T", " "));

	return plain.map((name, i) => name === plain[i - 1]
		|| name === plain[i + 1] ? `${name} ${rows[i].begin.slice(23)}`
		: name);
}

export function percent(within) {
	return within === null ? null : `${(100 * within).toFixed(1)} %`;
}

/* The share of targets that were kept; null if none was judged. */
export function keptShare(row) {
	return (row.kept_percent ?? null) === null ? null
		: row.kept_percent / 100;
}

/* Which clock measures the times of a response; "" if the team has no opening
 * hours. */
export function clockText({ clock, rows }) {
	return rows.some((row) => row.closed !== null) ? `, ${clock} time` : "";
}

/* The switch of the clock exists where there are opening hours. */
function showClock(answer) {
	byId("clock").parentNode.hidden = clockText(answer) === ""
		|| answer.clock !== "work" && settings.clock === "";
	byId("clock").value = answer.clock;
}

/* A difference as {text, kind}; words are those for more and for less. */
function changeOf(is, was, { text, apart, words, kinds = ["", ""] }) {
	if (is === null || was === null)
		return { text: "", kind: "" };
	if (text(is) === text(was))
		return { text: "no change", kind: "" };
	const less = Number(is < was);

	return { text: `${apart(is, was)} ${words[less]}`, kind: kinds[less] };
}

const COUNT = { text: (n) => String(n), words: ["more", "fewer"],
	apart: (one, other) => Math.abs(one - other) };
const COUNT_BAD = { ...COUNT, kinds: ["worse", "better"] };
const SHARE = { text: (n) => `${n.toFixed(1)} %`, words: ["more", "less"],
	apart: (one, other) => `${Math.abs(one - other).toFixed(1)} points`,
	kinds: ["better", "worse"] };
const TIME = { text: span, words: ["slower", "faster"], apart: difference,
	kinds: ["worse", "better"] };

/* If a zone skips a day, the next one has no previous day. */
const NOTHING = { count: null, avg_seconds: null, median_seconds: null,
	p90_seconds: null, within: null, kept_percent: null, closed: null,
	complete: null };

function previousOf(answer) {
	return answer.rows.find((row) => row.span === "previous")
		?? { ...NOTHING, end_utc: now() };
}

/* A figure next to that of the previous period. */
function figureOf({ id, title, column, unit }, answer) {
	const { text } = unit;
	const [is] = answer.rows.filter((row) => row.span === "asked");
	const was = previousOf(answer);
	const lacks = isIncomplete(is) || isIncomplete(was);
	const change = lacks ? { text: "", kind: "" }
		: changeOf(is[column], was[column], unit);

	return { id: `summary-${id}`, title,
		value: is[column] === null ? null : text(is[column]),
		opens: addressOfFigure(is.href),
		change: change.text, changeKind: change.kind,
		before: isIncomplete(is) ? incompleteText()
			: `vs. ${previousText(was.end_utc)}: ${
				isIncomplete(was) ? "incomplete"
				: was[column] === null ? "–" : text(was[column])}`,
		beforeOpens: lacks || was[column] === null ? null
			: addressOfFigure(was.href) };
}

/* The headline has the average and the share within the target. */
function showSummary(answer) {
	const all = [
		["count", "Responses", "count", COUNT],
		["median", "Median", "median_seconds", TIME],
		["p90", "P90", "p90_seconds", TIME],
		["kept", "Targets kept", "kept_percent", SHARE],
		["closed", "Outside hours", "closed", COUNT],
	].filter(([, , column]) => column === "kept_percent"
		? answer.rows[0].kept !== null
		: answer.rows[0][column] !== null || column !== "closed");

	figures(byId("summary"), all.map(([id, title, column, unit]) =>
		figureOf({ id, title, column, unit }, answer)));
}

/* Columns that only exist with targets, and with opening hours. */
export const OF_TARGETS = [
	{ title: "Targets kept", kind: "number",
		value: (row) => percent(keptShare(row)),
		opens: (row) => addressOfMissed(row.href),
		order: (row) => row.kept_percent ?? 101 },
	{ title: "Outside hours", kind: "number", value: (row) => row.closed,
		order: (row) => -row.closed },
];

const COLUMNS = [
	{ title: "From", names: true, value: (row) => row.incomplete
		? `${row.name} (incomplete)` : row.name },
	{ title: "Responses", kind: "number", value: (row) => row.count,
		opens: (row) => row.opens },
	{ title: "Average", kind: "time", value: (row) => span(row.average),
		opens: (row) => row.opens },
	{ title: "Previous period", kind: "time",
		value: (row) => span(row.before),
		opens: (row) => row.beforeOpens },
	{ title: "Median", kind: "time",
		value: (row) => span(row.median_seconds),
		opens: (row) => row.opens },
	{ title: "P90", kind: "time", value: (row) => span(row.p90_seconds),
		opens: (row) => row.opens },
	{ title: "Longest", kind: "time",
		value: (row) => span(row.max_seconds),
		opens: (row) => row.opens },
	{ get title() {
		return `Within ${span(settings.threshold)}`;
	}, kind: "number", value: (row) => percent(row.within),
	opens: (row) => row.opens },
	...OF_TARGETS,
];

/* The period has not ended. */
function isRunning(row) {
	return Date.parse(row.end_utc) > now();
}

function rowsOf(answer, by) {
	const before = new Map(answer.rows
		.filter((row) => row.span === "previous" && !isIncomplete(row))
		.map((row) => [row.period, row]));
	const rows = answer.rows.filter((row) => row.span === "asked");
	const called = namesOfPeriods(rows, by);

	return rows.map((row, i) => ({ ...row, key: row.begin, name: called[i],
		running: isRunning(row), incomplete: isIncomplete(row),
		average: row.avg_seconds,
		before: before.get(row.period)?.avg_seconds ?? null,
		beforeOpens: before.has(row.period)
			? addressOfFigure(before.get(row.period).href)
			: null,
		opens: addressOfFigure(row.href) }));
}

/* A round number of seconds, not below the value, whose quarters are round, too. */
function roundUp(value) {
	const steps = [4, 8, 20, 40, 60, 120, 300, 600, 1200, 1800, 3600, 7200,
		14400, 28800, 86400];

	return steps.find((step) => step >= value) ?? value;
}

/* The width of the longest label of the grid. */
function room(texts) {
	return 2 * NAME.edge
		+ NAME.letter * Math.max(...texts.map((text) => text.length));
}

/* The times next to its lines, from the bottom up. */
function timesOfGrid(most) {
	return Array.from({ length: LINES + 1 },
		(_, i) => span(most * i / LINES));
}

function grid(left, right, most, mostResponses) {
	const times = timesOfGrid(most);
	const parts = [];

	for (let i = 0; i <= LINES; i++) {
		const y = PICTURE.floor
			- (PICTURE.floor - PICTURE.top) * i / LINES;

		parts.push(
			drawing("line", { class: "grid", x1: left, x2: right,
				y1: y, y2: y }),
			drawing("text", { class: "before", x: left - NAME.edge,
				y: y + 4 }, times[i]));
	}
	parts.push(
		drawing("text", { x: right + NAME.edge, y: PICTURE.top + 4 },
			String(mostResponses)),
		drawing("text", { x: right + NAME.edge, y: PICTURE.floor + 4 },
			"0"));
	return parts;
}

/* Each label is centred below a bar, but not clipped. */
function names(rows, x, wide, width) {
	const long = NAME.letter
		* Math.max(...rows.map((row) => row.name.length));
	const every = Math.max(1, Math.ceil((NAME.gap + long) / wide));
	const within = (at) => Math.min(Math.max(at, long / 2),
		width - long / 2);

	return rows.filter((row, i) => i % every === 0).map((row, i) =>
		drawing("text", { class: "below",
			x: within(x(i * every) + wide / 2),
			y: PICTURE.floor + 20 }, row.name));
}

function bars(rows, x, wide, mostResponses) {
	const high = (PICTURE.floor - PICTURE.top) / mostResponses;

	return rows.flatMap((row, i) => !row.count ? [] : [
		drawing("rect", { class: `bar${row.incomplete
			? " incomplete" : ""}`, x: x(i) + 0.1 * wide,
			width: 0.8 * wide, y: PICTURE.floor - high * row.count,
			height: high * row.count },
		drawing("title", {}, `${row.name}: ${row.count}${
			row.incomplete ? ", incomplete" : ""}`))]);
}

/* The line of value(row), with a gap where it is null. */
function curve(rows, value, x, wide, most, kind) {
	const high = (PICTURE.floor - PICTURE.top) / most;
	const parts = [];
	let points = [];

	for (const [i, row] of [...rows, null].entries()) {
		const v = row === null ? null : value(row);

		if (v !== null) {
			points.push([x(i) + wide / 2, PICTURE.floor - high * v]);
			continue;
		}
		if (points.length > 1)
			parts.push(drawing("polyline", { class: `line ${kind}`,
				points: points.map((p) => p.join(",")).join(" ") }));
		points = [];
	}
	return parts;
}

function dots(rows, x, wide, most) {
	const high = (PICTURE.floor - PICTURE.top) / most;

	return rows.flatMap((row, i) => row.average === null
		|| row.incomplete ? [] : [
		drawing("circle", { class: `point${row.running ? " running" : ""}`, cx: x(i) + wide / 2,
			cy: PICTURE.floor - high * row.average,
			r: Math.min(4, wide / 3) },
		drawing("title", {}, `${row.name}: ${span(row.average)}`))]);
}

/* Bars show the number of responses, a line their average, a broken line that of the
 * previous period; the running period is only a point, and an incomplete one only a
 * pale bar. Rows are {name, count, average, before, running, incomplete}; the picture is drawn in the width of the node, so that
 * text has the usual size. */
function drawChart(node, rows) {
	const text = parseFloat(getComputedStyle(document.body).fontSize) / 16;
	const width = node.getBoundingClientRect().width / text;

	if (rows.length === 0 || width === 0)
		return;
	const most = roundUp(Math.max(1,
		...rows.map((row) => Math.max(row.average ?? 0, row.before ?? 0))));
	const mostResponses = Math.max(1, ...rows.map((row) => row.count));
	const left = room(timesOfGrid(most));
	const right = width - room([String(mostResponses)]);
	const wide = (right - left) / rows.length;
	const x = (i) => left + wide * i;
	const over = (column) => (row) => row.running || row.incomplete ? null
		: row[column];

	node.setAttribute("viewBox", `0 0 ${width} ${PICTURE.height}`);
	node.replaceChildren(...grid(left, right, most, mostResponses),
		...bars(rows, x, wide, mostResponses),
		...curve(rows, over("before"), x, wide, most, "earlier"),
		...curve(rows, over("average"), x, wide, most, ""),
		...dots(rows, x, wide, most), ...names(rows, x, wide, width));
}

export function redrawResponses() {
	drawChart(byId("responses-picture"), shown);
}

function showPeriods(answer, parameters, by, previous) {
	const rows = rowsOf(answer, by);
	const some = rows.filter((row) => row.count > 0);
	const empty = some.length === 0;

	byId("responses-picture").toggleAttribute("hidden", empty);
	byId("responses-table").closest("details").hidden = empty;
	setText(byId("responses-note"), `${spanText(parameters)}${
		clockText(answer)}: `
		+ (answer.not_kept !== null && empty
		? notKept(answer.not_kept) : empty ? "no responses."
		: `line: average by ${by}; `
			+ (some.some((row) => row.running)
				? `hollow point: this ${by} so far; ` : "")
			+ `broken line: ${previous}; `
			+ "bars: number of responses"
			+ (some.some((row) => row.incomplete)
				? `; pale bars: ${incompleteText()}.` : ".")));
	shown = empty ? [] : rows;
	redrawResponses();
	table(byId("responses-table"), COLUMNS, some);
}

/* {is, was, within, previous, points, earlier}: the data of the headline for the
 * range; null before the first answer. */
export let headline = null;

/* Only finished and complete periods: the running one may have very few
 * responses. */
function pointsOf(answer, span, column) {
	const over = new Set(answer.rows.filter((row) => row.span === "asked"
		&& !isRunning(row)).map((row) => row.period));

	return answer.rows.filter((row) => row.span === span
		&& over.has(row.period) && !isIncomplete(row))
		.map((row) => row[column]);
}

function setHeadline(total, periods, within) {
	const was = previousOf(total);

	headline = { is: total.rows.find((row) => row.span === "asked"), was, within,
		previous: previousText(was.end_utc),
		points: (column) => pointsOf(periods, "asked", column),
		earlier: (column) => pointsOf(periods, "previous", column) };
}

/* The distribution of response times: the shares between limits, each computed from
 * the shares within them. */
function showSpread(answers) {
	const shares = answers.map((answer) => answer?.rows.find((row) =>
		row.span === "asked")?.within ?? null);
	const known = shares.every((share) => share !== null);
	const parts = [...shares, 1].map((share, i) => {
		const part = Math.max(0, share - (shares[i - 1] ?? 0));

		return { n: known ? part : 0, kind: `level-${i + 1}`,
			text: percent(part),
			title: i < LIMITS.length ? `up to ${LIMIT_NAMES[i]}`
				: `over ${LIMIT_NAMES.at(-1)}` };
	});

	stackedBar(byId("spread"), byId("spread-legend"), parts);
}

/* Further counts: {id, title, column, unit} of a kind. */
const KINDS = [
	{ kind: "first_response", id: "first", title: "First response, median",
		column: "median_seconds", unit: TIME },
	{ kind: "resolution", id: "resolution", title: "Resolution, median",
		column: "median_seconds", unit: TIME },
	{ kind: "unanswered", id: "unanswered", title: "Closed while waiting",
		column: "count", unit: COUNT_BAD },
];

function detailsOf(range) {
	const total = { ...range, by: "total" };

	return [...KINDS.map(({ kind }) => fetchJson("/api/v1/responses",
		{ ...total, kind, compare: "previous" })),
	...LIMITS.map((seconds) => fetchJson("/api/v1/responses",
		{ ...total, within_seconds: seconds }))];
}

function showKinds(answers) {
	const all = KINDS.flatMap((one, i) => answers[i] === null ? [] : [
		figureOf(one, answers[i])]);

	figures(byId("summary"), all);
}

export async function showResponses() {
	const by = period();
	const parameters = { ...chosenSpan(), compare: "previous",
		within_seconds: settings.threshold };
	const answers = await newest(Promise.all([
		fetchJson("/api/v1/responses", { ...parameters, by: "total" }),
		fetchJson("/api/v1/responses", { ...parameters, by }),
		...settings.wall ? [] : detailsOf(chosenSpan())]));

	if (answers === undefined)
		return;
	const [total, periods, ...details] = answers;

	setFailed("responses", "");
	byId("responses").hidden = total === null || periods === null
		|| settings.wall;
	if (total === null || periods === null)
		return;
	showClock(total);
	setHeadline(total, periods, parameters.within_seconds);
	showTotals();
	if (settings.wall)
		return;
	showSummary(total);
	showSpread(details.slice(KINDS.length));
	showKinds(details.slice(0, KINDS.length));
	showPeriods(periods, parameters, by,
		previousText(previousOf(total).end_utc));
}
