/*
 * A viewer in virtual time, as a browser behaves: frames put together, decoded in order, missing
 * packets asked for again, reports, REMB, keyframe requests. A model for tests.
 *
 * The first bytes of a payload name its frame (struct viewer_mark).
 */
#ifndef AVOCET_TESTS_SIM_VIEWER_H
#define AVOCET_TESTS_SIM_VIEWER_H

#include "proto/rtp.h"
#include "proto/rtp_estimator.h"
#include "sim/link.h"

enum {
    VIEWER_FRAMES = 512,
    VIEWER_MISSING_MAX = 512,
    VIEWER_MARK_SIZE = 9,
    VIEWER_DELAYS_MAX = 8192,
    VIEWER_SSRC = 1,
    VIEWER_MEDIA_SSRC = 0x11111111,
    VIEWER_RTX_SSRC = 0x22222222,
    VIEWER_PAYLOAD_TYPE = 102,
    VIEWER_RTX_PAYLOAD_TYPE = 103,
    VIEWER_SEND_TIME_ID = 3,
    VIEWER_PLAYOUT_ID = 4,
};

struct viewer_mark {
    uint32_t frame;
    uint16_t i, n;
    bool is_key;
};

void viewer_write_mark(const struct viewer_mark *m, uint8_t out[VIEWER_MARK_SIZE]);

struct viewer_config {
    bool has_remb;
    int64_t frame_ns; /* of the camera: frame i was captured at i times it */
    int64_t nack_ns;  /* between two requests for one packet */
};

struct viewer {
    struct viewer_config config;
    struct rtp_estimator estimator;
    int64_t remb_ns;
    /* frames */
    struct {
        uint32_t id;
        uint16_t n, n_got;
        bool is_key;
        uint8_t got[512];
    } frames[VIEWER_FRAMES];
    bool has_decoded;
    uint32_t decoded; /* newest */
    uint32_t newest;
    int64_t decoded_ns;
    int64_t first_ns; /* TIME_NONE: nothing arrived */
    int64_t asked_ns; /* last PLI */
    /* sequence */
    uint64_t base, highest;
    bool has_sequence;
    struct {
        uint64_t index;
        int64_t since_ns, asked_ns;
        unsigned n_asked;
    } missing[VIEWER_MISSING_MAX];
    unsigned n_missing;
    uint64_t n_received, last_expected, last_received;
    /* reports */
    int64_t report_ns;
    uint32_t lsr;
    int64_t sr_ns;
    /* what the tests look at */
    int64_t delays_ns[VIEWER_DELAYS_MAX]; /* of decoded frames, capture to decoding */
    int64_t times_ns[VIEWER_DELAYS_MAX];  /* when they were decoded */
    unsigned n_decoded;
    uint64_t n_repeats, n_useless_repeats;
    uint64_t n_plis;
    int64_t media_bytes, repeat_bytes;
    uint64_t n_without_playout;
};

void viewer_init(struct viewer *v, const struct viewer_config *config);
void viewer_on_datagram(struct viewer *v, struct bytes datagram, int64_t now_ns);
/* Every 5 ms. */
void viewer_on_tick(struct viewer *v, struct link *back, int64_t now_ns);

/* Frames decoded in [from, to), the longest time between two of them, and the largest delay. */
struct viewer_summary {
    unsigned n_frames;
    int64_t freeze_ns;
    int64_t delay_ns;
    int64_t median_delay_ns;
    int64_t p95_delay_ns;
};
struct viewer_summary viewer_summarize(const struct viewer *v, int64_t from_ns, int64_t to_ns);

#endif
