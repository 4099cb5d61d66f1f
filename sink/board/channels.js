/* The channels that can be selected: those with waiting customers now or since the
 * page was opened, and those with responses in the selected range. */

import { fetchJson, newestOnly } from "./fetch_json.js";
import { present } from "./present.js";
import { settings } from "./settings.js";
import { chosenSpan } from "./time.js";

/* Delay in ms before a failed request is repeated. */
const FAILED_MS = 15000;

const newest = newestOnly();
const waited = new Set();

let asked = null; /* of which range */
let answered = [];

export function channels() {
	for (const { channel } of present.waiting)
		waited.add(channel);
	return [...new Set([...waited, ...answered])].filter((one) => one);
}

/* Requests each range once, because the server reads all its responses. Returns true
 * if there is an answer. */
export async function askForChannels() {
	let range = null;

	try {
		const { from, to, zone } = chosenSpan();

		range = [from, to, zone].join(" ");
		if (settings.wall || range === asked)
			return false;
		asked = range;
		const answer = await newest(fetchJson("/api/v1/responses",
			{ from, to, zone, by: "total", group: "channel" }));

		if (answer === undefined)
			return false;
		answered = answer?.rows.map((row) => row.channel) ?? [];
		return true;
	} catch (error) {
		console.warn(error);
		setTimeout(() => {
			if (asked === range)
				asked = null;
		}, FAILED_MS);
		return false;
	}
}
