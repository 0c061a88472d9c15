/*
 * A reader: one viewer's cursor into a feed, with its latency budget.
 *
 * A feed is one encoding in one wire format: it exists while it has readers, muxes each packet
 * once, and its chunks lie in a ring beside the packets. mux NULL: chunks without bytes.
 *
 * Joining: at the newest keyframe when it is younger than READER_JOIN_AGE_NS or when none can be
 * made on wish (then whatever its age); else a keyframe is wished and awaited. What is read while
 * catching up after joining is exempt from the budget.
 * Late:    a next chunk that would be older than the budget at the viewer (now − arrival + link_ns)
 *          makes the cursor jump to the newest keyframe; is there none ahead, or only one that is
 *          itself too old, one is wished, and nothing is read until it comes. Where none can be
 *          made, an old one ahead will do: it is caught up from as after joining. The newest packet
 *          of all is never late by its age alone.
 * Order:   on_ready is called in rotating order, so that nobody is always last.
 *
 * Ownership: struct reader is embedded in the viewer. A chunk is borrowed until the next call into
 *            the stream; take references of what is kept.
 * Thread:    loop only. reader_close() may be called inside any callback.
 */
#ifndef AVOCET_STREAM_READER_H
#define AVOCET_STREAM_READER_H

#include "mux/mux.h"
#include "stream/stream.h"

#define READER_JOIN_AGE_NS (1000 * NS_PER_MS)
/* Catching up may take this long, and as long again as the cached keyframe was old. */
#define READER_CATCH_UP_NS (2 * NS_PER_S)
/* A reader that skips again and again wishes a keyframe no more often than this, because it would
 * coarsen everybody's picture. */
#define READER_SKIP_WISH_NS NS_PER_S

struct feed;
struct reader;

struct chunk {
    struct packet *packet;
    struct buf *buf;      /* what the mux made; NULL without mux */
    struct buf *preamble; /* to be sent before buf: first chunk, after a change of track or a gap;
                             or NULL */
    uint32_t sequence;    /* of the encoding's packets; a gap means that this reader skipped */
    bool is_gap;          /* frames were skipped directly before this one */
    bool is_new_track;    /* first chunk, or the track changed */
};

struct reader_ops {
    /* There is something to read: called for each new packet (but while a keyframe is awaited), and
     * soon after reader_open when packets are there already. */
    void (*on_ready)(struct reader *r);
    /* The stream goes away (removed, reload), the format cannot carry its track, or the encoding
     * cannot be had and this reader never read anything (those that did wait for its return): why
     * is a sentence. The reader is closed already; free or reuse it. */
    void (*on_end)(struct reader *r, const char *why);
    /* Another state (stalled, live …) or another error of the encoding; may be NULL. */
    void (*on_state)(struct reader *r, enum stream_state state);
};

struct reader_stats {
    uint64_t n_frames;
    uint64_t n_dropped[N_DROP_REASONS];
};

struct reader {
    /* set by reader_open */
    const struct reader_ops *ops;
    struct stream *stream;
    enum encoding_id encoding;
    int64_t budget_ns;
    int64_t
        link_ns; /* the owner's: how long a chunk waits on the viewer's link, of the budget; 0 */
    struct reader_stats stats;
    struct protocol_stats *protocol; /* shared with the protocol's other viewers */
    /* the feed's */
    struct list link; /* feed::readers */
    struct feed *feed;
    uint64_t cursor;  /* sequence of the next chunk */
    uint64_t counted; /* what is before it and was not read is counted as dropped */
    bool is_waiting_key;
    bool is_catching_up;
    bool is_started; /* something was read */
    bool is_gap;
    enum drop_reason reason;   /* of is_waiting_key, when it is no joining */
    int64_t catch_up_until_ns; /* while is_catching_up */
    int64_t next_wish_ns;      /* no wish because of a skip before */
    uint32_t track_version;    /* of the last chunk read */
    struct buf *resume;        /* the preamble of the last chunk read behind a gap */
};

/*
 * Opens and, when this is the encoding's first reader, wakes the stream. on_ready is not called
 * inside. protocol: the sink's name (static), under which the stream counts this viewer.
 *
 * Errors: -ENOTSUP when the mux refuses the track or the encoding has an error
 *         (stream_encoding_error), -ENOMEM. A track that is not known yet is judged later (on_end).
 */
int reader_open(struct reader *r, struct stream *s, enum encoding_id encoding,
                const struct mux_type *mux, enum stream_mode mode, const char *protocol,
                const struct reader_ops *ops, int64_t now_ns);
/* Idempotent. Does not call on_end. */
void reader_close(struct reader *r, int64_t now_ns);

/* The next chunk and true; false: nothing to read now, on_ready will come. */
bool reader_next(struct reader *r, int64_t now_ns, struct chunk *out);

/* A chunk that was read before, for a retransmission; false when it is gone. */
bool reader_recall(const struct reader *r, uint32_t sequence, struct chunk *out);
/* The viewer takes nothing now: count what it will not get any more. */
void reader_count_late(struct reader *r, int64_t now_ns);
/* Chunks that reader_next would give now, without any that are skipped for being late. */
unsigned reader_n_waiting(const struct reader *r);

/* Skip all up to the next keyframe (the viewer's link is too slow, or it lost too much). One is
 * wished for, but not with DROP_RATE: then the sink wishes when its link can take it. */
void reader_skip_to_key(struct reader *r, enum drop_reason reason, int64_t now_ns);
/* The viewer cannot decode (PLI, FIR): as stream_wish, merged with everybody's. */
void reader_wish_keyframe(struct reader *r, int64_t now_ns);
/* All bytes (n_bytes with framing) of this packet were handed to the kernel at now_ns. */
void reader_note_sent(struct reader *r, const struct packet *packet, size_t n_bytes,
                      int64_t now_ns);

#endif
