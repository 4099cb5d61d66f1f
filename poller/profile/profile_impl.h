/*
 * profile_impl: what the files profile*.c share. Nobody else includes it, so
 * nobody else sees libjq.
 */
#ifndef POLLER_PROFILE_PROFILE_IMPL_H
#define POLLER_PROFILE_PROFILE_IMPL_H

#include "poller/profile/profile.h"

#include <jv.h>

struct value {
	unsigned refs;
	jv v;
};

/* Takes v. */
struct value *value_new_jv(jv v);

/* A copy for libjq; null for NULL. */
jv value_jv(const struct value *v);

/* A member of an object (borrowed); invalid if absent or no object. */
jv profile_member(jv object, const char *key);

/* The same as text: owned, NULL when it is none. */
char *profile_text(jv object, const char *key)
    __attribute__((warn_unused_result));

/* A text for libjq; null for NULL. */
jv profile_text_or_null(const char *s);

/* The JSON text of v (taken), appended. */
void value_dump_jv(jv v, struct buf *out);

/* Calls the function of that name, with `more` (taken) beside the tenant and
 * the options. What it gave; or invalid, and *why. */
jv profile_run(struct profile *p, const char *call, jv more, struct buf *why)
    __attribute__((warn_unused_result));

/* The fault of that name; ERROR_CLASS_UNUSABLE when there is none. */
enum error_class profile_error_class(const char *name);

const struct profile_options *profile_options(const struct profile *p);

/* An id that a function gave (v is taken): owned, NULL when it is none. */
char *profile_id(jv v) __attribute__((warn_unused_result));

/* What about gave (taken). -1 and *why: it cannot be that. */
int profile_about_read(jv about, struct profile_about *out, struct buf *why)
    __attribute__((warn_unused_result));
void profile_about_release(struct profile_about *a);

/* The result of an X_request function (borrowed), as profile_request(). */
int profile_request_read(jv result, struct profile_request *out,
    struct buf *why) __attribute__((warn_unused_result));

#endif
