/* Asks the API for JSON. */

import { setClock } from "./time.js";

/* How long, in ms, an answer may take. */
export const ANSWER_MS = 60000;

/* An answer in JSON; null: it is not for the role. An error has the problem's
 * sentence. */
export async function fetchJson(path, parameters = {}) {
	const given = Object.entries(parameters).filter(([, v]) => v !== "");
	const got = await fetch(`${path}?${new URLSearchParams(given)}`,
		{ signal: AbortSignal.timeout(ANSWER_MS) });

	setClock(got);
	if (got.status === 403)
		return null;
	const answer = await got.json();

	if (!got.ok)
		throw new Error(answer.detail ?? `${path}: ${got.status}`);
	return answer;
}

/* A function that awaits requests of one kind, of which only the newest counts:
 * the answer to an older one may come later, and is undefined, as is its
 * error. */
export function newestOnly() {
	let asked = 0;

	return async (request) => {
		const mine = ++asked;

		try {
			const answer = await request;

			return mine === asked ? answer : undefined;
		} catch (error) {
			if (mine === asked)
				throw error;
			return undefined;
		}
	};
}
