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

/* Adds the error that a text is longer than max. */
static void
add_length_error(struct validate_errors *f, const struct validate_place *at,
    size_t max, const char *unit, json_t *v)
{
	struct buf msg = BUF_INIT, ctx = BUF_INIT;

	buf_setf(&msg, "String should have at most %zu %s", max, unit);
	jsonw_open(&ctx);
	jsonw_int(&ctx, "max_length", (int64_t)max);
	jsonw_close(&ctx);
	validate_error(
	    f, at, "string_too_long", buf_str(&msg), v, buf_str(&ctx));
	buf_release(&msg);
	buf_release(&ctx);
}

static size_t
utf8_length(const char *s)
{
	size_t n = 0;

	for (; *s != '\0'; s++)
		n += ((unsigned char)*s & 0xC0) != 0x80;
	return n;
}

static void
add_empty_error(
    struct validate_errors *f, const struct validate_place *at, json_t *v)
{
	struct buf ctx = BUF_INIT;

	jsonw_open(&ctx);
	jsonw_int(&ctx, "min_length", 1);
	jsonw_close(&ctx);
	validate_error(f, at, "string_too_short",
	    "String should have at least 1 characters", v, buf_str(&ctx));
	buf_release(&ctx);
}

static bool
check_id(struct validate_errors *f, const struct validate_place *at,
    const struct validate_field *field, json_t *v)
{
	size_t len = json_string_length(v);

	if (len == 0 && field->kind == VALIDATE_ID)
		add_empty_error(f, at, v);
	else if (len > field->max)
		add_length_error(f, at, field->max, "bytes", v);
	else if (len > 0 &&
		 !validate_is_id(json_string_value(v), len, field->max))
		validate_mismatch(f, at, v,
		    "^[^\\x00-\\x1f\\x7f-\\x9f\\ufffd]*"
		    "[^\\x00-\\x20\\x7f-\\x9f\\ufffd]$");
	else
		return true;
	return false;
}

static bool
check_text(struct validate_errors *f, const struct validate_place *at,
    const struct validate_field *field, json_t *v)
{
	if (!json_is_string(v))
		validate_error(f, at, "string_type",
		    "Input should be a valid string", v, NULL);
	else if (field->kind != VALIDATE_TEXT)
		return check_id(f, at, field, v);
	else if (field->max > 0 &&
		 utf8_length(json_string_value(v)) > field->max)
		add_length_error(f, at, field->max, "characters", v);
	else
		return true;
	return false;
}

static bool
is_allowed_word(const struct validate_field *field, const char *s)
{
	size_t i;

	for (i = 0; s != NULL && field->words[i] != NULL; i++) {
		if (strcmp(field->words[i], s) == 0)
			return true;
	}
	return false;
}

/* 'a', 'b' or 'c' */
static bool
check_word(struct validate_errors *f, const struct validate_place *at,
    const struct validate_field *field, json_t *v)
{
	struct buf words = BUF_INIT, msg = BUF_INIT, ctx = BUF_INIT;
	size_t i;

	if (is_allowed_word(field, json_string_value(v)))
		return true;
	for (i = 0; field->words[i] != NULL; i++) {
		if (i > 0)
			buf_adds(&words,
			    field->words[i + 1] != NULL ? ", " : " or ");
		buf_addf(&words, "'%s'", field->words[i]);
	}
	buf_setf(&msg, "Input should be %s", buf_str(&words));
	jsonw_object_of(&ctx, "expected", buf_str(&words));
	validate_error(f, at, "enum", buf_str(&msg), v, buf_str(&ctx));
	buf_release(&words);
	buf_release(&msg);
	buf_release(&ctx);
	return false;
}

/* ^(a|b)$ */
static bool
check_pattern(struct validate_errors *f, const struct validate_place *at,
    const struct validate_field *field, json_t *v)
{
	struct buf pattern = BUF_INIT;
	size_t i;

	if (!json_is_string(v)) {
		validate_error(f, at, "string_type",
		    "Input should be a valid string", v, NULL);
		return false;
	}
	if (is_allowed_word(field, json_string_value(v)))
		return true;
	for (i = 0; field->words[i] != NULL; i++)
		buf_addf(&pattern, "%s%s", i > 0 ? "|" : "^(", field->words[i]);
	buf_adds(&pattern, ")$");
	validate_mismatch(f, at, v, buf_str(&pattern));
	buf_release(&pattern);
	return false;
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
	double d;
	bool is_text = json_is_string(v);

	if (is_text && !text_number(json_string_value(v), &d)) {
		validate_error(f, at, "float_parsing",
		    "Input should be a valid number, unable to parse string as "
		    "a number",
		    v, NULL);
		return false;
	}
	if (!is_text && !json_is_number(v) && !json_is_boolean(v)) {
		validate_error(f, at, "float_type",
		    "Input should be a valid number", v, NULL);
		return false;
	}
	d = validate_number(v);
	if (fabs(d) <= COLUMN_REAL_MAX)
		return true;
	if (d > 0)
		validate_error(f, at, "less_than_equal",
		    "Input should be less than or equal to 1000000000000000", v,
		    "{\"le\":1e15}");
	else
		validate_error(f, at, "greater_than_equal",
		    "Input should be greater than or equal to "
		    "-1000000000000000",
		    v, "{\"ge\":-1e15}");
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
	struct buf msg = BUF_INIT, ctx = BUF_INIT;
	size_t n = json_array_size(v);

	if (!json_is_array(v)) {
		validate_error(f, at, "list_type",
		    "Input should be a valid list", v, NULL);
		return false;
	}
	if (field->max == 0 || n <= field->max)
		return true;
	buf_setf(&msg,
	    "List should have at most %zu items after validation, not %zu",
	    field->max, n);
	jsonw_open(&ctx);
	jsonw_str(&ctx, "field_type", "List");
	jsonw_int(&ctx, "max_length", (int64_t)field->max);
	jsonw_int(&ctx, "actual_length", (int64_t)n);
	jsonw_close(&ctx);
	validate_error(f, at, "too_long", buf_str(&msg), v, buf_str(&ctx));
	buf_release(&msg);
	buf_release(&ctx);
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
	case VALIDATE_PATTERN:
		return check_pattern(f, at, field, v);
	case VALIDATE_NUMBER:
		return check_number(f, at, v);
	case VALIDATE_LIST:
		return check_list(f, at, field, v);
	case VALIDATE_OBJECT:
		if (json_is_object(v))
			return true;
		validate_error(f, at, "dict_type",
		    "Input should be a valid dictionary", v, NULL);
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
		validate_error(f, at, "model_attributes_type",
		    "Input should be a valid dictionary or object to extract "
		    "fields from",
		    v, NULL);
		return;
	}
	for (i = 0; i < m->n; i++) {
		const struct validate_field *field = &m->fields[i];
		struct validate_place here = { at, field->name, 0 };
		json_t *value = json_object_get(v, field->name);

		if (value == NULL && field->need == VALIDATE_REQUIRED)
			validate_error(
			    f, &here, "missing", "Field required", v, NULL);
		if (value == NULL ||
		    (json_is_null(value) && field->need == VALIDATE_OPTIONAL))
			continue;
		if (check_field(f, &here, field, value))
			values[i] = value;
	}
}
