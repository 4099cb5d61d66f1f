/*
 * forget: names and phone numbers of customers nobody asked about any more
 * leave the state.
 */
#ifndef POLLER_FORGET_H
#define POLLER_FORGET_H

#include "poller/store.h"

#include <stdint.h>

/* Those that were asked for longer ago than two days: a customer of an open
 * chat is asked about again after one. Committed by the next store_commit(). */
void forget_customers(struct store *s, int64_t now_ms);

#endif
