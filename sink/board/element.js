/* Elements of the page, made from text only: no string becomes markup. */

const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
	for (const [name, value] of Object.entries(attributes)) {
		if (value !== null && value !== false)
			node.setAttribute(name, value);
	}
	node.append(...children.filter((child) => child !== null));
	return node;
}

/* Children are texts and elements; attributes that are null are left out. */
export function element(tag, attributes = {}, ...children) {
	return fill(document.createElement(tag), attributes, children);
}

export function drawing(tag, attributes = {}, ...children) {
	return fill(document.createElementNS(SVG, tag), attributes, children);
}

export function byId(id) {
	return document.getElementById(id);
}

/* Writes only what is new, so that nothing moves for a screen reader. */
export function setText(node, text) {
	if (node.textContent !== text)
		node.textContent = text;
}

function cell(column, row) {
	const value = column.value(row);
	const node = element(column.names ? "th" : "td", {
		role: column.names ? "rowheader" : "cell",
		scope: column.names ? "row" : null,
		class: column.kind ?? null,
		"data-label": column.title,
	});

	node.append(value ?? "–");
	return node;
}

/* Rows as a table. A column is {title, value(row), kind, names}; names says
 * that it names the row. A column that no row has a value for is left out. Roles
 * are written because narrow screens show a row as a block, and a browser then
 * forgets that it is one. */
export function table(node, columns, rows, attributes = () => ({})) {
	const shown = columns.filter((column) =>
		rows.some((row) => column.value(row) !== null));
	const titles = shown.map((column) => element("th",
		{ role: "columnheader", scope: "col",
			class: column.kind ?? null },
		column.title));
	const lines = rows.map((row) => element("tr",
		{ role: "row", ...attributes(row) },
		...shown.map((column) => cell(column, row))));

	node.setAttribute("role", "table");
	node.replaceChildren(
		element("thead", { role: "rowgroup" },
			element("tr", { role: "row" }, ...titles)),
		element("tbody", { role: "rowgroup" }, ...lines));
	node.hidden = rows.length === 0;
}
