/*
 * The WebSocket handshake's checks, and the header of frames that a server sends.
 *
 * Thread: any; no shared state.
 * Errors: -EBADMSG for what is answered 400, -ENOTSUP for 426 (another version than 13).
 * Spec:   RFC 6455 §4.2 (handshake), §5.2 (frames), §5.1 (server frames are unmasked).
 */
#ifndef AVOCET_PROTO_WEBSOCKET_H
#define AVOCET_PROTO_WEBSOCKET_H

#include "base/bytes.h"

enum {
    WEBSOCKET_ACCEPT_SIZE = 29,     /* 28 characters and a NUL */
    WEBSOCKET_HEADER_SIZE_MAX = 10, /* of a server's frame */
    WEBSOCKET_VERSION = 13,
};

enum websocket_opcode {
    WEBSOCKET_CONTINUATION = 0,
    WEBSOCKET_TEXT = 1,
    WEBSOCKET_BINARY = 2,
    WEBSOCKET_CLOSE = 8,
    WEBSOCKET_PING = 9,
    WEBSOCKET_PONG = 10,
};

/* Header values of the request; size 0 when absent. */
struct websocket_request {
    bool is_get;
    bool is_http_1_1;
    struct bytes upgrade;
    struct bytes connection; /* several lines joined by commas */
    struct bytes version;
    struct bytes key;
};

/* Whether it asks for a WebSocket at all: Upgrade names "websocket". */
bool websocket_is_wanted(const struct websocket_request *r);
/* Check the whole handshake and give Sec-WebSocket-Accept. */
int websocket_accept(const struct websocket_request *r, char accept[WEBSOCKET_ACCEPT_SIZE]);
/* Header of one unfragmented frame; returns its size, 2, 4 or 10. */
size_t websocket_write_header(enum websocket_opcode opcode, uint64_t payload_size,
                              uint8_t out[WEBSOCKET_HEADER_SIZE_MAX]);

#endif
