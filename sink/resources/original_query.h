/*
 * original_query: the query of a request to the analytics service that this
 * program replaces, checked in its order and words: a wrong parameter is 422
 * and the list of all that are wrong. tenant_id has to be there and to be that
 * of the token: it never decides.
 */
#ifndef SINK_RESOURCES_ORIGINAL_QUERY_H
#define SINK_RESOURCES_ORIGINAL_QUERY_H

#include "common/http/validate_errors.h"
#include "sink/api/question.h"

struct original_query {
	struct question *q;
	struct validate_errors errors;
};

/* Checks tenant_id. */
void original_query_begin(struct original_query *o, struct question *q);

/* A time; *ms stays as it is without one, which is an error if it is needed.
 * Forms: RFC 3339, also with _ for the T; the same without seconds or offset
 * (UTC); a date, its midnight; seconds or, beyond 2e10, milliseconds since
 * 1970, also before it. */
void original_query_time(
    struct original_query *o, const char *name, bool needed, int64_t *ms);

/* The index of one of the words of a NULL-ended list; without the parameter it
 * is `otherwise`. */
size_t original_query_word(struct original_query *o, const char *name,
    const char *const *words, size_t otherwise);

/* False: something was wrong, and the answer is made. Ends the use of o. */
bool original_query_end(struct original_query *o)
    __attribute__((warn_unused_result));

#endif
