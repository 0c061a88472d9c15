/* Plays an RTSP stream, interleaved over TCP. Blocking with deadlines. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "app/latency_reader.h"
#include "base/text.h"
#include "mux/rtp_h264_reader.h"
#include "proto/rtp.h"
#include "proto/rtsp.h"

enum { READ_SIZE = 65536, SESSION_SIZE = 128 };

struct rtsp {
    int fd;
    unsigned cseq;
    char session[SESSION_SIZE];
    struct text input;
    size_t n_used; /* of the input */
    struct rtp_h264_reader access_units;
};

__attribute__((format(printf, 3, 4))) static int fail(struct option_error *error, int result,
                                                      const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error->sentence, sizeof(error->sentence), format, args);
    va_end(args);
    return result;
}

/* ---- messages ---- */

static int read_more(struct rtsp *r, int64_t deadline_ns, struct option_error *error)
{
    char block[READ_SIZE];
    const ssize_t n = recv(r->fd, block, sizeof(block), 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return latency_wait(r->fd, POLLIN, deadline_ns);
    }
    if (n <= 0) {
        return fail(error, -EPIPE, "the server ended the stream");
    }
    text_append_bytes(&r->input, bytes_of(block, (size_t)n));
    return r->input.error ? -ENOMEM : 0;
}

/* The next message, which borrows the input until the next call. */
static int next_message(struct rtsp *r, int64_t deadline_ns, struct rtsp_message *out,
                        struct option_error *error)
{
    for (;;) {
        const struct bytes rest = bytes_of(r->input.data + r->n_used, r->input.size - r->n_used);
        const int n = rest.size > 0 ? rtsp_parse(rest, out) : 0;
        if (n < 0) {
            return fail(error, n, "the server's answer is no RTSP");
        }
        if (n > 0) {
            r->n_used += (size_t)n;
            return 0;
        }
        if (r->n_used > 0) {
            memmove(r->input.data, rest.data, rest.size);
            r->input.size = rest.size;
            r->n_used = 0;
        }
        const int result = read_more(r, deadline_ns, error);
        if (result < 0) {
            return result;
        }
    }
}

static int check_answer(const struct rtsp_message *m, struct option_error *error)
{
    if (m->status == 200) {
        return 0;
    }
    return fail(error, -ENOENT, "the server answered %u %s%s%.*s", m->status,
                rtsp_reason(m->status), m->body.size > 0 ? ": " : "", (int)m->body.size,
                (const char *)m->body.data);
}

static int send_request(struct rtsp *r, const struct latency_url *url, const char *method,
                        const char *part, const char *header, int64_t deadline_ns)
{
    struct text request = {0};
    const bool is_v6 = strchr(url->host, ':') != NULL;
    text_printf(&request, "%s rtsp://%s%s%s:%s%s%s RTSP/1.0\r\nCSeq: %u\r\n%s\r\n", method,
                is_v6 ? "[" : "", url->host, is_v6 ? "]" : "", url->port, url->path, part,
                ++r->cseq, header);
    const int result =
        request.error ? -ENOMEM : latency_send(r->fd, text_bytes(&request), deadline_ns);
    text_finish(&request);
    return result;
}

/* ---- the dialogue ---- */

static int set_up(struct rtsp *r, const struct latency_url *url, int64_t deadline_ns,
                  struct option_error *error)
{
    struct rtsp_message m;
    int result = send_request(r, url, "SETUP", "/trackID=0",
                              "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n", deadline_ns);
    result = result < 0 ? result : next_message(r, deadline_ns, &m, error);
    result = result < 0 ? result : check_answer(&m, error);
    if (result == 0) {
        struct bytes session = rtsp_header(&m, "Session");
        const struct bytes id = rtsp_split(&session, ';');
        snprintf(r->session, sizeof(r->session), "Session: %.*s\r\n", (int)id.size,
                 (const char *)id.data);
    }
    return result;
}

static int rtsp_open(void *state, const struct latency_url *url, int64_t deadline_ns,
                     struct option_error *error)
{
    struct rtsp *r = state;
    rtp_h264_reader_init(&r->access_units);
    r->fd = latency_connect(url, deadline_ns, error);
    if (r->fd < 0) {
        return r->fd;
    }
    const int result = set_up(r, url, deadline_ns, error);
    return result < 0 ? result : send_request(r, url, "PLAY", "", r->session, deadline_ns);
}

/* -EAGAIN: no whole access unit yet. */
static int push_frame(struct rtsp *r, struct bytes frame, struct packet **out)
{
    struct rtp_packet rtp;
    uint32_t timestamp;
    if (rtp_parse(frame, &rtp) < 0) {
        return -EAGAIN;
    }
    const struct rtp_h264_payload payload = {
        .sequence = rtp.header.sequence,
        .timestamp = rtp.header.timestamp,
        .marker = rtp.header.marker,
        .bytes = rtp.payload,
    };
    if (rtp_h264_reader_push(&r->access_units, &payload, out, &timestamp) < 0) {
        return -EAGAIN;
    }
    const int64_t now_ns = time_monotonic_ns();
    (*out)->arrival_ns = (*out)->encoded_ns = (*out)->pts_ns = now_ns;
    return 0;
}

static int rtsp_read(void *state, int64_t deadline_ns, struct packet **out, enum codec *codec,
                     struct option_error *error)
{
    struct rtsp *r = state;
    int result = -EAGAIN;
    *codec = CODEC_H264;
    while (result == -EAGAIN) {
        struct rtsp_message m;
        result = next_message(r, deadline_ns, &m, error);
        if (result == 0 && m.kind == RTSP_FRAME) {
            result = m.channel == 0 ? push_frame(r, m.body, out) : -EAGAIN;
        } else if (result == 0) {
            result = check_answer(&m, error);
            result = result == 0 ? -EAGAIN : result;
        }
    }
    return result;
}

static void rtsp_close(void *state)
{
    struct rtsp *r = state;
    rtp_h264_reader_finish(&r->access_units);
    text_finish(&r->input);
    if (r->fd >= 0) {
        close(r->fd);
    }
}

const struct latency_reader_type latency_rtsp = {
    .state_size = sizeof(struct rtsp),
    .open = rtsp_open,
    .read = rtsp_read,
    .close = rtsp_close,
};
