#include "source/ts_stream.h"

#include <errno.h>

#include "mux/ts_packet.h"

enum { TIMESTAMP_BITS = 33 };

int ts_stream_detect(struct bytes in, bool *is_ts)
{
    if (in.size > 0 && in.data[0] == TS_SYNC && in.size <= TS_PACKET_SIZE) {
        return -EAGAIN;
    }
    *is_ts =
        in.size > TS_PACKET_SIZE && in.data[0] == TS_SYNC && in.data[TS_PACKET_SIZE] == TS_SYNC;
    return 0;
}

void ts_stream_init(struct ts_stream *s)
{
    *s = (struct ts_stream){.last_ticks = TIME_NONE};
    ts_reader_init(&s->reader);
    h264_normal_init(&s->normal);
}

void ts_stream_finish(struct ts_stream *s)
{
    ts_reader_finish(&s->reader);
    h264_normal_finish(&s->normal);
}

void ts_stream_reset(struct ts_stream *s)
{
    ts_reader_finish(&s->reader);
    ts_reader_init(&s->reader);
    h264_normal_mark_lost(&s->normal);
    s->last_ticks = TIME_NONE;
    s->ticks = 0;
}

int ts_stream_push(struct ts_stream *s, struct bytes in)
{
    return ts_reader_push(&s->reader, in);
}

/* The 33 bits go round every 26.5 hours: the nearer way is meant. */
static int64_t time_of(struct ts_stream *s, int64_t ticks)
{
    if (ticks == TIME_NONE) {
        return TIME_NONE;
    }
    if (s->last_ticks != TIME_NONE) {
        const int unused_bits = 64 - TIMESTAMP_BITS;
        const uint64_t distance = (uint64_t)(ticks - s->last_ticks) << unused_bits;
        s->ticks += (int64_t)distance / (INT64_C(1) << unused_bits);
    }
    s->last_ticks = ticks;
    return time_rescale(s->ticks, NS_PER_S, TS_TIMESCALE);
}

static int make(struct ts_stream *s, const struct ts_unit *unit, struct packet **out)
{
    const int64_t time_ns = time_of(s, unit->dts);
    if (unit->is_discontinuity) {
        h264_normal_mark_lost(&s->normal);
    }
    const int result = h264_normal_make(&s->normal, unit->bytes, out);
    if (result == 0) {
        (*out)->pts_ns = time_ns;
    }
    return result == -EBADMSG ? -EAGAIN : result; /* a damaged picture is a lost one */
}

int ts_stream_pull(struct ts_stream *s, struct packet **out)
{
    struct ts_unit unit;
    int result = ts_reader_pull(&s->reader, &unit);
    while (result == 0) {
        result = make(s, &unit, out);
        if (result != -EAGAIN) {
            return result;
        }
        result = ts_reader_pull(&s->reader, &unit);
    }
    return result;
}

int ts_stream_flush_end(struct ts_stream *s, struct packet **out)
{
    struct ts_unit unit;
    const int result = ts_reader_flush(&s->reader, &unit);
    return result == 0 ? make(s, &unit, out) : result;
}
