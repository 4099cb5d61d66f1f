/*
 * model_pack: the packed form of what a model keeps over a restart, for the
 * state (aggregator/state/state.h). Names are packed as text, because their
 * numbers differ between processes; integers are little-endian. A recomputed
 * model is packed.
 *
 * A chat is packed as a small head, which is loaded at the start and has all
 * that metrics need, and as segments of up to MODEL_SEGMENT messages in their
 * order, which are loaded when the chat is changed for the first time (struct
 * model: fetch).
 *
 * Unpackers return 0, or -1 when a packer did not write the bytes.
 */
#ifndef AGGREGATOR_MODEL_MODEL_PACK_H
#define AGGREGATOR_MODEL_MODEL_PACK_H

#include "common/records/forget_order.h"

#include "aggregator/model/model.h"

#define MODEL_SEGMENT 32

/* The time of the tenant and of its snapshots. Unpacked first. */
void model_pack_tenant(const struct model *m, struct buf *to);
int model_unpack_tenant(struct model *m, const void *p, size_t len)
    __attribute__((warn_unused_result));

void model_pack_operator(
    const struct model *m, const struct operator_info *o, struct buf *to);
int model_unpack_operator(struct model *m, const void *p, size_t len)
    __attribute__((warn_unused_result));

/* The head. The number is the caller's (struct chat: number). */
void model_pack_chat(
    const struct model *m, const struct chat *c, struct buf *to);
int model_unpack_chat(struct model *m, const void *p, size_t len,
    uint64_t number) __attribute__((warn_unused_result));

/* Appends a packed head to *to without the customer's name, phone number and
 * tag, of times of the chat that began before it was asked for. False: there
 * are none, and *to is of no use. */
bool model_forget_customer(
    const void *p, size_t len, const struct forget_order *o, struct buf *to);

/* Which segments of a changed chat differ from the packed ones: from .. to - 1
 * must be written, to .. stored - 1 removed. Under a new number all are
 * written, from 0. A chat that is gone has none. */
struct model_segments {
	size_t from, to, stored;
};
struct model_segments model_segments(const struct chat *c);
void model_pack_segment(const struct model *m, const struct chat *c,
    size_t segment, struct buf *to);

/* The chat and these segments were packed; for model_clear_changed(). */
void model_chat_packed(struct chat *c);

/* Called by struct model's fetch, for the chat's segments in order. */
int model_unpack_segment(struct model *m, struct chat *c, const void *p,
    size_t len) __attribute__((warn_unused_result));

/* The identities that are new since model_clear_changed(), one run for each
 * span. The caller stores them by span and unpacks them at the start, in any
 * order, after the counted events, unless model_span_is_over(). */
void model_pack_identities(const struct model *m, void *ctx,
    void (*run)(void *ctx, uint16_t span, const void *p, size_t len));
int model_unpack_identities(struct model *m, uint16_t span, const void *p,
    size_t len) __attribute__((warn_unused_result));
bool model_span_is_over(const struct model *m, uint16_t span);

/* Counted events; the key is user and event. */
void model_pack_event(const struct model *m, const struct event_count *e,
    struct buf *key, struct buf *value);
int model_unpack_event(struct model *m, const void *key, size_t key_len,
    const void *value, size_t len) __attribute__((warn_unused_result));

/* Of a customer who is forgotten: copies a packed key of counted events, or
 * packed identities, under the name that rename() gives for each user; and adds
 * two packed counts. */
typedef struct text model_rename_fn(void *ctx, struct text user);
int model_rename_event(const void *key, size_t len, model_rename_fn *rename,
    void *ctx, struct buf *to) __attribute__((warn_unused_result));
int model_rename_identities(const void *p, size_t len, model_rename_fn *rename,
    void *ctx, struct buf *to) __attribute__((warn_unused_result));
int model_add_event_counts(struct text a, struct text b, struct buf *to)
    __attribute__((warn_unused_result));

#endif
