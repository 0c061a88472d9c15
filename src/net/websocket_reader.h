/*
 * What a WebSocket client sends: frames, joined to messages. wslay reads the frames; the rest of
 * RFC 6455 is checked here: masks, reserved bits, order of fragments, control frames, UTF-8, close
 * codes.
 *
 * Between frames it holds no memory but the fragments of an unfinished message.
 *
 * Ownership: a message's payload is the reader's, valid until the next call.
 * Thread:    any; no shared state, no I/O.
 * Errors:    WEBSOCKET_READER_ERROR with the close code that answers it (1002 protocol, 1007 text
 *            that is no UTF-8, 1009 too big, 1011 no memory); the reader is useless after it.
 * Spec:      RFC 6455 §5, §7.4, §8.1.
 */
#ifndef AVOCET_NET_WEBSOCKET_READER_H
#define AVOCET_NET_WEBSOCKET_READER_H

#include "base/bytes.h"

enum { WEBSOCKET_MESSAGE_SIZE_MAX = 64 * 1024, WEBSOCKET_CONTROL_SIZE_MAX = 125 };

enum websocket_reader_event {
    WEBSOCKET_READER_MORE, /* all was consumed; feed more */
    WEBSOCKET_READER_TEXT,
    WEBSOCKET_READER_BINARY,
    WEBSOCKET_READER_PING,
    WEBSOCKET_READER_PONG,
    WEBSOCKET_READER_CLOSE, /* code 1005: it had none */
    WEBSOCKET_READER_ERROR,
};

struct websocket_message {
    struct bytes payload; /* CLOSE: the reason */
    uint16_t code;        /* CLOSE, ERROR */
};

struct websocket_reader {
    void *frames; /* wslay's context, while a frame is incomplete */
    struct bytes in;
    uint64_t n_given;    /* bytes that wslay took */
    uint64_t n_consumed; /* bytes of the frames that it gave */

    uint8_t opcode; /* of the message that is being joined; 0 none */
    bool in_frame;  /* its header was seen */
    uint64_t frame_left_bytes;
    uint8_t *message;
    size_t message_size;
    size_t message_capacity;
    bool is_given; /* message was given to the caller */
    uint8_t control[WEBSOCKET_CONTROL_SIZE_MAX];
    uint8_t control_size;
    bool is_failed;
};

void websocket_reader_init(struct websocket_reader *r);
void websocket_reader_finish(struct websocket_reader *r);
/* The bytes to read next; they must stay until websocket_reader_next() gives MORE. */
void websocket_reader_feed(struct websocket_reader *r, struct bytes in);
enum websocket_reader_event websocket_reader_next(struct websocket_reader *r,
                                                  struct websocket_message *out);

#endif
