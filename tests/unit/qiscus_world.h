/*
 * qiscus_world: Qiscus's profile in tests, with its results as text.
 */
#ifndef TESTS_QISCUS_WORLD_H
#define TESTS_QISCUS_WORLD_H

#include "tests/unit/profile_world.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "poller/crm/profile.h"

#define CHAT(id, rest)                                                         \
	"\"chat\":\"" id "\",\"channel\":\"12\"," rest                         \
	"\"customer\":\"c@x\" + \"customer_name\":\"Cy\","                     \
	"\"customer_phone\":\"c@x\"\n"
#define OPEN "\"status\":\"open\","

static char bot[] = "777";
static char *bots[] = { bot, NULL };
static const struct profile_options options = { PROFILE_OPTIONS,
	.account = "app-1" };

#define CREW                                                                   \
	"[{\"operator\":501,\"name\":\"Ann\",\"sdk_email\":\"ann@sdk\"},"      \
	"{\"operator\":502,\"name\":\"Bo Lee\",\"sdk_email\":\"bo@sdk\"},"     \
	"{\"operator\":777,\"name\":\"Robo\",\"sdk_email\":\"robo@sdk\"},"     \
	"{\"operator\":503,\"name\":\"Bo Lee\",\"sdk_email\":\"bo2@sdk\"}]"

static inline struct profile *
open_profile(void)
{
	struct buf why = BUF_INIT;
	struct profile *p = profile_open("qiscus", &options, &why);
	json_t *crew = json(CREW);

	if (p == NULL)
		fail_msg("%s", buf_str(&why));
	profile_set_operators(p, crew, NULL);
	json_decref(crew);
	buf_release(&why);
	return p;
}

/* What a call is asked with. */
struct with {
	const char *chat, *cursor, *known, *operator_id, *replaces;
	int status; /* 0: 200 */
};

static inline void
dump_records(const struct crm_record *records, size_t n, struct buf *got)
{
	size_t i;

	for (i = 0; i < n; i++)
		buf_addf(got, "%s%s%s\n", records[i].body,
		    *records[i].person != '\0' ? " + " : "", records[i].person);
}

/* Reads an answer as text: all bodies, one per line, and the next cursor; or
 * the error. */
static inline void
read_text(struct profile *p, enum profile_call call, const char *answer,
    const struct with *w, struct buf *got)
{
	json_t *a = json(answer);
	json_t *c = w->chat != NULL ? json(w->chat) : NULL;
	json_t *k = w->cursor != NULL ? json(w->cursor) : NULL;
	struct profile_input in = { .status = w->status ? w->status : 200,
		.answer = a,
		.chat = c,
		.cursor = k,
		.known = w->known,
		.operator_id = w->operator_id };
	struct profile_answer out;

	buf_clear(got);
	profile_read(p, call, &in, &out);
	if (out.error != ERROR_CLASS_NONE)
		buf_addf(
		    got, "fault %d: %s", (int)out.error, buf_str(&out.message));
	dump_records(out.records, out.n, got);
	if (out.n > 0 && out.records[0].taken)
		buf_adds(got, "taken\n");
	if (out.operator_id != NULL)
		buf_addf(got, "has it: %s\n", out.operator_id);
	if (out.odd > 0)
		buf_addf(got, "odd: %s\n", buf_str(&out.first_odd));
	if (out.next != NULL) {
		buf_adds(got, "next ");
		value_dump(out.next, got);
	}
	profile_answer_release(&out);
	json_decref(a);
	json_decref(c);
	json_decref(k);
}

static inline void
same(const char *name, const struct buf *got, const char *want)
{
	if (strcmp(buf_str(got), want) != 0)
		fail_msg("%s: got\n%s\nwant\n%s", name, buf_str(got), want);
}

#endif
