/* The notices of the last 24 hours, delivered or not; a wall shows only those that are
 * not over. If there are none, the section is hidden. */

import { byId, element, setFailed, setText, table } from "./element.js";
import { fetchJson, newestOnly } from "./fetch_json.js";
import { shortened } from "./present.js";
import { settings } from "./settings.js";
import { clockTime } from "./time.js";

const MOST = 100;
const MOST_ON_WALL = 3; /* the waiting customers need the room */
const KINDS = { soon: "soon late", late: "late", waiting: "waiting too long",
	nobody_online: "nobody online" };

const newest = newestOnly();
let refused = false; /* the role may not read notices */
let shown = []; /* rows of the answer */

const COLUMNS = [
	{ title: "Fired", names: true, value: (n) => element("time",
		{ datetime: n.fired_at }, clockTime(n.fired_at)) },
	{ title: "Over", value: (n) => n.over_at === null ? "not yet"
		: clockTime(n.over_at) },
	{ title: "Notice", kind: "text", value: (n) => KINDS[n.kind] ?? n.kind },
	{ title: "Scope", kind: "text", value: (n) => n.scope },
	{ title: "Chat", kind: "text", value: (n) => n.chat },
	{ title: "Rule", kind: "text", value: (n) => n.rule },
];

/* A wall must not show names, and a chat has one. */
const COLUMNS_WALL = COLUMNS.filter(
	({ title }) => !["Over", "Chat"].includes(title));

function noteOf(answer) {
	if (settings.wall)
		return shown.length === 1 ? "1 notice" : `${shown.length} notices`;
	return answer?.next ? `The last ${MOST}.` : "";
}

export function redrawNotices() {
	if (settings.wall) {
		byId("notices-all").hidden = true;
		table(byId("notices-table"), COLUMNS_WALL,
			shown.slice(0, MOST_ON_WALL));
	} else {
		shortened("notices", COLUMNS, shown);
	}
}

export async function showNotices() {
	if (refused)
		return;
	const answer = await newest(fetchJson("/api/v1/notices",
		{ from: "24h", limit: MOST, ...settings.wall ? { over: 0 } : {} }));

	if (answer === undefined)
		return;
	setFailed("notices", "");
	refused = answer === null;
	shown = refused ? [] : answer.rows;
	byId("notices").hidden = shown.length === 0;
	setText(byId("notices-note"), noteOf(answer));
	redrawNotices();
}
