/*
 * reply_form: see reply_form.h. Parameters of a type but its weight, q, are
 * passed over.
 */
#include "sink/api/reply_form.h"

#include <string.h>
#include <strings.h>

#include "common/base/xalloc.h"

#define BLANKS " \t"
#define WEIGHT_MOST 1000

/* How closely a range fits a type. */
enum { FIT_NONE, FIT_ALL, FIT_SOME, FIT_EXACT, FITS };

static const struct {
	const char *suffix, *type;
	enum sheet_format format;
} forms[] = {
	{ ".json", "application/json", SHEET_JSON },
	{ ".csv", "text/csv", SHEET_CSV },
	{ ".ndjson", "application/x-ndjson", SHEET_NDJSON },
};

static unsigned
range_fit(const char *range, size_t len, const char *type)
{
	size_t first = (size_t)(strchr(type, '/') - type) + 1;

	if (len == 3 && memcmp(range, "*/*", 3) == 0)
		return FIT_ALL;
	if (len == first + 1 && range[first] == '*' &&
	    strncasecmp(range, type, first) == 0)
		return FIT_SOME;
	return len == strlen(type) && strncasecmp(range, type, len) == 0
		   ? FIT_EXACT
		   : FIT_NONE;
}

/* Of "0.5", in thousandths; what is not a number is the most. */
static unsigned
read_weight(const char *p)
{
	unsigned n = 0, place = WEIGHT_MOST;

	if (*p < '0' || *p > '1')
		return WEIGHT_MOST;
	n = (unsigned)(*p++ - '0') * place;
	if (*p == '.') {
		for (p++; text_is_digit(*p) && place > 1; p++) {
			place /= 10;
			n += (unsigned)(*p - '0') * place;
		}
	}
	return n < WEIGHT_MOST ? n : WEIGHT_MOST;
}

/* Of the range that ends before `end`. */
static unsigned
range_weight(const char *p, const char *end)
{
	while ((p = memchr(p, ';', (size_t)(end - p))) != NULL) {
		p++;
		p += strspn(p, BLANKS);
		if ((*p == 'q' || *p == 'Q') && p[1] == '=')
			return read_weight(p + 2);
	}
	return WEIGHT_MOST;
}

/* How much the header wants a type: 0, not at all, or more; of two, what is
 * named is more than what only fits a range. */
static unsigned
weight_of_type(const char *accept, const char *type)
{
	unsigned best = FIT_NONE, weight = 0, fit;
	const char *p, *end;

	for (p = accept; *p != '\0'; p = end + (*end == ',')) {
		p += strspn(p, BLANKS);
		end = p + strcspn(p, ",");
		fit = range_fit(p, strcspn(p, BLANKS ";,"), type);
		if (fit <= best)
			continue;
		best = fit;
		weight = range_weight(p, end);
	}
	return weight > 0 ? weight * FITS + best : 0;
}

/* Cuts the suffix off the path. */
static bool
take_suffix(char *path, const char *suffix)
{
	size_t len = strlen(path), n = strlen(suffix);

	if (len <= n || strcmp(path + len - n, suffix) != 0)
		return false;
	path[len - n] = '\0';
	return true;
}

static void
read_accept(struct question *q)
{
	const char *accept = q->request->header(q->request, "Accept");
	unsigned most = 0, weight;
	size_t i;

	if (accept != NULL && accept[strspn(accept, BLANKS ",")] == '\0')
		accept = NULL; /* an empty list asks for nothing (RFC 9110) */
	q->json_too = accept == NULL;
	q->any_form = accept == NULL;
	for (i = 0; accept != NULL && i < ARRAY_LEN(forms); i++) {
		weight = weight_of_type(accept, forms[i].type);
		if (forms[i].format == SHEET_JSON)
			q->json_too = weight > 0;
		if (weight <= most)
			continue;
		most = weight;
		q->format = forms[i].format;
		q->any_form = true;
	}
}

bool
reply_form_read(struct question *q)
{
	const char *path = q->request->path;
	size_t i;

	if (strlen(path) >= QUESTION_PATH_MAX)
		return false;
	memcpy(q->path, path, strlen(path) + 1);
	q->format = SHEET_JSON;
	q->any_form = true;
	for (i = 0; i < ARRAY_LEN(forms); i++) {
		if (take_suffix(q->path, forms[i].suffix)) {
			q->format = forms[i].format;
			q->by_suffix = true;
			return true;
		}
	}
	read_accept(q);
	return true;
}
