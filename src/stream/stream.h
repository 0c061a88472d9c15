/*
 * A stream: a name, its producer, and one ring of packets per encoding, read by any number of
 * readers (reader.h).
 *
 *   producer thread:  stream_set_track, stream_publish, stream_set_state ──inbox──▶ wake()
 *   loop thread:      stream_dispatch ──▶ ring ──▶ feed (muxed once) ──▶ reader ops on_ready
 *
 * The inbox is a short-locked, bounded list (STREAM_INBOX_PACKETS), in which a producer that is
 * faster than the loop waits for room, but not for long; when the loop does not empty
 * it, whole frames go up to the next keyframe. The ring keeps the newest keyframe and all after
 * it, and whatever a reader within its budget, or a retransmission, may still want; bounded by
 * STREAM_RING_PACKETS and STREAM_RING_BYTES.
 *
 * An encoding is wanted while it has a reader, for stop_after_ns longer, or always. The producer
 * is told by producer->type->demand().
 *
 * Time:    every call on the loop thread gets now_ns (monotonic); nothing here reads a clock, so
 *          that simulations run in virtual time.
 * Thread:  loop only, unless a comment says any.
 */
#ifndef AVOCET_STREAM_STREAM_H
#define AVOCET_STREAM_STREAM_H

#include "base/list.h"
#include "base/log.h"
#include "media/packet.h"
#include "media/track.h"
#include "stream/producer.h"

enum stream_state {
    STREAM_IDLE,
    STREAM_STARTING,
    STREAM_LIVE,
    STREAM_STALLED, /* the source ended, failed or is silent; retried, readers stay */
    STREAM_STOPPING,
    N_STREAM_STATES
};

enum stream_mode { MODE_DRIVE, MODE_WATCH, MODE_SMOOTH, N_MODES };

enum {
    STREAM_NAME_SIZE = 130, /* CAMERA/NAME on a relay */
    STREAM_ERROR_SIZE = 240,
    STREAM_INBOX_PACKETS = 256,
    /* A group of pictures longer than these cannot be joined before its end. Bytes are what bounds
     * memory; packets of ordinary size are far below either. */
    STREAM_RING_PACKETS = 4096,
    STREAM_RING_BYTES = 32 * 1024 * 1024,
};
#define STREAM_RING_WORDS "4,096 frames or 32 MB" /* the same for people */

/* Merged keyframe requests: at most one wish per this time and encoding. */
#define STREAM_KEYFRAME_INTERVAL_NS (500 * NS_PER_MS)

struct stream;

struct stream_config {
    char name[STREAM_NAME_SIZE];
    enum stream_mode mode;      /* of viewers that name none */
    bool always;                /* start: always */
    encoding_set always_wanted; /* with always: which encodings */
    int64_t stop_after_ns;
};

/* Told to the loop: call stream_dispatch() soon, and after it ask for stream_deadline_ns() again.
 * Any thread, also inside calls of this header; must not block. */
typedef void stream_wake_fn(void *arg);

/* NULL without memory. */
struct stream *stream_create(const struct stream_config *config, stream_wake_fn *wake, void *arg);
/* Has the producer begin to stop: stream_destroy() will follow, and then waits the less. */
void stream_quit(struct stream *s);
/* Closes all readers (on_end), destroys the producer, drops all packets. NULL is fine. */
void stream_destroy(struct stream *s, int64_t now_ns);
/* Takes over p and tells it what is wanted, even when that is nothing. Call once, before the first
 * reader. */
void stream_set_producer(struct stream *s, struct producer *p, int64_t now_ns);

/* ---- any thread: what producers call ---- */

/* The encoding's packets from the next one on are of this track (copied). */
void stream_set_track(struct stream *s, enum encoding_id id, const struct track *track);
/* Takes over the reference, which must be the only one: the stream still fills unknown times, and
 * raises a pts_ns that does not increase. Until the first keyframe of a track nothing is kept. */
void stream_publish(struct stream *s, enum encoding_id id, struct packet *packet);
/* error: one sentence for people, NULL when there is nothing wrong. */
void stream_set_state(struct stream *s, enum stream_state state, const char *error);
/* This encoding cannot be had (no encoder, no helper, refused): sentence; NULL: it can again. It
 * counts while the encoding is wanted; the next one who wants it makes the producer try anew. */
void stream_set_encoding_error(struct stream *s, enum encoding_id id, const char *sentence);

/* ---- loop thread ---- */

/* Calls readers; must not be called by one of them, nor may stream_destroy(). */
void stream_dispatch(struct stream *s, int64_t now_ns);
/* When stream_on_timer() wants to be called next (stop_after, merged wishes); INT64_MAX: never. */
int64_t stream_deadline_ns(const struct stream *s);
void stream_on_timer(struct stream *s, int64_t now_ns);
/* Whether the producer still goes on: a few times a second. */
void stream_check_producer(struct stream *s, int64_t now_ns);

/* Pass a wish on; keyframe wishes are merged: one that comes too soon after an answered one is
 * passed on later, one that is not answered again. False: it was merged, or nobody can. */
bool stream_wish(struct stream *s, const struct wish *wish, int64_t now_ns);

/* Its producer can fulfil this of the encoding, as far as known now. */
bool stream_can(const struct stream *s, enum encoding_id id, enum producer_can what);

const char *stream_name(const struct stream *s);
enum stream_mode stream_default_mode(const struct stream *s);
enum stream_state stream_get_state(const struct stream *s);
/* The sentence of the last failure while it lasts, else NULL. */
const char *stream_error(const struct stream *s);
const char *stream_encoding_error(const struct stream *s, enum encoding_id id);
/* Why nobody can join now: the group of pictures is longer than what is kept, and no keyframe can
 * be had on wish. A sentence, or NULL. */
const char *stream_join_error(const struct stream *s, enum encoding_id id);
/* Last known track, also of an idle stream; codec CODEC_NONE before the first. Borrowed. */
const struct track *stream_track(const struct stream *s, enum encoding_id id);
/* What the configuration promises before the first start: size, rate, bitrate, and the codec, which
 * stream_codec() tells. */
void stream_expect_track(struct stream *s, enum encoding_id id, const struct track *track);
/* That of stream_track(), or before the first the expected one, CODEC_NONE where none is certain. */
enum codec stream_codec(const struct stream *s, enum encoding_id id);
unsigned stream_n_readers(const struct stream *s);
/* Readers that get bytes of a wire format: not those who only look at packets or their times. */
unsigned stream_n_viewers(const struct stream *s);
/* The newest packet of the encoding that is a keyframe (any JPEG is); NULL: none. Borrowed. */
struct packet *stream_newest_key(const struct stream *s, enum encoding_id id);

int stream_mode_parse(const char *word, enum stream_mode *out); /* -EINVAL */
const char *stream_mode_name(enum stream_mode mode);
const char *stream_state_name(enum stream_state state);
/* 200 ms, 1 s, 5 s. */
int64_t stream_mode_budget_ns(enum stream_mode mode);

/* ---- measurements, for the API and metrics ---- */

enum stream_stage {
    STAGE_CAPTURE, /* capture time → arrival in this program */
    STAGE_ENCODE,  /* arrival → published */
    STAGE_SEND,    /* published → last byte handed to the kernel, per viewer and frame */
    N_STAGES
};

enum drop_reason { DROP_BUDGET, DROP_RATE, DROP_RING, DROP_INBOX, DROP_MUX, N_DROP_REASONS };

enum { STAGE_BUCKETS = 20 };

/* Upper bounds in ns of the histogram's buckets; the last is INT64_MAX. */
extern const int64_t stage_bounds_ns[STAGE_BUCKETS];

struct stage_histogram {
    uint64_t counts[STAGE_BUCKETS];
    uint64_t n;
    int64_t sum_ns;
    int64_t recent_ns; /* exponential mean of the last few; TIME_NONE: none */
};

struct encoding_stats {
    uint64_t n_packets;
    uint64_t n_keyframes;
    uint64_t n_bytes;
    uint64_t n_keyframe_wishes; /* passed on to the producer */
    uint64_t n_dropped[N_DROP_REASONS];
};

void stage_note(struct stage_histogram *h, int64_t duration_ns);
const struct stage_histogram *stream_stage(const struct stream *s, enum stream_stage stage);
const struct encoding_stats *stream_encoding_stats(const struct stream *s, enum encoding_id id);
/* Of all viewers of one stream by one protocol; counted by the readers, not by the sinks. */
struct protocol_stats {
    const char *protocol; /* a sink's name: "whep" */
    unsigned n_viewers;
    uint64_t n_viewers_total;
    uint64_t n_frames; /* fully handed to the kernel */
    uint64_t n_bytes;
    uint64_t n_dropped[N_DROP_REASONS];
    struct stage_histogram send; /* published → last byte handed to the kernel */
};

enum { STREAM_PROTOCOLS_MAX = 16 };

/* Those seen so far, i from 0; NULL behind the last. */
const struct protocol_stats *stream_protocol_stats(const struct stream *s, unsigned i);
/* Frames per second and bit/s of the last seconds; 0 when idle. */
double stream_measured_rate(const struct stream *s, enum encoding_id id, int64_t now_ns);
int64_t stream_measured_bps(const struct stream *s, enum encoding_id id, int64_t now_ns);
const char *stage_name(enum stream_stage stage);
const char *drop_reason_name(enum drop_reason reason);

#endif
