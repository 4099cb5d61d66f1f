/* What was written in a chat, the intervals that end with each message, and the
 * wait that goes on. */

import { byId, setText, table } from "./element.js";
import { fetchJson } from "./fetch_json.js";
import { nameOf } from "./present.js";
import { settings } from "./settings.js";
import { dayAndTime, now, secondsSince, span } from "./time.js";

let shown = ""; /* the chat, and the message that is marked */

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

const COLUMNS = [
	{ title: "Time", names: true, value: (m) => dayAndTime(m.created_at) },
	{ title: "From", kind: "text", value: (m) => m.sender === null ? null
		: writer(m) },
	{ title: "Message", kind: "text", value: (m) => what(m) },
	{ title: "Ends", kind: "text", value: (m) => m.intervals.length === 0
		? null : m.intervals.map((i) => `${i.kind.replace("_", " ")} `
			+ `${span(i.seconds)}${i.withdrawn ? ", withdrawn" : ""}`)
			.join("; ") },
];

/* A row that is no message. */
function rowOf(time, what, interval) {
	return { created_at: time, sender: null, operator: interval.operator,
		content: null, private: false, automated: false,
		message_type: what, key: interval.message ?? "",
		intervals: [interval] };
}

/* A wait counts up to the present moment. It has no message at its end, so it
 * is marked where none is chosen. */
function runningRow(wait) {
	return rowOf(now(), "no answer yet", { ...wait, withdrawn: false,
		kind: `still ${wait.kind}`,
		seconds: secondsSince(wait.start_at) });
}

/* Messages with their intervals; one that no message ends has its own row. What
 * goes on is last. */
function rowsOf(answer) {
	const rows = answer.messages.map((m) => ({ ...m, key: m.message_id,
		intervals: answer.intervals.filter((i) =>
			i.message === m.message_id) }));
	const known = new Set(rows.map((m) => m.key));
	const others = answer.intervals.filter((i) => !known.has(i.message))
		.map((i) => rowOf(i.end_at, i.message === ""
			? "the chat was closed"
			: "a message that is not stored", i));

	return [...[...rows, ...others].sort((a, b) =>
		a.created_at < b.created_at ? -1
			: a.created_at > b.created_at ? 1 : 0),
	...answer.running.map(runningRow)];
}

/* How the chat is, as a sentence; a closed one has no row. */
function stateOf([chat]) {
	if (chat === undefined)
		return "";
	const who = !chat.assigned ? "nobody"
		: nameOf(chat.operator) ?? "somebody of another team";

	return `${chat.status === "left" ? "Left" : "Open"}, held by ${who}`
		+ (chat.opened_at === null ? ""
			: `, opened ${dayAndTime(chat.opened_at)}`)
		+ `, as of ${dayAndTime(chat.as_of)}. `;
}

function showTimeline(answer) {
	if (answer === null) {
		setText(byId("timeline-note"),
			"What was written is not for this role.");
		return;
	}
	setText(byId("timeline-note"), stateOf(answer.now)
		+ (answer.more ? "The first " : "")
		+ `${answer.messages.length} messages.`);
	table(byId("timeline-table"), COLUMNS, rowsOf(answer), (m) => ({
		class: m.key === settings.message ? "marked" : null,
		"data-message": m.key,
		"aria-current": m.key === settings.message ? "true" : null }));
	byId("opened-title").focus();
	[...byId("timeline-table").querySelectorAll(".marked")].at(-1)
		?.scrollIntoView({ block: "center" });
}

/* What failed is asked for again by whoever comes back to it. */
export async function openTimeline() {
	const key = `${settings.chat} ${settings.message}`;

	if (shown === key)
		return;
	shown = key;
	setText(byId("opened-title"), `Chat ${settings.chat}`);
	setText(byId("timeline-note"), "");
	byId("timeline-table").hidden = true;
	try {
		const answer = await fetchJson("/api/v1/chats/"
			+ `${encodeURIComponent(settings.chat)}/timeline`);

		if (shown === key)
			showTimeline(answer);
	} catch (error) {
		if (shown === key)
			shown = "";
		throw error;
	}
}

export function closeTimeline() {
	shown = "";
}
