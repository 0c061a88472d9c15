#include "sink/rtp.h"

#include <stdlib.h>
#include <sys/random.h>

#include "mux/rtp_h264.h"
#include "proto/rtcp.h"
#include "proto/rtp.h"
#include "sink/announcement.h"
#include "sink/ts_datagram.h"

#define REPORT_NS (5 * NS_PER_S)

enum { RTCP_SIZE_MAX = 128 };

static const char cname[] = "avocet";
static const char *const payload_words[] = {"h264", "ts", NULL};

enum payload { PAYLOAD_H264, PAYLOAD_TS };

struct rtp_output {
    char *mode;
    char *interface;
    int64_t ttl;
    bool loop;
    bool sap;
    int payload; /* enum payload */
    struct datagram_output datagrams;
    struct announcement announcement;
    uint32_t ssrc;
    uint32_t timestamp_start;
    uint16_t sequence; /* of the next chunk's first packet */
    uint32_t n_packets;
    uint32_t n_payload_bytes;
    int64_t report_ns; /* when the next one is due */
};

static struct rtp_output *output_of(struct datagram_output *d)
{
    return list_entry(d, struct rtp_output, datagrams);
}

static uint32_t timestamp_of(const struct rtp_output *r)
{
    return r->timestamp_start + rtp_h264_timestamp(r->datagrams.pts_ns);
}

/* ---- packets ---- */

static void write_packet(const struct rtp_output *r, unsigned i, unsigned payload_type, bool marker,
                         struct bytes payload, struct byte_writer *w)
{
    static const struct rtp_extension_ids no_ids;
    static const struct rtp_extensions no_extensions;
    uint8_t bytes[RTP_HEADER_SIZE_MAX];
    const struct rtp_header header = {
        .marker = marker,
        .payload_type = (uint8_t)payload_type,
        .sequence = (uint16_t)(r->sequence + i),
        .timestamp = timestamp_of(r),
        .ssrc = r->ssrc,
    };
    byte_writer_bytes(w,
                      bytes_of(bytes, rtp_write_header(&header, &no_ids, &no_extensions, bytes)));
    byte_writer_bytes(w, payload);
}

static unsigned count_h264(const struct buf *chunk)
{
    return rtp_payloads_of(chunk)->n_payloads;
}

static void write_h264(struct datagram_output *d, const struct buf *chunk, unsigned i,
                       struct byte_writer *w)
{
    write_packet(output_of(d), i, SDP_ANNOUNCE_PAYLOAD_H264,
                 rtp_payloads_of(chunk)->payloads[i].marker, rtp_payload_bytes(chunk, i), w);
}

static void write_ts(struct datagram_output *d, const struct buf *chunk, unsigned i,
                     struct byte_writer *w)
{
    write_packet(output_of(d), i, SDP_ANNOUNCE_PAYLOAD_TS, false, ts_datagram_bytes(chunk, i), w);
}

/* ---- reports ---- */

/* RFC 3550 §6.4.1: the clock is that of capture, so that receivers know when a picture was taken.
 */
static void send_report(struct rtp_output *r)
{
    struct datagram_output *d = &r->datagrams;
    uint8_t bytes[RTCP_SIZE_MAX];
    struct byte_writer w;
    const struct rtcp_sender_report report = {
        .ntp = time_real_to_ntp(d->capture_ns),
        .rtp_timestamp = timestamp_of(r),
        .n_packets = r->n_packets,
        .n_bytes = r->n_payload_bytes,
    };
    byte_writer_init(&w, bytes, sizeof(bytes));
    rtcp_write_sr(&w, r->ssrc, &report);
    rtcp_write_cname(&w, r->ssrc, bytes_of_text(cname));
    udp_sender_send_upper(&d->sender, bytes_of(bytes, byte_writer_size(&w)));
}

static void on_sent(struct datagram_output *d)
{
    struct rtp_output *r = output_of(d);
    const int64_t now_ns = loop_now_ns(d->loop);
    r->sequence = (uint16_t)(r->sequence + d->n_datagrams);
    r->n_packets += d->n_datagrams;
    r->n_payload_bytes += (uint32_t)(d->n_bytes - d->n_datagrams * RTP_HEADER_SIZE);
    if (now_ns >= r->report_ns) {
        send_report(r);
        r->report_ns = now_ns + REPORT_NS;
    }
}

/* RFC 3550 §6.1: a compound begins with a report; this one is empty. */
static void send_bye(struct rtp_output *r)
{
    uint8_t bytes[RTCP_SIZE_MAX];
    struct byte_writer w;
    byte_writer_init(&w, bytes, sizeof(bytes));
    rtcp_write_rr(&w, r->ssrc, NULL, 0);
    rtcp_write_cname(&w, r->ssrc, bytes_of_text(cname));
    rtcp_write_bye(&w, &r->ssrc, 1);
    udp_sender_send_upper(&r->datagrams.sender, bytes_of(bytes, byte_writer_size(&w)));
}

/* ---- the output ---- */

static const struct datagram_format formats[] = {
    [PAYLOAD_H264] = {.mux = &mux_rtp_h264,
                      .count = count_h264,
                      .write = write_h264,
                      .on_sent = on_sent},
    [PAYLOAD_TS] = {.mux = &mux_ts,
                    .count = ts_datagram_count,
                    .write = write_ts,
                    .on_sent = on_sent},
};

static int open_output(void *state, const struct output_params *params, char *sentence, size_t size)
{
    struct rtp_output *r = state;
    const struct datagram_config config = {
        .params = params,
        .format = &formats[r->payload],
        .protocol = output_rtp.scheme,
        .interface = r->interface,
        .mode = r->mode,
        .ttl = (int)r->ttl,
        .is_looped = r->loop,
        .has_upper = true,
    };
    (void)!getrandom(&r->ssrc, sizeof(r->ssrc), 0);
    (void)!getrandom(&r->timestamp_start, sizeof(r->timestamp_start), 0);
    (void)!getrandom(&r->sequence, sizeof(r->sequence), 0);
    const int result = datagram_output_open(&r->datagrams, &config, sentence, size);
    if (result == 0) {
        announcement_add(&r->announcement, params->env, &r->datagrams,
                         r->payload == PAYLOAD_TS ? SDP_ANNOUNCE_RTP_TS : SDP_ANNOUNCE_RTP_H264,
                         r->sap);
    }
    return result;
}

static void close_output(void *state)
{
    struct rtp_output *r = state;
    if (r->n_packets > 0) {
        send_bye(r);
    }
    announcement_remove(&r->announcement);
    datagram_output_close(&r->datagrams);
}

static const struct option options[] = {
    {"payload", OPTION_CHOICE, offsetof(struct rtp_output, payload), .def = "h264",
     .choices = payload_words, .help = "what the packets hold"},
    {"ttl", OPTION_INT, offsetof(struct rtp_output, ttl), .max = 255,
     .help = "hops it may go; 0: 1 for multicast, the system's for one receiver"},
    {"interface", OPTION_TEXT, offsetof(struct rtp_output, interface),
     .help = "where multicast leaves, such as eth0; default: as the routes say"},
    {"loop", OPTION_BOOL, offsetof(struct rtp_output, loop), .def = "on",
     .help = "this machine's own programs may receive the multicast"},
    {"sap", OPTION_BOOL, offsetof(struct rtp_output, sap), .def = "on",
     .help = "announce multicast by SAP"},
    {"mode", OPTION_TEXT, offsetof(struct rtp_output, mode), .choices = output_mode_words,
     .help = "latency budget; default: the stream's"},
    {0},
};

const struct output_type output_rtp = {
    .scheme = "rtp",
    .summary = "RTP to a host or multicast group, rtp://HOST:PORT",
    .state_size = sizeof(struct rtp_output),
    .options = options,
    .sends = true,
    .open = open_output,
    .close = close_output,
};
