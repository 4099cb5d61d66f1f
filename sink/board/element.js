/* Elements of the page, made from text only: no string becomes markup.
 *
 * Pictures are SVG of our own: responses.js and heatmap.js, 13 KB with their
 * tables. dygraphs 2.2.1 (libjs-dygraphs of Debian, 131 KB minified) and uPlot
 * 1.6 (npm, 51 KB) were weighed: both draw curves and bars on a canvas, which
 * has no titles of its parts, and neither draws the hours of a week. */

import { change, settings } from "./settings.js";

const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
	for (const [name, value] of Object.entries(attributes)) {
		if (value !== null && value !== false)
			node.setAttribute(name, value);
	}
	node.append(...children.filter((child) => child !== null));
	return node;
}

/* Children are texts and elements; attributes that are null are omitted. */
export function element(tag, attributes = {}, ...children) {
	return fill(document.createElement(tag), attributes, children);
}

export function drawing(tag, attributes = {}, ...children) {
	return fill(document.createElementNS(SVG, tag), attributes, children);
}

export function byId(id) {
	return document.getElementById(id);
}

/* Writes only changes, so that nothing moves for a screen reader. */
export function setText(node, text) {
	if (node.textContent !== text)
		node.textContent = text;
}

/* A link, or only its text if there is no target. */
export function link(text, address, attributes = {}) {
	return text === null || address === null ? text
		: element("a", { href: address, ...attributes }, String(text));
}

/* The keys of rows and cells within their node. */
const keys = new WeakMap();

function keyed(key, node) {
	keys.set(node, key);
	return node;
}

/* Puts the children in this order. A clicked or focused element is not moved, which
 * would end both: the others are placed around it. */
function arrange(node, children) {
	if (node.childNodes.length === children.length
		&& children.every((child, i) => child === node.childNodes[i]))
		return;
	const fixed = children.findIndex((child) => child.parentNode === node
		&& child.matches?.(":active, :focus-within"));

	if (fixed < 0) {
		node.replaceChildren(...children);
		return;
	}
	[...node.childNodes].filter((child) => child !== children[fixed])
		.forEach((child) => child.remove());
	children[fixed].before(...children.slice(0, fixed));
	children[fixed].after(...children.slice(fixed + 1));
}

function become(node, other) {
	if (node.isEqualNode(other))
		return;
	if (node.nodeType === Node.TEXT_NODE) {
		node.data = other.data;
		return;
	}
	for (const name of node.getAttributeNames())
		if (!other.hasAttribute(name))
			node.removeAttribute(name);
	for (const { name, value } of other.attributes)
		if (node.getAttribute(name) !== value)
			node.setAttribute(name, value);
	exchange(node, ...other.childNodes);
}

/* Replaces the children of a node. A child that exists already, identified by its
 * key or position, is updated in place: a click during a redraw still counts, and
 * the focus is kept. */
export function exchange(node, ...others) {
	const keyOf = (child, i) => keys.get(child) ?? i;
	const own = new Map([...node.childNodes].map((child, i) =>
		[keyOf(child, i), child]));
	const children = others.map((other, i) => {
		const key = keyOf(other, i);
		const child = own.get(key);

		if (child?.nodeName !== other.nodeName)
			return other;
		own.delete(key);
		become(child, other);
		return child;
	});

	arrange(node, children);
}

function cell(column, row) {
	const value = column.value(row);
	const node = element(column.names ? "th" : "td", {
		role: column.names ? "rowheader" : "cell",
		scope: column.names ? "row" : null,
		class: column.kind ?? null,
		"data-label": column.title,
	});
	const address = value === null ? null : column.opens?.(row) ?? null;
	const content = link(value, address) ?? "–";

	/* A name may be written from right to left, but the page is not. */
	node.append(column.kind === "text" ? element("bdi", {}, content)
		: content);
	if (column.picture)
		node.append(column.picture(row) ?? "");
	return keyed(column.title, node);
}

/* The id of the section that contains a node, or undefined. */
export function titleOf(node) {
	return node.closest("section, dialog")?.querySelector("h2");
}

/* If the focused element has disappeared, the focus moves to the row in its place,
 * or else to the title of the section. */
function keepFocus(node, draw) {
	const focused = node.contains(document.activeElement)
		? document.activeElement : null;
	const at = focused?.closest("tr").rowIndex;
	const label = focused?.closest("[data-label]")?.dataset.label;

	draw();
	if (focused === null || focused === document.activeElement)
		return;
	const row = node.rows[Math.min(at, node.rows.length - 1)];
	const links = [...row.querySelectorAll("a")];

	(links.find((a) => a.closest("[data-label]").dataset.label === label)
		?? links[0] ?? titleOf(node)).focus();
}

/* A title that sorts the table by its column: a column's order(row) is a text or a
 * number; the least comes first. */
function heading(column, node, sorting) {
	const is = sorting?.title === column.title;

	return keyed(column.title, element("th", { role: "columnheader",
		scope: "col", class: column.kind ?? null,
		"aria-sort": is ? "ascending" : null },
	column.order === undefined ? column.title
		: element("button", { type: "button", class: "sort",
			"data-sorts": node.id, "data-by": column.title },
		column.title)));
}

/* The order selected for the rows of a table; undefined: its own order. */
function sortingOf(node) {
	const [id, title] = settings.sort.split(":");

	return id === node.id ? { title } : undefined;
}

export function inOrder(node, columns, rows) {
	const sorting = sortingOf(node);
	const column = columns.find((one) => one.order !== undefined
		&& one.title === sorting?.title);

	return column === undefined ? rows : rows.toSorted((a, b) => {
		const [one, other] = [column.order(a), column.order(b)];

		return typeof one === "string" ? one.localeCompare(other)
			: one - other;
	});
}

/* Shows rows as a table. A column is {title, value(row), kind, names, opens(row),
 * picture(row), order(row)}; names: it names the row; opens returns the address to
 * which its value links; picture returns an image for the cell. A row's member key
 * identifies it. A column without any value is omitted. Roles are explicit, because
 * narrow screens show a row as a block, and a browser then no longer treats it as a
 * row. */
export function table(node, columns, rows, attributes = () => ({})) {
	const shown = columns.filter((column) =>
		rows.some((row) => column.value(row) !== null));
	const titles = shown.map((column) =>
		heading(column, node, sortingOf(node)));
	const lines = rows.map((row) => keyed(row.key, element("tr",
		{ role: "row", ...attributes(row) },
		...shown.map((column) => cell(column, row)))));

	node.setAttribute("role", "table");
	keepFocus(node, () => exchange(node,
		element("thead", { role: "rowgroup" },
			element("tr", { role: "row" }, ...titles)),
		element("tbody", { role: "rowgroup" }, ...lines)));
	node.hidden = rows.length === 0;
}

/* A second click restores the table's own order. */
export function listenToSorting() {
	document.addEventListener("click", (event) => {
		const { sorts, by } = event.target.dataset;

		if (sorts !== undefined)
			change({ sort: settings.sort === `${sorts}:${by}` ? ""
				: `${sorts}:${by}` });
	});
}

/* Shows the content of a section or, after a failure, the reason. */
export function setFailed(id, why) {
	byId(id).classList.toggle("failed", why !== "");
	if (why !== "")
		setText(byId(`${id}-note`), why);
}

/* Shows figures: {id, title, value, kind, opens, before, beforeOpens, change,
 * changeKind}; before is the value for comparison, change the difference. Unknown
 * values have no link. Existing nodes stay, so that the focus is kept. */
export function figures(list, shown) {
	for (const one of shown) {
		const { id, title, value = null, kind, before = "" } = one;
		const text = String(value ?? "–");
		let node = byId(id);

		if (node === null) {
			node = element("div", { id }, element("dt"),
				element("dd", { class: "value" }),
				element("dd", {}),
				element("dd", { class: "before" }),
				element("dd", { class: "trend" }));
			list.append(node);
		}
		node.className = `figure ${kind ?? ""}`;
		node.style.setProperty("--letters", text.length);
		setText(node.children[0], title);
		showValue(node.children[1], text,
			value === null ? null : one.opens ?? null);
		node.children[2].className = `change ${one.changeKind ?? ""}`;
		setText(node.children[2], one.change ?? "");
		showValue(node.children[3], before, one.beforeOpens ?? null);
		showTrend(node.children[4], one.trend ?? null);
	}
}

const TREND = { width: 120, height: 32 };

/* {points, before, text}: a line of past values, null for unknown ones, and a thin
 * line for the previous period. */
function showTrend(node, trend) {
	const known = (points) => points.filter((point) => point !== null);

	node.hidden = trend === null || known(trend.points).length < 2;
	if (node.hidden) {
		node.replaceChildren();
		return;
	}
	const from = [...Array(trend.points.length).keys()].find((i) =>
		trend.points[i] !== null || trend.before?.[i] != null);
	const points = trend.points.slice(from);
	const before = trend.before?.slice(from) ?? [];
	const { text } = trend;
	const most = Math.max(...known([...points, ...before]));
	const least = Math.min(0, ...known([...points, ...before]));
	const step = TREND.width
		/ (Math.max(points.length, before.length, 2) - 1);
	const y = (point) => TREND.height - 3 - (TREND.height - 6)
		* (most === least ? 0.5 : (point - least) / (most - least));
	const line = (list, kind) => drawing("polyline", { class: kind,
		points: list.flatMap((point, i) => point === null ? []
			: [`${(step * i).toFixed(1)},${y(point).toFixed(1)}`])
			.join(" ") });

	exchange(node, drawing("svg", { role: "img", "aria-label": text,
		preserveAspectRatio: "none",
		viewBox: `0 0 ${TREND.width} ${TREND.height}` },
	line(before, "was"), line(points, "is")));
}

/* One bar of parts, {n, kind, title}, and its legend as a list. */
export function stackedBar(bar, legend, parts) {
	const all = parts.reduce((sum, part) => sum + part.n, 0);
	let x = 0;

	bar.toggleAttribute("hidden", all === 0);
	legend.hidden = all === 0;
	bar.setAttribute("viewBox", "0 0 100 10");
	bar.setAttribute("preserveAspectRatio", "none");
	exchange(bar, ...parts.filter((part) => part.n > 0).map((part) => {
		const width = 100 * part.n / all;
		const rect = drawing("rect", { class: part.kind, x, width,
			height: 10 }, drawing("title", {},
			`${part.title}: ${part.text}`));

		x += width;
		return rect;
	}));
	exchange(legend, ...parts.map((part) => element("li", {},
		drawing("svg", { viewBox: "0 0 12 12", "aria-hidden": "true" },
			drawing("rect", { class: part.kind, width: 12,
				height: 12, rx: 2 })),
		`${part.title} `, element("strong", {}, part.text))));
}

function showValue(node, text, address) {
	const anchor = node.querySelector("a");

	if (address === null) {
		if (anchor !== null)
			anchor.remove();
		setText(node, text);
	} else if (anchor === null) {
		node.replaceChildren(link(text, address));
	} else {
		setText(anchor, text);
		if (anchor.getAttribute("href") !== address)
			anchor.setAttribute("href", address);
	}
}
