/*
 * openapi: writes parts of a description by OpenAPI 3.1. Shapes of values are
 * declared in a short form, which is written as JSON Schema:
 *
 *   text  number  integer  flag  time  object  any  null   a value
 *   count                         an integer from 0
 *   thousandths                   a number with at most three decimals
 *   pattern '^a$'                 a text of that pattern
 *   (red|blue)                    one of these words
 *   @Name                         #/components/schemas/Name
 *   [text]                        a list
 *   <count>                       an object whose members are counts
 *   {id: text, note?: text}       an object; note may be absent
 *
 * Behind it may stand, in this order: a range, of a number or of the length of
 * a text (1..7); a question mark: or null; a default (=day); what it is, in
 * single quotes. A shape is one of ours: a mistake in it ends the program.
 */
#ifndef COMMON_TEXT_OPENAPI_H
#define COMMON_TEXT_OPENAPI_H

#include "common/base/buf.h"

#include <stdbool.h>

/* "key": the schema of the shape, as a member. */
void openapi_member(struct buf *to, const char *key, const char *shape);

/* Appends an element of a list of parameters; where is path, query or header.
 */
void openapi_parameter(struct buf *to, const char *name, const char *where,
    bool required, const char *shape);

/* "STATUS": {"description": ..., "headers": ..., "content": {KIND: ...}}. Each
 * of headers ("Retry-After=integer, Allow=text") and contents
 * ("application/json=@Problem, text/html=text") may be NULL. */
void openapi_response(struct buf *to, const char *key, const char *description,
    const char *headers, const char *contents);

/* "STATUS": a reference to #/components/responses/NAME. */
void openapi_response_of(struct buf *to, int status, const char *name);

/* "{chat}" of a path: the next part behind *p, which is moved; false: none. The
 * name is cut to fit. A part that is the rest of a path has no * here. */
bool openapi_path_part(const char **p, char *name, size_t size);

/* Appends a path as the description has it: without the * of path_pattern.h. */
void openapi_path(struct buf *to, const char *pattern);

#endif
