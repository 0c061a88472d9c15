/*
 * MPEG-TS → packets in normal form: what the byte streams and files that carry it share.
 *
 * A packet's pts_ns is a time of the stream's own line, from 0 at the first one; TIME_NONE where it
 * says none. It is the decoding time where pictures are reordered. The caller sets the other times.
 *
 * Ownership: pushed bytes are copied; packets are the caller's.
 * Thread:    one owner.
 * Errors:    -EAGAIN no packet yet; -ENOMEM, -EMSGSIZE as ts_reader.h.
 */
#ifndef AVOCET_SOURCE_TS_STREAM_H
#define AVOCET_SOURCE_TS_STREAM_H

#include "bitstream/h264_normal.h"
#include "mux/ts_reader.h"

struct ts_stream {
    struct ts_reader reader;
    struct h264_normal normal; /* read track */
    int64_t last_ticks;        /* as said last, 33 bits; TIME_NONE: nothing yet */
    int64_t ticks;             /* since the first */
};

/* Whether bytes at the beginning of something are MPEG-TS: -EAGAIN, that cannot be said yet. */
int ts_stream_detect(struct bytes in, bool *is_ts);

void ts_stream_init(struct ts_stream *s);
void ts_stream_finish(struct ts_stream *s);
/* From the beginning again; parameter sets and track stay. */
void ts_stream_reset(struct ts_stream *s);
int ts_stream_push(struct ts_stream *s, struct bytes in);
int ts_stream_pull(struct ts_stream *s, struct packet **out);
/* After the last pull, at the end: what is left. */
int ts_stream_flush_end(struct ts_stream *s, struct packet **out);

#endif
