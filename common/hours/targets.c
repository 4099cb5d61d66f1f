/*
 * targets: see targets.h.
 */
#include "common/hours/targets.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/parse.h"
#include "common/base/text.h"
#include "common/base/xalloc.h"
#include "common/hours/date.h"

#define SOON_DEFAULT 20

/* The longest target: a year. */
#define HOURS_MAX (366 * 24)

static const char *const kind_names[TARGET_KINDS] = {
	[TARGET_FIRST_RESPONSE] = "first_response",
	[TARGET_REPLY] = "reply",
	[TARGET_RESOLUTION] = "resolution",
};

const char *
target_kind_name(enum target_kind kind)
{
	return kind_names[kind];
}

enum target_kind
target_kind_of_answer(struct text name)
{
	return text_is(name, kind_names[TARGET_REPLY]) ? TARGET_REPLY
						       : TARGET_FIRST_RESPONSE;
}

/* Reads digits followed by the unit. Returns the number, or 0 if there is none
 * or too large a number; *s: what follows. */
static int64_t
read_amount(const char **s, char unit)
{
	const char *p = *s;
	int64_t n = 0;

	for (; text_is_digit(*p) && n <= HOURS_MAX * 60; p++)
		n = 10 * n + (*p - '0');
	if (n == 0 || *p != unit)
		return 0;
	*s = p + 1;
	return n;
}

/* Reads "5m work", "24h calendar", "1h30m work" or "none". */
static bool
read_target(const char *s, struct target *to)
{
	static const char blanks[] = " \t";

	*to = (struct target){ 0 };
	if (strcmp(s, "none") == 0)
		return true;
	to->ms = read_amount(&s, 'h') * HOUR_MS;
	to->ms += read_amount(&s, 'm') * MINUTE_MS;
	if (to->ms == 0 || to->ms > HOURS_MAX * HOUR_MS ||
	    strchr(blanks, *s) == NULL)
		return false;
	s += strspn(s, blanks);
	to->work = strcmp(s, "work") == 0;
	return to->work || strcmp(s, "calendar") == 0;
}

static bool
read_soon(const char *text, int *to)
{
	size_t len = strlen(text);
	char *digits;
	int64_t n = 0;
	bool ok;

	if (len == 0 || text[len - 1] != '%')
		return false;
	digits = xstrndup(text, len - 1);
	ok = parse_int(digits, 0, 100, &n) == 0;
	free(digits);
	*to = (int)n;
	return ok;
}

static int
begin_version(struct targets *t, int64_t since, struct buf *why)
{
	struct targets_version *last = t->n > 0 ? &t->list[t->n - 1] : NULL;
	struct targets_version new = { .soon = SOON_DEFAULT };

	if (last != NULL && since <= last->since) {
		buf_setf(why, "versions are in order of their dates");
		return -1;
	}
	if (last != NULL)
		new = *last;
	new.since = since;
	XGROW(t->list, t->n, t->cap);
	t->list[t->n++] = new;
	return 0;
}

static int
read_since(struct targets *t, const char *text, bool first, struct buf *why)
{
	int64_t day;

	if (!date_read_all(text, &day)) {
		buf_setf(why, "'%s' is not a date such as 2026-12-01", text);
		return -1;
	}
	if (first) {
		t->list[0].since = day;
		return 0;
	}
	return begin_version(t, day, why);
}

static int
read_line(struct targets *t, const struct conf_entry *e, struct buf *why)
{
	struct targets_version *v = &t->list[t->n - 1];
	size_t i;

	for (i = 0; i < TARGET_KINDS; i++) {
		if (strcmp(e->key, kind_names[i]) != 0)
			continue;
		if (read_target(e->text, &v->of[i]))
			return 0;
		buf_setf(why,
		    "'%s' is not a target; write hours and minutes, and which "
		    "time they are in, such as 15m work, 24h calendar or "
		    "1h30m work",
		    e->text);
		return -1;
	}
	if (read_soon(e->text, &v->soon))
		return 0;
	buf_setf(why, "'%s' is not a percentage such as 20%%", e->text);
	return -1;
}

struct targets *
targets_read(const char *name, const struct conf_entry *lines, size_t n,
    struct buf *why, unsigned *line)
{
	struct targets *t = xcalloc(1, sizeof *t);
	const struct conf_entry *from = lines;
	size_t i;
	int rc;

	t->name = xstrdup(name);
	rc = begin_version(t, INT64_MIN, why);
	for (i = 0; rc == 0 && i < n; i++) {
		*line = lines[i].line;
		if (strcmp(lines[i].key, "since") == 0) {
			rc = read_since(t, lines[i].text, i == 0, why);
			from = &lines[i + 1];
		} else {
			rc = conf_entry_once(from, &lines[i], why) == 0
				 ? read_line(t, &lines[i], why)
				 : -1;
		}
	}
	if (rc == 0)
		return t;
	targets_free(t);
	return NULL;
}

void
targets_free(struct targets *t)
{
	if (t == NULL)
		return;
	free(t->list);
	free(t->name);
	free(t);
}

bool
targets_need_hours(const struct targets *t)
{
	size_t i, j;

	for (i = 0; i < t->n; i++) {
		for (j = 0; j < TARGET_KINDS; j++) {
			if (t->list[i].of[j].work)
				return true;
		}
	}
	return false;
}

const struct targets_version *
targets_on(const struct targets *t, int64_t day)
{
	size_t i = t->n;

	while (i > 0 && t->list[i - 1].since > day)
		i--;
	return i > 0 ? &t->list[i - 1] : NULL;
}

void
target_add(struct target t, struct buf *to)
{
	int64_t minutes = t.ms / MINUTE_MS;

	if (t.ms == 0) {
		buf_adds(to, "none");
		return;
	}
	if (minutes >= 60)
		buf_addf(to, "%dh", (int)(minutes / 60));
	if (minutes % 60 != 0)
		buf_addf(to, "%dm", (int)(minutes % 60));
	buf_adds(to, t.work ? " work" : " calendar");
}
