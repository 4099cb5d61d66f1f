/*
 * reservation_read: the questions of a reservation that change nothing: the
 * chat itself; where that does not name its assignee, the lists of the
 * operators it may be; and, before it is given, the operator's open chats.
 */
#include "poller/assign/reservation_impl.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/text/jsonw.h"

/* Chats of which the time of the last reading is kept. */
#define ASKED_MAX 100000

static void
set_id(char **operator_id, const char *now)
{
	free(*operator_id);
	*operator_id = xstrdup(now);
}

/* A record of the chat that has these members, not yet closed. */
static void
open_chat_record(
    struct buf *b, const struct reservation *r, const char *members)
{
	jsonw_open(b);
	jsonw_str(b, "type", "chat");
	jsonw_str(b, "tenant", r->assigner->crm.tenant->name);
	jsonw_members(b, members, strlen(members));
}

static bool
is_of_chat(const struct flat_field *f)
{
	const struct text key = { f->key, f->key_len };

	return !text_is(key, "type") && !text_is(key, "tenant") &&
	       !text_is(key, "operator");
}

/* Keeps the members for the outcome. Not the operator, who may be another one
 * by then: the outcome names the assignee. */
static void
note_body(struct reservation *r, const struct flat *flat)
{
	const struct flat_field *f;
	const char *raw;
	size_t i, len;

	buf_clear(&r->body);
	for (i = 0; i < flat->n; i++) {
		f = &flat->field[i];
		if (!is_of_chat(f))
			continue;
		raw = flat_raw(f, &len);
		jsonw_name(&r->body, f->key, f->key_len);
		buf_add(&r->body, raw, len);
	}
}

/* The assignee that the page names stands only in the text of its record. */
static void
note_chat(struct reservation *r, const char *members)
{
	struct buf line = BUF_INIT, why = BUF_INIT;
	struct flat flat = FLAT_INIT;
	struct record record;
	static const char padding[64];
	size_t len;

	open_chat_record(&line, r, members);
	jsonw_close(&line);
	len = line.len;
	buf_add(&line, padding, sizeof padding);
	free(r->assignee);
	r->assignee = NULL;
	if (record_parse(&record, &flat, line.data, len, &why) == 0 &&
	    record.operator_id.p != NULL)
		r->assignee = text_dup(record.operator_id);
	note_body(r, &flat);
	flat_release(&flat);
	buf_release(&line);
	buf_release(&why);
}

static void
note_asked(struct reservation *r)
{
	struct tenant_assigner *assigner = r->assigner;
	void **slot;

	if (assigner->asked.live >= ASKED_MAX) {
		strmap_release(&assigner->asked, free);
		assigner->asked = (struct strmap)STRMAP_INIT;
	}
	slot = strmap_put(&assigner->asked, r->chat, strlen(r->chat));
	if (*slot == NULL)
		*slot = xmalloc(sizeof(int64_t));
	*(int64_t *)*slot = r->asked_ms;
}

/* Without one it is open: messaging-records(5). */
static enum chat_status
status_of(const struct crm_record *r)
{
	return r->status != CHAT_NONE ? r->status : CHAT_OPEN;
}

static void
reservation_chat_page(void *ctx, struct profile_answer *a, int64_t asked_ms)
{
	struct reservation *r = ctx;
	size_t i;

	for (i = 0; i < a->n; i++) {
		const struct crm_record *record = &a->records[i];

		if (record->type != RECORD_CHAT ||
		    strcmp(record->id, r->chat) != 0)
			continue;
		note_chat(r, record->body);
		r->status = status_of(record);
		r->closed_at = record->closed_at;
		r->taken = record->taken;
		r->asked_ms = asked_ms;
		note_asked(r);
	}
}

static void
read_failed(struct reservation *r, const struct ending *e)
{
	reservation_report(r->assigner, e->error, "read chats", e->message);
	if (failure_passes(e->error))
		reservation_away(r);
	else
		reservation_done(r, RESERVATION_FAILED);
}

/* The chat is assigned and the CRM does not say to whom: the outcome says only
 * that the reservation has ended. It bears no time, so it counts as older than
 * everything else that is known of the chat. */
static void
outcome_unknown(struct reservation *r)
{
	struct buf *b = &r->outcome;

	jsonw_open(b);
	jsonw_str(b, "type", "chat");
	jsonw_str(b, "tenant", r->assigner->crm.tenant->name);
	jsonw_str(b, "chat", r->chat);
	jsonw_str(b, "assignment", r->id);
	jsonw_close(b);
	reservation_done(r, RESERVATION_TAKEN);
}

static void
operator_list_page(void *ctx, struct profile_answer *a, int64_t asked_ms)
{
	struct reservation *r = ctx;
	size_t i;

	for (i = 0; i < a->n; i++) {
		const struct crm_record *record = &a->records[i];

		if (record->type != RECORD_CHAT ||
		    status_of(record) != CHAT_OPEN)
			continue;
		*strmap_put(&r->listed_ids, record->id, strlen(record->id)) = r;
		open_chat_record(&r->listed_chats, r, record->body);
		jsonw_time(&r->listed_chats, "at", asked_ms);
		jsonw_line(&r->listed_chats);
	}
}

static void
operator_list_end(void *ctx, const struct ending *e)
{
	struct reservation *r = ctx;

	if (e->error != ERROR_CLASS_NONE) {
		read_failed(r, e);
		return;
	}
	if (strmap_get(&r->listed_ids, r->chat, strlen(r->chat)) != NULL) {
		/* It moved here from the replaced operator meanwhile. */
		set_id(&r->assignee, r->operator_id);
	}
	reservation_decide(r);
}

void
reservation_list(struct reservation *r)
{
	struct crm_question q = { .call = PROFILE_CHATS,
		.operator_id = r->operator_id,
		.ctx = r,
		.page = operator_list_page,
		.end = operator_list_end };

	r->state = STATE_LISTING;
	r->listed_ms = clock_mono_ms();
	reservation_ask(r, &q);
}

static void
on_chat_shown(struct reservation *r)
{
	struct tenant_assigner *assigner = r->assigner;

	if (!assigner->cannot_give)
		assigner->reported = ERROR_CLASS_NONE;
	if (r->assignee == NULL && r->locate.assignee != NULL)
		set_id(&r->assignee, r->locate.assignee);
	if (r->status == CHAT_OPEN && r->taken && r->assignee == NULL)
		outcome_unknown(r);
	else
		reservation_decide(r);
}

static void
located(void *ctx, enum where where, const struct ending *e)
{
	struct reservation *r = ctx;

	switch (where) {
	case WHERE_SHOWN:
		on_chat_shown(r);
		break;
	case WHERE_GONE:
		r->asked_ms = e->ended_ms;
		note_asked(r);
		reservation_outcome(r, RESERVATION_CLOSED);
		break;
	case WHERE_FAILED:
		read_failed(r, e);
		break;
	case WHERE_MISSING:
	case WHERE_UNASKED:
	case WHERE_OTHER:
		reservation_report(r->assigner, ERROR_CLASS_UNUSABLE,
		    "read chats", "the answer is about another chat");
		reservation_done(r, RESERVATION_FAILED);
		break;
	}
}

void
reservation_read(struct reservation *r)
{
	buf_clear(&r->body);
	strmap_release(&r->listed_ids, NULL);
	buf_clear(&r->listed_chats);
	r->state = STATE_READING;
	r->locate = (struct locate){ .fetch = r->assigner->crm.fetch,
		.chat = r->chat,
		.operators = { r->operator_id, r->replaces },
		.urgent = true,
		.search = true,
		.ctx = r,
		.page = reservation_chat_page,
		.end = located };
	locate_chat(&r->locate);
}
