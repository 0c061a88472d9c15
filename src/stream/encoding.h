/*
 * Inside the stream: one encoding with its ring, feeds, track, demand and wishes, and the stream
 * itself. For the files of this folder only.
 *
 * Thread: loop only, but for stream::inbox.
 */
#ifndef AVOCET_STREAM_ENCODING_H
#define AVOCET_STREAM_ENCODING_H

#include "stream/inbox.h"
#include "stream/ring.h"
#include "stream/stream.h"

/* For retransmissions: nothing younger leaves the ring of an encoding with dependent packets. */
#define ENCODING_KEEP_NS NS_PER_S

struct reader;

enum encoding_end { END_ALL, END_NOT_STARTED };

enum { METER_BUCKETS = 8 };

/* Frames and bytes of the last seconds, in buckets of METER_BUCKET_NS. */
struct meter {
    int64_t bucket; /* number of the newest, from now_ns; 0: nothing yet */
    int64_t first;  /* number of the bucket in which counting began */
    uint32_t n_frames[METER_BUCKETS];
    uint64_t n_bytes[METER_BUCKETS];
};

struct encoding {
    struct stream *stream;
    enum encoding_id id;
    struct ring ring;
    struct list feeds; /* feed::link */
    unsigned n_visits; /* of readers, going on: feeds are not freed */
    unsigned n_readers;
    int64_t keep_until_ns; /* wanted until then without a reader */
    char error[STREAM_ERROR_SIZE];

    enum codec expected_codec; /* before the first track */
    struct track track;     /* last known, or as expected */
    bool has_track;         /* it is a producer's */
    uint32_t track_version; /* counts incompatible changes */
    bool needs_key;         /* what comes before the next keyframe is of no use */
    bool is_key_gone;       /* the ring's bounds dropped the newest one: nobody can join */
    bool is_loss_told;      /* logged, and no group of pictures was within the bounds since */

    bool is_key_wished;   /* by somebody, and none came since */
    int64_t wish_due_ns;  /* when that wish is passed on (again) */
    int64_t next_wish_ns; /* none is passed on before */

    struct encoding_stats stats;
    struct meter meter;
};

struct stream {
    struct stream_config config;
    struct log log;
    struct producer *producer;
    stream_wake_fn *wake;
    void *wake_arg;
    struct inbox inbox; /* any thread */
    enum stream_state state;
    char error[STREAM_ERROR_SIZE];
    encoding_set demanded;
    bool is_ending;
    struct encoding encodings[N_ENCODINGS];
    struct stage_histogram stages[N_STAGES];
    struct protocol_stats protocols[STREAM_PROTOCOLS_MAX]; /* first unused: protocol NULL */
};

void encoding_init(struct encoding *e, struct stream *s, enum encoding_id id);
void encoding_finish(struct encoding *e);
/* Takes over packet and track (which may be NULL). */
void encoding_ingest(struct encoding *e, struct packet *packet, struct track *track,
                     int64_t now_ns);
/* on_ready of the readers that have something to read, each time beginning with another one. */
void encoding_tell(struct encoding *e);
void encoding_tell_state(struct encoding *e, enum stream_state state);
/* Close readers and call their on_end. */
void encoding_end_readers(struct encoding *e, enum encoding_end which, const char *why,
                          int64_t now_ns);
/* Drop what nobody wants. */
void encoding_trim(struct encoding *e, int64_t now_ns);
void encoding_clear(struct encoding *e);
bool encoding_can(const struct encoding *e, enum producer_can what);
/* A sentence while a keyframe is needed to join, none is kept, and none can be made; or NULL. */
const char *encoding_join_error(const struct encoding *e);
/* Now if possible, but not before that time (INT64_MIN: no such limit). False: merged away, later,
 * or nobody can. */
bool encoding_wish_keyframe(struct encoding *e, int64_t not_before_ns, int64_t now_ns);
/* Pass a due wish on. */
void encoding_on_timer(struct encoding *e, int64_t now_ns);
/* When a wish will be due; INT64_MAX: none waits. */
int64_t encoding_deadline_ns(const struct encoding *e);

void meter_note(struct meter *m, size_t n_bytes, int64_t now_ns);

/* stream.c's, for reader.c: the number of readers changed. */
void stream_update_demand(struct stream *s, int64_t now_ns);
/* stage.c's: as stage_note, of capture_ns (real clock) → arrival_ns (monotonic). */
void stage_note_capture(struct stage_histogram *h, int64_t capture_ns, int64_t arrival_ns);
/* The row of this protocol, made if need be; beyond STREAM_PROTOCOLS_MAX they share the last. */
struct protocol_stats *stage_protocol(struct stream *s, const char *protocol);
/* reader.c's. */
bool reader_is_ready(const struct reader *r);
/* The next packet this reader will want, UINT64_MAX when it wants nothing that is here now. */
uint64_t reader_wanted(const struct reader *r, int64_t now_ns);

#endif
