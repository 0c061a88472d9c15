/*
 * avocet-input: reads any URL or file that FFmpeg's libraries know, as video for avocet, in a
 * process of its own that can start no program and write no file.
 *
 * Started by avocet with one end of a socket pair as descriptor 3 (src/helper/helper_protocol.h);
 * ends when the other end closes. H.264 that browsers play and JPEG go through as they are; the
 * rest is decoded, and avocet encodes it as it does a camera's pictures.
 */
#include <fcntl.h>
#include <libavutil/log.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "input.h"
#include "input_decode.h"
#include "link.h"
#include "media/packet.h"
#include "sandbox.h"

struct program {
    struct input input;
    struct input_decode decode;
    AVPacket *packet;
    /* of INPUT_H264_BYTES: read, not yet sent */
    struct helper_message batch;
    uint8_t *bytes; /* HELPER_BYTES_MAX */
    size_t n_bytes;
    bool has_begun;
    bool is_broken; /* avocet did not take a batch */
};

static struct program program; /* one: libavutil's log has no argument of ours */

/* ---- what avocet asks ---- */

static void read_option(struct input_request *r, const char *text)
{
    r->is_looped = r->is_looped || strcmp(text, "loop=on") == 0;
    r->is_udp = r->is_udp || strcmp(text, "transport=udp") == 0;
    r->must_decode = r->must_decode || strcmp(text, "decode=on") == 0;
    r->is_tls_loose = r->is_tls_loose || strcmp(text, "tls_verify=off") == 0;
    (void)sscanf(text, "size=%dx%d", &r->width, &r->height);
}

static bool read_request(struct input_request *r)
{
    char texts[HELPER_TEXTS_MAX + 1] = "";
    struct helper_message m;
    if (!link_read(&m, sizeof(m)) || m.version != HELPER_VERSION || m.type != HELPER_OPEN ||
        m.payload_size > HELPER_TEXTS_MAX || !link_read(texts, m.payload_size)) {
        return false;
    }
    const char *end = texts + m.payload_size;
    snprintf(r->url, sizeof(r->url), "%s", texts);
    for (const char *t = texts + strlen(texts) + 1; t < end; t += strlen(t) + 1) {
        read_option(r, t);
    }
    return strlen(texts) < sizeof(r->url);
}

/* Pictures given back. False: avocet is gone. */
static bool take_mail(struct program *p, int timeout_ms)
{
    struct pollfd fd = {.fd = HELPER_SOCKET_FD, .events = POLLIN};
    while (poll(&fd, 1, timeout_ms) > 0) {
        struct helper_message m;
        if (!link_read(&m, sizeof(m)) || m.version != HELPER_VERSION || m.type != HELPER_RELEASE) {
            return false;
        }
        slots_release(&p->decode.slots, &m);
        timeout_ms = 0;
    }
    return true;
}

static bool wait_until(void *arg, int64_t at_ns)
{
    int64_t left_ns;
    while ((left_ns = at_ns - time_monotonic_ns()) > 0) {
        if (!take_mail(arg, (int)((left_ns + NS_PER_MS - 1) / NS_PER_MS))) {
            return false;
        }
    }
    return true;
}

/* ---- what avocet gets ---- */

static bool send_opened(const struct input *in)
{
    const AVRational rate = input_rate(in);
    struct helper_message m = {
        .type = HELPER_OPENED, .rate_num = rate.num, .rate_den = rate.den > 0 ? rate.den : 1};
    char text[HELPER_SENTENCE_MAX];
    snprintf(text, sizeof(text), "%s%s", avcodec_get_name(in->stream->codecpar->codec_id),
             in->way == INPUT_DECODED ? ", decoded" : " as it is");
    return link_send(&m, text, strlen(text), -1);
}

static bool send_unit(const struct program *p, int64_t time_ns)
{
    const AVPacket *packet = p->packet;
    struct helper_message m = {
        .type = HELPER_UNIT,
        .unit = p->input.way == INPUT_JPEG ? HELPER_UNIT_JPEG : HELPER_UNIT_H264,
        .is_lossy = (packet->flags & AV_PKT_FLAG_CORRUPT) != 0,
        .time_ns = time_ns,
    };
    return packet->size <= 0 || packet->size > PACKET_SIZE_MAX ||
           link_send(&m, packet->data, (size_t)packet->size, -1);
}

/*
 * Bytes of one time are sent together as far as they came together, so that where avocet sees a
 * pause there was one on the network.
 */
static void send_batch(void *arg)
{
    struct program *p = arg;
    if (p->n_bytes > 0 && !link_send(&p->batch, p->bytes, p->n_bytes, -1)) {
        p->is_broken = true;
    }
    p->n_bytes = 0;
}

static void add_bytes(struct program *p, const uint8_t *bytes, size_t size, int64_t time_ns)
{
    if (time_ns != p->batch.time_ns) {
        send_batch(p);
    }
    p->batch = (struct helper_message){
        .type = HELPER_UNIT, .unit = HELPER_UNIT_H264_BYTES, .time_ns = time_ns};
    while (size > 0) {
        const size_t room = HELPER_BYTES_MAX - p->n_bytes;
        const size_t n = size < room ? size : room;
        memcpy(p->bytes + p->n_bytes, bytes, n);
        p->n_bytes += n;
        bytes += n;
        size -= n;
        if (p->n_bytes == HELPER_BYTES_MAX) {
            send_batch(p);
        }
    }
}

/* What the session's description said of H.264 goes before anything else. */
static void take_bytes(struct program *p, int64_t time_ns)
{
    const AVCodecParameters *c = p->input.stream->codecpar;
    if (!p->has_begun && c->extradata_size > 0 && c->extradata[0] == 0) {
        add_bytes(p, c->extradata, (size_t)c->extradata_size, time_ns);
    }
    p->has_begun = true;
    add_bytes(p, p->packet->data, (size_t)p->packet->size, time_ns);
}

static int take_packet(struct program *p)
{
    const AVPacket *packet = p->packet;
    const int64_t time_ns =
        input_time_ns(&p->input, packet->pts != AV_NOPTS_VALUE ? packet->pts : packet->dts);
    switch (p->input.way) {
    case INPUT_DECODED:
        return input_decode_packet(&p->decode, &p->input, packet);
    case INPUT_H264_BYTES:
        take_bytes(p, time_ns);
        return p->is_broken ? AVERROR_EXIT : 0;
    default:
        return send_unit(p, time_ns) ? 0 : AVERROR_EXIT;
    }
}

/* 0, or an AVERROR: the end. */
static int pass_on(struct program *p)
{
    int result = input_read(&p->input, p->packet);
    if (result == 0) {
        result = take_mail(p, 0) ? take_packet(p) : AVERROR_EXIT;
    }
    av_packet_unref(p->packet);
    return result;
}

/* Lines of libavformat may hold the URL; of one of them only that it was said is taken. */
static void on_log(void *context, int level, const char *format, va_list args)
{
    if (level <= AV_LOG_ERROR && strncmp(format, "Failed to resolve hostname", 26) == 0) {
        program.input.is_unresolved = true;
    }
}

/* Libraries that print by themselves say what is nobody's business. */
static void be_silent(void)
{
    const int null = open("/dev/null", O_RDWR);
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
#if !AVOCET_SANITIZED
    dup2(null, STDERR_FILENO);
#endif
    close(null);
}

static int run(struct program *p)
{
    int result = input_open(&p->input);
    if (result == 0 && p->input.way == INPUT_DECODED) {
        result = input_decode_open(&p->decode, &p->input);
    }
    if (result == 0 && !send_opened(&p->input)) {
        result = AVERROR_EXIT;
    }
    while (result == 0) {
        result = pass_on(p);
    }
    return result;
}

int main(void)
{
    struct program *p = &program;
    prctl(PR_SET_PDEATHSIG, 9 /* SIGKILL */);
    be_silent();
    av_log_set_callback(on_log);
    p->packet = av_packet_alloc();
    p->bytes = malloc(HELPER_BYTES_MAX);
    p->input.reader =
        (struct input_reader){.wait_until = wait_until, .on_drained = send_batch, .arg = p};
    if (!p->packet || !p->bytes || !read_request(&p->input.request) || !sandbox_enter_open()) {
        link_send_error("the helper program cannot start, or not give up its rights");
        return 1;
    }
    const int result = run(p);
    if (!p->input.is_gone) {
        link_send_error(input_sentence(&p->input, result));
    }
    input_decode_close(&p->decode);
    input_close(&p->input);
    av_packet_free(&p->packet);
    free(p->bytes);
    return 0;
}
