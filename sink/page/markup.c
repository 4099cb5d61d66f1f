/*
 * markup: see markup.h.
 */
#include "sink/page/markup.h"

#include <string.h>

static const char *
entity_of(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

/* U+FFFE and U+FFFF, the only characters above the controls that XML does not
 * have. */
static bool
is_no_character(const char *p)
{
	return memcmp(p, "\xef\xbf\xbe", 3) == 0 ||
	       memcmp(p, "\xef\xbf\xbf", 3) == 0;
}

static void
add_with_entities(struct buf *to, const char *text, size_t len)
{
	const char *p, *end = text + len, *entity;

	for (p = text; p < end; p++) {
		entity = entity_of(*p);
		if (entity != NULL) {
			buf_adds(to, entity);
		} else if ((unsigned char)*p < ' ' || *p == '\x7f') {
			buf_addc(to, *p >= '\t' && *p <= '\r' ? ' ' : '?');
		} else if (end - p >= 3 && is_no_character(p)) {
			buf_addc(to, '?');
			p += 2;
		} else {
			buf_addc(to, *p);
		}
	}
}

void
markup_text(struct buf *to, const char *text)
{
	add_with_entities(to, text, strlen(text));
}

void
markup_cut(struct buf *to, const char *text, size_t characters)
{
	size_t i, n = 0;

	for (i = 0; text[i] != '\0'; i++) {
		if (((unsigned char)text[i] & 0xc0) != 0x80 &&
		    n++ == characters)
			break;
	}
	add_with_entities(to, text, i);
	if (text[i] != '\0')
		buf_adds(to, "\xe2\x80\xa6");
}
