/*
 * message_order: the order of a chat's messages, of which several may have one
 * time: by time and id, as messaging-metrics(7) has it. A statement orders ids
 * by bytes, which has 10 before 9, as if an answer came before its question;
 * and any other order it would read the whole chat for.
 */
#ifndef SINK_ANSWER_MESSAGE_ORDER_H
#define SINK_ANSWER_MESSAGE_ORDER_H

#include "common/db/db.h"

#include <stddef.h>

/* Of rows that have the order of the column `time`, puts those of one time into
 * that of their ids, in the column `id`; those of one id, too, stay as they
 * are. Steps before the first. */
void message_order(struct db_rows *rows, size_t time, size_t id);

#endif
