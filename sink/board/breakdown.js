/* Responses of the range by channel, operator or team, as a table with bars and as
 * CSV; and a link to this view with its dates. */

import { byId, drawing, setFailed, setText } from "./element.js";
import { fetchJson, newestOnly } from "./fetch_json.js";
import { channelName, incompleteText, isChosen, isIncomplete, isListShort, nameOf,
	notKept, present, shortened } from "./present.js";
import { clockText, OF_TARGETS, percent } from "./responses.js";
import { addressOf, addressOfFigure, change, settings } from "./settings.js";
import { chosenSpan, dateOf, now, percentChange, rangeDates, span,
	spanText } from "./time.js";

const BAR = { width: 100, height: 10 };
const COPIED_MS = 3000;

const newest = newestOnly();
let shown = []; /* rows of the answer, and of the previous period */

function bar(share, kind) {
	return drawing("svg", { class: "share", "aria-hidden": "true",
		preserveAspectRatio: "none",
		viewBox: `0 0 ${BAR.width} ${BAR.height}` },
	drawing("rect", { class: "track", width: BAR.width,
		height: BAR.height }),
	drawing("rect", { class: kind, height: BAR.height,
		width: (BAR.width * share).toFixed(1) }));
}

const COLUMNS = [
	{ title: "Name", kind: "text", names: true, value: (row) => row.name,
		order: (row) => row.name },
	{ title: "Responses", kind: "number shares", value: (row) => row.count,
		opens: (row) => row.opens, order: (row) => -row.count,
		picture: (row) => bar(row.count / row.most.count, "plain") },
	{ title: "Average", kind: "time shares",
		value: (row) => span(row.avg_seconds), opens: (row) => row.opens,
		order: (row) => -row.avg_seconds,
		picture: (row) => bar(row.avg_seconds / row.most.average,
			row.avg_seconds > settings.threshold ? "more" : "plain") },
	{ title: "Previous period", kind: "time", opens: (row) => row.beforeOpens,
		value: (row) => span(row.before),
		order: (row) => -(row.before ?? -1) },
	{ title: "Change", kind: "time change",
		value: (row) => percentChange(row.avg_seconds, row.before),
		order: (row) => row.before === null ? 0
			: -row.avg_seconds / row.before },
	{ title: "Median", kind: "time rare", opens: (row) => row.opens,
		value: (row) => span(row.median_seconds),
		order: (row) => -row.median_seconds },
	{ title: "P90", kind: "time rare", opens: (row) => row.opens,
		value: (row) => span(row.p90_seconds),
		order: (row) => -row.p90_seconds },
	{ get title() {
		return `Within ${span(settings.threshold)}`;
	}, kind: "number", value: (row) => percent(row.within),
	opens: (row) => row.opens, order: (row) => row.within },
	...OF_TARGETS,
	{ title: "Waiting now", kind: "number rare",
		value: (row) => row.waiting, order: (row) => -row.waiting },
];

function groupOf() {
	return ["operator", "team"].includes(settings.group) ? settings.group
		: "channel";
}

function nameOfGroup(row, group) {
	if (row[group] === "")
		return group === "operator" ? "nobody" : "no channel";
	return group === "operator" ? nameOf(row.operator)
		: group === "channel" ? channelName(row.channel) : row.team;
}

function whyEmpty(answer, group) {
	return answer.not_kept ? notKept(answer.not_kept)
		: group === "team" ? "no responses of teams." : "no responses.";
}

function rowsOf(answer, group) {
	const before = new Map(answer.rows
		.filter((row) => row.span === "previous"
			&& !answer.rows.some(isIncomplete))
		.map((row) => [row[group], row]));
	const rows = answer.rows.filter((row) => row.span === "asked"
		&& row.count > 0);
	const most = { count: Math.max(...rows.map((row) => row.count)),
		average: Math.max(...rows.map((row) => row.avg_seconds)) };

	return rows.map((row) => ({ ...row, most, key: row[group],
		name: nameOfGroup(row, group),
		opens: addressOfFigure(row.href),
		before: before.get(row[group])?.avg_seconds ?? null,
		beforeOpens: addressOfFigure(before.get(row[group])?.href),
	})).sort((a, b) => b.avg_seconds - a.avg_seconds);
}

/* The number of customers who are still waiting and therefore in no response figure
 * yet; null if the list may be incomplete, or the range has ended. */
function waitingNow(row, group) {
	return group === "team" || isListShort() || chosenSpan().to <= dateOf(now())
		? null : present.waiting.filter((one) => isChosen(one)
			&& (one[group] ?? "") === row[group]).length;
}

export function redrawBreakdown() {
	const group = groupOf();
	const kindOf = (row) => {
		const change = percentChange(row.avg_seconds, row.before) ?? "±";

		return change.startsWith("±") ? null
			: change.startsWith("+") ? "slower" : "faster";
	};

	shortened("breakdown", COLUMNS, shown.map((row) => ({ ...row,
		waiting: waitingNow(row, group) })),
	(row) => ({ class: kindOf(row) }));
	byId("group").value = group;
}

export async function showBreakdown() {
	const group = groupOf();
	const parameters = { ...chosenSpan(), by: "total", group,
		compare: "previous", within_seconds: settings.threshold };
	const answer = await newest(fetchJson("/api/v1/responses", parameters));

	if (answer === undefined)
		return;
	setFailed("breakdown", "");
	byId("breakdown").hidden = answer === null || settings.wall;
	if (answer === null)
		return;
	const given = Object.entries({ ...parameters, bom: 1 })
		.filter(([, v]) => v !== "");

	byId("csv").setAttribute("href", "/api/v1/responses.csv?"
		+ new URLSearchParams(given));
	byId("csv").setAttribute("download", `responses-by-${group}-`
		+ `${parameters.from}.csv`);
	shown = rowsOf(answer, group);
	setText(byId("breakdown-note"), spanText(parameters) + clockText(answer)
		+ (answer.rows.some((row) => row.span === "asked"
			&& isIncomplete(row)) ? `, ${incompleteText()}` : "")
		+ (shown.length > 0 ? ", slowest first."
		: `: ${whyEmpty(answer, group)}`));
	redrawBreakdown();
}

/* Pages without HTTPS may not use the clipboard. */
export function listenToBreakdown() {
	byId("group").addEventListener("change", (event) =>
		change({ group: event.target.value }));
	byId("copy").hidden = !navigator.clipboard;
	byId("copy").addEventListener("click", async () => {
		const { first, last } = rangeDates();

		await navigator.clipboard.writeText(new URL(addressOf({
			range: `${first}..${last}` }), location.href).href);
		setText(byId("copy"), "Copied");
		setTimeout(() => setText(byId("copy"), "Copy link"), COPIED_MS);
	});
}
