/* What to do about metrics that an answer names as not kept. */

export function notKept(metrics, unless = "nobody has answered yet") {
	return `Not kept: add ${metrics.replace(", ", " and ")} to metrics of `
		+ `[aggregator] in messaging.conf, unless ${unless}. `
		+ "messaging-board(7), WHAT IT NEEDS, has more.";
}
