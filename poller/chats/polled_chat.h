/*
 * polled_chat: the chats of one poll: data, and how one chat is written when
 * all answers about it have arrived (read_chat.h).
 *
 * The chat is complete if the last message that the list names has been read.
 * Otherwise the next poll reads the chat again, because a CRM may show messages
 * late. The record of a chat that has left the list reports it as closed.
 * Closing the chat without its last messages would make an answered chat
 * permanently unanswered, so the record waits until the CRM shows them.
 *
 * Pointers are borrowed.
 */
#ifndef POLLER_CHATS_POLLED_CHAT_H
#define POLLER_CHATS_POLLED_CHAT_H

#include "common/containers/strmap.h"
#include "poller/chats/emit.h"
#include "poller/chats/history.h"
#include "poller/crm/crm_session.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct chats {
	struct crm_session *crm;
	struct emit *emit;
	struct strmap all; /* id -> struct polled_chat; see polled_chat_done */
	bool keep_rows;    /* lists contain only changes: the state keeps each
			    * chat's record, and `closed` lists the chats that
			    * have left */
	struct strmap closed;
	size_t listed, to_read, read, failed, stale;
	size_t unnamed;      /* chats whose customer could not be read, */
	char *first_unnamed; /* and why: half a sentence; or NULL */
	bool told;      /* the snapshot has the last messages of some closed
			 * chat */
	size_t unknown; /* chats assigned to an operator who is not in our list
			 * yet */

	/* If there is a list for each operator, chats are collected and handled
	 * when all lists are read, because a chat may move from one list to
	 * another. */
	bool gather;
	struct polled_chat **gathered;
	size_t gathered_n, gathered_cap;
	char *first_failure; /* why the first chat failed, as half a sentence;
			      * or NULL */
	enum error_class first_error;
	struct strmap asked_left; /* id -> struct left_chat; for
				   * chats_leave() */
};

struct polled_chat {
	struct chats *chats;
	struct crm_record list; /* from the list */
	struct chat_state state;
	struct history read; /* the pages of its messages read so far */
	bool known;          /* state was read from the store */
	unsigned waiting;    /* number of answers that have not arrived yet */
	bool unchanged, failed;
	bool mixed; /* its answer had messages of another chat */
	int64_t asked_ms;
	bool person_asked; /* the state has a newer answer about its customer */
};

/* Stands in a map for each chat that is written. */
extern struct polled_chat polled_chat_done;

/* Takes over the record, with its texts. */
struct polled_chat *polled_chat_new(
    struct chats *cs, struct crm_record *r, int64_t asked_ms);
void polled_chat_free(void *chat);

/* An answer about the chat has arrived. After the last one, the chat is written
 * and freed; its id stays in the map. */
void polled_chat_answered(struct polled_chat *c);

bool polled_chat_is_closed(const struct polled_chat *c);

/* True if the last message that the list names has been read. */
bool polled_chat_has_last(const struct polled_chat *c);

/* Replaces an owned text by a copy; NULL becomes "". */
void polled_chat_set_text(char **to, const char *s);

#endif
