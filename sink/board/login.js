/*
 * login: a link with a token after its #, as printed by scripts/setup, logs in
 * automatically. Browsers do not send the text after a # to a server, and it is
 * removed from the history here, too.
 */
const token = new URLSearchParams(location.hash.slice(1)).get("token");

if (token !== null) {
	const form = document.querySelector("form");

	history.replaceState(null, "", "/login");
	form.elements.token.value = token;
	form.submit();
}
