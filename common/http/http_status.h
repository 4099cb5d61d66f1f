/*
 * http_status: what a status of HTTP is called (RFC 9110).
 */
#ifndef COMMON_HTTP_HTTP_STATUS_H
#define COMMON_HTTP_HTTP_STATUS_H

/* Of the statuses from 400 on that the servers answer; of another one the name
 * of its class's first. Static. */
const char *http_status_text(int status);

#endif
