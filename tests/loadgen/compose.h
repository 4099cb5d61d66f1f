/*
 * compose: writes the records as lines of JSON. Parts that many records share
 * are prepared once.
 */
#ifndef TESTS_LOADGEN_COMPOSE_H
#define TESTS_LOADGEN_COMPOSE_H

#include "tests/loadgen/world.h"

enum kind {
	K_CUSTOMER,
	K_ANSWER,
	K_BOT,
	K_NOTE,
	K_AUTOREPLY,
	K_ASSIGNED,
	K_CLOSED,
	K_OPENED,
	K_HANDOFF,
	K_OTHER,
	KINDS
};

struct composer {
	struct style style;
	/* private */
	struct text type[5], from[KINDS], kind[KINDS], quiet[KINDS];
	struct text nobody, data, status;
	struct text key_id, key_at, key_opened, key_message;
	int64_t minute; /* the one in time_text */
	char time_text[32];
};

/* A message that is to be made. */
struct draft {
	const struct chat *chat;
	enum kind kind;
	int32_t person; /* who wrote it or is named; NO_OPERATOR */
	int64_t at;
	uint32_t serial; /* its id: unique in the tenant, or another chat's */
};

/* The style is taken. */
void composer_init(struct composer *c, const struct style *style);
void composer_release(struct composer *c);

/* All of them write a line without a newline to a buffer of LINE_MAX_BYTES and
 * return its length. */
size_t compose_message(
    struct composer *c, struct world *w, const struct draft *d, char *to);
/* `person` looks at d at that time. with_chat: the record names the chat. */
size_t compose_view(struct composer *c, const struct world *w,
    const struct draft *d, uint32_t person, int64_t at, bool with_chat,
    char *to);
size_t compose_event(struct composer *c, const struct world *w, uint32_t person,
    uint32_t event, uint32_t serial, const struct chat *chat, int64_t at,
    char *to);
size_t compose_chat(struct composer *c, const struct world *w,
    const struct chat *chat, int64_t at, char *to);
size_t compose_operator(
    struct composer *c, const struct world *w, uint32_t person, char *to);

#endif
