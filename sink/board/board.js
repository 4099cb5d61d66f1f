/* The live board: requests the present state, then shows each new state that the
 * server sends, without reloading the page. */

import { redrawAlerts, showAlerts } from "./alerts.js";
import { redrawBacklog, showBacklog } from "./backlog.js";
import { showChanges } from "./changes.js";
import {
	listenToBreakdown, redrawBreakdown, showBreakdown,
} from "./breakdown.js";
import { askForChannels } from "./channels.js";
import { byId, listenToSorting, setFailed, setText } from "./element.js";
import { ask, newestOnly, problemOf } from "./fetch_json.js";
import { listenToForm, showForm } from "./form.js";
import { listenToHeatmap, redrawHeatmap, showHeatmap } from "./heatmap.js";
import { redrawNotices, showNotices } from "./notices.js";
import { listenToOpened, showOpened } from "./opened.js";
import { showAllocation, showOperators, tickOperators } from "./operators.js";
import {
	isOfAnother, isUnknown, listenToShortened, present, setPresent,
} from "./present.js";
import { redrawResponses, showResponses } from "./responses.js";
import { change, leaveForLogin, onChange, restoreAfterLogin,
	settings } from "./settings.js";
import { listenToSound, tickSound } from "./sound.js";
import { clockTime } from "./time.js";
import { announce, showFreshness, showTotals } from "./totals.js";
import { showWaiting, tickWaiting } from "./waiting.js";

const STREAM = "/api/v1/now/stream";
/* How long, in ms, the connection may be lost before the page says so. */
const DISCONNECTED_MS = 5000;
/* Pause after a refused connection, which a browser does not retry. */
const AGAIN_MS = 5000;
/* The server ends a stream after five minutes, and the browser reconnects: a stream
 * that lasts longer, in ms, has silently lost its connection. */
const SILENT_MS = 5 * 60 * 1000 + 15000;
/* How often, in ms, views are requested when the present does not change: a day also
 * ends without events, and the clock of a screen may be set. */
const QUIET_MS = 5 * 60 * 1000;
/* Delay in ms before a failed request is repeated. */
const FAILED_MS = 15000;
/* A view whose answer takes long is requested less often, so that the server works
 * for it at most a tenth of the time. */
const PAUSE_FACTOR = 9;
/* While a slider moves, views are not requested. */
const REST_MS = 150;

const SECTIONS = ["totals", "changes", "waiting", "operators", "responses",
	"breakdown", "heatmap", "alerts"];
/* The views beyond the present, and how often, in ms, they are requested. */
const VIEWS = [
	{ section: "responses", show: showResponses, every: 10000 },
	{ section: "waiting", show: showBacklog, every: 30000 },
	{ section: "changes", show: showChanges, every: 10000 },
	{ section: "breakdown", show: showBreakdown, every: 10000 },
	{ section: "heatmap", show: showHeatmap, every: 10000 },
	{ section: "operators", show: showAllocation, every: 2000 },
	{ section: "alerts", show: showAlerts, every: 2000 },
	{ section: "notices", show: showNotices, every: 2000 },
].map((view) => ({ ...view,
	asked: 0, /* number of requests */
	due: 0, /* number of requests still needed */
	idle: true, /* a request is allowed now */
	timer: null, /* until the next request is allowed */
}));
/* Settings on which they depend. */
const OF_VIEWS = ["operator", "channel", "range", "zone", "threshold",
	"wall", "group"];

let source = null; /* of events; there are never two */
let again = null; /* a timer: start again */
let silent = null; /* a timer: the stream counts as lost */
const newestStart = newestOnly();
let lost = null; /* a timer: the connection is lost */
let chosen = null; /* the settings of the last requests */
let rest = null; /* a timer: the settings may still change */

function setConnection(state) {
	const node = byId("connection");

	node.className = `state ${state}`;
	setText(node, state);
}

function setProblem(text) {
	byId("problem").hidden = text === "";
	setText(byId("problem"), text);
}

function problemSince(detail) {
	const asOf = present?.now[0]?.as_of;

	return `Nothing new is shown: ${detail}.`
		+ (asOf ? ` The figures are as of ${clockTime(asOf, true)}.` : "");
}

function onConnected() {
	clearTimeout(lost);
	lost = null;
	setConnection("live");
	VIEWS.forEach(showDue);
}

function onDisconnected() {
	lost ??= setTimeout(() => setConnection("disconnected"), DISCONNECTED_MS);
}

/* Runs each second, and after each change. */
function tick() {
	if (present === null)
		return;
	tickOperators();
	showTotals();
	showFreshness();
	tickWaiting();
	tickSound();
	announce();
}

/* Shows the answer, or the last one again after a change of the settings. */
function show(newest = present) {
	if (newest === null)
		return;
	if (isOfAnother(newest)) {
		location.reload();
		return;
	}
	setPresent(newest);
	setText(byId("tenant"), newest.tenant);
	document.title = isUnknown() ? "Live board"
		: `${newest.now[0]?.waiting_chats ?? newest.waiting.length} `
			+ "waiting – live board";
	showForm();
	showWaiting();
	showOperators();
	tick();
}

/* Returns false if the section has no figures now and shows the reason. */
async function attempt(section, show) {
	try {
		await show();
		return true;
	} catch (error) {
		console.warn(error);
		byId(section).hidden = settings.wall;
		setFailed(section, error.message);
		return false;
	}
}

/* A view that fails does not affect the others, and is requested again. */
async function showView(view) {
	const mine = ++view.asked;
	const began = performance.now();

	clearTimeout(view.timer);
	view.idle = false;
	view.due = Math.max(0, view.due - 1);
	const done = await attempt(view.section, view.show);
	const took = performance.now() - began;

	if (mine !== view.asked)
		return;
	if (!done)
		view.due = Math.max(1, view.due);
	view.timer = setTimeout(() => {
		view.idle = true;
		showDue(view);
	}, done ? Math.max(view.every, PAUSE_FACTOR * took) : FAILED_MS);
}

/* A wall requests only what it shows. */
function isWanted(view) {
	return !settings.wall
		|| ["responses", "waiting", "notices"].includes(view.section);
}

/* Does nothing without a connection: the page keeps its figures. */
function showDue(view) {
	if (view.due > 0 && view.idle && lost === null && isWanted(view))
		showView(view);
}

/* The present has changed. Other rows of the same flush may be stored a moment
 * later, so a view that is requested now is requested once more. */
function moveViews() {
	for (const view of VIEWS) {
		view.due = 2;
		showDue(view);
	}
}

async function showChannels() {
	if (await askForChannels())
		showForm();
}

/* Requests views at once if the settings have changed. */
function showChosen() {
	const key = OF_VIEWS.map((name) => settings[name]).join(" ");

	showChannels();
	if (key === chosen)
		return;
	chosen = key;
	VIEWS.filter(isWanted).forEach(showView);
}

function startSoon() {
	clearTimeout(again);
	again = setTimeout(start, AGAIN_MS);
}

function watch() {
	clearTimeout(silent);
	silent = setTimeout(() => {
		source.close();
		onDisconnected();
		start();
	}, SILENT_MS);
}

/* The stream also opens if there is no answer, so this follows the first answer. */
function follow() {
	source?.close();
	source = new EventSource(STREAM);
	watch();
	source.addEventListener("open", () => {
		onConnected();
		watch();
	});
	/* Figures stay, and the page says that they are old. */
	source.addEventListener("problem", (event) => {
		onConnected();
		setProblem(problemSince(JSON.parse(event.data).detail));
	});
	source.addEventListener("now", (event) => {
		onConnected();
		setProblem("");
		show(JSON.parse(event.data));
		showChosen();
		moveViews();
	});
	source.addEventListener("error", () => {
		onDisconnected();
		if (source.readyState === EventSource.CLOSED)
			startSoon();
	});
}

/* A user who returns to the page may start while an earlier start is running, which
 * is then cancelled. */
async function start() {
	clearTimeout(again);
	clearTimeout(silent);
	try {
		const got = await newestStart(ask("/api/v1/now"));

		if (got === undefined)
			return;
		if (got.status === 401) {
			leaveForLogin();
			return;
		}
		setProblem(problemOf(got));
		if (problemOf(got) === "") {
			show(got.answer);
			follow();
		} else {
			onDisconnected();
			startSoon();
		}
	} catch (error) {
		console.warn(error);
		setProblem(error.message);
		onDisconnected();
		startSoon();
	}
	showOpened();
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
	r: () => byId("range").focus(),
	z: () => byId("zone").select(),
	t: () => byId("threshold").focus(),
	x: () => change({ operator: "", channel: "" }),
	w: () => change({ wall: !settings.wall }),
	"?": () => byId("help").showModal(),
};
SECTIONS.forEach((section, i) => {
	KEYS[String(i + 1)] = () => jump(section);
});

function isTyping(event) {
	return event.target.matches?.(
		"input:not([type=range]), select, textarea")
		|| event.ctrlKey || event.altKey || event.metaKey;
}

function onKey(event) {
	const open = byId("help").open || byId("opened").open;

	if (event.key === "Escape" && settings.wall && !open) {
		change({ wall: false });
		return;
	}
	if (!settings.keys || isTyping(event) || open || !(event.key in KEYS))
		return;
	event.preventDefault();
	KEYS[event.key]();
}

function listen() {
	listenToBreakdown();
	listenToForm();
	listenToHeatmap();
	listenToOpened();
	listenToShortened();
	listenToSorting();
	listenToSound();
	byId("wall-button").addEventListener("click", KEYS.w);
	byId("help-button").addEventListener("click", KEYS["?"]);
	byId("history-button").addEventListener("click", (event) => {
		const open = byId("history").classList.toggle("open");

		event.target.setAttribute("aria-expanded", open);
		redrawResponses();
		redrawHeatmap();
	});
	document.querySelector("[data-jump]").addEventListener("click",
		(event) => {
			event.preventDefault();
			jump(event.target.dataset.jump);
		});
	document.addEventListener("keydown", onKey);
	addEventListener("resize", () => {
		show();
		redrawBacklog();
		redrawBreakdown();
		redrawResponses();
		redrawHeatmap();
	});
}

restoreAfterLogin();
listen();
/* A browser may keep a page that the user has left, together with its connection, of
 * which it has only six. */
addEventListener("pagehide", () => source?.close());
addEventListener("pageshow", (event) => {
	if (event.persisted)
		start();
});
onChange(() => {
	show();
	redrawAlerts();
	redrawNotices();
	redrawBacklog();
	redrawBreakdown();
	showOpened();
	clearTimeout(rest);
	rest = setTimeout(showChosen, REST_MS);
});
setInterval(tick, 1000);
setInterval(() => {
	if (lost === null)
		VIEWS.filter(isWanted).forEach(showView);
}, QUIET_MS);
start();
