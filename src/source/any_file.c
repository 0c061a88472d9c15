#include "source/any_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "mux/ts_packet.h"
#include "source/file.h"
#include "source/input.h"

enum { HEAD_SIZE = TS_PACKET_SIZE + 1 };

struct any_file {
    bool is_looped;   /* option */
    bool must_decode; /* option */
    /* state */
    struct source_params params;
    const struct source_type *type; /* NULL: closed */
    void *state;
    bool has_given;
};

/* ---- which of the two ---- */

/* H.265's parameter sets and delimiter have a second header byte that H.264's never have. */
static bool begins_as_h264(const uint8_t *head, size_t size)
{
    size_t at = 0;
    while (at < size && head[at] == 0) {
        at++;
    }
    if (at < 2 || at + 2 >= size || head[at] != 1) {
        return false;
    }
    const uint8_t *nal = head + at + 1;
    return !((nal[0] == 0x40 || nal[0] == 0x42 || nal[0] == 0x46) && nal[1] == 1);
}

/* What cannot be read or is short is left to the one that says so. */
static bool is_native(const char *path)
{
    uint8_t head[HEAD_SIZE] = {0};
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* no waiting at a FIFO */
    const ssize_t n = fd >= 0 ? pread(fd, head, sizeof(head), 0) : -1;
    if (fd >= 0) {
        close(fd);
    }
    return n <= 0 || bytes_get_u16(head) == 0xffd8 || begins_as_h264(head, (size_t)n) ||
           (head[0] == TS_SYNC && head[TS_PACKET_SIZE] == TS_SYNC);
}

static void close_inner(struct any_file *s)
{
    if (s->type) {
        s->type->close(s->state);
        option_finish(s->type->options, s->state);
        free(s->state);
    }
    s->type = NULL;
    s->state = NULL;
}

static int open_inner(struct any_file *s, const struct source_type *type,
                      struct option_error *error)
{
    const bool is_input = type == &source_input_file;
    close_inner(s);
    s->state = calloc(1, type->state_size);
    if (!s->state) {
        return -ENOMEM;
    }
    s->type = type;
    option_init(type->options, s->state);
    int result = option_set(type->options, s->state, "loop", s->is_looped ? "on" : "off", error);
    if (result == 0 && is_input) {
        result =
            option_set(type->options, s->state, "reencode", s->must_decode ? "on" : "off", error);
    }
    return result < 0 ? result : type->open(s->state, &s->params, error);
}

/* ---- as a source ---- */

static int any_file_open(void *state, const struct source_params *params,
                         struct option_error *error)
{
    struct any_file *s = state;
    *s = (struct any_file){
        .is_looped = s->is_looped, .must_decode = s->must_decode, .params = *params};
    const bool is_own = !s->must_decode && is_native(params->location);
    return open_inner(s, is_own ? &source_file : &source_input_file, error);
}

/* MPEG-TS without H.264 in it is the helper's too. */
static int any_file_read(void *state, int64_t deadline_ns, struct source_unit *out,
                         struct option_error *error)
{
    struct any_file *s = state;
    int result = s->type->read(s->state, deadline_ns, out, error);
    if (result == -EBADMSG && s->type == &source_file && !s->has_given &&
        !source_input_file.problem()) {
        result = open_inner(s, &source_input_file, error);
        result = result < 0 ? result : s->type->read(s->state, deadline_ns, out, error);
    }
    s->has_given = s->has_given || result == 0;
    return result;
}

static void any_file_describe(const void *state, char *out, size_t size)
{
    const struct any_file *s = state;
    s->type->describe(s->state, out, size);
}

static void any_file_close(void *state)
{
    close_inner(state);
}

static const struct option options[] = {
    {.name = "loop",
     .type = OPTION_BOOL,
     .offset = offsetof(struct any_file, is_looped),
     .def = "on",
     .help = "begin again at the end"},
    {.name = "reencode",
     .type = OPTION_BOOL,
     .offset = offsetof(struct any_file, must_decode),
     .def = "off",
     .help = "decode it and encode it anew, also where browsers would play it as it is"},
    {0},
};

const struct source_type source_any_file = {
    .scheme = "file",
    .summary = "file of raw H.264, MPEG-TS, JPEGs, or any container, file:PATH",
    .state_size = sizeof(struct any_file),
    .options = options,
    .open = any_file_open,
    .read = any_file_read,
    .describe = any_file_describe,
    .close = any_file_close,
};
