#include "source/byte_stream.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "source/wait.h"

enum {
    CHUNK_SIZE = 64 * 1024, /* what a pipe holds */
};

int byte_stream_init(struct byte_stream *s, const struct source_params *params)
{
    *s = (struct byte_stream){
        .chunk = malloc(CHUNK_SIZE),
    };
    if (params->is_rate_given) {
        s->given_rate = params->rate;
    }
    access_unit_init(&s->units);
    ts_stream_init(&s->ts);
    timeline_init(&s->timeline);
    return s->chunk ? 0 : -ENOMEM;
}

void byte_stream_finish(struct byte_stream *s)
{
    if (s->chunk) {
        access_unit_finish(&s->units);
        ts_stream_finish(&s->ts);
    }
    free(s->chunk);
    *s = (struct byte_stream){0};
}

static void set_pts(struct byte_stream *s, struct packet *packet)
{
    const int64_t own_ns = s->is_ts ? packet->pts_ns : TIME_NONE;
    if (s->is_ts) {
        packet->arrival_ns = packet->encoded_ns = time_monotonic_ns();
    }
    packet->pts_ns = timeline_place(&s->timeline, own_ns, packet->arrival_ns);
}

static void fill_unit(struct byte_stream *s, struct packet *packet, struct source_unit *out)
{
    s->has_bytes = false;
    set_pts(s, packet);
    const int64_t age_ns = time_monotonic_ns() - packet->arrival_ns;
    packet->capture_ns = time_real_ns() - age_ns;
    s->track = s->is_ts ? s->ts.normal.track : s->units.normal.track;
    if (s->given_rate.num > 0) {
        s->track.rate = s->given_rate;
    }
    *out = (struct source_unit){.packet = packet, .track = &s->track};
}

/* What stands in chunk, as soon as its format is known. */
static int push(struct byte_stream *s, size_t size)
{
    const struct bytes in = bytes_of(s->chunk, size);
    if (!s->is_format_known) {
        s->is_format_known = ts_stream_detect(in, &s->is_ts) == 0 || s->is_at_end;
        s->n_head = s->is_format_known ? 0 : size;
    }
    if (!s->is_format_known || size == 0) {
        return 0;
    }
    return s->is_ts ? ts_stream_push(&s->ts, in)
                    : access_unit_push(&s->units, in, time_monotonic_ns());
}

/* 0: something was read or the end was seen. */
static int fill(struct byte_stream *s, int fd)
{
    const ssize_t n = read(fd, s->chunk + s->n_head, CHUNK_SIZE - s->n_head);
    if (n < 0) {
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    }
    s->is_at_end = n == 0 && !s->is_datagrams;
    s->has_bytes = s->has_bytes || n > 0;
    return push(s, s->n_head + (size_t)n);
}

static int pull(struct byte_stream *s, struct packet **packet)
{
    if (s->is_ts) {
        const int result = ts_stream_pull(&s->ts, packet);
        if (result == -EAGAIN && s->is_at_end) {
            return ts_stream_flush_end(&s->ts, packet) == 0 ? 0 : -EPIPE;
        }
        return result;
    }
    const int result = access_unit_pull(&s->units, packet);
    if (result == -EAGAIN && s->is_at_end) {
        return access_unit_flush_end(&s->units, packet) == 0 ? 0 : -EPIPE;
    }
    return result;
}

/* What is there may be a whole access unit: ask only while nothing more is to be read. */
static int flush_drained(struct byte_stream *s, int fd, int wake_fd, struct packet **packet)
{
    int result = -EAGAIN;
    while (result == -EAGAIN && access_unit_may_be_whole(&s->units)) {
        result = source_wait(fd, POLLIN, wake_fd, 0);
        if (result != -ETIMEDOUT) {
            return result == 0 ? -EAGAIN : result;
        }
        result = access_unit_flush_whole(&s->units, packet);
    }
    return result;
}

/* An access unit that is whole as it is (0 with a packet), or wait for bytes, or the deadline. */
static int wait_and_fill(struct byte_stream *s, int fd, int wake_fd, int64_t deadline_ns,
                         struct packet **packet)
{
    int result = flush_drained(s, fd, wake_fd, packet);
    if (result != -EAGAIN) {
        return result;
    }
    result = source_wait(fd, POLLIN, wake_fd, deadline_ns);
    if (result == 0) {
        result = fill(s, fd);
        return result == 0 ? -EAGAIN : result;
    }
    return result;
}

int byte_stream_read(struct byte_stream *s, int fd, int wake_fd, int64_t deadline_ns,
                     struct source_unit *out)
{
    struct packet *packet = NULL;
    int result = pull(s, &packet);
    while (result == -EAGAIN) {
        result = wait_and_fill(s, fd, wake_fd, deadline_ns, &packet);
        if (result == -EAGAIN) {
            result = pull(s, &packet);
        }
        if (result == -EAGAIN && time_monotonic_ns() >= deadline_ns) {
            result = -ETIMEDOUT; /* bytes without end, and no picture in them */
        }
    }
    if (result == 0) {
        fill_unit(s, packet, out);
    }
    return result;
}

const char *byte_stream_instead(const struct byte_stream *s)
{
    const struct h264_normal *normal = s->is_ts ? &s->ts.normal : &s->units.normal;
    if (!s->has_bytes || (normal->n_tracks > 0 && !normal->awaits_key)) {
        return "";
    }
    if (h264_sets_has_sps(&normal->sets)) {
        return "H.264 comes, but no keyframe";
    }
    return s->is_ts ? "MPEG-TS comes, but no H.264 with its parameter sets in it"
                    : "what comes is neither MPEG-TS nor H.264 with its parameter sets";
}

void byte_stream_describe(const struct byte_stream *s, char *out, size_t size)
{
    track_describe(&s->track, out, size);
}
