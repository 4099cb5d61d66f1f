/* The live board: asks for the present state, then shows each new one that the
 * server sends, without being loaded again. */

import { byId, setText } from "./element.js";
import { redraw, refresh } from "./history.js";
import { change, leaveForLogin, onChange, restoreAfterLogin,
	settings } from "./settings.js";
import { setClock } from "./time.js";
import { show, tick } from "./views.js";

const STREAM = "/api/v1/now/stream";
/* How long without a connection, in ms, before it is said. */
const PATIENCE_MS = 5000;
/* When a connection was refused, which a browser does not try again. */
const AGAIN_MS = 5000;

const SECTIONS = ["totals", "waiting", "operators", "today", "alerts"];

let lost = null; /* a timer: the connection is away */

function setConnection(state) {
	const node = byId("connection");

	node.className = `state ${state}`;
	setText(node, state);
}

function setProblem(text) {
	byId("problem").hidden = text === "";
	setText(byId("problem"), text);
}

function onConnected() {
	clearTimeout(lost);
	lost = null;
	setConnection("live");
	setProblem("");
}

function onDisconnected() {
	lost ??= setTimeout(() => setConnection("disconnected"), PATIENCE_MS);
}

async function showHistory() {
	try {
		await refresh();
	} catch (error) {
		console.warn(error);
	}
}

/* False: nobody is logged in. */
async function askOnce() {
	const got = await fetch("/api/v1/now");

	setClock(got);
	if (got.status === 401)
		return false;
	if (got.ok)
		show(await got.json());
	else
		setProblem((await got.json()).detail ?? `status ${got.status}`);
	return true;
}

function follow() {
	const source = new EventSource(STREAM);

	source.addEventListener("open", onConnected);
	source.addEventListener("now", (event) => {
		onConnected();
		show(JSON.parse(event.data));
		showHistory();
	});
	source.addEventListener("error", () => {
		onDisconnected();
		if (source.readyState === EventSource.CLOSED)
			setTimeout(start, AGAIN_MS);
	});
}

async function start() {
	try {
		if (!await askOnce()) {
			leaveForLogin();
			return;
		}
		follow();
	} catch (error) {
		console.warn(error);
		onDisconnected();
		setTimeout(start, AGAIN_MS);
	}
	showHistory();
}

function jump(section) {
	const title = byId(`${section}-title`);

	if (byId(section).hidden)
		return;
	title.scrollIntoView({ block: "start" });
	title.focus({ preventScroll: true });
}

const KEYS = {
	o: () => byId("operator").focus(),
	c: () => byId("channel").focus(),
	t: () => byId("threshold").select(),
	x: () => change({ operator: "", channel: "" }),
	w: () => change({ wall: !settings.wall }),
	"?": () => byId("help").showModal(),
};
SECTIONS.forEach((section, i) => {
	KEYS[String(i + 1)] = () => jump(section);
});

function isTyping(event) {
	return event.target.matches?.("input, select, textarea")
		|| event.ctrlKey || event.altKey || event.metaKey;
}

function onKey(event) {
	if (event.key === "Escape" && settings.wall && !byId("help").open) {
		change({ wall: false });
		return;
	}
	if (!settings.keys || isTyping(event) || byId("help").open
		|| !(event.key in KEYS))
		return;
	event.preventDefault();
	KEYS[event.key]();
}

function listen() {
	const field = (id) => byId(id);

	for (const id of ["operator", "channel"])
		field(id).addEventListener("change", (event) =>
			change({ [id]: event.target.value }));
	field("threshold").addEventListener("change", (event) => {
		if (event.target.checkValidity())
			change({ threshold: event.target.value * 60 });
	});
	field("settings").addEventListener("submit", (event) =>
		event.preventDefault());
	field("wall-button").addEventListener("click", KEYS.w);
	field("help-button").addEventListener("click", KEYS["?"]);
	field("keys").addEventListener("change", (event) =>
		change({ keys: event.target.checked }));
	document.querySelector("[data-jump]").addEventListener("click",
		(event) => {
			event.preventDefault();
			jump(event.target.dataset.jump);
		});
	document.addEventListener("keydown", onKey);
}

restoreAfterLogin();
listen();
onChange(() => {
	show();
	showHistory();
});
addEventListener("resize", redraw);
setInterval(tick, 1000);
start();
