#include "source/rtp.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bitstream/h264_nal.h"
#include "mux/rtp_h264_reader.h"
#include "proto/rtp_order.h"
#include "proto/sdp_rtp.h"
#include "source/timeline.h"
#include "source/ts_stream.h"
#include "source/udp_socket.h"
#include "source/wait.h"

#define CLOCK_HZ 90000

enum {
    DATAGRAM_SIZE_MAX = 65536,
    SDP_FILE_SIZE_MAX = 16 * 1024,
    FIRST_DYNAMIC_TYPE = 96, /* RFC 3551 §6 */
};

struct rtp_source {
    char *sdp; /* options */
    char *interface;
    /* state */
    const char *location;
    struct rational given_rate; /* num 0: not given */
    const struct log *log;
    int fd; /* -1: none */
    int wake_fd;
    bool is_open;
    struct sdp_rtp form; /* payload_type 0: the first that comes */
    struct rtp_order order;
    uint32_t ssrc; /* of the packets taken last */
    struct rtp_h264_reader pictures;
    struct h264_normal normal;
    struct ts_stream ts;
    struct timeline timeline;
    struct track track; /* the normaliser's; parameter_sets is borrowed */
    bool is_timed;
    uint32_t timestamp; /* of the last packet; the picture's begins with another one */
    int64_t own_ns;     /* the same, without rollover */
    int64_t arrival_ns; /* of the picture's first packet */
    bool has_packets; /* of what is awaited, since the last picture */
    bool has_strange; /* others, since then */
    uint8_t *datagram;
};

static int fail(const struct rtp_source *s, int code, const char *why, struct option_error *error)
{
    snprintf(error->sentence, sizeof(error->sentence), "rtp: cannot receive at %.100s, %.110s",
             s->location, why);
    return code;
}

/* ---- the description ---- */

static int sdp_failed(const struct rtp_source *s, int code, const char *why,
                      struct option_error *error)
{
    snprintf(error->sentence, sizeof(error->sentence), "rtp: cannot use sdp=%.100s, %.100s", s->sdp,
             why);
    return code;
}

static int read_sdp(struct rtp_source *s, struct option_error *error)
{
    char text[SDP_FILE_SIZE_MAX + 1];
    const char *why;
    FILE *file = fopen(s->sdp, "re");
    if (!file) {
        return sdp_failed(s, -errno, strerror(errno), error);
    }
    const size_t size = fread(text, 1, sizeof(text), file);
    const bool is_read = !ferror(file);
    fclose(file);
    if (!is_read || size > SDP_FILE_SIZE_MAX) {
        return sdp_failed(s, -E2BIG, "it is no file of at most 16 kB", error);
    }
    const int result = sdp_rtp_read(bytes_of(text, size), &s->form, &why);
    if (result < 0) {
        return sdp_failed(s, result, why, error);
    }
    struct h264_nal_iterator sets;
    struct bytes nal;
    for (h264_nal_begin(&sets, bytes_of(s->form.sets, s->form.sets_size));
         h264_nal_next(&sets, &nal);) {
        (void)h264_normal_put_set(&s->normal, nal); /* an unusable one shows in the pictures */
    }
    return 0;
}

/* ---- packets ---- */

/* Without a description the first packet says what comes. */
static bool is_awaited(struct rtp_source *s, uint8_t payload_type)
{
    if (s->form.payload_type == 0 &&
        (payload_type >= FIRST_DYNAMIC_TYPE || payload_type == SDP_RTP_PAYLOAD_TYPE_TS)) {
        s->form.payload_type = payload_type;
        s->form.is_ts = payload_type == SDP_RTP_PAYLOAD_TYPE_TS;
    }
    return payload_type == s->form.payload_type;
}

static void note_time(struct rtp_source *s, const struct rtp_header *h)
{
    if (s->is_timed && s->ssrc == h->ssrc && s->timestamp == h->timestamp) {
        return;
    }
    const int32_t step =
        s->is_timed && s->ssrc == h->ssrc ? (int32_t)(h->timestamp - s->timestamp) : 0;
    s->own_ns += time_rescale(step, NS_PER_S, CLOCK_HZ);
    s->arrival_ns = time_monotonic_ns();
    s->timestamp = h->timestamp;
    s->ssrc = h->ssrc;
    s->is_timed = true;
}

static int make_picture(struct rtp_source *s, struct packet *collected, struct packet **out)
{
    if (collected->flags & PACKET_DISCONTINUITY) {
        h264_normal_mark_lost(&s->normal);
    }
    const int result = h264_normal_make(&s->normal, packet_bytes(collected), out);
    if (result == 0) {
        (*out)->arrival_ns = s->arrival_ns;
        (*out)->encoded_ns = time_monotonic_ns();
        (*out)->pts_ns = s->own_ns;
        s->track = s->normal.track;
    }
    packet_unref(&collected);
    return result == -EBADMSG ? -EAGAIN : result; /* a damaged picture is a lost one */
}

static int take_h264(struct rtp_source *s, const struct rtp_packet *p, struct packet **out)
{
    const struct rtp_h264_payload payload = {
        .sequence = p->header.sequence,
        .timestamp = p->header.timestamp,
        .marker = p->header.marker,
        .bytes = p->payload,
    };
    struct packet *collected = NULL;
    uint32_t timestamp;
    note_time(s, &p->header);
    const int result = rtp_h264_reader_push(&s->pictures, &payload, &collected, &timestamp);
    if (collected) {
        return make_picture(s, collected, out);
    }
    return result == -ENOMEM ? result : -EAGAIN;
}

static int pull_ts(struct rtp_source *s, struct packet **out)
{
    const int result = ts_stream_pull(&s->ts, out);
    if (result == 0) {
        (*out)->arrival_ns = (*out)->encoded_ns = time_monotonic_ns();
        s->track = s->ts.normal.track;
    }
    return result;
}

/* The next picture of what was received; -EAGAIN: there is none. */
static int pull(struct rtp_source *s, struct packet **out)
{
    struct rtp_packet p;
    int result = s->form.is_ts ? pull_ts(s, out) : -EAGAIN;
    while (result == -EAGAIN && rtp_order_pull(&s->order, time_monotonic_ns(), &p)) {
        if (!is_awaited(s, p.header.payload_type)) {
            s->has_strange = true;
            continue;
        }
        s->has_packets = true;
        if (s->form.is_ts) {
            result = ts_stream_push(&s->ts, p.payload);
            result = result == 0 ? pull_ts(s, out) : result;
        } else {
            result = take_h264(s, &p, out);
        }
    }
    return result;
}

/* All that waits in the socket, up to what can be kept. */
static int receive(struct rtp_source *s)
{
    for (unsigned i = 0; i < RTP_ORDER_SLOTS / 2; i++) {
        const ssize_t n = recv(s->fd, s->datagram, DATAGRAM_SIZE_MAX, 0);
        if (n < 0) {
            return errno == EAGAIN || errno == EINTR || errno == ECONNREFUSED ? 0 : -errno;
        }
        (void)rtp_order_push(&s->order, bytes_of(s->datagram, (size_t)n), time_monotonic_ns());
    }
    return 0;
}

/* ---- source ---- */

static int rtp_open(void *state, const struct source_params *params, struct option_error *error)
{
    struct rtp_source *s = state;
    const char *why;
    *s = (struct rtp_source){.sdp = s->sdp,
                             .interface = s->interface,
                             .location = params->location,
                             .log = params->log,
                             .fd = -1,
                             .wake_fd = params->wake_fd,
                             .is_open = true,
                             .datagram = malloc(DATAGRAM_SIZE_MAX)};
    if (params->is_rate_given) {
        s->given_rate = params->rate;
    }
    rtp_order_init(&s->order);
    rtp_h264_reader_init(&s->pictures);
    h264_normal_init(&s->normal);
    ts_stream_init(&s->ts);
    timeline_init(&s->timeline);
    if (!s->datagram) {
        return fail(s, -ENOMEM, "no memory", error);
    }
    const int result = s->sdp ? read_sdp(s, error) : 0;
    if (result < 0) {
        return result;
    }
    s->fd = udp_socket_open(s->location, s->interface, &why);
    return s->fd < 0 ? fail(s, s->fd, why, error) : 0;
}

/* Until a datagram comes, or a hole has been waited for long enough. */
static int wait_and_receive(struct rtp_source *s, int64_t deadline_ns)
{
    const int64_t hole_ns = rtp_order_deadline_ns(&s->order);
    const bool hole_is_first = hole_ns != TIME_NONE && hole_ns < deadline_ns;
    const int result =
        source_wait(s->fd, POLLIN, s->wake_fd, hole_is_first ? hole_ns : deadline_ns);
    if (result == 0) {
        return receive(s);
    }
    return result == -ETIMEDOUT && hole_is_first ? 0 : result;
}

static void fill_unit(struct rtp_source *s, struct packet *packet, struct source_unit *out)
{
    s->has_packets = s->has_strange = false;
    packet->pts_ns = timeline_place(&s->timeline, packet->pts_ns, packet->arrival_ns);
    packet->capture_ns = time_real_ns() - (time_monotonic_ns() - packet->arrival_ns);
    if (s->given_rate.num > 0) {
        s->track.rate = s->given_rate;
    }
    *out = (struct source_unit){.packet = packet, .track = &s->track};
}

static int rtp_read(void *state, int64_t deadline_ns, struct source_unit *out,
                    struct option_error *error)
{
    struct rtp_source *s = state;
    struct packet *packet = NULL;
    int result = pull(s, &packet);
    while (result == -EAGAIN) {
        result = time_monotonic_ns() < deadline_ns ? wait_and_receive(s, deadline_ns) : -ETIMEDOUT;
        result = result == 0 ? pull(s, &packet) : result;
    }
    if (result == 0) {
        fill_unit(s, packet, out);
        return 0;
    }
    return result == -EINTR || result == -ETIMEDOUT ? result
                                                    : fail(s, result, strerror(-result), error);
}

static void rtp_describe(const void *state, char *out, size_t size)
{
    track_describe(&((const struct rtp_source *)state)->track, out, size);
}

static const char *rtp_instead(const void *state)
{
    const struct rtp_source *s = state;
    const struct h264_normal *normal = s->form.is_ts ? &s->ts.normal : &s->normal;
    if (s->has_packets && !h264_sets_has_sps(&normal->sets)) {
        return s->form.is_ts ? "MPEG-TS comes, but no H.264 with its parameter sets in it"
                             : "no parameter sets come: give the sender's description, sdp=FILE, "
                               "or let it send them (rtph264pay config-interval=-1)";
    }
    if (s->has_packets && normal->awaits_key) {
        return "H.264 comes, but no whole keyframe";
    }
    if (s->has_strange && s->form.payload_type == 0) {
        return "packets come whose RTP payload type is neither H.264's nor MPEG-TS's";
    }
    return s->has_strange ? "packets come, but of another RTP payload type than the description, or "
                            "the first of them, said"
                          : "";
}

static void rtp_close(void *state)
{
    struct rtp_source *s = state;
    if (!s->is_open) {
        return;
    }
    if (s->fd >= 0) {
        close(s->fd);
    }
    s->fd = -1;
    s->is_open = false;
    rtp_order_finish(&s->order);
    rtp_h264_reader_finish(&s->pictures);
    h264_normal_finish(&s->normal);
    ts_stream_finish(&s->ts);
    s->track = (struct track){0};
    free(s->datagram);
    s->datagram = NULL;
}

static const struct option options[] = {
    {"sdp", OPTION_TEXT, offsetof(struct rtp_source, sdp),
     .help = "file with the sender's description; without it H.264 or MPEG-TS as the packets say"},
    {"interface", OPTION_TEXT, offsetof(struct rtp_source, interface),
     .help = "where a multicast group is joined, such as eth0; default: as the routes say"},
    {0},
};

const struct source_type source_rtp = {
    .scheme = "rtp",
    .summary = "H.264 or MPEG-TS in RTP, rtp://ADDRESS:PORT, also of a multicast group",
    .state_size = sizeof(struct rtp_source),
    .options = options,
    .open = rtp_open,
    .read = rtp_read,
    .describe = rtp_describe,
    .instead = rtp_instead,
    .close = rtp_close,
    .listens = true,
};
