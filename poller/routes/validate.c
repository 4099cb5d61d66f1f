/*
 * validate: see validate.h.
 */
#include "poller/routes/validate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/records/record.h"
#include "common/tables/tables.h"
#include "common/text/jsonw.h"

/* Of texts U+FFFD is what became of a NUL and of half a character
 * (json_body.h): two identifiers could become one. */
bool
validate_is_id(const char *s, size_t len, size_t max)
{
	return len > 0 && len <= max && record_id_error(s, len) == NULL &&
	       strstr(s, "\xEF\xBF\xBD") == NULL;
}

static size_t
utf8_length(const char *s)
{
	size_t n = 0;

	for (; *s != '\0'; s++)
		n += ((unsigned char)*s & 0xC0) != 0x80;
	return n;
}

static bool
check_id(struct validate_errors *f, const struct validate_place *at,
    const struct validate_field *field, json_t *v)
{
	size_t len = json_string_length(v);

	if (len == 0 && field->kind == VALIDATE_ID)
		validate_error(f, at, "must not be empty");
	else if (len > field->max)
		validate_error(f, at, "is longer than %zu bytes", field->max);
	else if (len > 0 &&
		 !validate_is_id(json_string_value(v), len, field->max))
		validate_error(f, at,
		    "must have no control characters, and no blank at its end");
	else
		return true;
	return false;
}

static bool
check_text(struct validate_errors *f, const struct validate_place *at,
    const struct validate_field *field, json_t *v)
{
	if (!json_is_string(v))
		validate_error(f, at, "must be a text");
	else if (field->kind != VALIDATE_TEXT)
		return check_id(f, at, field, v);
	else if (field->max > 0 &&
		 utf8_length(json_string_value(v)) > field->max)
		validate_error(
		    f, at, "is longer than %zu characters", field->max);
	else
		return true;
	return false;
}

static bool
check_word(struct validate_errors *f, const struct validate_place *at,
    const struct validate_field *field, json_t *v)
{
	const char *s = json_string_value(v);
	struct buf words = BUF_INIT;
	size_t i;

	for (i = 0; field->words[i] != NULL; i++) {
		if (s != NULL && strcmp(field->words[i], s) == 0)
			break;
		buf_addf(&words, "%s%s", i > 0 ? ", " : "", field->words[i]);
	}
	if (field->words[i] == NULL)
		validate_error(f, at, "must be one of %s", buf_str(&words));
	buf_release(&words);
	return field->words[i] != NULL;
}

/* A text that is a decimal number and nothing else but blanks around it. */
static bool
text_number(const char *s, double *d)
{
	size_t len;
	char *end;

	s += strspn(s, " \t\r\n");
	len = strspn(s, "+-.0123456789eE");
	if (len == 0 || s[len + strspn(s + len, " \t\r\n")] != '\0')
		return false;
	*d = strtod(s, &end);
	return end == s + len && isfinite(*d);
}

static bool
check_number(
    struct validate_errors *f, const struct validate_place *at, json_t *v)
{
	bool is_text = json_is_string(v);
	double d;

	if ((is_text && !text_number(json_string_value(v), &d)) ||
	    (!is_text && !json_is_number(v) && !json_is_boolean(v)))
		validate_error(f, at, "must be a number");
	else if (fabs(validate_number(v)) > COLUMN_REAL_MAX)
		validate_error(f, at, "must be from -1e15 to 1e15");
	else
		return true;
	return false;
}

double
validate_number(const json_t *v)
{
	double d = 0;

	if (json_is_string(v))
		(void)text_number(json_string_value(v), &d);
	else if (json_is_boolean(v))
		d = json_is_true(v);
	else
		d = json_number_value(v);
	return d;
}

static bool
check_list(struct validate_errors *f, const struct validate_place *at,
    const struct validate_field *field, json_t *v)
{
	size_t n = json_array_size(v);

	if (!json_is_array(v))
		validate_error(f, at, "must be a list");
	else if (field->max > 0 && n > field->max)
		validate_error(
		    f, at, "has %zu items, %zu are allowed", n, field->max);
	else
		return true;
	return false;
}

static bool
check_field(struct validate_errors *f, const struct validate_place *at,
    const struct validate_field *field, json_t *v)
{
	switch (field->kind) {
	case VALIDATE_ID:
	case VALIDATE_NAME:
	case VALIDATE_TEXT:
		return check_text(f, at, field, v);
	case VALIDATE_WORD:
		return check_word(f, at, field, v);
	case VALIDATE_NUMBER:
		return check_number(f, at, v);
	case VALIDATE_LIST:
		return check_list(f, at, field, v);
	case VALIDATE_OBJECT:
		if (json_is_object(v))
			return true;
		validate_error(f, at, "must be an object");
	}
	return false;
}

void
validate_object(struct validate_errors *f, const struct validate_place *at,
    const struct validate_model *m, json_t *v, json_t **values)
{
	size_t i;

	for (i = 0; i < m->n; i++)
		values[i] = NULL;
	if (!json_is_object(v)) {
		validate_error(f, at, "must be an object");
		return;
	}
	for (i = 0; i < m->n; i++) {
		const struct validate_field *field = &m->fields[i];
		struct validate_place here = { at, field->name, 0 };
		json_t *value = json_object_get(v, field->name);

		if (value == NULL && field->need == VALIDATE_REQUIRED)
			validate_error(f, &here, "is missing");
		if (value == NULL ||
		    (json_is_null(value) && field->need == VALIDATE_OPTIONAL))
			continue;
		if (check_field(f, &here, field, value))
			values[i] = value;
	}
}
