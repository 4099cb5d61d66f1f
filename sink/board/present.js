/* The newest answer of /api/v1/now, and code that views share: long lists of which
 * the first rows are shown, and notes about metrics that are not stored. */

import { dueOf } from "./due.js";
import { byId, inOrder, setText, table } from "./element.js";
import { change, setTarget, settings } from "./settings.js";
import { secondsSince, sinceText } from "./time.js";

/* The remaining share of the target at which a wait becomes urgent. */
const SOON = 0.2;
/* Lengths in seconds from which late waits get stronger colours. */
const LATER = 900, LATEST = 3600;

/* Of a long list, only the most urgent rows are shown, so that the sections below
 * stay within reach. The list of operators is shown as a whole. */
const FIRST = 10, FIRST_NARROW = 5;
const narrow = matchMedia("(max-width: 56rem)");

function firstOf(section) {
	return narrow.matches && section !== "operators" ? FIRST_NARROW : FIRST;
}

export let present = null;

export function setPresent(answer) {
	present = answer;
	setTarget(answer.target_seconds);
}

/* True if the team has targets. Otherwise, the threshold decides what is late. */
export function hasTargets() {
	return Boolean(present?.targets);
}

/* A login as another user applies to all tabs: later answers must not be mixed with
 * earlier ones. Answers other than /now contain only the tenant. */
export function isOfAnother(answer) {
	return present !== null && ["tenant", "role", "of_teams"].some((name) =>
		name in answer && answer[name] !== present[name]);
}

/* Before the first row, also of the teams, or without totals and chats, figures are
 * unknown, not 0. If chats are stored, an empty list means that nobody is
 * waiting. */
export function isUnknown() {
	return present?.now.length === 0 && present.waiting.length === 0
		&& (present.not_kept?.includes("chats")
			|| present.of_teams && present.operators.length === 0);
}

/* Since when figures are complete, or "" if nothing is known. */
export function coverageText({ complete_since: since, first_record: first }
	= present ?? {}) {
	return since ? `complete since ${sinceText(since)}`
		: first ? `records since ${sinceText(first)}` : "";
}

/* True for a row of a period in which not everything was read. Its figures are
 * marked, and compared with nothing. */
export function isIncomplete(row) {
	return row?.complete === false;
}

/* The mark. */
export function incompleteText() {
	const since = coverageText();

	return `incomplete${since === "" ? "" : ` (${since})`}`;
}

/* The note as a sentence. An operator has a row even if the token's teams have none. */
export function nothingYet() {
	if (isUnknown() && present.operators.length > 0)
		return notKept(present.not_kept, "nobody has written yet");
	return "Nothing is stored"
		+ `${present.of_teams ? " of these teams" : ""} yet.`;
}

export function nameOf(operator) {
	const found = present?.operators.find((o) => o.operator === operator);

	return operator === null ? null
		: found?.name ?? named("operator", operator) ?? operator;
}

/* The name in the CRM of a channel, or of an operator who has left. */
function named(kind, id) {
	return present?.names?.find((one) => one.kind === kind
		&& one.id === id)?.name;
}

/* The text after the name of a chat's operator. */
export function ifOffline({ operator }) {
	return present.operators.some((o) => o.operator === operator
		&& operator !== null && o.available === false) ? ", offline" : "";
}

/* Display names of channels. */
const CHANNELS = { api: "API", email: "Email", facebook: "Facebook",
	instagram: "Instagram", line: "LINE", mail: "Email", ok: "OK", sms: "SMS",
	telegram: "Telegram", viber: "Viber", vk: "VK", web: "Web", wechat: "WeChat",
	whatsapp: "WhatsApp", widget: "Web widget" };

export function channelName(channel) {
	return named("channel", channel) ?? CHANNELS[channel?.toLowerCase()]
		?? channel;
}

export function waited(row) {
	return secondsSince(row.waiting_since);
}

/* fine, soon, late; late has the same levels as the bar of waits. */
export function urgency(waited) {
	const left = settings.threshold - waited;

	if (left <= 0)
		return waited >= LATEST ? "late latest"
			: waited >= LATER ? "late later" : "late";
	return left <= SOON * settings.threshold ? "soon" : "fine";
}

/* The same for a waiting customer; "closed" while no time of the target is running
 * out; "" without a target if others have targets. */
export function urgencyOf(row) {
	const due = dueOf(row);

	if (!hasTargets())
		return urgency(waited(row));
	return due?.state !== "late" ? due?.state ?? ""
		: due.left <= -1000 * LATEST ? "late latest"
			: due.left <= -1000 * LATER ? "late later" : "late";
}

/* Of these customers, the one who has waited longest. */
export function longestOne(rows) {
	return rows.toSorted((a, b) => waited(b) - waited(a))[0];
}

/* Of the requested channels and operators. */
export function isChosen(row) {
	return (settings.operator === "" || row.operator === settings.operator)
		&& (settings.channel === ""
			|| row.channel === settings.channel);
}

/* Of the listed customers, those in the totals. Totals of teams do not include
 * unassigned chats. */
export function countedOnes() {
	return present.waiting.filter((row) => !present.of_teams || row.assigned);
}

/* True if some waiting customers may be missing from the list. An operator's list has
 * only their own. */
export function isListShort() {
	const counted = countedOnes();

	return present.role === "operator" || isUnknown()
		|| counted.length < (present.now[0]?.waiting_chats ?? counted.length);
}

/* {n, closed, least}; closed: how many of the listed ones are late while their team is
 * closed, which does not alarm; least: there may be more customers, who are not
 * listed. They have waited for less time than the listed ones, except for an operator,
 * whose list lacks other operators' chats. With targets, the response contains the
 * number. */
export function lateOnes() {
	if (hasTargets()) {
		const late = countedOnes().filter((row) => dueOf(row)?.isLate);

		return { n: isListShort() ? present.now[0]?.late_chats ?? 0
			: late.length,
		closed: late.filter((row) => urgencyOf(row) === "closed").length,
		least: isUnknown() };
	}
	const isLate = (row) => waited(row) >= settings.threshold;
	const counted = countedOnes();
	const all = present.now[0]?.waiting_chats ?? counted.length;

	return { n: counted.filter(isLate).length, closed: 0,
		least: isUnknown() || counted.length < all && (present.role === "operator"
			|| present.waiting.every(isLate)) };
}

/* An operator's totals include those of others, so they have no link; and a wall must
 * not show names. */
export function mayOpen() {
	return !settings.wall && ["lead", "admin"].includes(present?.role);
}

/* Shows rows as the table of a section, preceded by its button. Returns how many are
 * shown. */
export function shortened(section, columns, rows, attributes) {
	const button = byId(`${section}-all`);
	const open = settings.all.includes(section);
	const first = firstOf(section);
	const ordered = inOrder(byId(`${section}-table`), columns, rows);
	const shown = open ? ordered : ordered.slice(0, first);

	button.hidden = rows.length <= first;
	button.setAttribute("aria-expanded", String(open));
	setText(button, open ? `Show the first ${first}`
		: `Show all (${rows.length})`);
	table(byId(`${section}-table`), columns, shown, attributes);
	return shown.length;
}

export function listenToShortened() {
	for (const button of document.querySelectorAll("[data-all]"))
		button.addEventListener("click", () => {
			const { all } = button.dataset;
			const others = settings.all.filter((one) => one !== all);

			change({ all: settings.all.includes(all) ? others
				: [...others, all] });
		});
}

/* The note for metrics without stored rows. It tells administrators what to do. */
export function notKept(metrics, reason = "nobody has answered yet") {
	return `Nothing is stored yet: ${reason}, or this metric is not computed.`
		+ (present?.role !== "admin" ? "" : " To keep it, add "
			+ `${metrics.replace(", ", " and ")} to metrics of [aggregator] `
			+ "in messaging.conf; see messaging-board(7), WHAT IT NEEDS.");
}
