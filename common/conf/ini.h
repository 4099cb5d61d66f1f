/*
 * ini: reads the text of an INI file, one header or one key at a time. Comments
 * are lines that begin with # or ;. A value is the rest of its line without the
 * blanks around it: there are no continuation lines, and quotes around a value
 * are an error.
 *
 * NUL bytes, bytes that are not UTF-8 and lines above INI_MAX_LINE are errors.
 * A byte-order mark and CRLF are accepted. Weighed: inih, which checks neither
 * bytes nor quotes, and says of a mistake its line only.
 */
#ifndef COMMON_CONF_INI_H
#define COMMON_CONF_INI_H

#include "common/base/buf.h"

#include <stddef.h>

#define INI_MAX_LINE 16384

struct ini {
	unsigned line;     /* from 1, of what is reported, or of the error */
	const char *key;   /* NULL: a section header was read */
	const char *value; /* of the key; of a header, what stands in it */
	char *next;        /* private */
	char *end;         /* private */
};

/* text is changed while it is read and must outlive the struct; one byte
 * behind it must be writable. */
void ini_init(struct ini *i, char *text, size_t len);

/* 1: something was read; 0: the end; -1 and *why (without file and line).
 * key and value are borrowed from the text. */
int ini_next(struct ini *i, struct buf *why)
    __attribute__((warn_unused_result));

#endif
