/*
 * resource: the table of what the API has: path, who may read it, and the
 * function that answers; and resource_answer(), which answers any request.
 *
 * To add a resource: its function in a file of its own, declared below, its row
 * in resource_routes.c, the shape of its answer in resource_openapi.c, its
 * tests. A resource that is the rows of a table is a struct list in
 * resource_lists.c instead, whose columns are its shape.
 *
 * One whose least role is VIEWER_NONE needs no token; the viewer then has no
 * tenant.
 */
#ifndef SINK_RESOURCES_RESOURCE_H
#define SINK_RESOURCES_RESOURCE_H

#include "sink/api/list.h"
#include "sink/api/question.h"
#include "sink/responses/responses.h"

/* Either answer or list is set. */
struct resource {
	const char *pattern; /* see path_pattern.h */
	enum viewer_role least;
	resource_handler *answer;
	const struct list *list;
	bool of_operators; /* the handler keeps to scope.h; lists do */
	bool impersonal;   /* shows no chat and no customer: not audited */
	/* The handler's parameters, up to NULL; others are refused. NULL: they
	 * are passed over, as by the service that it is in place of; or it is a
	 * list, which tells its own. */
	const char *const *parameters;
	/* Those that it takes nevertheless, for the description, separated by
	 * blanks; ! behind one that is needed. */
	const char *originals;
	const char *id, *shape; /* of the description: of the operation, and of
				   the answer */
	const char *summary;
};

extern const struct resource resources[];
extern const size_t resources_n;

/* Answers a request of a viewer from the tables: finds the resource by path and
 * the format by suffix or Accept. db is connected when it is first needed.
 * Returns how many rows of tables the answer has. */
size_t resource_answer(const struct viewer *viewer, struct db *db,
    int64_t timeout_ms, const struct web_request *r, struct web_answer *a);

/* Whether the table has the path of the request. */
bool resource_is_known(const struct web_request *r);

/* True when what the request shows is not audited; of an unknown path false. */
bool resource_is_impersonal(const struct web_request *r);

/* True when the request needs no token. */
bool resource_is_public(const struct web_request *r);

/* The description of the API, which is made once; the program that serves calls
 * it before requests come. Borrowed. */
const struct buf *resource_openapi_text(void);

/* The handlers, by file. */
resource_handler resource_now;        /* resource_now.c */
resource_handler resource_chat;       /* resource_lists.c */
resource_handler resource_timeline;   /* resource_chat.c */
resource_handler resource_openapi;    /* resource_openapi.c */
resource_handler resource_allocation; /* resource_allocation.c */
resource_handler resource_transfers;  /* resource_transfers.c */
resource_handler original_messages;   /* original_messages.c */
/* original_analytics.c */
resource_handler original_conversation, original_channel, original_dashboard,
    original_health;

/* resource_chat.c: for the list of messages, struct list: a viewer of teams who
 * asks for a chat that they may see sees all that its timeline shows. An
 * operator is not asked for so: the answer would tell who it is that the rows
 * do not name. */
bool chat_opens_messages(struct question *q, bool *all)
    __attribute__((warn_unused_result));

/* resource_lists.c */
extern const struct list list_operators, list_chats, list_messages,
    list_intervals, list_conversations, list_users, list_alerts, list_trends,
    list_events, list_receipts, list_channels, list_response_hours,
    list_assignments;

/* Writes the answer of resource_now() without its end, of a question that needs
 * no request. False: the answer is a problem. */
bool resource_now_write(struct question *q) __attribute__((warn_unused_result));

/* The check of a request's parameters before a resource answers. A parameter
 * that the resource does not have is refused: who misspells a filter would else
 * take what is not filtered for what is. So is one that is there twice, and a
 * value that is empty, no text, or ends with a blank: for the database 'a' and
 * 'a ' are equal. */

/* The most that a resource has. */
#define RESOURCE_PARAMETERS 32

/* How soon a customer should be answered, in seconds, where the parameter
 * `within` is not given: the default of a report and of the board's slider. */
#define WITHIN_S "300"

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
