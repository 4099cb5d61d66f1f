/*
 * login: POST /login, a form with a token, which a browser then keeps in a
 * cookie (session.h); and POST /logout, which removes it. A form on another
 * site's page is refused where the browser reports it.
 */
#ifndef SINK_SERVE_LOGIN_H
#define SINK_SERVE_LOGIN_H

#include "common/http/web.h"

/* The longest form: browsers keep no longer cookie. */
#define LOGIN_BODY_MAX ((size_t)4000)

/* Their context is a struct serve. */
web_handler login_answer, logout_answer;

#endif
