/*
 * resource: the table of the API's resources: path, who may read it, and the
 * function that answers; and resource_answer(), which answers any request.
 *
 * To add a resource: write its function in a file of its own and declare it
 * below, add its row in resource_routes.c, the shape of its answer in
 * resource_openapi.c, and its tests. A resource that consists of the rows of a
 * table is a struct list in resource_lists.c instead, whose columns are its
 * shape.
 *
 * A resource whose least role is VIEWER_NONE needs no token; the viewer then
 * has no tenant.
 */
#ifndef SINK_RESOURCES_RESOURCE_H
#define SINK_RESOURCES_RESOURCE_H

#include "sink/api/list.h"
#include "sink/api/question.h"
#include "sink/responses/responses.h"

/* Either answer or list is set. */
struct resource {
	const char *pattern; /* see path_pattern_fits() */
	enum viewer_role least;
	resource_handler *answer;
	const struct list *list;
	bool of_operators; /* the handler observes scope.h; lists always do */
	bool impersonal;   /* shows no chat and no customer: not audited */
	/* The handler's parameters, ending with NULL; a list has its own. ! at
	 * the end of a name: it is required. */
	const char *const *parameters;
	bool lenient; /* others are ignored, as in the original service */
	const char *id, *shape; /* for the description: of the operation, and of
				 * the answer */
	const char *summary;
};

extern const struct resource resources[];
extern const size_t resources_n;

/* Answers a viewer's request from the tables: finds the resource by path, and
 * the format by suffix. db connects when it is first needed. Returns
 * how many rows of tables the answer has. */
size_t resource_answer(const struct viewer *viewer, struct db *db,
    int64_t timeout_ms, const struct web_request *r, struct web_answer *a);

/* True if the request's path is in the table. */
bool resource_is_known(const struct web_request *r);

/* True if the answer is not audited; false for an unknown path. */
bool resource_is_impersonal(const struct web_request *r);

/* True if the request needs no token. */
bool resource_is_public(const struct web_request *r);

/* Returns the description of the API, which is created once; a server calls
 * this before it accepts requests. Borrowed. */
const struct buf *resource_openapi_text(void);

/* The handlers, by file. */
resource_handler resource_now;        /* resource_now.c */
resource_handler resource_timeline;   /* resource_chat.c */
resource_handler resource_figure;     /* resource_figure.c */
resource_handler resource_openapi;    /* resource_openapi.c */
resource_handler resource_allocation; /* resource_allocation.c */
resource_handler resource_transfers;  /* resource_transfers.c */
resource_handler original_messages;   /* original_messages.c */
/* original_analytics.c */
resource_handler original_conversation, original_channel, original_dashboard,
    original_health;

/* resource_lists.c */
extern const struct list list_operators, list_chats, list_messages,
    list_intervals, list_conversations, list_users, list_alerts, list_trends,
    list_events, list_receipts, list_channels, list_assignments;

/* Writes the answer of resource_now() without its end; the question needs no
 * request. Returns false if the answer is now a problem. */
bool resource_now_write(struct question *q) __attribute__((warn_unused_result));

/* Checks a request's parameters before a resource answers. An unknown parameter
 * is refused: with a misspelled filter, users would mistake unfiltered figures
 * for filtered ones. Repeated parameters are also refused, and so are values
 * that are empty, not text, or end with a space: in the database, 'a' and 'a '
 * are equal. */

/* Maximum number of parameters for a resource. */
#define RESOURCE_PARAMETERS 32

/* The target response time in seconds if the parameter `within` is not given:
 * the default for reports and for the board's slider. */
#define WITHIN_S "300"

/* Lists the names of a resource's parameters, which are borrowed. Returns their
 * number. */
size_t resource_parameters(
    const struct resource *r, const char *names[RESOURCE_PARAMETERS]);

/* Returns the shape of a parameter for the description
 * (common/text/openapi.h). */
const char *resource_parameter_shape(
    const struct resource *r, const char *name);

/* The same check with n names. */
bool resource_check_names(const char *const *names, size_t n,
    const struct web_request *r, struct web_answer *a)
    __attribute__((warn_unused_result));

#endif
