/* gzip: compresses an answer, and creates the pieces of a gzip bomb. */
#ifndef TESTS_CRM_GZIP_H
#define TESTS_CRM_GZIP_H

#include "common/base/buf.h"

/* One whole gzip file. */
void gzip_whole(const struct buf *in, struct buf *out);

/* Creates the beginning of a gzip file that contains `text`, and a piece that
 * adds one MiB of spaces each time it is sent. */
void gzip_bomb(const char *text, struct buf *head, struct buf *piece);

#endif
