/*
 * route_models: the fields of the bodies of requests, as tables. The routes
 * validate by them; openapi.json is tested against them.
 */
#ifndef POLLER_ROUTES_ROUTE_MODELS_H
#define POLLER_ROUTES_ROUTE_MODELS_H

#include "poller/routes/validate.h"

/* Of a message's text, in characters. */
#define MODEL_CONTENT_MAX 65536

enum {
	SEND_CONVERSATION,
	SEND_SENDER,
	SEND_RECEIVER,
	SEND_CONTENT,
	SEND_TYPE,
	SEND_CHANNEL
};
extern const struct validate_model model_send;

enum { EVENT_TYPE, EVENT_DATA, EVENT_USER, EVENT_SESSION, EVENT_SOURCE };
extern const struct validate_model model_event;

enum {
	ANALYTICS_ID,
	ANALYTICS_CONVERSATION,
	ANALYTICS_CHANNEL,
	ANALYTICS_DIRECTION,
	ANALYTICS_CONTENT,
	ANALYTICS_SENTIMENT,
	ANALYTICS_INTENT,
	ANALYTICS_RESPONSE_TIME
};
extern const struct validate_model model_analytics;

/* The members that are read of its objects. */
enum { CONTENT_TEXT };
extern const struct validate_model model_content;
enum { SENTIMENT_SCORE, SENTIMENT_LABEL, SENTIMENT_CONFIDENCE };
extern const struct validate_model model_sentiment;
enum { INTENT_NAME, INTENT_CONFIDENCE };
extern const struct validate_model model_intent;

#endif
