/*
 * login: POST /login, a form with a token, which a browser then keeps in a
 * cookie; and POST /logout, which removes it.
 *
 * The cookie is Secure unless the browser says that the form stood on a page
 * of its own machine without TLS (header Origin, http://localhost and the
 * like): the browser alone knows how it reached us, through whichever proxies.
 * A form on another site's page is refused where the browser tells of it.
 */
#ifndef SINK_SERVE_LOGIN_H
#define SINK_SERVE_LOGIN_H

#include "common/http/web.h"

/* The longest form: browsers keep no longer cookie. */
#define LOGIN_BODY_MAX ((size_t)4000)

/* Their context is a struct serve. */
web_handler login_answer, logout_answer;

#endif
