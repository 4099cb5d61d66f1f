/*
 * form: see form.h.
 */
#include "sink/api/form.h"

#include <string.h>

#include "common/digest/encoding.h"

/* Returns true if the text has a NUL. */
static bool
decode_form_text(char *p)
{
	char *to = p;
	bool nul = false;
	int byte;

	for (; *p != '\0'; p++) {
		byte = *p == '%' ? hex_byte(p + 1) : -1;
		if (byte >= 0) {
			*to++ = (char)byte;
			nul = nul || byte == 0;
			p += 2;
		} else if (*p == '+') {
			*to++ = ' ';
		} else {
			*to++ = *p;
		}
	}
	*to = '\0';
	return nul;
}

void
form_split(struct form *f, char *text)
{
	char *p = text, *next, *value;

	f->cut = false;
	for (f->n = 0; p != NULL && f->n < FORM_MAX; p = next) {
		next = strchr(p, '&');
		if (next != NULL)
			*next++ = '\0';
		value = strchr(p, '=');
		if (*p == '\0')
			continue;
		if (value != NULL) {
			*value++ = '\0';
			f->cut |= decode_form_text(value);
		}
		f->cut |= decode_form_text(p);
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
