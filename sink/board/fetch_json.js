/* Asks the API for JSON. */

import { isOfAnother } from "./present.js";
import { leaveForLogin } from "./settings.js";
import { setClock } from "./time.js";

/* How long, in ms, an answer may take. */
const ANSWER_MS = 60000;

function parsed(text) {
	try {
		return JSON.parse(text);
	} catch {
		return null;
	}
}

/* {status, answer}; answer is null where it is not JSON, as that of a proxy. */
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

/* What is wrong, as a sentence; "": nothing. */
export function problemOf({ status, answer }) {
	if (status === 200 && answer !== null)
		return "";
	return answer?.detail ?? `The answer, ${status}, is none of this `
		+ "server; a proxy may have given it.";
}

/* An answer in JSON; null: it is not for the role. An error has the problem's
 * sentence. Anyone who is logged out, or somebody else by now, leaves the page. */
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
		throw new Error("Somebody else has logged in.");
	}
	return got.answer;
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
