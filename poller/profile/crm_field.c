/*
 * crm_field: see crm_field.h.
 */
#include "poller/profile/crm_field.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/parse.h"
#include "common/base/xalloc.h"
#include "common/text/jsonw.h"

/* Bytes. Longer texts are cut, because a line has a limit. A name has at least
 * the 255 characters that a table keeps. */
#define TEXT_MAX ((size_t)128 * 1024)
#define PERSON_MAX ((size_t)255 * 4)

/* 2^53: whole numbers up to it are exact in a double. */
#define EXACT_MAX 9007199254740992.0

char *
crm_field_id(const struct value_view *v)
{
	double n = v->number;
	struct buf digits = BUF_INIT;

	switch (v->kind) {
	case VIEW_ABSENT:
		return xstrdup("");
	case VIEW_NUMBER:
		if (n > EXACT_MAX || n < -EXACT_MAX || n != (double)(int64_t)n)
			return NULL;
		if (n != 0)
			buf_addi(&digits, (int64_t)n);
		return buf_take(&digits);
	case VIEW_TEXT:
		return v->len <= RECORD_MAX_ID &&
			       record_id_error(v->text, v->len) == NULL
			   ? xstrndup(v->text, v->len)
			   : NULL;
	case VIEW_FALSE:
	case VIEW_TRUE:
	case VIEW_TREE:
		break;
	}
	return NULL;
}

int
crm_field_time(const struct value_view *v, int64_t *ms)
{
	char text[64];
	size_t len = v->len;
	double ms_of;

	*ms = CLOCK_NONE;
	if (v->kind == VIEW_ABSENT || (v->kind == VIEW_TEXT && len == 0))
		return 0;
	if (v->kind == VIEW_NUMBER) {
		if (!(v->number > -6e10 && v->number < 2.5e11))
			return -1;
		ms_of = v->number * 1000;
		*ms = (int64_t)(ms_of < 0 ? ms_of - 0.5 : ms_of + 0.5);
		return 0;
	}
	if (v->kind != VIEW_TEXT || len >= sizeof text)
		return -1;
	memcpy(text, v->text, len);
	if (len > 4 && memcmp(text + len - 4, " UTC", 4) == 0) {
		len -= 3;
		text[len - 1] = 'Z';
	}
	return clock_parse(text, len, ms);
}

static int
add_id_field(struct buf *b, const char *name, const struct value_view *v)
{
	char *id = crm_field_id(v);

	if (id == NULL)
		return -1;
	if (*id != '\0')
		jsonw_str(b, name, id);
	free(id);
	return 0;
}

static int
add_text_field(
    struct buf *b, const char *name, const struct value_view *v, size_t max)
{
	size_t len = v->len;

	if (v->kind == VIEW_ABSENT)
		return 0;
	if (v->kind != VIEW_TEXT)
		return -1;
	if (len > max) {
		len = max;
		while (((unsigned char)v->text[len] & 0xC0) == 0x80)
			len--;
	}
	jsonw_strn(b, name, v->text, len);
	return 0;
}

void
crm_field_add_name(struct buf *b, const char *name, const struct value_view *v)
{
	(void)add_text_field(b, name, v, PERSON_MAX);
}

static int
add_time_field(struct buf *b, const char *name, const struct value_view *v)
{
	int64_t ms;

	if (crm_field_time(v, &ms) != 0)
		return -1;
	if (ms != CLOCK_NONE)
		jsonw_time(b, name, ms);
	return 0;
}

/* Some CRMs send numbers as text. Those that profiles return are max_chats and
 * reported_open_chats, which no reader of records takes above that. */
static int
add_count_field(struct buf *b, const char *name, const struct value_view *v)
{
	char text[24];
	int64_t n;

	if (v->kind == VIEW_ABSENT)
		return 0;
	if (v->kind == VIEW_NUMBER && v->number >= 0 &&
	    v->number <= RECORD_MAX_COUNT)
		n = (int64_t)v->number;
	else if (v->kind == VIEW_TEXT && v->len < sizeof text) {
		memcpy(text, v->text, v->len);
		text[v->len] = '\0';
		if (parse_int(text, 0, RECORD_MAX_COUNT, &n) != 0)
			return -1;
	} else {
		return -1;
	}
	jsonw_int(b, name, n);
	return 0;
}

/* An absent flag means false, so false is written only of available. */
static int
add_flag_field(struct buf *b, const char *name, const struct value_view *v)
{
	if (v->kind != VIEW_ABSENT && v->kind != VIEW_TRUE &&
	    v->kind != VIEW_FALSE)
		return -1;
	if (v->kind == VIEW_TRUE ||
	    (v->kind == VIEW_FALSE && strcmp(name, "available") == 0))
		jsonw_bool(b, name, v->kind == VIEW_TRUE);
	return 0;
}

bool
crm_field_is(const struct value_view *v, const char *s)
{
	return v->kind == VIEW_TEXT && v->len == strlen(s) &&
	       memcmp(v->text, s, v->len) == 0;
}

int
crm_field_status(const struct value_view *v, enum chat_status *status)
{
	enum chat_status s;

	*status = CHAT_NONE;
	for (s = CHAT_OPEN; s <= CHAT_GONE; s++) {
		if (crm_field_is(v, record_status_name(s)))
			*status = s;
	}
	return v->kind == VIEW_ABSENT || *status != CHAT_NONE ? 0 : -1;
}

static int
add_choice_field(
    struct buf *b, const struct record_field *f, const struct value_view *v)
{
	enum chat_status s;
	enum message_from from;
	bool ok = false;

	if (v->kind == VIEW_ABSENT)
		return 0;
	if (f->kind == FIELD_STATUS)
		ok = crm_field_status(v, &s) == 0;
	for (from = FROM_CUSTOMER; f->kind == FIELD_FROM && from <= FROM_SYSTEM;
	     from++)
		ok |= crm_field_is(v, record_from_name(from));
	if (!ok)
		return -1;
	jsonw_strn(b, f->name, v->text, v->len);
	return 0;
}

int
crm_field_add(
    struct buf *b, const struct record_field *f, const struct value_view *v)
{
	switch (f->kind) {
	case FIELD_ID:
		return add_id_field(b, f->name, v);
	case FIELD_TEXT:
		return add_text_field(b, f->name, v, TEXT_MAX);
	case FIELD_TIME:
		return add_time_field(b, f->name, v);
	case FIELD_COUNT:
		return add_count_field(b, f->name, v);
	case FIELD_FLAG:
		return add_flag_field(b, f->name, v);
	case FIELD_STATUS:
	case FIELD_FROM:
		return add_choice_field(b, f, v);
	case FIELD_JSON:
		if (v->kind == VIEW_TREE)
			jsonw_raw(b, f->name, v->text, v->len);
		return v->kind == VIEW_TREE || v->kind == VIEW_ABSENT ? 0 : -1;
	case FIELD_TENANT:
	case FIELD_STATE:
		break;
	}
	return 0;
}
