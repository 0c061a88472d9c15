/*
 * RTSP messages: requests read out of a connection's bytes, with the interleaved frames that lie
 * between them, and responses written.
 *
 *   for (int n; (n = rtsp_parse(in, &message)) > 0; in = the rest after n bytes) { ... }
 *
 * Lenient where players are sloppy (bare LF, empty lines between messages, header names in any
 * case), strict where it matters: no folded lines, no control characters, one length.
 *
 * Units:     sizes in bytes.
 * Ownership: a message borrows the bytes that it was read from.
 * Thread:    any; no shared state.
 * Errors:    -EBADMSG malformed, -E2BIG beyond a limit, -EPROTONOSUPPORT another version of RTSP;
 *            what follows cannot be read any more then. Writers: the text's sticky error.
 * Spec:      RFC 2326 §4, §6, §7, §10.12 (interleaved), §12.
 */
#ifndef AVOCET_PROTO_RTSP_H
#define AVOCET_PROTO_RTSP_H

#include "base/text.h"

enum {
    RTSP_HEAD_SIZE_MAX = 8 * 1024,
    RTSP_BODY_SIZE_MAX = 4 * 1024, /* of a request; players send none or a few parameters */
    RTSP_HEADERS_MAX = 48,
    RTSP_FRAME_SIZE_MAX = 4 * 1024, /* interleaved, from a player: RTCP is far smaller */
    RTSP_FRAME_HEADER_SIZE = 4,
    /* No message needs more bytes to be read or refused. */
    RTSP_MESSAGE_SIZE_MAX = RTSP_HEAD_SIZE_MAX + RTSP_BODY_SIZE_MAX,
};

enum rtsp_method {
    RTSP_OPTIONS,
    RTSP_DESCRIBE,
    RTSP_SETUP,
    RTSP_PLAY,
    RTSP_PAUSE,
    RTSP_GET_PARAMETER,
    RTSP_SET_PARAMETER,
    RTSP_TEARDOWN,
    RTSP_OTHER,   /* RTSP knows it, a server of live pictures does not: 405 */
    RTSP_UNKNOWN, /* 501 */
};

enum rtsp_kind {
    RTSP_REQUEST,
    RTSP_RESPONSE,
    RTSP_FRAME, /* interleaved */
    RTSP_HTTP,  /* somebody takes us for a web server: only the first line was read */
};

struct rtsp_header {
    struct bytes name;
    struct bytes value; /* without white space around */
};

struct rtsp_message {
    enum rtsp_kind kind;
    unsigned status;         /* of a response */
    enum rtsp_method method; /* of a request, like all that follows */
    struct bytes url;
    bool has_cseq;
    uint32_t cseq;
    struct rtsp_header headers[RTSP_HEADERS_MAX];
    unsigned n_headers;
    struct bytes body; /* of RTSP_FRAME: its bytes */
    uint8_t channel;   /* of RTSP_FRAME */
};

/* How many bytes the first message takes; 0: it is not whole yet. */
int rtsp_parse(struct bytes in, struct rtsp_message *out);
/* Value of the first header of that name, compared without case; size 0 when absent. */
struct bytes rtsp_header(const struct rtsp_message *m, const char *name);

/* ---- words, shared by the readers of header values ---- */

bool rtsp_is_word(struct bytes a, const char *word); /* without case */
struct bytes rtsp_trim(struct bytes in);
/* What is before the first such character, which goes too; *rest is what is left. */
struct bytes rtsp_split(struct bytes *rest, char separator);
/* Decimal digits only, at most max; -EBADMSG. */
int rtsp_number(struct bytes in, uint32_t max, uint32_t *out);

/* ---- responses ---- */

/* The methods that we answer, as in Public and Allow. */
extern const char rtsp_methods[];

const char *rtsp_reason(unsigned status); /* "OK", "Not Found" */
/* Status line, CSeq (when there is a request that has one) and Server; add headers; then end it. */
void rtsp_response_begin(struct text *out, unsigned status, const struct rtsp_message *request);
void rtsp_response_end(struct text *out, const char *content_type, struct bytes body);
/* The same when there is no body. */
void rtsp_response_end_empty(struct text *out);

#endif
