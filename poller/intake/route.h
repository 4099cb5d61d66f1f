/*
 * route: finds the handler of a request in a table of methods and paths. The
 * answer to an unknown path is 404, to an unknown method of a path 405 with
 * Allow, both in the shape of the original services, {"detail":"Not Found"}.
 *
 * Patterns: see path_pattern.h.
 *
 * To add a route: its handler below, with the fields of its body beside it, its
 * row in route.c with what describes it, the shape of its answer in
 * route_openapi.c, its tests.
 */
#ifndef POLLER_INTAKE_ROUTE_H
#define POLLER_INTAKE_ROUTE_H

#include "common/base/text.h"
#include "common/base/xalloc.h"
#include "common/http/validate_errors.h"
#include "common/http/web.h"
#include "common/records/record.h"
#include "poller/intake/hook.h"
#include "poller/intake/idempotency.h"
#include "poller/intake/listener_context.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct listener_context;
struct validate_model;

/* Makes the answer, like a web_handler whose context is the listener's. */
typedef void route_handler(const struct listener_context *in,
    const struct web_request *r, struct web_answer *a);

/* What the routes have in common that description (route_openapi.c) has. */
enum route_group {
	ROUTE_HEALTH,
	ROUTE_MESSAGE,
	ROUTE_ANALYTICS,
	ROUTE_HOOK,
	ROUTE_ORIGINAL,
	ROUTE_METRICS,
};

/* answer and body are shapes (common/text/openapi.h); success says what the
 * answer means, NULL: nothing. */
struct route {
	enum web_method method;
	const char *pattern;
	route_handler *handle;
	enum route_group group;
	const char *id, *summary, *answer, *body, *success;
};

extern const struct route routes[];
extern const size_t routes_n;

/* Answers any request; context is a struct listener_context. */
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

/* The bodies that they accept, and objects in these, each in the file of its
 * route. */
extern const struct validate_model route_model_send, route_model_event,
    route_model_analytics, route_model_content, route_model_sentiment,
    route_model_intent;

/*
 * route_ids: ids for messages, events and conversations that come without one.
 */

/* Room for each, NUL included; for that of a key. */
#define ROUTE_ID 48
#define ROUTE_KEY_ID 181

/* A random UUID (version 4). */
void route_uuid(char id[ROUTE_ID]);

/* msg-<nanoseconds since 1970>, as the original makes them: the clock's
 * microseconds, or one more than the last, and three random digits, since
 * another process may write to the same conversation in the same one. */
void route_message_id(char id[ROUTE_ID]);

/* conv- and 24 hexadecimal digits, the same for two people in either order:
 * HMAC-SHA256 with the key "conversation" of both ids, the lesser one first,
 * and a NUL between them. */
void route_conversation(const char *a, const char *b, char id[ROUTE_ID]);

/* How a request with a key first came. */
struct first_request {
	int64_t at;
	uint64_t note; /* what else the route decided then */
};

/* The id of what a request with a key sends: the key (160 bytes of it), a
 * hyphen and 16 digits that depend on the key, the day, in UTC, and the body. A
 * key that is used again when it is forgotten is that of something else, so it
 * needs another id, or nobody counts that; and who repeats a request gets the
 * same one, even if its key was lost, unless a day of UTC has ended since. */
void route_key_id(const char *key, const struct web_request *r,
    const struct first_request *first, char id[ROUTE_KEY_ID]);

/*
 * route_auth: who sends a request, whether its content type is one that a page
 * of another origin cannot send (415), and whether it came before: what the
 * routes of messages and events share.
 */

struct listener_context;

struct sender {
	char tenant[RECORD_MAX_TENANT + 1];
	bool by_token; /* a bearer token named the tenant */
};

/* When bearer tokens are required: false and 401 when the request has no valid
 * one. */
bool route_token(const struct listener_context *in, const struct web_request *r,
    struct web_answer *a, struct sender *s);

/* As in the originals: no content type, or one that is JSON. */
bool route_says_json(const struct web_request *r);

/* For a request without a secret: true when its client is trusted, and it is
 * not sent by a web page. False and the answer; to other clients with the
 * status stranger. */
bool route_is_trusted(const struct listener_context *in,
    const struct web_request *r, int stranger, struct web_answer *a);

/* Reads Idempotency-Key: *key is NULL when there is none; false when it is not
 * a key (1 to IDEMPOTENCY_KEY_MAX visible ASCII letters). */
bool route_key(const struct web_request *r, const char **key);

/* Removes the records and the body of the answer. */
void route_clear_answer(struct web_answer *a);

/* Looks up the key of a valid request whose records fit, and remembers it.
 * *first is how it comes now, with the note of the route, and becomes how it
 * first came. */
enum idempotency_verdict route_first(const struct listener_context *in,
    const struct web_request *r, const struct sender *s, const char *kind,
    const char *key, struct first_request *first);

/* Answers 503 with a Retry-After of one second. */
void route_busy(struct web_answer *a);

/*
 * validate: checks a JSON value by a table of fields, and reports all errors at
 * once. The tables stand beside the routes, in route_*.c; here is only what
 * kinds of fields there are. The description of the API is made of them, too.
 * Weighed: json_unpack_ex of jansson, which ends at the first error.
 */

enum validate_kind {
	VALIDATE_ID,     /* text of 1..max bytes, no control characters,
			   no blank at its end */
	VALIDATE_NAME,   /* the same, or empty */
	VALIDATE_TEXT,   /* of up to max characters */
	VALIDATE_WORD,   /* one of words */
	VALIDATE_NUMBER, /* a number, or a text that is one */
	VALIDATE_OBJECT,
	VALIDATE_LIST, /* of up to max items */
};

enum validate_need {
	VALIDATE_REQUIRED,
	VALIDATE_OPTIONAL, /* null is the same as absent */
	VALIDATE_DEFAULT,  /* may be absent, not null */
};

struct validate_field {
	const char *name;
	enum validate_kind kind;
	enum validate_need need;
	size_t max;               /* 0: no limit */
	const char *const *words; /* NULL-ended */
};

/* The fields of a body, or of an object in it. */
struct validate_model {
	const char *name; /* of its schema in the description */
	const struct validate_field *fields;
	size_t n;
};

#define VALIDATE_FIELDS 8 /* the most of a model */

/* A model of a table of fields. */
#define VALIDATE_MODEL(name, fields)                                           \
	{                                                                      \
		name, fields, ARRAY_LEN(fields)                                \
	}

/* Checks v, which stands at. values[i] is what the i-th field has, borrowed;
 * NULL: absent, null, or wrong. */
void validate_object(struct validate_errors *f, const struct validate_place *at,
    const struct validate_model *m, json_t *v, json_t **values);

/* The number of a value that VALIDATE_NUMBER accepts. */
double validate_number(const json_t *v);

/* True for a text that VALIDATE_ID accepts. */
bool validate_is_id(const char *s, size_t len, size_t max);

/*
 * route_collect: what the routes of the analytics API share: sender, tenant and
 * body of a request, and the errors, in the shape of the original service
 * (FastAPI).
 *
 * A route calls collect_begin(), checks the fields of the body, and calls
 * collect_finish(), which writes records and answer. A step that returns false
 * has made the answer.
 */

/* One request. The first three are set by the caller. */
struct collect {
	const struct listener_context *in;
	const struct web_request *r;
	struct web_answer *a;
	struct sender sender;
	struct validate_errors errors;
	json_t *body;    /* NULL: there is none, which is an error already */
	const char *key; /* Idempotency-Key, or NULL */
	struct first_request first; /* its time is that of the records */
};

extern const struct validate_place collect_body;

/* Checks all but the fields of the body. */
bool collect_begin(struct collect *c);

/* Writes records and answer of a request, with the time of c->first; the same
 * when it is called again. False: they do not fit, see collect_fits(). */
typedef bool collect_write(struct collect *c, void *ctx);

/* Answers with the errors, if there are any; else writes, and writes once more,
 * with the first time, if the request came before. A request that does not fit
 * does not use its key up. kind: as of route_first(). */
void collect_finish(
    struct collect *c, const char *kind, collect_write *write, void *ctx);

/* The id of what a collect_write() writes: that of the key, or a new one. */
void collect_id(const struct collect *c, char id[ROUTE_KEY_ID]);

/* False when the line that begins at from is too long for a record: then the
 * request has no records. */
bool collect_fits(
    struct collect *c, size_t from, const struct validate_place *at);

void collect_end(struct collect *c);

/* Appends a member of an object: a value, null when it is NULL. */
void collect_member(struct buf *b, const char *name, json_t *v);

#endif
