/* Times, and the selected range. The server's clock counts, because the clock of a
 * screen may be wrong. */

import { settings } from "./settings.js";

const DAY_MS = 86400000;
const HEATMAP_DAYS = 28;
const DATES = /^(\d{4}-\d\d-\d\d)\.\.(\d{4}-\d\d-\d\d)$/;

let ahead = 0; /* ms by which the server's clock is ahead of ours */

/* Takes the server's time from an answer. The header Date has whole seconds, so a
 * smaller difference is not a change. */
export function setClock(answer) {
	const date = Date.parse(answer.headers.get("Date") ?? "");
	const measured = date + 500 - Date.now();

	if (Math.abs(measured - ahead) >= 1000)
		ahead = measured;
}

export function now() {
	return Date.now() + ahead;
}

/* Seconds from a time in an answer until now. */
export function secondsSince(instant) {
	return (now() - Date.parse(instant)) / 1000;
}

/* Seconds as 1m33s, as in the report and in a terminal (duration.c); null stays
 * null. */
export function span(seconds) {
	if (seconds === null || seconds === undefined)
		return null;
	/* Answers have milliseconds; the error of a product is far below one. */
	const tenths = Math.max(0, Math.floor(seconds * 10 + 0.001));
	const s = Math.floor(tenths / 10);
	const two = (n) => String(n).padStart(2, "0");

	if (s < 10)
		return `${s}.${tenths % 10}s`;
	if (s < 60)
		return `${s}s`;
	if (s < 3600)
		return `${Math.floor(s / 60)}m${two(s % 60)}s`;
	if (s < 86400)
		return `${Math.floor(s / 3600)}h${two(Math.floor(s / 60) % 60)}m`;
	return `${Math.floor(s / 86400)}d${two(Math.floor(s / 3600) % 24)}h`;
}

/* The difference of two times as span() shows them: 1s, 1m08s. */
export function difference(one, other) {
	const shown = (seconds) => {
		const tenths = Math.floor(seconds * 10 + 0.001);
		const step = seconds < 10 ? 1 : seconds < 3600 ? 10
			: seconds < 86400 ? 600 : 36000;

		return (tenths - tenths % step) / 10;
	};

	return span(Math.abs(shown(one) - shown(other))).replace(".0s", "s");
}

/* As "+68 %"; null if there is nothing to compare. */
export function percentChange(is, was) {
	if (is === null || was === null || was === 0)
		return null;
	const percent = Math.round(100 * (is - was) / was);

	return percent === 0 ? "±0 %"
		: `${percent > 0 ? "+" : "−"}${Math.abs(percent)} %`;
}

const UNITS = [[86400, "day"], [3600, "hour"], [60, "minute"], [1, "second"]];

function inUnits(seconds) {
	let rest = Math.max(0, Math.floor(seconds));

	return UNITS.map(([size, name]) => {
		const n = Math.floor(rest / size);

		rest %= size;
		return n === 0 ? "" : `${n} ${name}${n === 1 ? "" : "s"}`;
	}).filter((part) => part !== "");
}

/* Seconds for a screen reader, in the greatest unit: "4 minutes". */
export function spoken(seconds) {
	return inUnits(seconds)[0] ?? "0 seconds";
}

/* In all units: "1 hour 30 minutes". */
export function spokenExactly(seconds) {
	return inUnits(seconds).join(" ") || "0 seconds";
}

/* Etc/Unknown is the zone of a system whose zone is not set. */
function isZone(name) {
	if (!name || name === "Etc/Unknown")
		return false;
	try {
		return Boolean(new Intl.DateTimeFormat([], { timeZone: name }));
	} catch {
		return false;
	}
}

function screenZone() {
	return Intl.DateTimeFormat().resolvedOptions().timeZone;
}

/* The selected zone, otherwise that of the screen, otherwise UTC. */
export function zone() {
	return [settings.zone, screenZone()].find(isZone) ?? "UTC";
}

/* Why that is another zone than expected; "" if it is not. */
export function zoneNote() {
	const why = settings.zone !== "" && !isZone(settings.zone)
		? `Unknown time zone ${settings.zone}`
		: settings.zone === "" && !isZone(screenZone())
			? "This screen has no time zone" : "";

	return why === "" ? "" : `${why}; times are in the zone ${zone()}.`;
}

/* A time of day, in that zone. */
export function clockTime(time, seconds = false) {
	return new Date(time).toLocaleTimeString([], { hourCycle: "h23",
		timeZone: zone(), hour: "2-digit", minute: "2-digit",
		second: seconds ? "2-digit" : undefined });
}

/* The same as in a terminal: 9:05, or Mon 9:05. */
export function dueTime(time, weekday) {
	const text = new Date(time).toLocaleTimeString("en", { hourCycle: "h23",
		timeZone: zone(), hour: "numeric", minute: "2-digit" });
	const day = new Date(time).toLocaleDateString("en", { timeZone: zone(),
		weekday: "short" });

	return weekday ? `${day} ${text.replace(/^0(?=\d)/, "")}`
		: text.replace(/^0(?=\d)/, "");
}

/* 2026-11-20, in that zone, built from its parts, because the date format of a
 * locale differs by browser. */
export function dateOf(time) {
	const parts = new Intl.DateTimeFormat("en-u-ca-gregory-nu-latn", {
		timeZone: zone(), year: "numeric", month: "2-digit",
		day: "2-digit" }).formatToParts(time);
	const part = (type) => parts.find((one) => one.type === type).value;

	return `${part("year")}-${part("month")}-${part("day")}`;
}

/* The date some days after another one. */
function dateFrom(date, days) {
	const noon = new Date(Date.parse(`${date}T12:00:00Z`) + days * DAY_MS);

	if (Number.isNaN(noon.getTime()))
		throw new Error(`range=${settings.range} has no such dates.`);
	return noon.toISOString().slice(0, 10);
}

/* 14:15 today, or 2026-11-20 14:15. */
export function sinceText(time) {
	const day = dateOf(new Date(time));

	return day === dateOf(now()) ? `${clockTime(time)} today`
		: `${day} ${clockTime(time)}`;
}

export function dayAndTime(time) {
	return `${dateOf(new Date(time))} ${clockTime(time, true)}`;
}

/* {first, last}: dates, both included. */
export function rangeDates() {
	const today = dateOf(now());
	const given = DATES.exec(settings.range);
	const days = /^(\d+)d$/.exec(settings.range);

	if (given !== null)
		return { first: given[1], last: given[2] };
	if (settings.range === "yesterday")
		return { first: dateFrom(today, -1), last: dateFrom(today, -1) };
	if (days !== null)
		return { first: dateFrom(today, 1 - days[1]), last: today };
	return { first: today, last: today };
}

function daysOf({ first, last }) {
	return (Date.parse(last) - Date.parse(first)) / DAY_MS + 1;
}

function parametersOf({ first, last }) {
	return { from: first, to: dateFrom(last, 1), zone: zone(),
		clock: settings.clock, operator: settings.operator,
		channel: settings.wall ? "" : settings.channel };
}

/* The length of the periods of the picture. */
export function period() {
	const days = daysOf(rangeDates());

	return days <= 2 ? "hour" : days <= 62 ? "day"
		: days <= 400 ? "week" : "month";
}

export function chosenSpan() {
	return parametersOf(rangeDates());
}

/* For every range. */
export function todaysSpan() {
	const today = dateOf(now());

	return { from: today, to: dateFrom(today, 1), zone: zone() };
}

/* The hours of the week need at least a week. */
export function isRangeTooShort() {
	return daysOf(rangeDates()) < 7;
}

export function heatmapSpan() {
	const chosen = rangeDates();

	return parametersOf(!isRangeTooShort() ? chosen
		: { first: dateFrom(chosen.last, 1 - HEATMAP_DAYS),
			last: chosen.last });
}

/* The period with which the selected range is compared. While the range is running,
 * that is the same elapsed part of the previous one, which ends now. */
export function previousText(end) {
	const { first, last } = rangeDates();
	const today = dateOf(now());
	const days = daysOf({ first, last });
	const name = days > 1 ? `the previous ${days} days`
		: first === today ? "yesterday" : "the day before";

	return first <= today && today <= last
		? `${name} until ${clockTime(end)}` : name;
}

/* The name of the selected range. */
export function rangeText() {
	let range;

	try {
		range = rangeDates();
	} catch {
		return settings.range;
	}
	const { first, last } = range;
	const today = dateOf(now());

	return first !== last ? last === today
		? `${daysOf({ first, last })} days` : `${first} to ${last}`
		: first === today ? "today" : settings.range === "yesterday"
			? "yesterday" : first;
}

/* Etc/GMT-6 is six hours ahead of UTC. */
function zoneText(name) {
	const [, sign, hours] = /^Etc\/GMT([+-])(\d+)$/.exec(name) ?? [];

	return hours === undefined ? name
		: `UTC${sign === "-" ? "+" : "−"}${hours}`;
}

/* The same in words. */
export function spanText(parameters) {
	const last = dateFrom(parameters.to, -1);

	return (parameters.from === last ? last : `${parameters.from} to ${last}`)
		+ `, ${zoneText(parameters.zone)}`;
}
