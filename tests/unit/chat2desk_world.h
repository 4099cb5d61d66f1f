/*
 * chat2desk_world: Chat2Desk's profile in tests, with its results as text.
 */
#ifndef TESTS_CHAT2DESK_WORLD_H
#define TESTS_CHAT2DESK_WORLD_H

#include "tests/unit/profile_world.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "poller/crm/profile.h"

static char bot[] = "777";
static char *bots[] = { bot, NULL };
static const struct profile_options options = { PROFILE_OPTIONS };

static inline struct profile *
open_profile(const char *name)
{
	struct buf why = BUF_INIT;
	struct profile *p = profile_open(name, &options, &why);

	if (p == NULL)
		fail_msg("%s", buf_str(&why));
	buf_release(&why);
	return p;
}

/* Reads an answer as text: all bodies, one per line, or the error. */
static inline void
read_text(struct profile *p, enum profile_call call, int status,
    const char *answer, const char *chat, const char *cursor, const char *known,
    struct buf *got)
{
	json_t *a = json(answer);
	json_t *c = chat != NULL ? json(chat) : NULL;
	json_t *k = cursor != NULL ? json(cursor) : NULL;
	struct profile_input in = { .status = status,
		.answer = a,
		.chat = c,
		.cursor = k,
		.known = known,
		.customer = "40001" };
	struct profile_answer out;
	size_t i;

	buf_clear(got);
	profile_read(p, call, &in, &out);
	if (out.error != ERROR_CLASS_NONE)
		buf_addf(
		    got, "fault %d: %s", (int)out.error, buf_str(&out.message));
	for (i = 0; i < out.n; i++)
		buf_addf(got, "%s%s%s\n", out.records[i].body,
		    *out.records[i].person != '\0' ? " + " : "",
		    out.records[i].person);
	if (out.operator_id != NULL)
		buf_addf(got, "has it: %s\n", out.operator_id);
	if (out.error == ERROR_CLASS_NONE && out.odd > 0)
		buf_addf(
		    got, "odd %zu: %s\n", out.odd, buf_str(&out.first_odd));
	if (out.next != NULL) {
		buf_adds(got, "next ");
		value_dump(out.next, got);
	}
	profile_answer_release(&out);
	json_decref(a);
	json_decref(c);
	json_decref(k);
}

#endif
