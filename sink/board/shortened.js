/* Lists that can be long: the first rows, which are the most urgent ones, and a
 * button for all, so that what stands below them stays within reach. */

import { byId, setText, table } from "./element.js";
import { change, settings } from "./settings.js";

const FIRST = 10;

/* Rows as the table of a section, whose button is before it. Returns how many
 * are shown. */
export function shortened(section, columns, rows, attributes) {
	const button = byId(`${section}-all`);
	const open = settings.all.includes(section);
	const shown = open ? rows : rows.slice(0, FIRST);

	button.hidden = rows.length <= FIRST;
	button.setAttribute("aria-expanded", String(open));
	setText(button, open ? `Show the first ${FIRST}`
		: `Show all (${rows.length})`);
	table(byId(`${section}-table`), columns, shown, attributes);
	return shown.length;
}

export function listenToShortened() {
	for (const button of document.querySelectorAll("[data-all]"))
		button.addEventListener("click", () => {
			const { all } = button.dataset;
			const others = settings.all.filter((one) => one !== all);

			change({ all: settings.all.includes(all) ? others
				: [...others, all] });
		});
}
