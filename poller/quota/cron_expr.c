/*
 * cron_expr: see cron_expr.h.
 */
#define _DEFAULT_SOURCE /* strsep, localtime_r */

#include "poller/quota/cron_expr.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "common/base/parse.h"
#include "common/base/xalloc.h"

static const char *const month_names[] = { "jan", "feb", "mar", "apr", "may",
	"jun", "jul", "aug", "sep", "oct", "nov", "dec", NULL };
static const char *const day_names[] = { "sun", "mon", "tue", "wed", "thu",
	"fri", "sat", NULL };

static const struct field {
	const char *what;
	int min, max;
	const char *const *names; /* of min, min + 1, ... */
} fields[5] = {
	{ "minute", 0, 59, NULL },
	{ "hour", 0, 23, NULL },
	{ "day of month", 1, 31, NULL },
	{ "month", 1, 12, month_names },
	{ "day of week", 0, 7, day_names },
};

static const struct {
	const char *name, *means;
} nicknames[] = {
	{ "@hourly", "0 * * * *" },
	{ "@daily", "0 0 * * *" },
	{ "@midnight", "0 0 * * *" },
	{ "@weekly", "0 0 * * 0" },
	{ "@monthly", "0 0 1 * *" },
	{ "@yearly", "0 0 1 1 *" },
	{ "@annually", "0 0 1 1 *" },
};

static int
parse_value(const struct field *f, const char *s, int *out)
{
	int64_t n;
	int i;

	for (i = 0; f->names != NULL && f->names[i] != NULL; i++) {
		if (strcasecmp(s, f->names[i]) == 0) {
			*out = f->min + i;
			return 0;
		}
	}
	if (parse_int(s, f->min, f->max, &n) != 0)
		return -1;
	*out = (int)n;
	return 0;
}

/* One element of a list: "*", "3", "1-5", each perhaps with "/2". */
static int
parse_element(const struct field *f, char *s, uint64_t *bits)
{
	char *range = strsep(&s, "/"), *from;
	int first = f->min, last = f->max, i;
	int64_t step = 1;

	if (s != NULL && parse_int(s, 1, 1000, &step) != 0)
		return -1;
	if (strcmp(range, "*") != 0) {
		from = strsep(&range, "-");
		if (parse_value(f, from, &first) != 0)
			return -1;
		if (range != NULL && parse_value(f, range, &last) != 0)
			return -1;
		if (range == NULL && s == NULL)
			last = first;
	}
	if (first > last)
		return -1;
	for (i = first; i <= last; i += (int)step)
		*bits |= UINT64_C(1) << i;
	return 0;
}

static int
parse_field(const struct field *f, char *s, uint64_t *bits)
{
	char *element;

	*bits = 0;
	while ((element = strsep(&s, ",")) != NULL) {
		if (parse_element(f, element, bits) != 0)
			return -1;
	}
	return 0;
}

static const char *
expand(const char *text)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(nicknames); i++) {
		if (strcasecmp(text, nicknames[i].name) == 0)
			return nicknames[i].means;
	}
	return text;
}

int
cron_expr_parse(struct cron_expr *c, const char *text, struct buf *why)
{
	char *copy = xstrdup(expand(text)), *rest = copy, *word;
	uint64_t bits[5];
	bool any[5];
	size_t n = 0;
	int rc = -1;

	while ((word = strsep(&rest, " \t")) != NULL) {
		if (*word == '\0')
			continue;
		if (n == 5) {
			n++;
			break;
		}
		any[n] = *word == '*';
		if (parse_field(&fields[n], word, &bits[n]) != 0) {
			buf_setf(
			    why, "'%s' has no good %s", text, fields[n].what);
			goto out;
		}
		n++;
	}
	if (n != 5) {
		buf_setf(
		    why, "'%s' is not the five fields of a crontab line", text);
		goto out;
	}
	*c = (struct cron_expr){ bits[0], (uint32_t)bits[1], (uint32_t)bits[2],
		(uint32_t)bits[3], (uint32_t)(bits[4] | bits[4] >> 7), any[2],
		any[4] };
	rc = 0;
out:
	free(copy);
	return rc;
}

bool
cron_expr_fires(const struct cron_expr *c, int minute, int hour, int day,
    int month, int weekday)
{
	bool by_day = (c->days >> day & 1) != 0;
	bool by_weekday = (c->weekdays >> weekday & 1) != 0;

	if ((c->minutes >> minute & 1) == 0 || (c->hours >> hour & 1) == 0 ||
	    (c->months >> month & 1) == 0)
		return false;
	if (c->any_day || c->any_weekday)
		return by_day && by_weekday;
	return by_day || by_weekday;
}

/* Every day counts as 24 hours: the two that differ do not matter to a
 * forecast. */
void
cron_expr_count(
    const struct cron_expr *c, int64_t now_ms, int days, unsigned fires[24])
{
	time_t t = (time_t)(now_ms / 1000);
	struct tm tm, day;
	int d, h, m;

	memset(fires, 0, 24 * sizeof *fires);
	if (localtime_r(&t, &tm) == NULL)
		return;
	for (d = 0; d < days; d++) {
		day = (struct tm){ .tm_year = tm.tm_year,
			.tm_mon = tm.tm_mon,
			.tm_mday = tm.tm_mday + d,
			.tm_hour = 12,
			.tm_isdst = -1 };
		if (mktime(&day) == (time_t)-1)
			return;
		for (h = 0; h < 24; h++) {
			for (m = 0; m < 60; m++)
				fires[h] += cron_expr_fires(c, m, h,
				    day.tm_mday, day.tm_mon + 1, day.tm_wday);
		}
	}
}
