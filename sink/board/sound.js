/* The sound of a wall: it rings once for each new late customer, repeats while a
 * customer is late, and stops by itself. A browser plays no sound before somebody has
 * pressed something, so the wall has a button, which also silences it. */

import { byId, setText } from "./element.js";
import { countedOnes, lateOnes, urgencyOf } from "./present.js";
import { settings } from "./settings.js";

const REPEAT_MS = 30000;
const TONES = [880, 660]; /* in Hz, one after the other */
const TONE_S = 0.18;

let context = null; /* null: silent */
let known = new Set(); /* the late chats at the last look */
let count = 0; /* and their number, some of which may not be listed */
let rang = 0; /* when, in ms */

function ring() {
	const gain = context.createGain();

	gain.gain.value = 0.2;
	gain.connect(context.destination);
	TONES.forEach((frequency, i) => {
		const tone = context.createOscillator();
		const at = context.currentTime + i * TONE_S;

		tone.frequency.value = frequency;
		tone.connect(gain);
		tone.start(at);
		tone.stop(at + TONE_S);
	});
	rang = Date.now();
	byId("sound-button").dataset.rang
		= Number(byId("sound-button").dataset.rang ?? 0) + 1;
}

/* Runs each second. Late customers of a closed team do not ring. */
export function tickSound() {
	const { n, closed } = lateOnes();
	const late = countedOnes().filter((row) =>
		urgencyOf(row).startsWith("late")).map((row) => row.chat);
	const isNew = n - closed > count || late.some((chat) => !known.has(chat));

	known = new Set(late);
	count = n - closed;
	if (context === null || !settings.wall || count === 0)
		return;
	if (isNew || Date.now() - rang >= REPEAT_MS)
		ring();
}

function toggle() {
	const button = byId("sound-button");

	context?.close();
	context = context === null ? new AudioContext() : null;
	rang = 0;
	button.setAttribute("aria-pressed", String(context !== null));
	setText(button, context === null ? "Sound" : "Silence");
}

export function listenToSound() {
	byId("sound-button").addEventListener("click", toggle);
}
