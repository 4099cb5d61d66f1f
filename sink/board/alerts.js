/* The alerts of the last 24 hours. */

import { byId, element, setFailed, setText } from "./element.js";
import { fetchJson, newestOnly } from "./fetch_json.js";
import { coverageText, notKept, shortened } from "./present.js";
import { settings } from "./settings.js";
import { clockTime, secondsSince } from "./time.js";

const MOST = 100;
const DAY_S = 86400;

const newest = newestOnly();
let refused = false; /* the role may not read alerts */
let shown = []; /* rows of the answer */

const COLUMNS = [
	{ title: "Since", names: true, value: (a) => element("time",
		{ datetime: a.started_at }, clockTime(a.started_at)) },
	{ title: "Until", value: (a) => a.ended_at === null ? "now"
		: clockTime(a.ended_at) },
	{ title: "User", kind: "text", value: (a) => a.user_id },
	{ title: "Rule", value: (a) => a.rule },
	{ title: "Messages", kind: "number", value: (a) => a.messages },
	{ title: "Allowed", kind: "number", value: (a) => a.threshold },
];

export function redrawAlerts() {
	shortened("alerts", COLUMNS, shown);
}

export async function showAlerts() {
	if (refused)
		return;
	const answer = await newest(fetchJson("/api/v1/alerts",
		{ from: "24h", limit: MOST }));

	if (answer === undefined)
		return;
	setFailed("alerts", "");
	refused = answer === null;
	byId("alerts").hidden = refused || settings.wall;
	if (refused)
		return;
	const since = answer.complete_since ?? answer.first_record;
	const begun = since && secondsSince(since) < DAY_S
		? ` Alerts are ${coverageText(answer)}.` : "";

	shown = answer.rows;
	setText(byId("alerts-note"), (answer.not_kept
		? notKept(answer.not_kept, "there were no alerts")
		: shown.length === 0 ? "None." : answer.next ? `The last ${MOST}.` : "")
		+ begun);
	redrawAlerts();
}
