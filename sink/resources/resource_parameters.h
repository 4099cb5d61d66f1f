/*
 * resource_parameters: the check of a request's parameters before a resource
 * answers. A parameter that the resource does not have is refused: who
 * misspells a filter would else take what is not filtered for what is. So is
 * one that is there twice, and a value that is empty, no text, or ends with a
 * blank: for the database 'a' and 'a ' are equal.
 */
#ifndef SINK_RESOURCES_RESOURCE_PARAMETERS_H
#define SINK_RESOURCES_RESOURCE_PARAMETERS_H

#include "common/http/web.h"

#include <stdbool.h>
#include <stddef.h>

struct resource;

/* The most that a resource has. */
#define RESOURCE_PARAMETERS 32

/* How soon a customer should be answered, in seconds, where the parameter
 * `within` is not given: the default of a report and of the board's slider. */
#define WITHIN_S "300"

/* False: the answer is a problem, 400. */
bool resource_check_parameters(const struct resource *found,
    const struct web_request *r, struct web_answer *a)
    __attribute__((warn_unused_result));

/* The names of a resource's parameters, borrowed. Returns how many. */
size_t resource_parameters(
    const struct resource *r, const char *names[RESOURCE_PARAMETERS]);

/* What a parameter takes, for the description (common/text/openapi.h). r: NULL
 * for one of the former services. */
const char *resource_parameter_shape(
    const struct resource *r, const char *name);

/* The same of `kind` in a list that has these, up to NULL. */
void resource_kinds_shape(struct buf *to, const char *const *kinds);

/* The same by the names, n of them. */
bool resource_check_names(const char *const *names, size_t n,
    const struct web_request *r, struct web_answer *a)
    __attribute__((warn_unused_result));

#endif
