/*
 * openapi: writes parts of an OpenAPI 3.1 description. Shapes of values are
 * declared in a short form and written as JSON Schema:
 *
 *   text  number  integer  flag  time  object  any  null   a value
 *   count                         an integer from 0
 *   pattern '^a$'                 a text that matches the pattern
 *   (red|blue)                    one of these words
 *   @Name                         #/components/schemas/Name
 *   [text]                        a list
 *   <count>                       an object whose members are counts
 *   {id: text, note?: text}       an object; note may be absent
 *
 * A shape may be followed by, in this order: a range of a number or of the
 * length of a text (1..7); a question mark: or null; a default (=day); a
 * description in single quotes. Shapes are part of our code: an error in one
 * ends the program.
 */
#ifndef COMMON_JSON_OPENAPI_H
#define COMMON_JSON_OPENAPI_H

#include "common/base/buf.h"

#include <stdbool.h>

/* Writes "key": the schema of the shape, as a member. */
void openapi_member(struct buf *to, const char *key, const char *shape);

/* Appends an element of a list of parameters; where is path, query or
 * header. */
void openapi_parameter(struct buf *to, const char *name, const char *where,
    bool required, const char *shape);

/* Writes "STATUS": {"description": ..., "headers": ..., "content": {KIND:
 * ...}}. headers ("Retry-After=integer, Allow=text") and contents
 * ("application/json=@Problem, text/html=text") may be NULL. */
void openapi_response(struct buf *to, const char *key, const char *description,
    const char *headers, const char *contents);

/* Finds the next part such as "{chat}" of a path after *p, which is advanced;
 * false if there is none. The name is truncated to fit. A part for the rest of
 * a path has no * here. */
bool openapi_path_part(const char **p, char *name, size_t size);

/* Appends a path as in the description: without the * of
 * path_pattern_fits(). */
void openapi_path(struct buf *to, const char *pattern);

#endif
