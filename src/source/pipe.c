#include "source/pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "source/byte_stream.h"

struct pipe_source {
    struct byte_stream stream;
    const char *location;
    int fd; /* 0 = standard input is never closed: there is no second one */
    int wake_fd;
    bool is_open;
};

static int pipe_open(void *state, const struct source_params *params, struct option_error *error)
{
    struct pipe_source *s = state;
    const bool is_stdin = strcmp(params->location, "-") == 0;
    *s = (struct pipe_source){.location = params->location, .wake_fd = params->wake_fd};
    int result = byte_stream_init(&s->stream, params);
    if (result < 0) {
        snprintf(error->sentence, sizeof(error->sentence), "pipe: no memory");
        return result;
    }
    /* Non-blocking, so that a pipe without a writer does not hold us here. */
    s->fd = is_stdin ? STDIN_FILENO : open(params->location, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (s->fd < 0) {
        result = -errno;
        snprintf(error->sentence, sizeof(error->sentence),
                 "pipe: cannot open %.120s (%s); make it with mkfifo, or write pipe:- for standard "
                 "input",
                 params->location, strerror(-result));
        return result;
    }
    s->is_open = true;
    return 0;
}

static int pipe_read(void *state, int64_t deadline_ns, struct source_unit *out,
                     struct option_error *error)
{
    struct pipe_source *s = state;
    const int result = byte_stream_read(&s->stream, s->fd, s->wake_fd, deadline_ns, out);
    if (result == -EPIPE) {
        snprintf(error->sentence, sizeof(error->sentence), "pipe: %.120s is at its end",
                 s->fd == STDIN_FILENO ? "standard input" : s->location);
    } else if (result < 0) {
        snprintf(error->sentence, sizeof(error->sentence), "pipe: cannot read %.120s, %s",
                 s->fd == STDIN_FILENO ? "standard input" : s->location, strerror(-result));
    }
    return result;
}

static void pipe_describe(const void *state, char *out, size_t size)
{
    byte_stream_describe(&((const struct pipe_source *)state)->stream, out, size);
}

static const char *pipe_instead(const void *state)
{
    return byte_stream_instead(&((const struct pipe_source *)state)->stream);
}

static void pipe_close(void *state)
{
    struct pipe_source *s = state;
    if (s->is_open && s->fd != STDIN_FILENO) {
        close(s->fd);
    }
    s->is_open = false;
    byte_stream_finish(&s->stream);
}

const struct source_type source_pipe = {
    .scheme = "pipe",
    .summary =
        "raw H.264 or MPEG-TS from standard input or a named pipe, pipe:- or pipe:/run/camera",
    .state_size = sizeof(struct pipe_source),
    .open = pipe_open,
    .read = pipe_read,
    .describe = pipe_describe,
    .instead = pipe_instead,
    .close = pipe_close,
    .is_drained_while_asleep = true, /* a writer that is not read stands still, with old pictures */
};
