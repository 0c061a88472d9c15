/*
 * The lines of a request's head, checked character by character before any parser sees them.
 *
 * Thread: any; no shared state.
 * Errors: a fault is the status to answer and a sentence; status 0 is none.
 * Spec:   RFC 9112 §3 and §5, RFC 9110 §5.5 and §5.6.2.
 */
#ifndef AVOCET_NET_HTTP_SYNTAX_H
#define AVOCET_NET_HTTP_SYNTAX_H

#include "base/bytes.h"

struct http_fault {
    int status;
    const char *reason; /* static */
};

bool http_syntax_is_token(struct bytes text);
/* Of a field: no control characters but the tab. */
bool http_syntax_is_value(struct bytes text);
/* Lines without their CR LF. method SP target SP version; the target is /[!-~]*, not //, no #. */
struct http_fault http_syntax_check_request_line(struct bytes line, bool *is_http_1_0);
/* name ":" value, the name a token. */
struct http_fault http_syntax_check_field_line(struct bytes line);

#endif
