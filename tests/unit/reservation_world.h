/*
 * A reservation beside a CRM that is the test: fetch_ask() here keeps the
 * question, and the test answers it.
 */
#ifndef TESTS_UNIT_RESERVATION_WORLD_H
#define TESTS_UNIT_RESERVATION_WORLD_H

#include "tests/unit/tmpdir.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "poller/assign/reservation.h"

static struct crm_question asked; /* the one that is not answered yet */
static struct tenant tenant = { .name = "acme", .concurrency = 1 };
static struct skew skew;
static unsigned ended;

void
fetch_ask(struct fetch *f, const struct crm_question *q)
{
	(void)f;
	asked = *q;
}

static inline void
done(void *ctx, struct reservation *p)
{
	(void)ctx;
	(void)p;
	ended++;
}

static inline struct tenant_assigner
new_assigner(void)
{
	return (struct tenant_assigner){
		.tenant = &tenant, .skew = &skew, .done = done
	};
}

/* Of that chat, from bob to ann, who may have any number. */
static inline void
init_chat(struct reservation *p, struct tenant_assigner *c, const char *chat)
{
	const struct record r = { .type = RECORD_ASSIGNMENT,
		.id = { "p1", 2 },
		.chat = { chat, strlen(chat) },
		.operator_id = { "ann", 3 },
		.replaces = { "bob", 3 },
		.expires = clock_now_ms() + 60000,
		.max_chats = RECORD_NO_NUMBER };

	reservation_init(p, c, &r);
}

static inline void
begin_chat(struct reservation *p, struct tenant_assigner *c, const char *chat)
{
	init_chat(p, c, chat);
	reservation_start(p);
}

/* A page with that chat, without operator somebody's; NULL: an empty one. */
static inline void
page_of(const char *chat, const char *operator_id, enum chat_status status)
{
	struct crm_record r = { .type = RECORD_CHAT,
		.status = status,
		.at = CLOCK_NONE,
		.opened_at = CLOCK_NONE,
		.closed_at = CLOCK_NONE };
	struct profile_answer a = { .records = &r, .n = chat != NULL };

	if (chat != NULL) {
		r.id = xstrdup(chat);
		r.taken = operator_id == NULL;
		r.body = operator_id == NULL
			     ? xasprintf("\"chat\":\"%s\"", chat)
			     : xasprintf("\"chat\":\"%s\",\"operator\":\"%s\"",
				   chat, operator_id);
	}
	asked.page(asked.ctx, &a, clock_now_ms());
	free(r.id);
	free(r.body);
}

static inline void
page(const char *chat, const char *operator_id)
{
	page_of(chat, operator_id, CHAT_OPEN);
}

static inline void
end(enum error_class error)
{
	const struct ending e = { .error = error, .message = "so it is" };

	asked.end(asked.ctx, &e);
}

/* A reservation of that chat that is not started is given up. */
static inline bool
is_given_up(struct tenant_assigner *c, const char *chat)
{
	struct reservation p;
	bool is;

	init_chat(&p, c, chat);
	is = reservation_give_up(&p);
	if (is)
		assert_int_equal(p.result, RESERVATION_UNANSWERED);
	reservation_release(&p);
	return is;
}

/* Set-up and tear-down of a group: a private folder, and a tenant with a
 * profile, which is looked for from where the test began. */
static inline int
world_enter(void **state)
{
	struct profile_options options = { .tenant = "acme" };
	struct buf why = BUF_INIT;

	log_set_level(LOG_LEVEL_ERROR);
	tenant.profile = profile_open("qiscus", &options, &why);
	buf_release(&why);
	return tenant.profile != NULL ? tmpdir_enter(state) : -1;
}

static inline int
world_leave(void **state)
{
	profile_close(tenant.profile);
	return tmpdir_leave(state);
}

#endif
