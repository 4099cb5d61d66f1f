/* Asks the API for JSON. */

/* An answer in JSON; null: it is not for the role. An error has the problem's
 * sentence. */
export async function fetchJson(path, parameters = {}) {
	const given = Object.entries(parameters).filter(([, v]) => v !== "");
	const got = await fetch(`${path}?${new URLSearchParams(given)}`);

	if (got.status === 403)
		return null;
	const answer = await got.json();

	if (!got.ok)
		throw new Error(answer.detail ?? `${path}: ${got.status}`);
	return answer;
}
