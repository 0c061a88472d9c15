#include "source/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bitstream/access_unit.h"
#include "source/jpeg_stream.h"
#include "source/ts_stream.h"
#include "source/wait.h"

#define LATE_MAX_NS (500 * NS_PER_MS) /* later than that, the pace begins anew */
#define JUMP_MAX_NS (10 * NS_PER_S)   /* a time stamp further ahead than that is none */

enum {
    CHUNK_SIZE = 64 * 1024,
    DEFAULT_RATE = 30,
    SEARCH_BYTES_MAX = 16 * 1024 * 1024, /* without a picture in them: this is no video */
};

struct file_source {
    bool is_looped; /* option */
    /* state */
    const char *location;
    int fd;
    int wake_fd;
    bool is_open;
    bool is_jpeg;
    bool is_ts;
    struct rational given_rate; /* num 0: not given */
    uint8_t *chunk;
    struct access_unit units; /* H.264 */
    struct ts_stream ts;
    struct jpeg_stream jpegs;
    struct track track;  /* parameter_sets is borrowed from units */
    struct packet *next; /* read ahead, not yet due */
    bool is_at_end;
    unsigned n_of_pass; /* packets since the beginning of the file */
    /* pace */
    int64_t start_ns;     /* monotonic time of packet 0 */
    int64_t start_pts_ns; /* of packet 0, with MPEG-TS */
    int64_t n_packets;
    int64_t due_ns; /* of the packet given out last */
};

static int open_failed(const struct file_source *s, int code, const char *what,
                       struct option_error *error)
{
    snprintf(error->sentence, sizeof(error->sentence), "file: cannot play %.140s, %s", s->location,
             what);
    return code;
}

static bool is_regular(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

static bool begins_as_jpeg(int fd)
{
    uint8_t first[2] = {0};
    return pread(fd, first, sizeof(first), 0) == 2 && bytes_get_u16(first) == 0xffd8;
}

static bool begins_as_ts(int fd)
{
    uint8_t first[TS_PACKET_SIZE + 1];
    bool is_ts = false;
    return pread(fd, first, sizeof(first), 0) == (ssize_t)sizeof(first) &&
           ts_stream_detect(bytes_of(first, sizeof(first)), &is_ts) == 0 && is_ts;
}

static int file_open(void *state, const struct source_params *params, struct option_error *error)
{
    struct file_source *s = state;
    *s = (struct file_source){.is_looped = s->is_looped,
                              .location = params->location,
                              .wake_fd = params->wake_fd,
                              .start_ns = TIME_NONE};
    if (params->is_rate_given) {
        s->given_rate = params->rate;
    }
    s->fd = open(params->location, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* no waiting at a FIFO */
    if (s->fd < 0) {
        return open_failed(s, -errno, strerror(errno), error);
    }
    s->is_open = true;
    if (!is_regular(s->fd)) {
        return open_failed(s, -EINVAL, "it is no file of stored video: a named pipe is pipe:PATH",
                           error);
    }
    s->is_jpeg = begins_as_jpeg(s->fd);
    s->is_ts = begins_as_ts(s->fd);
    access_unit_init(&s->units);
    ts_stream_init(&s->ts);
    s->chunk = malloc(CHUNK_SIZE);
    return s->chunk ? 0 : open_failed(s, -ENOMEM, "no memory", error);
}

static int push_chunk(struct file_source *s)
{
    const ssize_t n = read(s->fd, s->chunk, CHUNK_SIZE);
    if (n < 0) {
        return errno == EINTR ? 0 : -errno;
    }
    s->is_at_end = n == 0;
    const struct bytes in = bytes_of(s->chunk, (size_t)n);
    return s->is_jpeg ? jpeg_stream_push(&s->jpegs, in)
           : s->is_ts ? ts_stream_push(&s->ts, in)
                      : access_unit_push(&s->units, in, 0);
}

static int pull(struct file_source *s)
{
    int result;
    if (s->is_jpeg) {
        result = jpeg_stream_pull(&s->jpegs, &s->next, &s->track.size);
    } else if (s->is_ts) {
        result = ts_stream_pull(&s->ts, &s->next);
        if (result == -EAGAIN && s->is_at_end) {
            result = ts_stream_flush_end(&s->ts, &s->next);
        }
    } else {
        result = access_unit_pull(&s->units, &s->next);
        if (result == -EAGAIN && s->is_at_end) {
            result = access_unit_flush_end(&s->units, &s->next);
        }
    }
    return result;
}

static int rewind_file(struct file_source *s)
{
    if (lseek(s->fd, 0, SEEK_SET) < 0) {
        return -errno;
    }
    access_unit_reset(&s->units);
    ts_stream_reset(&s->ts);
    jpeg_stream_reset(&s->jpegs);
    s->is_at_end = false;
    s->n_of_pass = 0;
    return 0;
}

static void update_track(struct file_source *s)
{
    const struct rational fallback = {DEFAULT_RATE, 1};
    if (s->is_jpeg) {
        s->track.codec = CODEC_MJPEG;
        memcpy(s->track.codec_string, "mjpeg", sizeof("mjpeg"));
    } else {
        s->track = s->is_ts ? s->ts.normal.track : s->units.normal.track;
    }
    if (s->given_rate.num > 0) {
        s->track.rate = s->given_rate;
    } else if (s->track.rate.num <= 0) {
        s->track.rate = fallback;
    }
}

/* Fill s->next. -EPIPE: the end of a file that is not looped. -EBADMSG: nothing in it. */
static int read_ahead(struct file_source *s)
{
    for (size_t n_searched = 0; !s->next; n_searched += CHUNK_SIZE) {
        int result = n_searched > SEARCH_BYTES_MAX ? -EBADMSG : pull(s);
        if (result == -EAGAIN && !s->is_at_end) {
            result = push_chunk(s);
        } else if (result == -EAGAIN && s->n_of_pass == 0) {
            return -EBADMSG;
        } else if (result == -EAGAIN) {
            result = s->is_looped ? rewind_file(s) : -EPIPE;
        }
        if (result < 0) {
            return result;
        }
    }
    s->n_of_pass++;
    update_track(s);
    return 0;
}

/* MPEG-TS says when, unless a rate is given. */
static bool has_times(const struct file_source *s)
{
    return s->is_ts && s->given_rate.num == 0 && s->next->pts_ns != TIME_NONE;
}

/* Of s->next, from where the pace began. */
static int64_t position_ns(const struct file_source *s)
{
    const struct rational rate = s->track.rate;
    return has_times(s) ? s->next->pts_ns - s->start_pts_ns
                        : time_rescale(s->n_packets, NS_PER_S * rate.den, rate.num);
}

static void begin_pace(struct file_source *s, int64_t start_ns)
{
    s->start_ns = start_ns;
    s->start_pts_ns = s->next->pts_ns;
    s->n_packets = 0;
}

/* When s->next is to be given out. */
static int64_t due_ns(struct file_source *s)
{
    const int64_t now_ns = time_monotonic_ns();
    if (s->start_ns != TIME_NONE) {
        if (s->n_of_pass == 1 && has_times(s)) { /* looped */
            begin_pace(s, s->due_ns + track_frame_duration_ns(&s->track));
        }
        const int64_t due = s->start_ns + position_ns(s);
        if (due >= now_ns - LATE_MAX_NS && due <= now_ns + JUMP_MAX_NS) {
            return due;
        }
    }
    begin_pace(s, now_ns);
    return now_ns;
}

static void give_out(struct file_source *s, int64_t due, struct source_unit *out)
{
    struct packet *p = s->next;
    s->next = NULL;
    s->due_ns = due;
    s->n_packets++;
    p->arrival_ns = p->encoded_ns = time_monotonic_ns();
    p->capture_ns = time_real_ns();
    p->pts_ns = due;
    *out = (struct source_unit){.packet = p, .track = &s->track};
}

static int read_failed(const struct file_source *s, int code, struct option_error *error)
{
    if (code == -EPIPE) {
        snprintf(error->sentence, sizeof(error->sentence), "file: %.140s is at its end",
                 s->location);
        return code;
    }
    return open_failed(s, code,
                       code == -EBADMSG ? "there is no H.264 (Annex B, MPEG-TS) and no JPEG in it"
                                        : strerror(-code),
                       error);
}

static int file_read(void *state, int64_t deadline_ns, struct source_unit *out,
                     struct option_error *error)
{
    struct file_source *s = state;
    int result = s->next ? 0 : read_ahead(s);
    if (result < 0) {
        return read_failed(s, result, error);
    }
    const int64_t due = due_ns(s);
    result = source_wait(-1, 0, s->wake_fd, due < deadline_ns ? due : deadline_ns);
    if (result == -ETIMEDOUT && due <= deadline_ns) {
        give_out(s, due, out);
        return 0;
    }
    return result;
}

static void file_describe(const void *state, char *out, size_t size)
{
    const struct file_source *s = state;
    snprintf(out, size, "%dx%d %s at %.4g fps%s", s->track.size.width, s->track.size.height,
             s->track.codec_string,
             s->track.rate.den ? (double)s->track.rate.num / s->track.rate.den : 0,
             s->is_looped ? ", looped" : "");
}

static void file_close(void *state)
{
    struct file_source *s = state;
    if (!s->is_open) {
        return;
    }
    s->is_open = false;
    close(s->fd);
    packet_unref(&s->next);
    access_unit_finish(&s->units);
    ts_stream_finish(&s->ts);
    jpeg_stream_finish(&s->jpegs);
    free(s->chunk);
    s->chunk = NULL;
}

static const struct option file_options[] = {
    {.name = "loop",
     .type = OPTION_BOOL,
     .offset = offsetof(struct file_source, is_looped),
     .def = "on",
     .help = "begin again at the end"},
    {0},
};

const struct source_type source_file = {
    .scheme = "file",
    .summary = "file of raw H.264, MPEG-TS or JPEGs, file:PATH",
    .state_size = sizeof(struct file_source),
    .options = file_options,
    .open = file_open,
    .read = file_read,
    .describe = file_describe,
    .close = file_close,
};
