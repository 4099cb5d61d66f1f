/* By when waiting customers must be answered, counted down from the newest answer of
 * /api/v1/now. Rows without a target have no `due`. */

import { dateOf, dueTime, now } from "./time.js";

const DAY_MS = 86400000;

/* A number of milliseconds as in a terminal (due_words.c). */
function length(ms) {
	const s = Math.floor(ms / 1000);
	const hours = Math.floor(s / 3600);

	return s < 60 ? `${s} s` : hours === 0 ? `${Math.floor(s / 60)} min`
		: `${hours} h ${Math.floor(s % 3600 / 60)} min`;
}

/* 9:00, with the day if it is not within the next 24 hours. */
function time(at) {
	const away = at - now();

	return away < DAY_MS ? dueTime(at, false) : away < 7 * DAY_MS
		? dueTime(at, true) : `${dateOf(at)} ${dueTime(at, false)}`;
}

/* Work time passes only while the team is open. The answer contains the next opening
 * or closing; another answer follows then. */
function workLeft(row, computedAt) {
	const at = now();
	const opens = row.opens_at === null ? at : Date.parse(row.opens_at);
	const closes = row.closes_at === null ? at : Date.parse(row.closes_at);
	const passed = row.due === "closed" ? at - opens
		: Math.min(at, closes) - computedAt;

	return 1000 * row.work_left_seconds - Math.max(0, passed);
}

function isClosed(row) {
	return row.due === "closed"
		? row.opens_at === null || now() < Date.parse(row.opens_at)
		: row.closes_at !== null && now() >= Date.parse(row.closes_at);
}

/* {state, left} now: closed, late, soon or fine; left: ms of the target's own kind of
 * time, negative after it. Null without a target. */
export function dueOf(row, computedAt) {
	if (!row.due)
		return null;
	const isWork = row.work_left_seconds !== null;
	const left = isWork ? workLeft(row, Date.parse(computedAt))
		: Date.parse(row.answer_by) - now();
	const state = isClosed(row) ? "closed" : left < 0 ? "late"
		: now() >= Date.parse(row.soon_at) ? "soon" : "fine";

	return { state, left };
}

/* The same words as in a terminal. */
export function dueWords(row, { state, left }) {
	const answerBy = Date.parse(row.answer_by);
	const opens = row.opens_at === null ? null : Date.parse(row.opens_at);
	const closes = row.closes_at === null ? Infinity
		: Date.parse(row.closes_at);
	const closed = state !== "closed" ? "" : opens === null ? "closed, "
		: `closed, opens ${time(opens)}, `;

	if (left < 0)
		return `${closed}late, ${length(-left)} over`;
	if (state !== "closed" && answerBy <= closes)
		return `late in ${length(left)}`;
	return `${closed}answer by ${time(left === 0 && opens !== null ? opens
		: answerBy)}`;
}
