/*
 * route: finds the handler of a request in a table of methods and paths. The
 * answer to an unknown path is 404; to an unknown method of a known path, 405
 * with Allow. Both have the form of the original services, {"detail":"Not
 * Found"}.
 *
 * Patterns: see web.h.
 *
 * To add a route, write its handler with the fields of its body beside it;
 * declare the handler below; add its row to route.c, with its description; add
 * the shape of its answer to route_openapi.c; and test it.
 */
#ifndef POLLER_INTAKE_ROUTE_H
#define POLLER_INTAKE_ROUTE_H

#include "common/base/text.h"
#include "common/base/xalloc.h"
#include "common/http/web.h"
#include "common/records/record.h"
#include "poller/intake/hook.h"
#include "poller/intake/idempotency.h"
#include "poller/intake/listener_context.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct validate_model;

/* Answers a request; a web_handler whose context is the listener's. */
typedef void route_handler(const struct listener_context *in,
    const struct web_request *r, struct web_answer *a);

/* Routes of a group share answers in the description (route_openapi.c). */
enum route_group {
	ROUTE_HEALTH,
	ROUTE_MESSAGE,
	ROUTE_ANALYTICS,
	ROUTE_HOOK,
	ROUTE_ORIGINAL,
	ROUTE_METRICS,
};

/* answer and body are shapes (common/json/openapi.h). success describes the
 * answer, or is NULL. */
struct route {
	enum web_method method;
	const char *pattern;
	route_handler *handle;
	enum route_group group;
	const char *id, *summary, *answer, *body, *success;
};

extern const struct route routes[];
extern const size_t routes_n;

/* Answers any request; the context is a struct listener_context. */
web_handler route_answer;

/* Makes the answer {"detail":TEXT}. */
void route_detail(struct web_answer *a, int status, const char *text);

/* The handlers, by file. */
route_handler route_root;              /* route_service.c */
route_handler route_health;            /* route_service.c */
route_handler route_messages_health;   /* route_service.c */
route_handler route_analytics_health;  /* route_service.c */
route_handler route_messages_send;     /* route_messages.c */
route_handler route_events_one;        /* route_events.c */
route_handler route_events_bulk;       /* route_events.c */
route_handler route_message_analytics; /* route_events.c */
route_handler route_openapi;           /* route_openapi.c */
route_handler route_metrics;           /* route_service.c */
route_handler route_hook;              /* route_hooks.c */
route_handler route_original;          /* route_hooks.c */

/* The bodies that the routes accept and the objects in them, each defined in
 * the file of its route. */
extern const struct validate_model route_model_send, route_model_event,
    route_model_analytics, route_model_content, route_model_sentiment,
    route_model_intent;

/*
 * route_ids: creates ids for messages, events and conversations that have none.
 */

/* Space for an id, and for an id made from a key, including NUL. */
#define ROUTE_ID 48
#define ROUTE_KEY_ID 181

/* Makes a random UUID (version 4). */
void route_uuid(char id[ROUTE_ID]);

/* Makes msg-<nanoseconds since 1970>, as the original does: the clock's
 * microseconds, or one more than in the last id, followed by three random
 * digits, because another process may write to the same conversation in the
 * same microsecond. */
void route_message_id(char id[ROUTE_ID]);

/* Makes conv- and 24 hexadecimal digits, which are the same for two people in
 * either order: the HMAC-SHA256, with the key "conversation", of both ids, the
 * lesser one first and a NUL between them. */
void route_conversation(const char *a, const char *b, char id[ROUTE_ID]);

/* Creates the id for a request with a key: the first 160 bytes of the key, a
 * hyphen, and 16 digits that depend on the key, the day (UTC) and the body. A
 * key that is reused after it expired belongs to another request and needs
 * another id; otherwise that request would not be counted. A repeated request
 * gets the same id even if its key was lost, unless a day of UTC has ended
 * meanwhile. */
void route_key_id(const char *key, const struct web_request *r,
    const struct idempotent *first, char id[ROUTE_KEY_ID]);

/*
 * route_auth: shared by the routes of messages and events: who sends a request,
 * whether a page from another origin could send its content type (415), and
 * whether the request has already arrived.
 */

struct sender {
	char tenant[RECORD_MAX_TENANT + 1];
	bool by_token; /* a bearer token named the tenant */
};

/* If bearer tokens are required: returns false and 401 if the request has no
 * valid one. */
bool route_token(const struct listener_context *in, const struct web_request *r,
    struct web_answer *a, struct sender *s);

/* True for JSON or no content type, as in the original services. */
bool route_says_json(const struct web_request *r);

/* For a request without a secret: true if its client is trusted and no web page
 * sent it. Otherwise returns false and the answer; for clients that are not
 * trusted, with the status stranger. */
bool route_is_trusted(const struct listener_context *in,
    const struct web_request *r, int stranger, struct web_answer *a);

/* Reads Idempotency-Key. *key is NULL if there is none. Returns false if it is
 * not a valid key (1 to IDEMPOTENCY_KEY_MAX visible ASCII characters). */
bool route_key(const struct web_request *r, const char **key);

/* Removes the records and the body of the answer. */
void route_clear_answer(struct web_answer *a);

/*
 * validate: checks a JSON value by a table of fields and reports all errors at
 * once. The tables are next to the routes in route_*.c; only the kinds of
 * fields are here. The API's description is made from the tables, too.
 * jansson's json_unpack_ex was considered, but it ends at the first error.
 */

enum validate_kind {
	VALIDATE_ID,     /* text of 1..max bytes, without control characters and
			  * a blank at its end */
	VALIDATE_NAME,   /* the same, or empty */
	VALIDATE_TEXT,   /* text of up to max characters */
	VALIDATE_WORD,   /* one of words */
	VALIDATE_NUMBER, /* a number, or a text that is one */
	VALIDATE_OBJECT,
	VALIDATE_LIST, /* a list of up to max items */
};

enum validate_need {
	VALIDATE_REQUIRED,
	VALIDATE_OPTIONAL, /* null means absent */
	VALIDATE_DEFAULT,  /* may be absent, but not null */
};

struct validate_field {
	const char *name;
	enum validate_kind kind;
	enum validate_need need;
	size_t max;               /* 0: no limit */
	const char *const *words; /* ended by NULL */
};

/* The fields of a body, or of an object in it. */
struct validate_model {
	const char *name; /* the schema's name in the description */
	const struct validate_field *fields;
	size_t n;
};

#define VALIDATE_FIELDS 8 /* The most fields of a model. */

/* Makes a model from a table of fields. */
#define VALIDATE_MODEL(name, fields)                                           \
	{                                                                      \
		name, fields, ARRAY_LEN(fields)                                \
	}

/* Checks v, whose place in the body is `at`. Sets values[i] to the value of the
 * i-th field, borrowed, or to NULL if the field is absent, null or invalid. */
void validate_object(struct validate_errors *f, const struct validate_place *at,
    const struct validate_model *m, json_t *v, json_t **values);

/* The number in a value that VALIDATE_NUMBER accepts. */
double validate_number(const json_t *v);

/* Returns the number of characters. */
size_t validate_length(const char *s);

/* True for a text that VALIDATE_ID accepts. */
bool validate_is_id(const char *s, size_t len, size_t max);

/*
 * route_collect: one request with records. Its records and answer are written
 * by collect_once(). The routes of the analytics API share more: sender, tenant
 * and body of a request, and errors in the form of the original service
 * (FastAPI). Such a route calls collect_begin(), checks the fields of the body,
 * and calls collect_finish(). A function that returns false has set the answer.
 */

/* One request. The caller sets the first three members. */
struct collect {
	const struct listener_context *in;
	const struct web_request *r;
	struct web_answer *a;
	struct sender sender;
	struct validate_errors errors;
	json_t *body;    /* NULL if there is none, which is already an error */
	const char *key; /* Idempotency-Key, or NULL */
	struct idempotent first; /* its time becomes that of the records */
};

extern const struct validate_place collect_body;

void collect_end(struct collect *c);

/* Checks everything except the fields of the body. */
bool collect_begin(struct collect *c);

/* Writes the records and the answer of a request, dated c->first. Writes the
 * same when it is called again. False if they do not fit; see
 * collect_fits(). */
typedef bool collect_write(struct collect *c, void *ctx);

/* Writes the request, and writes it again with the first time if it had already
 * arrived. A request that does not fit leaves its key unused. kind:
 * as in idempotency_first(). Returns false, without an answer, if the key
 * belongs to another request. */
bool collect_once(
    struct collect *c, const char *kind, collect_write *write, void *ctx);

/* Answers with the errors, if there are any; otherwise like collect_once(). */
void collect_finish(
    struct collect *c, const char *kind, collect_write *write, void *ctx);

/* The id for the records of a collect_write(): made from the key, or new. */
void collect_id(const struct collect *c, char id[ROUTE_KEY_ID]);

/* Returns false if the line that begins at `from` is too long for a record; the
 * request then has no records. */
bool collect_fits(
    struct collect *c, size_t from, const struct validate_place *at);

/* Appends a member of an object; its value is null if v is NULL. */
void collect_member(struct buf *b, const char *name, json_t *v);

#endif
