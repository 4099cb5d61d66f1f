/*
 * problem: answers that are errors, in the form of RFC 9457.
 */
#ifndef SINK_ANSWER_PROBLEM_H
#define SINK_ANSWER_PROBLEM_H

#include "common/http/web.h"

/* Makes the answer a problem of that status, whatever it was before. detail is
 * a sentence for the client. */
void problem_answer(struct web_answer *a, int status, const char *detail);

/* The same for what the HTTP server itself refuses: a server_refuser. */
void problem_of_server(int status, struct web_answer *a);

#endif
