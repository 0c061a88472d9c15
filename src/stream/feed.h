/*
 * A feed: one encoding in one wire format, muxed once for all its readers.
 *
 * Packets are muxed in order, when the first reader wants them; those that no reader can want any
 * more are left out. Chunks lie beside the encoding's ring and go with it. A change of track opens
 * the mux anew; each chunk knows its track's preamble.
 *
 * Ownership: chunks are the feed's; a feed lives while it has readers.
 * Thread:    loop only.
 */
#ifndef AVOCET_STREAM_FEED_H
#define AVOCET_STREAM_FEED_H

#include "stream/encoding.h"
#include "stream/reader.h"

struct feed_slot {
    uint64_t sequence;
    struct buf *buf;      /* NULL: not muxed, or the mux refused */
    struct buf *preamble; /* may be NULL */
    bool is_muxed;
};

struct feed {
    struct list link;    /* encoding::feeds */
    struct list readers; /* reader::link */
    struct list untold;  /* reader::link, too: those that feed_visit has still to call */
    unsigned n_readers;
    struct encoding *encoding;
    const struct mux_type *mux; /* NULL: chunks without bytes */
    void *mux_state;
    bool is_open;
    uint32_t track_version; /* that the mux was opened with, when is_open */
    struct buf *preamble;
    struct feed_slot *slots; /* of sequence n at n modulo capacity */
    unsigned capacity;       /* a power of two, or 0 */
    uint64_t trimmed;        /* slots before this sequence are empty */
    uint64_t next;           /* the next packet to mux */
    bool has_news;           /* readers are to be told */
};

/* The encoding's feed of this format, made if need be; NULL without memory. */
struct feed *feed_get(struct encoding *e, const struct mux_type *mux);
/* Free it, if it has no readers and the encoding is not visiting. */
void feed_release(struct feed *f);
/* 0, or what mux->open says, when the track is known. */
int feed_check_track(struct feed *f);
/* Fills out for a packet that the ring holds; false: this one cannot be had in this format. */
bool feed_chunk(struct feed *f, uint64_t sequence, struct chunk *out);
/* Mux all that the readers want of the present track: it is about to change. */
void feed_flush(struct feed *f);
/* call() for every reader, in order; it may close this and other readers, and open new ones, which
 * are not visited. Only while encoding::n_visits says so. */
void feed_visit(struct feed *f, void (*call)(struct reader *r, void *arg), void *arg);
/* Chunks before this sequence go. */
void feed_trim(struct feed *f, uint64_t first);

#endif
