/* The settings at the top of the page. */

import { channels } from "./channels.js";
import { byId, element, setText } from "./element.js";
import { channelName, present } from "./present.js";
import { change, ignoredFilters, settings } from "./settings.js";
import { rangeDates, spokenExactly, zone, zoneNote } from "./time.js";

/* The values of the slider, in seconds. */
const STEPS = [15, 30, 45, 60, 90, 120, 150, 180, 240, 300, 420, 600, 900, 1200,
	1800, 2700, 3600, 7200, 14400, 28800, 86400];

const RANGES = [["", "today"], ["yesterday", "yesterday"], ["7d", "7 days"],
	["28d", "28 days"], ["90d", "90 days"]];
const DATES = "dates"; /* the option that shows both date fields */

function showChoices(id, values, all = null) {
	const node = byId(id);
	const choices = new Map(values);

	if (settings[id] !== "" && !choices.has(settings[id]))
		choices.set(settings[id], settings[id]);
	const options = [...choices];

	if (all !== null)
		options.sort((a, b) => a[1].localeCompare(b[1]))
			.unshift(["", all]);
	node.replaceChildren(...options.map(([value, name]) =>
		element("option", { value, dir: "auto" }, name)));
	node.value = settings[id];
}

function showSlider() {
	const node = byId("threshold");
	const near = STEPS.findIndex((step) => step >= settings.threshold);
	const text = spokenExactly(settings.threshold);

	node.max = STEPS.length - 1;
	node.value = near < 0 ? STEPS.length - 1 : near;
	node.setAttribute("aria-valuetext", text);
	setText(byId("threshold-text"), text);
}

function showIgnoredFilters() {
	for (const [section, names] of ignoredFilters())
		setText(byId(`${section}-filters`), names.length === 0 ? ""
			: `${section === "totals" ? "Present figures are not" : "Not"
			} filtered by ${names.join(" or ")}.`);
}

function showDates() {
	const areGiven = settings.range.includes("..");
	let range;

	for (const id of ["from", "to"])
		byId(id).parentNode.hidden = !areGiven;

	try {
		range = rangeDates();
	} catch {
		return;
	}
	for (const [id, date] of [["from", range.first], ["to", range.last]])
		if (document.activeElement !== byId(id))
			byId(id).value = date;
}

function onDate() {
	const [from, to] = [byId("from").value, byId("to").value];

	if (from !== "" && to !== "")
		change({ range: from <= to ? `${from}..${to}` : `${to}..${from}` });
}

let shown = {}; /* the settings that the form has */

/* A focused field may be incomplete, so it is not changed; unless the setting was
 * changed elsewhere since, for example by the back button. */
function unlessFocused(id, show) {
	if (document.activeElement !== byId(id) || settings[id] !== shown[id])
		show();
}

export function showForm() {
	unlessFocused("operator", () => showChoices("operator",
		present.operators.filter((o) => o.operator !== null)
			.map((o) => [o.operator, o.name ?? o.operator]),
		"all"));
	unlessFocused("channel", () => showChoices("channel",
		channels().map((channel) => [channel, channelName(channel)]), "all"));
	unlessFocused("range", () => showChoices("range", settings.range.includes("..")
		? RANGES : [...RANGES, [DATES, "dates"]]));
	showDates();
	unlessFocused("zone", () => {
		byId("zone").value = zone();
	});
	setText(byId("zone-note"), zoneNote());
	shown = settings;
	showSlider();
	showIgnoredFilters();
	byId("keys").checked = settings.keys;
	byId("wall-button").setAttribute("aria-pressed", String(settings.wall));
	document.body.classList.toggle("wall", settings.wall);
}

function onZone(event) {
	const known = [...byId("zones").options].some((one) =>
		one.value === event.target.value);

	event.target.setCustomValidity(known || event.target.value === ""
		? "" : "no time zone of IANA, such as Europe/Lisbon");
	if (event.target.checkValidity())
		change({ zone: event.target.value });
}

export function listenToForm() {
	const zones = new Set(["UTC", zone(),
		...Intl.supportedValuesOf("timeZone")]);

	byId("zones").append(...[...zones].map((value) =>
		element("option", { value })));
	for (const id of ["operator", "channel"])
		byId(id).addEventListener("change", (event) =>
			change({ [id]: event.target.value }));
	byId("range").addEventListener("change", (event) => {
		const { first, last } = rangeDates();

		change({ range: event.target.value === DATES ? `${first}..${last}`
			: event.target.value });
	});
	for (const id of ["from", "to"])
		byId(id).addEventListener("change", onDate);
	byId("clock").addEventListener("change", (event) =>
		change({ clock: event.target.value === "work" ? ""
			: event.target.value }));
	byId("zone").addEventListener("change", onZone);
	byId("threshold").addEventListener("input", (event) =>
		change({ threshold: STEPS[event.target.value] }));
	byId("filters-button").addEventListener("click", () => {
		const open = byId("settings").classList.toggle("open");

		byId("filters-button").setAttribute("aria-expanded", open);
	});
	byId("settings").addEventListener("submit", (event) =>
		event.preventDefault());
	byId("keys").addEventListener("change", (event) =>
		change({ keys: event.target.checked }));
}
