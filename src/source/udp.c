#include "source/udp.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "source/byte_stream.h"
#include "source/udp_socket.h"

struct udp_source {
    char *interface; /* option */
    /* state */
    struct byte_stream stream;
    const char *location;
    int fd; /* -1: none */
    int wake_fd;
};

static int fail(const struct udp_source *s, int code, const char *why, struct option_error *error)
{
    snprintf(error->sentence, sizeof(error->sentence), "udp: cannot receive at %.100s, %.100s",
             s->location, why);
    return code;
}

static int udp_open(void *state, const struct source_params *params, struct option_error *error)
{
    struct udp_source *s = state;
    const char *why;
    *s = (struct udp_source){.interface = s->interface,
                             .location = params->location,
                             .fd = -1,
                             .wake_fd = params->wake_fd};
    if (byte_stream_init(&s->stream, params) < 0) {
        return fail(s, -ENOMEM, "no memory", error);
    }
    s->stream.is_datagrams = true;
    s->fd = udp_socket_open(s->location, s->interface, &why);
    return s->fd < 0 ? fail(s, s->fd, why, error) : 0;
}

static int udp_read(void *state, int64_t deadline_ns, struct source_unit *out,
                    struct option_error *error)
{
    struct udp_source *s = state;
    const int result = byte_stream_read(&s->stream, s->fd, s->wake_fd, deadline_ns, out);
    if (result < 0 && result != -EINTR && result != -ETIMEDOUT) {
        return fail(s, result, strerror(-result), error);
    }
    return result;
}

static void udp_describe(const void *state, char *out, size_t size)
{
    byte_stream_describe(&((const struct udp_source *)state)->stream, out, size);
}

static const char *udp_instead(const void *state)
{
    return byte_stream_instead(&((const struct udp_source *)state)->stream);
}

static void udp_close(void *state)
{
    struct udp_source *s = state;
    if (!s->stream.chunk) { /* never opened */
        return;
    }
    if (s->fd >= 0) {
        close(s->fd);
    }
    s->fd = -1;
    byte_stream_finish(&s->stream);
}

static const struct option options[] = {
    {"interface", OPTION_TEXT, offsetof(struct udp_source, interface),
     .help = "where a multicast group is joined, such as eth0; default: as the routes say"},
    {0},
};

const struct source_type source_udp = {
    .scheme = "udp",
    .summary = "MPEG-TS in datagrams, udp://ADDRESS:PORT, also of a multicast group",
    .state_size = sizeof(struct udp_source),
    .options = options,
    .open = udp_open,
    .read = udp_read,
    .describe = udp_describe,
    .instead = udp_instead,
    .close = udp_close,
    .listens = true,
};
