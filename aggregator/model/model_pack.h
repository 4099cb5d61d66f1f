/*
 * model_pack: the packed form of the parts of a model that must survive a
 * restart, for the state (aggregator/state/state.h). Names are packed as text,
 * because their numbers differ between processes.
 * The model must be recomputed before it is packed.
 *
 * A chat is packed as a small head, which is loaded at start and has everything
 * that metrics need, and as segments of up to MODEL_SEGMENT messages in order,
 * which are loaded when the chat changes for the first time (struct model:
 * fetch).
 *
 * Unpackers return 0, or -1 if the bytes are not the output of a packer.
 */
#ifndef AGGREGATOR_MODEL_MODEL_PACK_H
#define AGGREGATOR_MODEL_MODEL_PACK_H

#include "common/records/forgotten.h"

#include "aggregator/model/model_data.h"

#define MODEL_SEGMENT 32

/* Pack the time of the tenant and of its snapshots. Unpack these first. */
void model_pack_tenant(struct model *m, struct buf *to);
int model_unpack_tenant(struct model *m, const void *p, size_t len)
    __attribute__((warn_unused_result));

void model_pack_operator(
    struct model *m, struct operator_info *o, struct buf *to);
int model_unpack_operator(struct model *m, const void *p, size_t len)
    __attribute__((warn_unused_result));

/* Pack the head. The number belongs to the caller (struct chat: number). */
void model_pack_chat(struct model *m, struct chat *c, struct buf *to);
int model_unpack_chat(struct model *m, const void *p, size_t len,
    uint64_t number) __attribute__((warn_unused_result));

/* The segments of a changed chat that differ from the packed ones: from .. to -
 * 1 must be written, to .. stored - 1 removed. After a new number, all segments
 * are written, from 0. A chat that is gone has none. */
struct model_segments {
	size_t from, to, stored;
};
struct model_segments model_segments(const struct chat *c);
void model_pack_segment(const struct model *m, const struct chat *c,
    size_t segment, struct buf *to);

/* Call when the chat and these segments are packed; for
 * model_clear_changed(). */
void model_chat_packed(struct chat *c);

/* Called by struct model's fetch for the chat's segments in order. */
int model_unpack_segment(struct model *m, struct chat *c, const void *p,
    size_t len) __attribute__((warn_unused_result));

/* Pack the identities of events that are new since the last call, one run for
 * each span. The caller stores them by span and unpacks them at start, in any
 * order, unless model_span_is_over(). */
void model_pack_events(struct model *m, void *ctx,
    void (*run)(void *ctx, uint16_t span, const void *p, size_t len));
int model_unpack_events(struct model *m, uint16_t span, const void *p,
    size_t len) __attribute__((warn_unused_result));
bool model_span_is_over(const struct model *m, uint16_t span);

/* Erases a customer in a model that will only be packed. Name, phone number and
 * tag are removed from their chats in episodes that began before the request.
 * Returns how many chats changed. */
size_t model_forget_customer(struct model *m, const struct forget_order *o);

#endif
