/* A dialog with the data of a figure: its intervals, or chats. */

import { byId, figures, setText, table, titleOf } from "./element.js";
import { fetchJson, newestOnly } from "./fetch_json.js";
import { channelName, mayOpen, nameOf, notKept } from "./present.js";
import { addressOf, addressOfFigure, change, CLOSED, NO_CHAT,
	settings } from "./settings.js";
import { closeTimeline, listenToTimeline, openTimeline } from "./timeline.js";
import { dayAndTime, secondsSince, span } from "./time.js";

const PAGE = 200;
/* The parts that only figures have. */
const OF_FIGURE = ["opened-figures", "permalink"];

/* The open view: {key, figure, chats, rows, next, asking, inWorkTime}: the queries
 * (one of them is empty), the rows so far, the cursor of the next page, whether
 * that page is being requested, and which clock measures the figure. Responses for
 * a view that was closed meanwhile are dropped. */
let shown = { key: "" };
const newest = newestOnly();
let chatLink = null; /* the element that had the focus when a chat was opened in
                      * it */
let opener = {}; /* {link, title}: the element that had the focus, and its section's
                  * title */

function isOpen() {
	return settings.figure !== "" || settings.chats !== "";
}

/* How long an interval took, by the clock of the figure. */
function lengthOf(row) {
	return (shown.inWorkTime ? row.work_seconds : row.seconds) ?? 0;
}

const INTERVALS = [
	{ title: "Ended", names: true, value: (row) => dayAndTime(row.end_at) },
	{ title: "Took", kind: "time", value: (row) => span(lengthOf(row)) },
	{ title: "Seconds", kind: "number",
		value: (row) => lengthOf(row).toFixed(3) },
	{ title: "Target", kind: "time", value: (row) => span(row.target_seconds) },
	{ title: "Kept", value: (row) => row.kept === null ? null
		: row.kept ? "kept" : "missed" },
	{ title: "Chat", kind: "text", value: (row) => row.chat,
		opens: (row) => mayOpen() ? addressOf({ chat: row.chat,
			message: row.message, at: row.end_at }) : null },
	{ title: "Kind", value: (row) => row.kind.replace("_", " ") },
	{ title: "Operator", kind: "text",
		value: (row) => nameOf(row.operator) },
];

const CHATS = [
	{ title: "Chat", kind: "text", names: true, value: (row) => row.chat,
		opens: (row) => mayOpen() ? addressOf({ chat: row.chat })
			: null },
	{ title: "Customer", kind: "text", value: (row) => row.customer_name },
	{ title: "Operator", kind: "text",
		value: (row) => nameOf(row.operator) },
	{ title: "Channel", kind: "text", value: (row) => channelName(row.channel) },
	{ title: "Waits", kind: "time", value: (row) => row.waiting_since === null
		? null : span(secondsSince(row.waiting_since)) },
	{ title: "Waiting since", value: (row) => row.waiting_since === null
		? null : dayAndTime(row.waiting_since) },
	{ title: "Responses", kind: "number", value: (row) => row.responses,
		opens: (row) => addressOfFigure(row.href) },
	{ title: "Average", kind: "time",
		value: (row) => span(row.avg_response_seconds) },
];

function showFigure(figure, query) {
	figures(byId("opened-figures"), [
		{ id: "opened-count", title: "Responses", value: figure.count },
		{ id: "opened-sum", title: "Together",
			value: span(figure.sum_seconds) },
		{ id: "opened-average", title: "Average",
			value: span(figure.avg_seconds) },
		{ id: "opened-longest", title: "Longest",
			value: span(figure.max_seconds) },
	]);
	byId("opened-figures").hidden = false;
	byId("permalink").hidden = false;
	byId("permalink").setAttribute("href",
		addressOf({ figure: query, ...NO_CHAT }));
}

/* Sorts the rows, the longest first; customers who are not waiting come last. */
function byWait(a, b) {
	return (Date.parse(a.waiting_since) || Infinity)
		- (Date.parse(b.waiting_since) || Infinity) || 0;
}

function byLength(a, b) {
	return lengthOf(b) - lengthOf(a);
}

function showRows(columns) {
	const { next } = shown;
	const rows = shown.rows.toSorted(columns === CHATS ? byWait : byLength);
	const ms = rows.reduce((sum, row) =>
		sum + Math.round(1000 * lengthOf(row)), 0);

	table(byId("opened-table"), columns, rows);
	byId("more").hidden = next === "";
	setText(byId("opened-note"), rows.length === 0
		? (next === "" ? "There are none." : "None so far.")
		: `${rows.length} ${next === "" ? "in all" : "so far"}`
			+ (columns === CHATS ? "."
				: `, ${ms / 1000} seconds together.`));
}

/* Shows a sentence instead of the data of a figure. */
function showNothing(why) {
	for (const id of [...OF_FIGURE, "opened-table", "more"])
		byId(id).hidden = true;
	setText(byId("opened-note"), why);
}

/* Users of any role can arrive here through a link. */
function refuse() {
	showNothing("What is behind it is not for this role.");
}

/* Which intervals, unless the link of the figure says so. */
function intervalsOf(query) {
	return { ...query.target ? {} : { kind: "response" }, withdrawn: 0,
		...query };
}

/* A page of the API may end before it is full: this many pages are requested while
 * the view is open. */
const MOST_PAGES = 20;

async function askPage(of, query) {
	const asked = { ...query, limit: PAGE, cursor: of.next };
	const rows = [];
	let answer, pages = 0;

	do {
		answer = await (of.chats !== ""
			? fetchJson("/api/v1/chats", asked)
			: fetchJson("/api/v1/intervals", intervalsOf(asked)));
		if (answer === null)
			return null;
		rows.push(...answer.rows);
		asked.cursor = answer.next;
	} while (answer.next !== undefined && rows.length < PAGE
		&& ++pages < MOST_PAGES && shown === of);
	return { ...answer, rows };
}

/* A page that is being requested is not requested again: it would be added twice. */
async function addPage() {
	const of = shown;
	const query = Object.fromEntries(
		new URLSearchParams(of.chats || of.figure));
	let answer;

	if (of.asking)
		return;
	of.asking = true;
	try {
		answer = await askPage(of, query);
	} finally {
		of.asking = false;
	}
	if (shown !== of)
		return;
	if (answer === null) {
		refuse();
		return;
	}
	of.rows.push(...answer.rows.map((row) => ({ ...row,
		key: `${row.end_at} ${row.chat} ${row.message} ${row.kind}` })));
	of.next = answer.next ?? "";
	showRows(of.chats !== "" ? CHATS : INTERVALS);
}

async function askBehind(of) {
	if (of.chats === "") {
		const query = Object.fromEntries(
			new URLSearchParams(of.figure));
		const answer = await fetchJson("/api/v1/figure",
			intervalsOf(query));

		if (shown !== of)
			return;
		if (answer === null) {
			refuse();
			return;
		}
		if (answer.not_kept !== null) {
			showNothing(notKept(answer.not_kept));
			return;
		}
		of.inWorkTime = answer.clock === "work";
		showFigure(answer.rows[0], of.figure);
	}
	await addPage();
}

/* A failed request is repeated when the user returns to it. */
async function showBehind() {
	const of = shown;

	showNothing("");
	try {
		await askBehind(of);
	} catch (error) {
		if (shown === of)
			shown = { key: "" };
		throw error;
	}
}

async function attempt(work) {
	try {
		setText(byId("opened-problem"), "");
		await newest(work());
	} catch (error) {
		setText(byId("opened-problem"), error.message);
	}
}

/* After a timeline, the link that led to it gets the focus again. */
function comeBack() {
	(chatLink?.isConnected ? chatLink : byId("opened-title")).focus();
	chatLink = null;
}

/* A query in words. */
function titleOfChats(query) {
	const over = query.get("waiting_seconds");

	return [over !== null ? `Customers who wait over ${span(Number(over))}`
		: query.has("waiting") ? "Waiting customers" : "Open chats",
	query.has("operator") ? nameOf(query.get("operator")) : null,
	query.has("nobody") ? "unassigned" : null]
		.filter((one) => one !== null).join(", ");
}

const KINDS = { response: "Responses", first_response: "First responses",
	reply: "Replies", resolution: "Resolutions",
	unanswered: "Chats closed while waiting", waiting: "Parts of waits" };

function titleOfFigure(query) {
	const isTime = (name) => query.get(name)?.includes("T");

	const kind = query.get("target") ?? query.get("kind") ?? "response";

	return [KINDS[kind] ?? kind,
		query.has("kept") ? query.get("kept") === "0" ? "missed targets"
			: "targets kept" : null,
		query.has("operator") ? nameOf(query.get("operator")) : null,
		query.has("channel") ? channelName(query.get("channel")) : null,
		query.has("chat") ? `chat ${query.get("chat")}` : null,
		query.has("open") ? "open chats" : null,
		isTime("from") && isTime("to") ? `${dayAndTime(query.get("from"))}`
			+ ` to ${dayAndTime(query.get("to"))}` : null]
		.filter((one) => one !== null).join(", ");
}

/* Opens, changes or closes the dialog according to the settings. A wall opens
 * nothing, because it must not show names. */
export async function showOpened() {
	const dialog = byId("opened");
	const { figure, chats } = settings;
	const key = `${figure} ${chats}`;
	const wasChat = !byId("timeline").hidden;

	if (settings.wall || !isOpen() && settings.chat === "") {
		dialog.close();
		shown = { key: "" };
		closeTimeline();
		return;
	}
	if (!dialog.open) {
		opener = { link: document.activeElement,
			title: titleOf(document.activeElement) };
		dialog.showModal();
	}
	if (settings.chat !== "" && !wasChat)
		chatLink = document.activeElement.closest("#opened-table a");
	byId("behind").hidden = !isOpen() || settings.chat !== "";
	byId("timeline").hidden = settings.chat === "";
	byId("back").hidden = !isOpen() || settings.chat === "";
	if (settings.chat !== "") {
		await attempt(openTimeline);
		return;
	}
	closeTimeline();
	setText(byId("opened-title"), chats === ""
		? titleOfFigure(new URLSearchParams(figure))
		: titleOfChats(new URLSearchParams(chats)));
	if (key === shown.key) {
		if (wasChat)
			comeBack();
		return;
	}
	shown = { key, figure, chats, rows: [], next: "" };
	await attempt(showBehind);
	byId("opened-title").focus();
}

export function listenToOpened() {
	byId("opened").addEventListener("close", () => {
		/* The link gets the focus again, if it still exists. */
		if (!opener.link.isConnected)
			opener.title?.focus();
		if (isOpen() || settings.chat !== "")
			change(CLOSED);
	});
	byId("more").addEventListener("click", () => attempt(addPage));
	byId("back").addEventListener("click", () => change(NO_CHAT));
	listenToTimeline();
}
