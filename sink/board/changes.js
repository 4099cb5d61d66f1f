/* Why responses are slower or faster than in the previous period: channels,
 * operators and hours, by what each contributes to the difference of the average.
 *
 * Of n responses that took s seconds together, in all N and S, before n0, s0, N0
 * and S0, with A0 = S0 / N0, a part contributes
 *
 *	(s - n A0) / N - (s0 - n0 A0) / N0
 *
 * so that the parts of one kind add up to the difference exactly. */

import { byId, setFailed, setText, table } from "./element.js";
import { fetchJson, newestOnly } from "./fetch_json.js";
import { channelName, incompleteText, isIncomplete, nameOf } from "./present.js";
import { addressOfFigure, settings } from "./settings.js";
import { chosenSpan, clockTime, dateOf, now, percentChange, period, previousText,
	span } from "./time.js";

/* A difference below this share of the average counts as none. */
const LEAST = 0.05;
/* Parts below this share of the difference are not shown. */
const LEAST_PART = 0.1;
const MOST = 5;

const newest = newestOnly();

function isKnown(row) {
	return row.count !== null && row.sum_seconds !== null;
}

function sumOf(rows) {
	const known = rows.filter(isKnown);
	const n = known.reduce((sum, row) => sum + row.count, 0);
	const s = known.reduce((sum, row) => sum + row.sum_seconds, 0);

	return { n, s, average: n === 0 ? null : s / n };
}

/* {is, was}: sums of both spans. */
function pairOf(rows) {
	return { is: sumOf(rows.filter((row) => row.span === "asked")),
		was: sumOf(rows.filter((row) => row.span === "previous")) };
}

function contribution({ is, was }, all) {
	const base = all.was.average;

	return (is.s - is.n * base) / all.is.n
		- (was.s - was.n * base) / all.was.n;
}

function grouped(rows, key) {
	const groups = new Map();

	for (const row of rows)
		groups.set(row[key], [...groups.get(row[key]) ?? [], row]);
	return [...groups.values()];
}

/* The consecutive periods that contribute most: {rows, part}. */
function worstRun(rows, all) {
	const direction = Math.sign(all.is.average - all.was.average);
	const periods = grouped(rows, "period")
		.sort((a, b) => a[0].period - b[0].period);
	let best = { rows: [], part: 0 };
	let run = best;

	for (const [i, of] of periods.entries()) {
		const part = contribution(pairOf(of), all);
		const follows = i > 0
			&& of[0].period === periods[i - 1][0].period + 1;

		run = follows && direction * run.part > 0
			? { rows: [...run.rows, ...of], part: run.part + part }
			: { rows: of, part };
		if (direction * run.part > direction * best.part)
			best = run;
	}
	return best;
}

/* "14:00 to 17:00", or days. */
function whenOf(rows, by) {
	const asked = rows.filter((row) => row.span === "asked");

	if (asked.length === 0)
		return null;
	const first = asked.reduce((a, b) => a.period < b.period ? a : b);
	const last = asked.reduce((a, b) => a.period > b.period ? a : b);
	const day = (time) => dateOf(new Date(time)).slice(5);

	if (by !== "hour") {
		const end = day(Date.parse(last.end_utc) - 1);

		return day(first.begin_utc) === end ? end
			: `${day(first.begin_utc)} to ${end}`;
	}
	const end = Math.min(Date.parse(last.end_utc), now());
	const many = asked.some((row) =>
		dateOf(new Date(row.begin_utc)) !== dateOf(now()));

	return `${many ? `${day(first.begin_utc)} ` : ""}`
		+ `${clockTime(first.begin_utc)} to ${clockTime(end)}`;
}

/* The intervals of rows that differ only in their period. */
function opensOf(rows) {
	const asked = rows.filter((row) => row.span === "asked" && row.href);

	if (asked.length === 0)
		return null;
	const query = new URLSearchParams(asked[0].href.split("?")[1]);

	query.set("from", asked.map((row) => row.begin_utc).sort()[0]);
	query.set("to", asked.map((row) => row.end_utc).sort().at(-1));
	return addressOfFigure(`?${query}`);
}

function partOf(kind, name, rows, all, by) {
	const part = contribution(pairOf(rows), all);
	const run = worstRun(rows, all);

	return { kind, name, part, ...pairOf(rows), opens: opensOf(rows),
		mostly: run.part / part > 0.5 ? whenOf(run.rows, by) : null };
}

/* The channel that contributes most to a sequence of periods. */
function channelOf(run, all) {
	const most = grouped(run.rows, "channel").find((rows) =>
		contribution(pairOf(rows), all) / run.part > 0.5);

	return most === undefined ? null : nameOfChannel(most[0]);
}

function nameOfChannel({ channel }) {
	return channelName(channel) || "no channel";
}

function partsOf(channels, operators, all, by) {
	const parts = [
		...grouped(channels.rows, "channel").map((rows) => partOf("Channel",
			nameOfChannel(rows[0]), rows, all, by)),
		...operators === null ? [] : grouped(operators.rows, "operator")
			.map((rows) => partOf("Operator", rows[0].operator === ""
				? "nobody" : nameOf(rows[0].operator), rows, all,
			by)),
	];
	const run = worstRun(channels.rows, all);

	if (run.rows.length > 0)
		parts.push({ ...partOf(by === "hour" ? "Hours" : "Days",
			whenOf(run.rows, by), run.rows, all, by),
		mostly: channelOf(run, all) });
	return parts;
}

const COLUMNS = [
	{ title: "Kind", value: (row) => row.kind },
	{ title: "Where", kind: "text", names: true, value: (row) => row.name,
		opens: (row) => row.opens },
	{ title: "Before", kind: "time", value: (row) => span(row.was.average) },
	{ title: "Now", kind: "time", value: (row) => span(row.is.average) },
	{ title: "Change", kind: "time change",
		value: (row) => percentChange(row.is.average, row.was.average) },
	{ title: "Mostly", value: (row) => row.mostly },
];

/* The summary as a sentence; the table has the rest. */
function verdict({ is, was }, parts, before) {
	const change = (is.average - was.average) / was.average;
	const figures = `average ${span(was.average)} → ${span(is.average)}, `
		+ percentChange(is.average, was.average);

	if (Math.abs(change) < LEAST)
		return `About as fast as ${before}: ${figures}.`;
	const first = (kinds) => parts.find((one) => kinds.includes(one.kind)
		&& one.share > 0.5);
	const where = first(["Channel", "Operator"]);
	const when = where?.mostly ?? first(["Hours", "Days"])?.name ?? null;
	const why = [where === undefined ? null : `${where.name}, `
		+ `${span(where.was.average)} → ${span(where.is.average)}`, when]
		.filter((one) => one !== null);

	return `${change > 0 ? "Slower" : "Faster"} than ${before}: ${figures}.`
		+ (why.length === 0 ? " No channel, operator or hour stands out."
			: ` Mostly ${why.join(", ")}.`);
}

function show(channels, operators, by, total) {
	const all = pairOf(channels.rows);
	const before = previousText(total.rows.find((row) =>
		row.span === "previous")?.end_utc ?? now());
	const lacking = total.rows.filter(isIncomplete);
	let rows = [];

	byId("changes").dataset.kind = "";
	if (lacking.length > 0) {
		setText(byId("changes-note"), "Nothing is compared: "
			+ (lacking.some((row) => row.span === "asked")
				? "this period" : "the previous period")
			+ ` is ${incompleteText()}.`);
	} else if (all.is.n === 0 || all.was.n === 0) {
		setText(byId("changes-note"), all.is.n === 0
			? "No responses in this period."
			: "No responses in the previous period to compare with.");
	} else {
		const difference = all.is.average - all.was.average;

		rows = partsOf(channels, operators, all, by)
			.map((part) => ({ ...part, share: part.part / difference,
				key: `${part.kind} ${part.name}` }))
			.sort((a, b) => b.share - a.share);
		setText(byId("changes-note"), verdict(all, rows, before));
		const is = Math.abs(difference) / all.was.average >= LEAST;

		byId("changes").dataset.kind = !is ? "" : difference > 0
			? "worse" : "better";
		rows = !is ? [] : rows.filter((row) =>
			Math.abs(row.share) >= LEAST_PART).slice(0, MOST);
	}
	table(byId("changes-table"), COLUMNS, rows, (row) => ({
		class: row.part > 0 ? "slower" : "faster" }));
}

export async function showChanges() {
	const by = period();
	const parameters = { ...chosenSpan(), compare: "previous", by };
	const answers = await newest(Promise.all([
		fetchJson("/api/v1/responses", { ...parameters, group: "channel" }),
		fetchJson("/api/v1/responses", { ...parameters,
			group: "operator" }),
		fetchJson("/api/v1/responses", { ...parameters, by: "total" })]));

	if (answers === undefined)
		return;
	const [channels, operators, total] = answers;

	setFailed("changes", "");
	byId("changes").hidden = channels === null || settings.wall;
	if (channels === null || total === null)
		return;
	show(channels, operators, by, total);
}
