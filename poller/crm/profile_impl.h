/*
 * profile_impl: what the files profile*.c share. Only they include it, so only
 * they depend on libjq.
 */
#ifndef POLLER_CRM_PROFILE_IMPL_H
#define POLLER_CRM_PROFILE_IMPL_H

#include "common/base/buf.h"
#include "common/records/record.h"
#include "poller/crm/profile.h"

#include <jq.h>
#include <stdbool.h>
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

const struct profile_options *profile_options(const struct profile *p);

/* Adds the hooks of a result (borrowed), if it has any. */
void profile_webhooks_read(jv result, struct webhooks *out);

/* An id in a result (v is taken) as text: owned, NULL if it is none. */
char *profile_id(jv v) __attribute__((warn_unused_result));

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

/*
 * profile_file: finds and reads the text of a profile and of the prelude.
 */

struct profile_file {
	struct buf prelude, text;
};

/* Reads the prelude and the profile: a path if name has a slash, else NAME.jq
 * beside the prelude. 0, or -1 and *why. Release it in both cases. */
int profile_file_read(struct profile_file *f, const char *name, struct buf *why)
    __attribute__((warn_unused_result));
void profile_file_release(struct profile_file *f);

/* A hash of both texts and of more. */
uint64_t profile_file_version(const struct profile_file *f, const char *more);

#endif
