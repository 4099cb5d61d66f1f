/* The present figures, their age, and the announcements for screen readers. */

import { byId, figures, setText } from "./element.js";
import { channelName, countedOnes, coverageText, hasTargets, ifOffline,
	incompleteText, isIncomplete, isUnknown, lateOnes, longestOne, mayOpen, nameOf,
	nothingYet, present, urgency, urgencyOf } from "./present.js";
import { pastOf } from "./backlog.js";
import { allocation, firstUnattended, overloaded } from "./operators.js";
import { headline, keptShare, percent } from "./responses.js";
import { addressBehind, addressOfFigure, addressOfMissed,
	settings } from "./settings.js";
import { clockTime, difference, now, percentChange, rangeText, secondsSince, span,
	spoken } from "./time.js";

/* Minimum time between two announcements, in ms. */
const ANNOUNCE_MS = 30000;

let announced = { text: "", at: 0 };

/* In seconds, now; null if nobody is waiting. */
function longestWait() {
	const { as_of: asOf, longest_wait_seconds: then = null }
		= present.now[0] ?? {};

	return then === null ? null
		: then + secondsSince(asOf);
}

/* Null if unknown. */
function lateText(atLeast) {
	const { n, least } = lateOnes();

	return !least ? String(n) : n > 0 ? `${atLeast} ${n}` : null;
}

/* The sign of a difference by its meaning: more is better, or worse, or (null)
 * neither. */
function changeText(is, was, text, better) {
	if (is === null || was === null || is === undefined || was === undefined
		|| text === null)
		return {};
	/* Uses the rounded text: ±0 % is neither better nor worse. */
	const more = text.startsWith("±") ? 0 : Math.sign(is - was);

	return { change: `${["▼", "=", "▲"][more + 1]} ${text}`,
		changeKind: more === 0 ? ""
			: better === null ? ""
				: more > 0 === (better === "more") ? "better"
					: "worse" };
}

function pointsText(is, was) {
	if (is === null || was === null)
		return null;
	const points = (parseFloat(percent(is)) - parseFloat(percent(was)))
		.toFixed(1);

	return points === "0.0" ? "±0 points"
		: `${points.startsWith("-") ? "" : "+"}${points} points`
			.replace("-", "−");
}

function countChange(is, was) {
	return is === was ? "as yesterday"
		: `${is < was ? "−" : "+"}${Math.abs(is - was)} vs. yesterday`;
}

/* A present figure next to its value yesterday at this time. */
function pastFigure(column, is, change, better, text) {
	const past = pastOf(column);

	return past === null ? {} : {
		...changeText(is, past.was, change(is, past.was), better),
		trend: { points: past.points, before: past.earlier,
			text: `${text} today and yesterday` } };
}

/* More is neither better nor worse. */
function openChange(is) {
	const was = pastOf("open_chats")?.was ?? null;

	return was === null || is === undefined ? "" : countChange(is, was);
}

function longestChange(is, was) {
	return is === null || was === null ? null : is < was
		? `−${difference(is, was)} vs. yesterday`
		: `+${difference(is, was)} vs. yesterday`;
}

/* Of the responses of the range, compared with the previous period. */
function responseFigures() {
	const within = `Answered within ${span(headline?.within
		?? settings.threshold)}, ${rangeText()}`;
	const average = `Average response, ${rangeText()}`;

	if (headline === null)
		return [{ id: "total-within", title: within },
			{ id: "total-average", title: average }];
	const { is, was, previous, points, earlier } = headline;
	const opens = addressOfFigure(is.href);
	const before = (text) => isIncomplete(is) ? incompleteText()
		: `vs. ${previous}: ${isIncomplete(was) ? "incomplete"
			: text ?? "–"}`;
	const changed = (...values) => isIncomplete(is) || isIncomplete(was)
		? {} : changeText(...values);

	return [
		{ id: "total-within", title: within, value: percent(is.within),
			opens, before: before(percent(was.within)),
			...changed(is.within, was.within,
				pointsText(is.within, was.within), "more"),
			trend: { points: points("within"),
				before: earlier("within"),
				text: "Share answered in time, by period" } },
		{ id: "total-average", title: average,
			value: span(is.avg_seconds), opens,
			before: before(span(was.avg_seconds)),
			...changed(is.avg_seconds, was.avg_seconds,
				percentChange(is.avg_seconds, was.avg_seconds),
				"less"),
			trend: { points: points("avg_seconds"),
				before: earlier("avg_seconds"),
				text: "Average response, by period" } },
		...is.kept === null ? [] : [
			{ id: "total-kept", title: `Targets kept, ${rangeText()}`,
				value: percent(keptShare(is)),
				opens: addressOfMissed(is.href),
				before: before(percent(keptShare(was))),
				...changed(keptShare(is), keptShare(was),
					pointsText(keptShare(is), keptShare(was)),
					"more"),
				trend: { points: points("kept_percent"),
					before: earlier("kept_percent"),
					text: "Targets kept, by period" } }],
	];
}

/* The customer who has waited longest, and the operator. */
function longestText(first) {
	if (first === undefined || settings.wall || !first.chat)
		return channelName(first?.channel) ?? "";
	return [first.customer_name ?? `chat ${first.chat}`,
		first.operator === null ? "unassigned"
			: `with ${nameOf(first.operator)}${ifOffline(first)}`,
		channelName(first.channel)].filter((one) => one).join(" · ");
}

/* The operators whose customers are waiting. */
function queueText(chats) {
	const { queue } = allocation;

	return !queue?.waiting_chats ? {} : {
		before: `${queue.waiting_chats} waiting, ${
			span(queue.longest_wait_seconds
				+ secondsSince(queue.as_of))}`,
		beforeOpens: chats("open=1&nobody=1&waiting=1") };
}

export function showTotals() {
	const total = present.now[0] ?? {};
	/* Operators who are no longer listed may still have chats; an operator sees no
	 * other operator. */
	const there = present.operators.filter((o) => o.available).length;
	const listed = present.operators.filter((o) => o.available !== null);
	const first = longestOne(countedOnes());
	const longest = longestWait();
	const open = mayOpen();
	const chats = (query) => open ? addressBehind({ chats: query }) : null;
	/* Totals of teams do not include unassigned chats. */
	const ours = present.of_teams ? "open=1&assigned=1" : "open=1";
	const late = lateText("≥");
	/* While the team is closed, waits grow, and that is not worse. */
	const isClosed = (row) => urgencyOf(row) === "closed";
	const allClosed = countedOnes().length > 0 && countedOnes().every(isClosed);

	figures(byId("headline"), [
		{ id: "total-waiting", title: "Waiting customers",
			value: total.waiting_chats,
			opens: chats(`${ours}&waiting=1`),
			kind: lateOnes().n > lateOnes().closed ? "late" : null,
			before: late === null ? "" : `${late} late`
				+ (hasTargets() ? ""
					: `, over ${span(settings.threshold)}`),
			beforeOpens: late === null ? null : chats(hasTargets()
				? `${ours}&late=1`
				: `${ours}&waiting_seconds=${settings.threshold}`),
			...pastFigure("waiting_chats", total.waiting_chats,
				countChange, allClosed ? null : "less",
				"Waiting customers") },
		{ id: "total-longest", title: "Longest wait",
			value: span(longest),
			kind: longest === null ? null : !hasTargets()
				? urgency(longest) : first ? urgencyOf(first) : null,
			opens: open && first?.chat
				? addressBehind({ chat: first.chat }) : null,
			before: longestText(first),
			...pastFigure("longest_wait_seconds", longest,
				longestChange, first && isClosed(first) ? null
					: "less", "Longest wait") },
		...responseFigures(),
	]);
	figures(byId("figures"), [
		{ id: "total-open", title: "Open chats",
			value: total.open_chats, opens: chats(ours),
			before: openChange(total.open_chats) },
		{ id: "total-unassigned", title: "Unassigned",
			value: total.unassigned_chats,
			opens: chats("open=1&nobody=1"), ...queueText(chats) },
		{ id: "total-available", title: "Operators online",
			value: present.role === "operator" || listed.length === 0
				? null : `${there}/${listed.length}`,
			kind: open && firstUnattended().before ? "late" : null,
			...open ? firstUnattended() : {} },
		...mayOpen() ? [{ id: "total-overloaded",
			title: "Overloaded operators", ...overloaded() }] : [],
	]);
}

/* Announces changes, politely and not too often. */
export function announce() {
	const total = present.now[0]?.waiting_chats ?? countedOnes().length;
	const late = lateText("at least");
	const longest = longestWait();
	const others = present.waiting.length - countedOnes().length;
	const summary = isUnknown() ? nothingYet() : `${total} waiting`
		+ (late === null ? "" : `, ${late} late`)
		+ (others > 0 ? `, ${others} more that nobody has` : "");
	const text = isUnknown() ? summary
		: total + others === 0 ? "No customers are waiting."
		: summary + (longest === null ? "."
			: `, the longest ${spoken(longest)}.`);

	if (summary === announced.text || now() - announced.at < ANNOUNCE_MS)
		return;
	announced = { text: summary, at: now() };
	setText(byId("announcement"), text);
}

export function showFreshness() {
	const { as_of: asOf, stale_at: staleAt } = present.now[0] ?? {};
	const isStale = now() > Date.parse(staleAt);
	const node = byId("fresh");

	if (!asOf) {
		setText(node, isUnknown() && present.operators.length === 0
			|| present.of_teams ? nothingYet() : "Totals are not kept.");
		node.classList.remove("old");
		return;
	}
	setText(node, `as of ${clockTime(asOf, true)}`
		+ (isStale ? `, ${spoken(secondsSince(asOf))} old` : "")
		+ (coverageText() === "" ? "" : `, ${coverageText()}`));
	node.classList.toggle("old", isStale);
}
