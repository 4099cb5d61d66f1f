/* What the viewer has chosen, kept in the URL behind #, so that a bookmark or a
 * screen on a wall has it:
 * #wall&threshold=300&operator=7&channel=web&keys=off */

const THRESHOLD_S = 300;

function read() {
	const given = new URLSearchParams(location.hash.slice(1));
	const threshold = Number(given.get("threshold"));

	return {
		wall: given.has("wall"),
		keys: given.get("keys") !== "off",
		threshold: threshold >= 1 ? threshold : THRESHOLD_S,
		operator: given.get("operator") ?? "",
		channel: given.get("channel") ?? "",
	};
}

function written(s) {
	const parts = [];

	if (s.wall)
		parts.push("wall");
	if (s.threshold !== THRESHOLD_S)
		parts.push(`threshold=${s.threshold}`);
	for (const name of ["operator", "channel"]) {
		if (s[name] !== "")
			parts.push(`${name}=${encodeURIComponent(s[name])}`);
	}
	if (!s.keys)
		parts.push("keys=off");
	return parts.join("&");
}

export let settings = read();

/* Changes some; the page hears of it as of any other change of its URL. */
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

/* A login comes back to the page without what is behind #. */
export function leaveForLogin() {
	sessionStorage.setItem("hash", location.hash);
	location.assign("/login");
}

export function restoreAfterLogin() {
	const hash = sessionStorage.getItem("hash");

	sessionStorage.removeItem("hash");
	if (hash && location.hash === "") {
		history.replaceState(null, "", hash);
		settings = read();
	}
}
