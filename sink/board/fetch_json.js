/* Requests JSON from the API. */

import { isOfAnother } from "./present.js";
import { leaveForLogin } from "./settings.js";
import { setClock } from "./time.js";

/* Maximum time for an answer, in ms. */
const ANSWER_MS = 60000;

function parsed(text) {
	try {
		return JSON.parse(text);
	} catch {
		return null;
	}
}

/* {status, answer}; answer is null if it is not JSON, such as a proxy's error
 * page. */
export async function ask(path) {
	try {
		const got = await fetch(path,
			{ signal: AbortSignal.timeout(ANSWER_MS) });
		const text = await got.text();

		setClock(got);
		return { status: got.status, answer: parsed(text) };
	} catch (error) {
		throw new Error("The server does not answer.", { cause: error });
	}
}

/* The error as a sentence; "" if there is none. */
export function problemOf({ status, answer }) {
	if (status === 200 && answer !== null)
		return "";
	return answer?.detail ?? `The answer, ${status}, is not from this `
		+ "server; it may be from a proxy.";
}

/* Returns an answer in JSON; null if the role may not read it. Errors have the
 * problem's sentence. If the user has logged out, or another one has logged in, the
 * page is left. */
export async function fetchJson(path, parameters = {}) {
	const given = Object.entries(parameters).filter(([, v]) => v !== "");
	const got = await ask(`${path}?${new URLSearchParams(given)}`);
	const problem = problemOf(got);

	if (got.status === 403)
		return null;
	if (got.status === 401)
		leaveForLogin();
	if (problem !== "")
		throw new Error(problem);
	if (isOfAnother(got.answer)) {
		location.reload();
		throw new Error("Another user has logged in.");
	}
	return got.answer;
}

/* Returns a function that awaits requests of one kind, of which only the newest
 * counts: an older answer may arrive later, and is undefined, as is its error. */
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
