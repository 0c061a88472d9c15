/*
 * Who fills a stream: a pipeline (camera), later a publisher or the relay link.
 *
 * The stream calls these on the loop thread and they never block: they post to the producer's own
 * mailbox. What comes back goes through stream_publish() and its neighbours (stream.h), from any
 * thread.
 */
#ifndef AVOCET_STREAM_PRODUCER_H
#define AVOCET_STREAM_PRODUCER_H

#include <stdint.h>

enum encoding_id { ENCODING_H264, ENCODING_JPEG, N_ENCODINGS };

/* A set of encodings: bit 1 << enum encoding_id. */
typedef unsigned encoding_set;

enum wish_type { WISH_KEYFRAME, WISH_BITRATE, WISH_CONTROL };

enum { WISH_NAME_SIZE = 48, WISH_VALUE_SIZE = 64 };

struct wish {
    enum wish_type type;
    enum encoding_id encoding;   /* WISH_KEYFRAME, WISH_BITRATE */
    int64_t bitrate_bps;         /* WISH_BITRATE */
    char name[WISH_NAME_SIZE];   /* WISH_CONTROL: V4L2's control name and its value as text */
    char value[WISH_VALUE_SIZE];
};

enum producer_can {
    PRODUCER_CAN_KEYFRAME = 1 << 0, /* a wished keyframe comes within a frame */
    PRODUCER_CAN_BITRATE = 1 << 1,
};

struct producer;

struct producer_type {
    const char *name;
    /*
     * These encodings are wanted from now on; 0: stop. Starting and stopping are asynchronous: the
     * state arrives by stream_set_state(). A start while stopping is remembered.
     */
    void (*demand)(struct producer *p, encoding_set wanted);
    void (*wish)(struct producer *p, const struct wish *wish);
    /* Of this encoding, as far as known now: set of enum producer_can. */
    unsigned (*can)(const struct producer *p, enum encoding_id encoding);
    /* Stops, waits for its thread and frees; only when the loop ends or the stream is removed. */
    void (*destroy)(struct producer *p);
};

/* First member of every producer. */
struct producer {
    const struct producer_type *type;
};

#endif
