/* The waiting customers by what is due next, otherwise the longest wait first. Waits
 * count up each second, and what is left of targets counts down. */

import { dueOf, dueWords } from "./due.js";
import { byId, setText, stackedBar, table } from "./element.js";
import {
	channelName, hasTargets, ifOffline, isChosen, isUnknown, mayOpen, nameOf,
	nothingYet, present, shortened, urgencyOf,
} from "./present.js";
import { addressBehind, settings } from "./settings.js";
import { secondsSince, span } from "./time.js";

const WORDS = { fine: "in time", soon: "soon", late: "late" };
/* Limits of the backlog by age, in seconds. */
const AGES = [[300, "under 5 min"], [900, "5 to 15 min"], [3600, "15 to 60 min"],
	[Infinity, "over 1 h"]];
/* With targets: the states and the colours of their parts. */
const STATES = [["late", "late", "level-5"], ["soon", "soon", "level-3"],
	["fine", "in time", "level-2"],
	["closed late", "late, team closed", "quiet-part"],
	["closed", "in time, team closed", "level-0"],
	[undefined, "no target", "level-1"]];

const COLUMNS = [
	{ title: "Waits", kind: "time waits", value: () => "" },
	{ title: "Answer", kind: "time left", value: () => "" },
	{ title: "Customer", kind: "text", value: (row) => row.customer_name },
	{ title: "Chat", kind: "text", names: true, value: (row) => row.chat,
		opens: (row) => mayOpen() ? addressBehind({ chat: row.chat })
			: null },
	{ title: "Operator", kind: "text",
		value: (row) => nameOf(row.operator)
			?? (row.assigned ? null : "unassigned"),
		picture: (row) => ifOffline(row)
			+ (row.status === "snoozed" ? ", snoozed" : "") },
	{ title: "Channel", kind: "text", value: (row) => channelName(row.channel) },
];
/* A wall must not show names. */
const COLUMNS_WALL = [COLUMNS[0], COLUMNS[1], COLUMNS[5]];

function remaining(time) {
	const left = settings.threshold - time;

	return left > 0 ? `${span(left)} left` : `${span(-left)} over`;
}

function showNote(shown) {
	/* Totals of teams do not include unassigned chats. */
	const all = Math.max(present.now[0]?.waiting_chats ?? 0,
		present.waiting.length);

	setText(byId("waiting-note"), isUnknown() ? nothingYet()
		: all === 0 ? "No customers are waiting."
		: shown === 0 ? `None of ${all} is shown.`
			: shown < all ? `${shown} of ${all} are shown.` : "");
}

/* A wall has no scrolling, so rows that do not fit on the screen are hidden. */
function fitWall() {
	const node = byId("waiting-table");
	const page = document.documentElement;
	const rows = [...node.tBodies[0].rows];

	for (const row of rows)
		row.hidden = false;
	showNote(rows.length);
	if (page.scrollHeight <= innerHeight)
		return;
	showNote(0); /* needs a line, like any note */
	const below = page.scrollHeight - node.getBoundingClientRect().bottom;
	const fit = rows.filter((row) =>
		row.getBoundingClientRect().bottom + below < innerHeight);

	for (const row of rows)
		row.hidden = !fit.includes(row);
	showNote(fit.length);
}

function wordsOf(customer, time) {
	const due = dueOf(customer);

	if (hasTargets())
		return due === null ? "no target" : dueWords(customer, due);
	return `${WORDS[urgencyOf(customer).split(" ")[0]]}, ${remaining(time)}`;
}

export function tickWaiting() {
	for (const row of byId("waiting-table").tBodies[0].rows) {
		const customer = present.waiting[row.dataset.place];
		const time = secondsSince(customer.waiting_since);

		row.className = urgencyOf(customer);
		setText(row.querySelector(".waits"), span(time));
		setText(row.querySelector(".left"), wordsOf(customer, time));
	}
	showBacklog();
	if (settings.wall)
		fitWall();
}

function partsByState(rows) {
	const states = rows.map((row) => {
		const due = dueOf(row);

		return due?.isLate && due.state === "closed" ? "closed late"
			: due?.state;
	});

	return STATES.map(([state, title, kind]) => {
		const n = states.filter((one) => one === state).length;

		return { n, kind, title, text: String(n) };
	});
}

function partsByAge(rows) {
	return AGES.map(([end, title], i) => {
		const n = rows.filter((row) => {
			const age = secondsSince(row.waiting_since);

			return age < end && (i === 0 || age >= AGES[i - 1][0]);
		}).length;

		return { n, kind: `level-${i + 2}`, title, text: String(n) };
	});
}

/* All waits by state, or without targets by length. Customers who are not listed are
 * due later than the listed ones, or have waited for less time. */
function showBacklog() {
	const rows = present.waiting.filter(isChosen);
	const all = settings.operator === "" && settings.channel === ""
		? Math.max(present.now[0]?.waiting_chats ?? 0, rows.length)
		: rows.length;
	const others = all - rows.length;
	const parts = hasTargets() ? partsByState(rows) : partsByAge(rows);

	if (others > 0)
		parts.push({ n: others, kind: "level-0", title: "not listed",
			text: String(others) });
	stackedBar(byId("backlog"), byId("backlog-legend"), parts);
}

export function showWaiting() {
	const rows = present.waiting.map((row, place) => ({ ...row, place,
		key: row.chat })).filter(isChosen);
	const attributes = (row) => ({ "data-place": row.place,
		"data-chat": settings.wall ? null : row.chat });

	if (settings.wall) {
		byId("waiting-all").hidden = true;
		table(byId("waiting-table"), COLUMNS_WALL, rows, attributes);
	} else {
		showNote(shortened("waiting", COLUMNS, rows, attributes));
	}
}
