/*
 * login: a link with a token behind its #, as scripts/setup prints it, logs in by
 * itself. Browsers send no server what is behind a #, and here it leaves the
 * history, too.
 */
const token = new URLSearchParams(location.hash.slice(1)).get("token");

if (token !== null) {
	const form = document.querySelector("form");

	history.replaceState(null, "", "/login");
	form.elements.token.value = token;
	form.submit();
}
