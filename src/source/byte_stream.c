#include "source/byte_stream.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "source/wait.h"

enum { CHUNK_SIZE = 64 * 1024 }; /* what a pipe holds */

int byte_stream_init(struct byte_stream *s, const struct source_params *params)
{
    *s = (struct byte_stream){.last_pts_ns = TIME_NONE, .chunk = malloc(CHUNK_SIZE)};
    if (params->is_rate_given) {
        s->given_rate = params->rate;
    }
    access_unit_init(&s->units, ACCESS_UNIT_IDLE_NS);
    return s->chunk ? 0 : -ENOMEM;
}

void byte_stream_finish(struct byte_stream *s)
{
    if (s->chunk) {
        access_unit_finish(&s->units);
    }
    free(s->chunk);
    *s = (struct byte_stream){0};
}

static void fill_unit(struct byte_stream *s, struct packet *packet, struct source_unit *out)
{
    const int64_t age_ns = time_monotonic_ns() - packet->arrival_ns;
    packet->capture_ns = time_real_ns() - age_ns;
    packet->pts_ns = packet->arrival_ns;
    if (s->last_pts_ns != TIME_NONE && packet->pts_ns <= s->last_pts_ns) {
        packet->pts_ns = s->last_pts_ns + 1;
    }
    s->last_pts_ns = packet->pts_ns;
    s->track = s->units.normal.track;
    if (s->given_rate.num > 0) {
        s->track.rate = s->given_rate;
    }
    *out = (struct source_unit){.packet = packet, .track = &s->track};
}

/* 0: something was read or the end was seen. */
static int fill(struct byte_stream *s, int fd)
{
    const ssize_t n = read(fd, s->chunk, CHUNK_SIZE);
    if (n < 0) {
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    }
    s->is_at_end = n == 0;
    return n == 0 ? 0
                  : access_unit_push(&s->units, bytes_of(s->chunk, (size_t)n), time_monotonic_ns());
}

static int pull(struct byte_stream *s, struct packet **packet)
{
    const int result = access_unit_pull(&s->units, packet);
    if (result == -EAGAIN && s->is_at_end) {
        return access_unit_flush_end(&s->units, packet) == 0 ? 0 : -EPIPE;
    }
    return result;
}

/* Wait for bytes, for the end of an access unit by idleness (0 with a packet), or the deadline. */
static int wait_and_fill(struct byte_stream *s, int fd, int wake_fd, int64_t deadline_ns,
                         struct packet **packet)
{
    const int64_t idle_ns = access_unit_idle_deadline_ns(&s->units);
    const bool idle_is_first = idle_ns != TIME_NONE && idle_ns < deadline_ns;
    int result = source_wait(fd, POLLIN, wake_fd, idle_is_first ? idle_ns : deadline_ns);
    if (result == 0) {
        result = fill(s, fd);
        return result == 0 ? -EAGAIN : result;
    }
    if (result == -ETIMEDOUT && idle_is_first) {
        return access_unit_flush_idle(&s->units, time_monotonic_ns(), packet);
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

void byte_stream_describe(const struct byte_stream *s, char *out, size_t size)
{
    const struct track *t = &s->track;
    if (t->codec == CODEC_NONE) {
        snprintf(out, size, "H.264, nothing received yet");
    } else if (t->rate.num > 0) {
        snprintf(out, size, "%dx%d %s at %.4g fps", t->size.width, t->size.height, t->codec_string,
                 (double)t->rate.num / t->rate.den);
    } else {
        snprintf(out, size, "%dx%d %s", t->size.width, t->size.height, t->codec_string);
    }
}
