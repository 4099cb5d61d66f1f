/*
 * resource: a resource of the API: its path, who may read it, its parameters,
 * the columns of its rows, and the function that answers. Each is declared at
 * the end of its file; those that are the rows of a table are in
 * resource_lists.c.
 *
 * To add one: write its file, and add it to the declarations below, to the
 * table in resource.c, to messaging-api(7), and to the tests.
 */
#ifndef SINK_RESOURCES_RESOURCE_H
#define SINK_RESOURCES_RESOURCE_H

#include "sink/api/list.h"
#include "sink/api/question.h"

/* Rows in a JSON answer: the name of their schema, and their columns. */
struct resource_rows {
	const char *name;
	const struct sheet_column *columns;
	size_t columns_n;
};

#define RESOURCE_ROWS(name, columns)                                           \
	{                                                                      \
		name, columns, ARRAY_LEN(columns)                              \
	}
#define RESOURCE_ROWS_MAX 4

struct resource {
	const char *pattern;    /* see path_pattern_fits() */
	enum viewer_role least; /* NONE: needs no token; the viewer then has no
				 * tenant */
	const char *id, *summary; /* in the description of the API */
	/* One of these is set. */
	resource_handler *answer;
	const struct list *list;
	/* The handler's parameters, ending with NULL, the required ones first;
	 * a list has its own. */
	const char *const *parameters;
	size_t required;
	bool lenient;    /* others are ignored, as in the original service */
	bool of_tenant;  /* the handler ignores scope.h, so viewers of teams are
			  * refused; lists without an operator are, too */
	bool impersonal; /* shows no chat and no customer: not audited */
	/* The handler's answer in the description (common/json/openapi.h); the
	 * schema is named like the id, in camel case. */
	const char *shape;
	struct resource_rows rows[RESOURCE_ROWS_MAX]; /* in the shape */
	bool is_sheet; /* the handler's rows: see resource_is_table() */
};

/* All of them. */
extern const struct resource *const resources[];
extern const size_t resources_n;

/* By file. */
extern const struct resource resource_now;
extern const struct resource resource_timeline; /* resource_chat.c */
extern const struct resource resource_responses, resource_heatmap;
extern const struct resource resource_backlog;
extern const struct resource resource_figure;
extern const struct resource resource_allocation;
extern const struct resource resource_openapi;
/* resource_lists.c */
extern const struct resource resource_operators, resource_chats,
    resource_messages, resource_intervals, resource_conversations,
    resource_users, resource_alerts, resource_trends, resource_events,
    resource_receipts, resource_channels, resource_assignments,
    resource_notices;
extern const struct resource original_messages;
/* original_analytics.c */
extern const struct resource original_conversation, original_channel,
    original_dashboard, original_analytics_health, original_health;

/* Returns the resource with the request's path, without the suffix of a format;
 * NULL: there is none. */
const struct resource *resource_find(const struct web_request *r);

/* True if the request needs no token. */
bool resource_is_public(const struct web_request *r);

/* Answers a viewer's request from the tables. db connects when it is first
 * needed. Returns how many rows of tables the answer has. */
size_t resource_answer(const struct viewer *viewer, struct db *db,
    int64_t timeout_ms, const struct web_request *r, struct web_answer *a);

/* True if its rows can also be requested as CSV and NDJSON. */
bool resource_is_table(const struct resource *r);

/* Maximum number of parameters for a resource. */
#define RESOURCE_PARAMETERS 32

/* Lists the names of a resource's parameters, the required ones first; they are
 * borrowed. Returns their number. */
size_t resource_parameters(
    const struct resource *r, const char *names[RESOURCE_PARAMETERS]);

/* Checks a request's parameters: it may have those with the n names. An unknown
 * parameter is refused: with a misspelled filter, users would mistake
 * unfiltered figures for filtered ones. Repeated parameters are also refused,
 * and so are values that are empty, not text, or end with a space: in the
 * database, 'a' and 'a ' are equal. Returns false if the answer is now a
 * problem. */
bool resource_check_names(const char *const *names, size_t n,
    const struct web_request *r, struct web_answer *a)
    __attribute__((warn_unused_result));

/* Returns the description of the API, which is created once; a server calls
 * this before it accepts requests. Borrowed. */
const struct buf *resource_openapi_text(void);

/* Writes the answer of resource_now without its end; the question needs no
 * request. Returns false if the answer is now a problem. */
bool resource_now_write(struct question *q) __attribute__((warn_unused_result));

#endif
