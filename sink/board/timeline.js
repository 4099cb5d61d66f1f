/* The messages of a chat, the intervals that end with each message, and the running
 * wait. */

import { byId, setText, table } from "./element.js";
import { fetchJson } from "./fetch_json.js";
import { nameOf, present } from "./present.js";
import { change, settings } from "./settings.js";
import { dayAndTime, now, secondsSince, span } from "./time.js";

let shown = ""; /* the chat, the marked message, and the time of the view */

function writer(m) {
	const name = m.operator === null ? null : nameOf(m.operator);

	return name === null ? m.sender : `${m.sender} ${name}`;
}

function what(m) {
	const kinds = [m.private ? "note" : null,
		m.automated ? "automatic" : null, m.message_type]
		.filter((kind) => kind !== null);

	return m.content ?? kinds.join(", ");
}

/* The work time, if it differs, and whether the target was kept. The running wait has
 * neither. */
function judgement({ seconds, work_seconds: work = null, kept = null }) {
	return (work === null || work === seconds ? ""
		: `, ${span(work)} of work time`)
		+ (kept === null ? "" : kept ? ", target kept" : ", target missed");
}

const COLUMNS = [
	{ title: "Time", names: true, value: (m) => dayAndTime(m.created_at) },
	{ title: "From", kind: "text", value: (m) => m.sender === null ? null
		: writer(m) },
	{ title: "Message", kind: "text", value: (m) => what(m) },
	{ title: "Ends", kind: "text", value: (m) => m.intervals.length === 0
		? null : m.intervals.map((i) => `${i.kind.replace("_", " ")} `
			+ `${span(i.seconds)}${judgement(i)}${
				i.withdrawn ? ", withdrawn" : ""}`)
			.join("; ") },
];

/* A row that is not a message. */
function rowOf(time, what, interval) {
	return { created_at: time, sender: null, operator: interval.operator,
		content: null, private: false, automated: false,
		message_type: what, intervals: [interval],
		key: interval.message || `${interval.kind} ${time}` };
}

/* A running wait counts up to now. It has no message at its end, so it is marked if
 * no message is selected. */
function runningRow(wait) {
	return { ...rowOf(now(), "no answer yet", { ...wait, withdrawn: false,
		kind: `still ${wait.kind}`,
		seconds: secondsSince(wait.start_at) }), key: "" };
}

/* True if the answer may lack others of its first or last time. */
function isAtEdge(time, { earlier, more, messages }) {
	return earlier && time === messages[0]?.created_at
		|| more && time === messages.at(-1)?.created_at;
}

/* Messages with their intervals; an interval without a message has its own row. A
 * running wait comes last, and is hidden in earlier parts. */
function rowsOf(answer) {
	const rows = answer.messages.map((m) => ({ ...m, key: m.message_id,
		intervals: answer.intervals.filter((i) =>
			i.message === m.message_id) }));
	const known = new Set(rows.map((m) => m.key));
	const others = answer.intervals.filter((i) => !known.has(i.message)
		&& (i.message === "" || !isAtEdge(i.end_at, answer)))
		.map((i) => rowOf(i.end_at, i.message === ""
			? "the chat was closed"
			: "a message that is not stored", i));

	return [...[...rows, ...others].sort((a, b) =>
		a.created_at < b.created_at ? -1
			: a.created_at > b.created_at ? 1 : 0),
	...answer.more ? [] : answer.running.map(runningRow)];
}

const STATES = { open: "Open", snoozed: "Snoozed", left: "Left" };

/* The state of the chat as a sentence; a closed chat has no row. */
function stateOf([chat]) {
	if (chat === undefined)
		return "";
	const who = !chat.assigned ? "nobody"
		: nameOf(chat.operator) ?? "somebody of another team";

	return `${STATES[chat.status]}, assigned to ${who}`
		+ (chat.opened_at === null ? ""
			: `, opened ${dayAndTime(chat.opened_at)}`)
		+ `, as of ${dayAndTime(chat.as_of)}. `;
}

function numberOf({ messages, earlier, more }) {
	const n = messages.length;

	return earlier && more ? `${n} of more messages.`
		: earlier ? `The last ${n} messages.`
			: more ? `The first ${n} messages.` : `${n} messages.`;
}

/* Buttons lead to the rows around the first and the last one, regardless of
 * marks. */
function showButtons(rows, { earlier, more }) {
	for (const [id, is, row] of [["earlier", earlier, rows[0]],
		["later", more, rows.at(-1)]]) {
		byId(id).hidden = !is;
		byId(id).dataset.at = row?.created_at ?? "";
	}
}

/* The row to scroll to: the last marked one, otherwise that of the time. */
function placeOf(rows) {
	const marked = rows.findLastIndex((row) =>
		row.key === settings.message);

	return marked >= 0 || settings.at === "" ? marked
		: rows.findIndex((row) => row.created_at >= settings.at);
}

function showTimeline(answer) {
	if (answer === null) {
		setText(byId("timeline-note"),
			"What was written is not for this role.");
		return;
	}
	const rows = rowsOf(answer);
	const isChosen = (row) => row.key === settings.message;
	const lacks = settings.message !== "" && settings.at === ""
		&& !rows.some(isChosen);

	setText(byId("timeline-note"), stateOf(answer.now) + numberOf(answer)
		+ (lacks ? " The message that was chosen is none of them." : ""));
	table(byId("timeline-table"), COLUMNS, rows, (row) => ({
		class: isChosen(row) ? "marked" : null,
		"data-message": row.key,
		"aria-current": isChosen(row) ? "true" : null }));
	showButtons(rows, answer);
	byId("opened-title").focus();
	byId("timeline-table").tBodies[0].rows[placeOf(rows)]
		?.scrollIntoView({ block: "center" });
}

/* The address of the chat from the configuration. */
function showCrm() {
	const url = present?.chat_url ?? "";

	byId("crm").hidden = !/^https?:\/\//.test(url);
	byId("crm").setAttribute("href", url.replaceAll("{chat}",
		encodeURIComponent(settings.chat)));
}

/* A failed request is repeated when the user returns to it. */
export async function openTimeline() {
	const key = `${settings.chat} ${settings.message} ${settings.at}`;

	if (shown === key)
		return;
	shown = key;
	setText(byId("opened-title"), `Chat ${settings.chat}`);
	showCrm();
	setText(byId("timeline-note"), "");
	for (const id of ["timeline-table", "earlier", "later"])
		byId(id).hidden = true;
	try {
		const at = settings.at || new Date(now()).toISOString();
		const answer = await fetchJson("/api/v1/chats/"
			+ `${encodeURIComponent(settings.chat)}/timeline`, { at });

		if (shown === key)
			showTimeline(answer);
	} catch (error) {
		if (shown === key)
			shown = "";
		throw error;
	}
}

export function listenToTimeline() {
	for (const id of ["earlier", "later"])
		byId(id).addEventListener("click", () =>
			change({ at: byId(id).dataset.at, message: "" }));
}

export function closeTimeline() {
	shown = "";
}
