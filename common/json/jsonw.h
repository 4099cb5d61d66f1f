/*
 * jsonw: the JSON writer of the four programs. It appends to a buf: objects
 * member by member, lists element by element, in order and with commas. No
 * check is needed between calls; a buf without a cap cannot fail. Text is
 * escaped as JSON requires (control characters, quote, backslash); it must be
 * UTF-8, which record_parse() and the poller ensure. Keys are the program's own
 * words and are not escaped, except by jsonw_name().
 *
 * Alternatives: jansson first builds a tree of everything; yajl streams in the
 * same way, but would add a library for a few functions.
 *
 * A file with its own layout writes whitespace itself, and uses strings and
 * numbers from here.
 */
#ifndef COMMON_JSON_JSONW_H
#define COMMON_JSON_JSONW_H

#include "common/base/buf.h"
#include "common/base/text.h"

void jsonw_open(struct buf *b);  /* { */
void jsonw_close(struct buf *b); /* } */
void jsonw_line(struct buf *b);  /* } and a newline: ends a record */
/* {"type":"chat","tenant":"acme" begins a record. */
void jsonw_open_record(struct buf *b, const char *type, const char *tenant);
/* "key":{ which jsonw_close() closes. */
void jsonw_open_in(struct buf *b, const char *key);
/* {"key":"s"} */
void jsonw_object_of(struct buf *b, const char *key, const char *s);

void jsonw_list(struct buf *b); /* [ */
void jsonw_list_end(struct buf *b);
/* Call before each element of a list: adds a comma, unless it is the first. */
void jsonw_next(struct buf *b);

void jsonw_str(struct buf *b, const char *key, const char *s);
void jsonw_strn(struct buf *b, const char *key, const char *s, size_t len);
/* null when absent */
void jsonw_text(struct buf *b, const char *key, struct text t);
void jsonw_int(struct buf *b, const char *key, int64_t n);
void jsonw_bool(struct buf *b, const char *key, bool v);
void jsonw_null(struct buf *b, const char *key);
/* RFC 3339 with milliseconds; null for CLOCK_NONE */
void jsonw_time(struct buf *b, const char *key, int64_t ms);
/* milliseconds as seconds with three decimals: 1500 becomes 1.500 */
void jsonw_seconds(struct buf *b, const char *key, int64_t ms);
/* JSON text as it is */
void jsonw_raw(struct buf *b, const char *key, const char *json, size_t len);
/* members that are already JSON: "key":value,... */
void jsonw_members(struct buf *b, const char *json, size_t len);

/* Writes only the key, for a value that is appended next. The key of
 * jsonw_name() comes from outside and is escaped. */
void jsonw_key(struct buf *b, const char *key);
void jsonw_name(struct buf *b, const char *key, size_t len);

/* Writes only the value: a quoted and escaped string, or the shortest number
 * that strtod(3) reads as the same value, with a fraction as in Python (5.0,
 * 0.1). */
void jsonw_quote(struct buf *b, const char *s, size_t len);
void jsonw_real(struct buf *b, double d);

/* Writes a time, which must not be CLOCK_NONE, in quotes into JSONW_TIME_ROOM
 * bytes; returns the end. */
#define JSONW_TIME_ROOM 40
char *jsonw_write_time(char *to, int64_t ms);

#endif
