/* By when waiting customers must be answered, counted down from the newest response of
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

/* Work time passes only while the team is open. The response contains the next opening
 * or closing, and what is left then; another response follows. */
function workLeft(row) {
	const at = now();
	const then = 1000 * row.work_left_then_seconds;

	if (row.due !== "closed")
		return then + Math.max(0, Date.parse(row.closes_at) - at);
	return row.opens_at === null ? then
		: then - Math.max(0, at - Date.parse(row.opens_at));
}

function isClosed(row) {
	return row.due === "closed"
		? row.opens_at === null || now() < Date.parse(row.opens_at)
		: row.closes_at !== null && now() >= Date.parse(row.closes_at);
}

/* {state, isLate, left} now. state: closed, late, soon or fine; isLate: an answer would
 * miss the target, also in a state of closed; left: ms of the target's own kind of time,
 * negative after it. Null without a target. */
export function dueOf(row) {
	if (!row.due)
		return null;
	const left = row.work_left_then_seconds !== null ? workLeft(row)
		: Date.parse(row.answer_by) - now();
	const isLate = now() > Date.parse(row.answer_by);
	const state = isClosed(row) ? "closed" : isLate ? "late"
		: now() >= Date.parse(row.soon_at) ? "soon" : "fine";

	return { state, isLate, left };
}

/* The same words as in a terminal. */
export function dueWords(row, { state, isLate, left }) {
	const answerBy = Date.parse(row.answer_by);
	const opens = row.opens_at === null ? null : Date.parse(row.opens_at);
	const closes = row.closes_at === null ? Infinity
		: Date.parse(row.closes_at);
	const closed = state !== "closed" ? "" : opens === null ? "closed, "
		: `closed, opens ${time(opens)}, `;

	if (isLate)
		return `${closed}late, ${length(-left)} over`;
	if (state !== "closed" && answerBy <= closes)
		return `late in ${length(left)}`;
	return `${closed}answer by ${time(answerBy)}`;
}
