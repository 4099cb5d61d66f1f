/*
 * profile_impl: what the files profile*.c share. Only they include it, so only
 * they depend on libjq.
 */
#ifndef POLLER_PROFILE_PROFILE_IMPL_H
#define POLLER_PROFILE_PROFILE_IMPL_H

#include "poller/profile/profile.h"

#include <jq.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

struct value {
	unsigned refs;
	jv v;
};

/* Takes v. */
struct value *value_new_jv(jv v);

/* Compiles the profile of that name. jq goes on writing its first error into
 * *error, which must outlive it. 0; or -1, and *why names the line. */
struct profile_file;
int profile_compile(jq_state *jq, const char *name,
    const struct profile_file *f, struct buf *error, struct buf *why)
    __attribute__((warn_unused_result));

/* A copy for libjq; null for NULL. */
jv value_jv(const struct value *v);

/* A member of an object (borrowed); invalid if absent or no object. */
jv profile_member(jv object, const char *key);

/* The same as text: owned, NULL if it is none. */
char *profile_text(jv object, const char *key)
    __attribute__((warn_unused_result));

/* The text for libjq; null for NULL. */
jv profile_text_or_null(const char *s);

/* The JSON text of v (taken), appended. */
void value_dump_jv(jv v, struct buf *out);

/* Calls the function of that name, with the members of `more` (taken) beside
 * tenant and options. Its result; or invalid, and *why. */
jv profile_run(struct profile *p, const char *call, jv more, struct buf *why)
    __attribute__((warn_unused_result));

/* The class of that name; ERROR_CLASS_UNUSABLE if there is none. */
enum error_class profile_error_class(const char *name);

const struct profile_options *profile_options(const struct profile *p);

/* An id in a result (v is taken) as text: owned, NULL if it is none. */
char *profile_id(jv v) __attribute__((warn_unused_result));

/* -1 with *why, which names the member: the result of about (borrowed) is not
 * what the contract says. */
int profile_about_check(jv about, struct buf *why)
    __attribute__((warn_unused_result));

/* Reads the result of about (taken). 0; or -1 and *why. */
int profile_about_read(jv about, struct profile_about *out, struct buf *why)
    __attribute__((warn_unused_result));
void profile_about_release(struct profile_about *a);

/* A call of libjq that takes too long is halted, by a timer of the calling
 * thread's processor time, which neither other threads nor a busy machine can
 * use up. Starts zeroed. */
struct profile_cpu_limit {
	timer_t timer;
	pid_t thread; /* whose time it counts; 0: there is no timer */
};

/* Halts *jq after ms of the thread's processor time. 0; or -1 and errno: no
 * timer could be made. */
int profile_cpu_limit_start(struct profile_cpu_limit *l, jq_state *jq,
    int64_t ms) __attribute__((warn_unused_result));
void profile_cpu_limit_stop(struct profile_cpu_limit *l);
void profile_cpu_limit_release(struct profile_cpu_limit *l);

/* Reads the result of an X_request function (borrowed). Returns as
 * profile_request(). */
int profile_request_read(jv result, struct profile_request *out,
    struct buf *why) __attribute__((warn_unused_result));

#endif
