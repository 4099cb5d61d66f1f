/*
 * model_pack: what a model must keep over a restart, as bytes for the store
 * (aggregator/state/state.h), and back. Text is packed as text, so that nothing
 * depends on one process's numbers of names; integers are little-endian.
 *
 * A chat is a head, small, which is loaded at the start and holds all its
 * metrics are made of, and segments of up to MODEL_SEGMENT messages in their
 * order, which are loaded when the chat is first written to
 * (struct model: fetch). What is packed is the settled state.
 *
 * Unpackers return 0, or -1 when the bytes are not what a packer wrote.
 */
#ifndef AGGREGATOR_MODEL_MODEL_PACK_H
#define AGGREGATOR_MODEL_MODEL_PACK_H

#include "aggregator/model/model.h"

#define MODEL_SEGMENT 32

/* Newest `at`, totals that no chat or operator tells. Unpacked first. */
void model_pack_tenant(const struct model *m, struct buf *to);
int model_unpack_tenant(struct model *m, const void *p, size_t len)
    __attribute__((warn_unused_result));

void model_pack_operator(
    const struct model *m, const struct operator_info *o, struct buf *to);
int model_unpack_operator(struct model *m, const void *p, size_t len)
    __attribute__((warn_unused_result));

/* The head; the number is the caller's (struct chat: number). */
void model_pack_chat(
    const struct model *m, const struct chat *c, struct buf *to);
int model_unpack_chat(struct model *m, const void *p, size_t len,
    uint64_t number) __attribute__((warn_unused_result));

/* Which segments of a changed chat differ from the packed ones: from .. to - 1
 * must be written, to .. stored - 1 removed. Under a new number all of them
 * are written: from 0. A chat that left has none. */
struct model_segments {
	size_t from, to, stored;
};
struct model_segments model_segments(const struct chat *c);
void model_pack_segment(const struct model *m, const struct chat *c,
    size_t segment, struct buf *to);

/* From within struct model's fetch: the chat's segments, in order. */
int model_unpack_segment(struct model *m, struct chat *c, const void *p,
    size_t len) __attribute__((warn_unused_result));

/* The identities that came since model_clear_changed(), a run a span; to be
 * kept under that span and given back at the start, in any order, after the
 * counted events, as long as the window has not passed it. */
void model_pack_identities(const struct model *m, void *ctx,
    void (*run)(void *ctx, uint16_t span, const void *p, size_t len));
int model_unpack_identities(struct model *m, uint16_t span, const void *p,
    size_t len) __attribute__((warn_unused_result));
bool model_span_is_over(const struct model *m, uint16_t span);

/* Counted events, by user and event. */
void model_pack_event(const struct model *m, const struct event_count *e,
    struct buf *key, struct buf *value);
int model_unpack_event(struct model *m, const void *key, size_t key_len,
    const void *value, size_t len) __attribute__((warn_unused_result));

#endif
