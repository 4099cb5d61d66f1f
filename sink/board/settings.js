/* The viewer's settings, kept in the URL after #, for bookmarks, permalinks and
 * screens on a wall:
 *  #wall&threshold=300&operator=7&channel=web&range=7d&zone=UTC&clock=calendar
 *  &all=alerts&keys=off
 * The URL also contains the open view: figure= and chats= have a query of the API;
 * chat=, message= and at= have the data of a timeline. */

/* The default target in seconds if the team has none, as in reports
 * (sink/report/report.h). */
const WITHIN_S = 300;
let target = WITHIN_S;

const TEXTS = ["operator", "channel", "range", "zone", "clock", "figure", "chats",
	"chat", "message", "at", "sort", "group"];

/* Without an open chat; without any open view. */
export const NO_CHAT = { chat: "", message: "", at: "" };
export const CLOSED = { figure: "", chats: "", ...NO_CHAT };

function read() {
	const given = new URLSearchParams(location.hash.slice(1));
	const threshold = Number(given.get("threshold"));
	const all = {
		wall: given.has("wall"),
		keys: given.get("keys") !== "off",
		threshold: threshold >= 1 ? Math.round(threshold) : target,
		all: given.getAll("all"), /* sections whose rows are all shown */
	};

	for (const name of TEXTS)
		all[name] = given.get(name) ?? "";
	return all;
}

function written(s) {
	const parts = [];

	if (s.wall)
		parts.push("wall");
	if (s.threshold !== target)
		parts.push(`threshold=${s.threshold}`);
	for (const name of TEXTS) {
		if (s[name] !== "")
			parts.push(`${name}=${encodeURIComponent(s[name])}`);
	}
	for (const section of s.all)
		parts.push(`all=${encodeURIComponent(section)}`);
	if (!s.keys)
		parts.push("keys=off");
	return parts.join("&");
}

export let settings = read();

/* The team's target, which is then the default; null: it has none. */
export function setTarget(seconds) {
	if ((seconds ?? WITHIN_S) === target)
		return;
	target = seconds ?? WITHIN_S;
	settings = read();
}

/* The filters that sections ignore. */
const IGNORED = { totals: ["operator", "channel"], operators: ["channel"],
	alerts: ["operator", "channel"] };

/* [section, those of them that are set]. */
export function ignoredFilters() {
	return Object.entries(IGNORED).map(([section, names]) =>
		[section, names.filter((name) => settings[name] !== "")]);
}

/* The address of the board with some settings changed. */
export function addressOf(some) {
	return `./#${written({ ...settings, ...some })}`;
}

/* The same for a link of the board, without the view that is now open. */
export function addressBehind(some) {
	return addressOf({ ...CLOSED, ...some });
}

/* The same for the data of a figure, by its href of the API. Null if it has none, or
 * if this is a wall, which must not show names. */
export function addressOfFigure(href) {
	return !href || settings.wall ? null : addressBehind({
		figure: href.slice(href.indexOf("?") + 1) });
}

/* The same for the missed targets of a figure. */
export function addressOfMissed(href) {
	return addressOfFigure(href
		&& `${href.replace("kind=", "target=")}&kept=0`);
}

/* Changes settings; the page is notified as of any other change of its URL. */
export function change(some) {
	location.hash = written({ ...settings, ...some });
}

/* Calls back after each change. */
export function onChange(callback) {
	addEventListener("hashchange", () => {
		settings = read();
		callback();
	});
}

/* A login returns to the page without the text after #; to a page from another
 * machine without HTTPS, it also returns without its cookie. */
export function leaveForLogin() {
	sessionStorage.setItem("hash", location.hash);
	location.assign(isSecureContext ? "/login" : "/login#insecure");
}

export function restoreAfterLogin() {
	const hash = sessionStorage.getItem("hash");

	sessionStorage.removeItem("hash");
	if (hash && location.hash === "") {
		history.replaceState(null, "", hash);
		settings = read();
	}
}
