/*
 * profile_impl: shared by the files profile*.c; no other file includes it.
 */
#ifndef POLLER_CRM_PROFILE_IMPL_H
#define POLLER_CRM_PROFILE_IMPL_H

#include "common/base/buf.h"
#include "poller/crm/profile.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * profile_jq: the jq program of a profile. Only this file uses libjq.
 */

struct program;
struct program_input;

/* Compiles a profile: a path if name has a slash, otherwise NAME.jq in the
 * folder of profiles. Returns NULL and *why, which names the line, on
 * failure. */
struct program *program_open(
    const char *name, const struct profile_options *opt, struct buf *why)
    __attribute__((warn_unused_result));
void program_close(struct program *g);

/* Returns a hash of its text. */
uint64_t program_version(const struct program *g);

/* Members (taken) that many calls use, so that they are converted only once. */
struct program_input *program_input_new(json_t *members)
    __attribute__((warn_unused_result));
void program_input_free(struct program_input *in);

/* Calls the function that the member "call" of the input names; input is an
 * object (taken). Returns the result, owned; or NULL and *why. */
json_t *program_run(struct program *g, const struct program_input *always,
    json_t *input, int64_t limit_ms, struct buf *why)
    __attribute__((warn_unused_result));

/* ---- profile ---- */

/* Returns the text of a member; NULL if it is not one. Borrowed. */
static inline const char *
profile_text(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

/* Calls the function with that name, with the members of `more` (taken) in
 * addition to tenant, options and operators. See program_run(). */
json_t *profile_run(struct profile *p, const char *call, json_t *more,
    struct buf *why) __attribute__((warn_unused_result));

/* The class with that name, or ERROR_CLASS_NONE. */
enum error_class profile_error_class(const char *name);

/* Returns how strictly its records are read. */
struct crm_record_options profile_record_options(
    const struct profile *p, bool partly);

/* Reads the result of jq_http in prelude.jq, from which *out borrows. Returns
 * false if it is null. */
bool profile_request_read(const json_t *result, struct profile_request *out);

#endif
