#include "source/input.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"
#include "bitstream/access_unit.h"
#include "helper/helper_memory.h"
#include "helper/helper_program.h"
#include "helper/helper_reader.h"
#include "source/jpeg_stream.h"
#include "source/timeline.h"
#include "source/wait.h"

#define PROGRAM "avocet-input"
#define END_NS  (300 * NS_PER_MS) /* to say goodbye to its server, after which it is killed */

enum { DESCRIPTION_SIZE = 64, ITEM_SIZE = 1100, WHY_SIZE = 112 };

struct input_options {
    bool is_looped;
    int transport; /* index into transports */
    bool must_decode;
    bool verifies_tls;
};

struct input_source {
    struct input_options options; /* first */
    struct source_params params;  /* its texts are the pipeline's */
    bool is_open;
    bool must_decode; /* the option, or it was seen to be reordered */
    /* the helper */
    pid_t pid; /* 0: none */
    int socket;
    struct helper_reader reader;
    struct helper_memory *memory; /* of the current generation */
    /* what it gives */
    struct rational rate; /* num 0: unknown */
    char description[DESCRIPTION_SIZE];
    struct h264_normal normal; /* of whole access units */
    struct access_unit units;  /* of bytes */
    int64_t bytes_ns;          /* the newest bytes' time on the input's line */
    struct timeline timeline;
    struct track track; /* parameter_sets is borrowed from normal or units */
};

static const char *const transports[] = {"tcp", "udp", NULL};

static const char *input_problem(void)
{
    char path[HELPER_PATH_SIZE];
    return helper_program_path(PROGRAM, path, sizeof(path))
               ? NULL
               : "the helper program avocet-input is not installed here";
}

__attribute__((format(printf, 4, 5))) static int
fail(const struct input_source *s, int result, struct option_error *error, const char *format, ...)
{
    char why[WHY_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(why, sizeof(why), format, args);
    va_end(args);
    snprintf(error->sentence, sizeof(error->sentence), "cannot read %.8s:%.100s, %s",
             s->params.scheme, s->params.shown_location, why);
    return result;
}

/* ---- the helper ---- */

__attribute__((format(printf, 2, 3))) static void add(struct text *t, const char *format, ...)
{
    char item[ITEM_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(item, sizeof(item), format, args);
    va_end(args);
    text_append_bytes(t, bytes_of(item, strlen(item) + 1));
}

static void write_texts(const struct input_source *s, struct text *t)
{
    const struct source_params *p = &s->params;
    add(t, "%s:%s%s", p->scheme, strcmp(p->scheme, "file") == 0 ? "" : "//", p->location);
    add(t, "loop=%s", s->options.is_looped ? "on" : "off");
    add(t, "transport=%s", transports[s->options.transport]);
    add(t, "decode=%s", s->must_decode ? "on" : "off");
    add(t, "tls_verify=%s", s->options.verifies_tls ? "on" : "off");
    if (p->is_size_given) {
        add(t, "size=%dx%d", p->size.width, p->size.height);
    }
}

/* Far below a socket buffer: it takes them whole. */
static int send_request(struct input_source *s)
{
    struct text texts = {0};
    write_texts(s, &texts);
    struct helper_message m = {
        .version = HELPER_VERSION, .type = HELPER_OPEN, .payload_size = (uint32_t)texts.size};
    int result = texts.error ? -ENOMEM : texts.size > HELPER_TEXTS_MAX ? -E2BIG : 0;
    if (result == 0 && (send(s->socket, &m, sizeof(m), MSG_NOSIGNAL) < 0 ||
                        send(s->socket, texts.data, texts.size, MSG_NOSIGNAL) < 0)) {
        result = -errno;
    }
    text_finish(&texts);
    return result;
}

static int start(struct input_source *s, struct option_error *error)
{
    helper_reader_init(&s->reader);
    const int result = helper_program_start(PROGRAM, &s->pid, &s->socket);
    if (result == -ENOENT) {
        return fail(s, -ENOTSUP, error, "%s", input_problem());
    }
    if (result < 0) {
        return fail(s, -EAGAIN, error, "its helper program cannot start: %s", strerror(-result));
    }
    const int sent = send_request(s);
    return sent < 0
               ? fail(s, sent, error, "its helper program does not listen: %s", strerror(-sent))
               : 0;
}

static void end(struct input_source *s)
{
    helper_memory_leave(&s->memory);
    helper_reader_finish(&s->reader);
    if (s->pid > 0) {
        close(s->socket);
        helper_program_end(s->pid, time_monotonic_ns() + END_NS);
    }
    s->pid = 0;
    s->socket = -1;
}

/* ---- what it gives ---- */

/* Takes over the reference. */
static int give_packet(struct input_source *s, struct packet *packet, const struct track *track,
                       int64_t time_ns, struct source_unit *out)
{
    if (packet->arrival_ns == TIME_NONE) {
        packet->arrival_ns = packet->encoded_ns = time_monotonic_ns();
    }
    packet->pts_ns = timeline_place(&s->timeline, time_ns, packet->arrival_ns);
    packet->capture_ns = time_real_ns() - (time_monotonic_ns() - packet->arrival_ns);
    s->track = *track;
    if (s->track.rate.num <= 0) {
        s->track.rate = s->rate;
    }
    *out = (struct source_unit){.packet = packet, .track = &s->track};
    return 0;
}

/* H.264 whose pictures come in another order than they are shown: from now on as pictures. */
static int read_again(struct input_source *s, struct option_error *error)
{
    log_info(s->params.log, "the pictures are reordered (B-frames), which browsers do not play: "
                            "decoding them");
    s->must_decode = true;
    end(s);
    timeline_init(&s->timeline);
    const int result = start(s, error);
    return result < 0 ? result : -EAGAIN;
}

/* A packet made by normal or units, or what they answered instead. */
static int take_h264(struct input_source *s, int result, struct packet *packet,
                     const struct track *track, int64_t time_ns, struct source_unit *out,
                     struct option_error *error)
{
    if (result < 0) { /* a damaged picture is a lost one */
        return result == -EBADMSG || result == -EAGAIN ? -EAGAIN
                                                       : fail(s, result, error, "no memory");
    }
    if (track->is_reordered) {
        packet_unref(&packet);
        return read_again(s, error);
    }
    return give_packet(s, packet, track, time_ns, out);
}

static int take_whole(struct input_source *s, struct source_unit *out, struct option_error *error)
{
    const struct helper_message *m = &s->reader.message;
    struct packet *packet = NULL;
    if (m->is_lossy) {
        h264_normal_mark_lost(&s->normal);
    }
    const int result = h264_normal_make(&s->normal, packet_bytes(s->reader.payload), &packet);
    return take_h264(s, result, packet, &s->normal.track, m->time_ns, out, error);
}

/* Another time begins another access unit. */
static int take_bytes(struct input_source *s, struct source_unit *out, struct option_error *error)
{
    const int64_t time_ns = s->reader.message.time_ns;
    const int64_t before_ns = s->bytes_ns;
    const struct bytes bytes = packet_bytes(s->reader.payload);
    struct packet *packet = NULL;
    int result = time_ns != before_ns ? access_unit_flush_end(&s->units, &packet) : -EAGAIN;
    s->bytes_ns = time_ns;
    const int pushed = access_unit_push(&s->units, bytes, time_monotonic_ns());
    if (result == -EAGAIN && pushed < 0) {
        result = pushed;
    }
    return take_h264(s, result, packet, &s->units.normal.track, before_ns, out, error);
}

static int take_jpeg(struct input_source *s, struct source_unit *out)
{
    struct track track = {.codec = CODEC_MJPEG, .codec_string = "mjpeg"};
    struct packet *packet = NULL;
    const int result = jpeg_stream_packet(packet_bytes(s->reader.payload), &packet, &track.size);
    return result < 0 ? -EAGAIN : give_packet(s, packet, &track, s->reader.message.time_ns, out);
}

static int take_unit(struct input_source *s, struct source_unit *out, struct option_error *error)
{
    switch (s->reader.message.unit) {
    case HELPER_UNIT_H264:
        return take_whole(s, out, error);
    case HELPER_UNIT_H264_BYTES:
        return take_bytes(s, out, error);
    default:
        return take_jpeg(s, out);
    }
}

static int take_picture(struct input_source *s, struct source_unit *out, struct option_error *error)
{
    const struct helper_message *m = &s->reader.message;
    struct picture *picture = NULL;
    if (s->reader.fd >= 0) {
        helper_memory_leave(&s->memory);
        s->memory = helper_memory_create(s->reader.fd, m, s->socket);
    }
    const int result = helper_memory_lend(s->memory, m, &picture);
    if (result < 0) {
        return fail(s, result, error, "its helper program gives nonsense");
    }
    picture->arrival_ns = time_monotonic_ns();
    picture->capture_ns = time_real_ns();
    picture->pts_ns = timeline_place(&s->timeline, m->time_ns, picture->arrival_ns);
    s->track = (struct track){
        .codec = CODEC_RAW, .codec_string = "raw", .size = picture->size, .rate = s->rate};
    *out = (struct source_unit){.picture = picture, .track = &s->track};
    return 0;
}

static void take_opened(struct input_source *s)
{
    const struct helper_message *m = &s->reader.message;
    const struct packet *text = s->reader.payload;
    if (m->rate_num > 0 && m->rate_den > 0) {
        s->rate = (struct rational){m->rate_num, m->rate_den};
    }
    snprintf(s->description, sizeof(s->description), "%.*s", text ? (int)text->size : 0,
             text ? (const char *)text->data : "");
    text_escape_controls(s->description, sizeof(s->description));
}

static int take_error(struct input_source *s, struct option_error *error)
{
    const struct packet *text = s->reader.payload;
    const int result = fail(s, -EPIPE, error, "%.*s", text ? (int)text->size : 0,
                            text ? (const char *)text->data : "");
    text_escape_controls(error->sentence, sizeof(error->sentence));
    return result;
}

/* -EAGAIN: no unit, and there may be more messages. */
static int take_message(struct input_source *s, struct source_unit *out, struct option_error *error)
{
    switch (s->reader.message.type) {
    case HELPER_UNIT:
        return take_unit(s, out, error);
    case HELPER_PICTURE:
        return take_picture(s, out, error);
    case HELPER_OPENED:
        take_opened(s);
        return -EAGAIN;
    default:
        return take_error(s, error);
    }
}

/* ---- as a source ---- */

static int input_open(void *state, const struct source_params *params, struct option_error *error)
{
    struct input_source *s = state;
    *s = (struct input_source){.options = s->options,
                               .params = *params,
                               .is_open = true,
                               .must_decode = s->options.must_decode,
                               .socket = -1,
                               .bytes_ns = TIME_NONE};
    helper_reader_init(&s->reader);
    h264_normal_init(&s->normal);
    access_unit_init(&s->units);
    timeline_init(&s->timeline);
    return start(s, error);
}

/* When there is no message: what is there may be a whole access unit. Else wait for one. */
static int flush_or_wait(struct input_source *s, int64_t deadline_ns, struct source_unit *out,
                         struct option_error *error)
{
    struct packet *packet = NULL;
    if (access_unit_may_be_whole(&s->units)) {
        const int result = access_unit_flush_whole(&s->units, &packet);
        return take_h264(s, result, packet, &s->units.normal.track, s->bytes_ns, out, error);
    }
    const int result = source_wait(s->socket, POLLIN, s->params.wake_fd, deadline_ns);
    return result == 0 ? -EAGAIN : result;
}

/* -EAGAIN: ask again. */
static int next(struct input_source *s, int64_t deadline_ns, struct source_unit *out,
                struct option_error *error)
{
    struct packet *packet = NULL;
    int result = access_unit_pull(&s->units, &packet);
    if (result != -EAGAIN) {
        return take_h264(s, result, packet, &s->units.normal.track, s->bytes_ns, out, error);
    }
    result = helper_reader_read(&s->reader, s->socket);
    switch (result) {
    case 0:
        return take_message(s, out, error);
    case -EAGAIN:
        return flush_or_wait(s, deadline_ns, out, error);
    case -EPIPE:
        return fail(s, result, error, "its helper program ended unexpectedly");
    default:
        return fail(s, result, error, "its helper program cannot be understood: %s",
                    strerror(-result));
    }
}

static int input_read(void *state, int64_t deadline_ns, struct source_unit *out,
                      struct option_error *error)
{
    int result = -EAGAIN;
    while (result == -EAGAIN) {
        result = next(state, deadline_ns, out, error);
        if (result == -EAGAIN && time_monotonic_ns() >= deadline_ns) {
            result = -ETIMEDOUT; /* messages without end, and no picture in them */
        }
    }
    return result;
}

static void input_describe(const void *state, char *out, size_t size)
{
    const struct input_source *s = state;
    char shown[DESCRIPTION_SIZE];
    track_describe(&s->track, shown, sizeof(shown));
    snprintf(out, size, "%s, from %s", shown, s->description);
}

static void input_close(void *state)
{
    struct input_source *s = state;
    if (!s->is_open) {
        return;
    }
    s->is_open = false;
    end(s);
    h264_normal_finish(&s->normal);
    access_unit_finish(&s->units);
}

/* ---- rows ---- */

#define DECODE_OPTION                                                                              \
    {                                                                                              \
        .name = "reencode", .type = OPTION_BOOL, .def = "off",                                     \
        .offset = offsetof(struct input_options, must_decode),                                     \
        .help = "decode it and encode it anew, also where browsers would play it as it is"         \
    }
#define TLS_OPTION                                                                                 \
    {                                                                                              \
        .name = "tls_verify", .type = OPTION_BOOL, .def = "on",                                    \
        .offset = offsetof(struct input_options, verifies_tls),                                    \
        .help = "refuse a server whose certificate this machine does not trust"                    \
    }
#define TRANSPORT_OPTION                                                                           \
    {                                                                                              \
        .name = "transport", .type = OPTION_CHOICE, .def = "tcp", .choices = transports,           \
        .offset = offsetof(struct input_options, transport),                                       \
        .help = "how RTP comes; what UDP loses is not sent again"                                  \
    }

static const struct option plain_options[] = {DECODE_OPTION, {0}};
static const struct option tls_options[] = {TLS_OPTION, DECODE_OPTION, {0}};
static const struct option rtsp_options[] = {TRANSPORT_OPTION, DECODE_OPTION, {0}};
static const struct option rtsps_options[] = {TLS_OPTION, DECODE_OPTION, {0}};
static const struct option file_options[] = {
    {.name = "loop",
     .type = OPTION_BOOL,
     .offset = offsetof(struct input_options, is_looped),
     .def = "on",
     .help = "begin again at the end"},
    DECODE_OPTION,
    {0},
};

#define ROW(row_scheme, row_summary, row_options, is_url)                                          \
    {                                                                                              \
        .scheme = (row_scheme), .summary = (row_summary),                                          \
        .state_size = sizeof(struct input_source), .options = (row_options), .open = input_open,   \
        .read = input_read, .describe = input_describe, .close = input_close,                      \
        .problem = input_problem, .has_url = (is_url)                                              \
    }

const struct source_type source_rtsp =
    ROW("rtsp", "camera or server, rtsp://[USER:PASSWORD@]HOST[:PORT]/PATH", rtsp_options, true);
const struct source_type source_rtsps = ROW("rtsps", "the same over TLS", rtsps_options, true);
const struct source_type source_rtmp =
    ROW("rtmp", "stream of a server, rtmp://HOST/APP/NAME", plain_options, true);
const struct source_type source_rtmps = ROW("rtmps", "the same over TLS", tls_options, true);
const struct source_type source_srt =
    ROW("srt", "stream in SRT, srt://HOST:PORT[?streamid=...&passphrase=...]", plain_options, true);
const struct source_type source_http =
    ROW("http", "MJPEG, MPEG-TS, HLS, FLV, MP4 and more, http://HOST/PATH", plain_options, true);
const struct source_type source_https = ROW("https", "the same over TLS", tls_options, true);
const struct source_type source_input_file =
    ROW("file", "file of any container, file:PATH", file_options, false);
