/* Times and spans. The server's clock counts: that of a screen may be wrong. */

let ahead = 0; /* ms that the server's clock is before ours */

/* Takes the server's time from an answer; header Date has whole seconds. */
export function setClock(answer) {
	const date = Date.parse(answer.headers.get("Date") ?? "");

	if (!Number.isNaN(date))
		ahead = date + 500 - Date.now();
	if (Math.abs(ahead) < 1000)
		ahead = 0;
}

export function now() {
	return Date.now() + ahead;
}

/* Seconds as 4:05 or 1:02:03. */
export function span(seconds) {
	const s = Math.max(0, Math.floor(seconds));
	const two = (n) => String(n).padStart(2, "0");
	const minutes = Math.floor(s / 60);

	if (s < 3600)
		return `${minutes}:${two(s % 60)}`;
	return `${Math.floor(s / 3600)}:${two(minutes % 60)}:${two(s % 60)}`;
}

/* Seconds for ears: "4 minutes". */
export function spoken(seconds) {
	const units = [[86400, "day"], [3600, "hour"], [60, "minute"],
		[1, "second"]];
	const s = Math.max(0, Math.floor(seconds));
	const [size, name] = units.find(([size]) => s >= size) ?? units[3];
	const n = Math.floor(s / size);

	return `${n} ${name}${n === 1 ? "" : "s"}`;
}

/* A time of day, in the zone of the screen. */
export function clockTime(time, seconds = false) {
	return new Date(time).toLocaleTimeString([], { hourCycle: "h23",
		hour: "2-digit", minute: "2-digit",
		second: seconds ? "2-digit" : undefined });
}

export function midnight() {
	const day = new Date(now());

	day.setHours(0, 0, 0, 0);
	return day;
}
