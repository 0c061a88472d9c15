#include "sink/rtsp_flow.h"

#include "proto/rtcp.h"

enum { RTCP_SIZE_MAX = 128 };

static const char cname[] = "avocet";

const struct rtsp_track rtsp_tracks[RTSP_N_TRACKS] = {
    {.encoding = ENCODING_H264,
     .payload_type = RTSP_FRAMES_PAYLOAD_TYPE_VIDEO,
     .frames = &mux_rtsp_h264,
     .payloads = &mux_rtp_h264_plain,
     .codec = CODEC_H264,
     .describe = sdp_player_write_h264},
};

/* ---- reports ---- */

/* Of the picture, on the clock that everybody shares. */
static int64_t capture_ns(const struct packet *p)
{
    if (p->capture_ns != TIME_NONE) {
        return p->capture_ns;
    }
    return time_real_ns() - (time_monotonic_ns() - p->arrival_ns);
}

static void send_report(struct rtsp_flow *f, const struct packet *p, uint32_t timestamp)
{
    uint8_t bytes[RTCP_SIZE_MAX];
    struct byte_writer w;
    const struct rtcp_sender_report report = {
        .ntp = time_real_to_ntp(capture_ns(p)),
        .rtp_timestamp = timestamp,
        .n_packets = f->n_packets,
        .n_bytes = f->n_payload_bytes,
    };
    byte_writer_init(&w, bytes, sizeof(bytes));
    rtcp_write_sr(&w, f->ssrc, &report);
    rtcp_write_cname(&w, f->ssrc, bytes_of_text(cname));
    f->type->send_report(f, bytes_of(bytes, byte_writer_size(&w)));
}

/* RFC 3550 §6.1: a compound begins with a report; this one is empty. */
void rtsp_flow_send_bye(struct rtsp_flow *f)
{
    uint8_t bytes[RTCP_SIZE_MAX];
    struct byte_writer w;
    if (f->n_packets == 0) {
        return;
    }
    byte_writer_init(&w, bytes, sizeof(bytes));
    rtcp_write_rr(&w, f->ssrc, NULL, 0);
    rtcp_write_cname(&w, f->ssrc, bytes_of_text(cname));
    rtcp_write_bye(&w, &f->ssrc, 1);
    f->type->send_report(f, bytes_of(bytes, byte_writer_size(&w)));
}

/* ---- pump ---- */

static struct rtsp_flow *flow_of(struct pump *p)
{
    return list_entry(p, struct rtsp_flow, pump);
}

static void on_chunk(struct pump *p, const struct chunk *chunk)
{
    struct rtsp_flow *f = flow_of(p);
    const int64_t now_ns = loop_now_ns(p->loop);
    struct rtsp_frames frames;
    f->type->view(f, chunk, &frames);
    f->ssrc = frames.ssrc;
    if (!f->is_announced) {
        f->is_announced = true;
        f->report_ns = now_ns;
        f->ops->on_first(f, &frames);
    }
    if (now_ns >= f->report_ns) {
        send_report(f, chunk->packet, frames.timestamp);
        f->report_ns = now_ns + RTSP_REPORT_NS;
    }
    f->n_packets += frames.n_packets;
    f->n_payload_bytes += (uint32_t)frames.n_payload_bytes;
}

static void on_end(struct pump *p, const char *why)
{
    struct rtsp_flow *f = flow_of(p);
    f->is_started = false;
    f->ops->on_end(f, why);
}

static const struct pump_ops pump_ops = {.on_chunk = on_chunk, .on_end = on_end};

/* ---- life ---- */

void rtsp_flow_init(struct rtsp_flow *f, const struct rtsp_flow_type *type, void *carrier,
                    const struct rtsp_track *track, const struct rtsp_flow_ops *ops)
{
    *f = (struct rtsp_flow){
        .outlet.type = &type->outlet, .type = type, .carrier = carrier, .ops = ops, .track = track};
}

int rtsp_flow_start(struct rtsp_flow *f, const struct sink *sink, struct stream *s,
                    enum stream_mode mode)
{
    const int result = pump_open(&f->pump, sink->env->loop, s, f->track->encoding,
                                 f->type->mux(f->track), mode, sink->type->name, &pump_ops);
    f->is_started = result == 0;
    f->is_announced = false;
    if (f->is_started) {
        pump_attach(&f->pump, &f->outlet);
    }
    return result;
}

void rtsp_flow_stop(struct rtsp_flow *f)
{
    if (f->is_started) {
        f->is_started = false;
        pump_close(&f->pump);
        if (f->type->stop) {
            f->type->stop(f);
        }
    }
}

void rtsp_flow_run(struct rtsp_flow *f)
{
    if (f->is_started) {
        pump_run(&f->pump);
    }
}
