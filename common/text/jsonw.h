/*
 * jsonw: writes flat JSON objects into a buf, one member a call, in order.
 * No check is needed between calls; a buf without a cap cannot fail. Text is
 * escaped as JSON wants (control characters, quote, backslash); it must be
 * UTF-8 already, which record_parse() and the poller have made sure of.
 */
#ifndef COMMON_TEXT_JSONW_H
#define COMMON_TEXT_JSONW_H

#include "common/base/buf.h"
#include "common/base/text.h"

void jsonw_open(struct buf *b);  /* { */
void jsonw_close(struct buf *b); /* } */
void jsonw_line(struct buf *b);  /* } and a newline: ends a record */

void jsonw_str(struct buf *b, const char *key, const char *s);
void jsonw_strn(struct buf *b, const char *key, const char *s, size_t len);
/* null when absent */
void jsonw_text(struct buf *b, const char *key, struct text t);
void jsonw_int(struct buf *b, const char *key, int64_t n);
void jsonw_bool(struct buf *b, const char *key, bool v);
void jsonw_null(struct buf *b, const char *key);
/* RFC 3339 with milliseconds; null for CLOCK_NONE */
void jsonw_time(struct buf *b, const char *key, int64_t ms);
/* milliseconds as seconds with three decimals: 1500 -> 1.500 */
void jsonw_seconds(struct buf *b, const char *key, int64_t ms);
/* JSON text as it is */
void jsonw_raw(struct buf *b, const char *key, const char *json, size_t len);
/* only the quoted, escaped string */
void jsonw_quote(struct buf *b, const char *s, size_t len);

#endif
