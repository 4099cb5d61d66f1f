/*
 * form: see form.h.
 */
#include "common/text/form.h"

#include <string.h>

#include "common/digest/hex.h"

static void
decode_form_text(char *p)
{
	char *to = p;
	int byte;

	for (; *p != '\0'; p++) {
		byte = *p == '%' ? hex_byte(p + 1) : -1;
		if (byte >= 0) {
			*to++ = (char)byte;
			p += 2;
		} else if (*p == '+') {
			*to++ = ' ';
		} else {
			*to++ = *p;
		}
	}
	*to = '\0';
}

void
form_split(struct form *f, char *text)
{
	char *p = text, *next, *value;

	for (f->n = 0; p != NULL && f->n < FORM_MAX; p = next) {
		next = strchr(p, '&');
		if (next != NULL)
			*next++ = '\0';
		value = strchr(p, '=');
		if (value == NULL)
			continue;
		*value++ = '\0';
		decode_form_text(p);
		decode_form_text(value);
		f->names[f->n] = p;
		f->values[f->n++] = value;
	}
}

const char *
form_value(const struct form *f, const char *name)
{
	size_t i;

	for (i = 0; i < f->n; i++) {
		if (strcmp(f->names[i], name) == 0)
			return f->values[i];
	}
	return NULL;
}
