/*
 * H.264 as an MPEG transport stream: one program, one PES packet per access unit, tables before
 * each keyframe and at least every 100 ms.
 *
 * The end of an access unit is to be known with its last byte. PES_packet_length says it up to
 * 64 KB; behind a longer one an empty PES packet follows, whose start is the end of what was
 * before.
 *
 * The clock (PCR) is the time line of the stream; pictures are due DELAY later. Between the frames
 * of a slow camera nothing can be sent, so that its chunk carries the clock of the time until the
 * next one spread over its packets, as if it were sent evenly.
 *
 * All viewers get the same bytes. For one that skipped frames the counters would jump: it gets a
 * packet without payload before, for each PID, that says so (discontinuity_indicator).
 *
 * Spec: ISO/IEC 13818-1 §2.4.3, §2.7.2 (PCR at least every 100 ms; 40 ms here, as DVB has it),
 *       §2.14.1 (H.264: an access unit delimiter at the start of each access unit).
 */
#include <errno.h>

#include "mux/mux.h"
#include "mux/ts_psi.h"

enum {
    PID_PMT = 0x1000,
    PID_VIDEO = 0x100,
    STREAM_ID_VIDEO = 0xe0,
    DELAY = TS_TIMESCALE * 40 / 1000,
    PACKETS_AT_POINT = 3, /* PAT, PMT, PCR */
    PID_MASK = 0x1fff,
    COUNTER_MASK = 0x0f,
};

#define CLOCK_INTERVAL_NS (40 * NS_PER_MS)
#define TABLES_INTERVAL_NS                                                                         \
    (60 * NS_PER_MS) /* and at most a CLOCK_INTERVAL_NS, until there is occasion */
#define SPREAD_NS_MAX NS_PER_S

static const uint8_t delimiter[] = {0, 0, 0, 1, 0x09, 0xf0};

struct ts_mux {
    struct ts_pid pat;
    struct ts_pid pmt;
    struct ts_pid video;
    struct ts_program program;
    int64_t frame_ns;     /* nominal duration */
    int64_t last_pts_ns;  /* TIME_NONE: none yet */
    int64_t clock_ns;     /* said last */
    int64_t tables_at_ns; /* sent last; TIME_NONE: not yet */
};

/* A frame while it is written. */
struct unit {
    const struct packet *packet;
    uint8_t head[TS_PES_HEADER_SIZE + sizeof(delimiter)];
    struct ts_payload payload;
    struct ts_adaptation adaptation; /* of its first packet */
    int64_t clock_ns;                /* there */
    size_t n_packets;                /* of the PES packet */
    unsigned n_points;               /* times at which the clock is said */
    int64_t point_ns;                /* from one to the next */
};

static int64_t clock_of(int64_t ns)
{
    return time_rescale(ns, TS_CLOCK_SCALE, NS_PER_S);
}

static int ts_open(void *state, const struct track *track)
{
    if (track->codec != CODEC_H264) {
        return -ENOTSUP;
    }
    *(struct ts_mux *)state = (struct ts_mux){
        .pat = {.pid = TS_PID_PAT, .is_discontinuous = true},
        .pmt = {.pid = PID_PMT, .is_discontinuous = true},
        .video = {.pid = PID_VIDEO, .is_discontinuous = true},
        .program = {.clock_pid = PID_VIDEO,
                    .n_streams = 1,
                    .streams = {{TS_STREAM_H264, PID_VIDEO}}},
        .frame_ns = track_frame_duration_ns(track),
        .last_pts_ns = TIME_NONE,
        .clock_ns = -1,
        .tables_at_ns = TIME_NONE,
    };
    return 0;
}

/* Each keyframe brings its tables. */
static int ts_header(void *state, struct buf **out)
{
    *out = NULL;
    return 0;
}

/* ---- planning a frame ---- */

/* How far its packets are spread: until the next frame, as far as can be known. */
static int64_t spread_ns(const struct ts_mux *m, int64_t pts_ns)
{
    int64_t ns = m->frame_ns < SPREAD_NS_MAX ? m->frame_ns : SPREAD_NS_MAX;
    if (m->last_pts_ns != TIME_NONE && pts_ns - m->last_pts_ns < ns) {
        ns = pts_ns > m->last_pts_ns ? pts_ns - m->last_pts_ns : 0;
    }
    return ns;
}

static void plan_points(struct ts_mux *m, struct unit *u)
{
    const int64_t pts_ns = u->packet->pts_ns;
    const int64_t ns = spread_ns(m, pts_ns);
    u->clock_ns = pts_ns > m->clock_ns ? pts_ns : m->clock_ns + 1;
    u->n_points =
        ns > CLOCK_INTERVAL_NS ? (unsigned)((ns + CLOCK_INTERVAL_NS - 1) / CLOCK_INTERVAL_NS) : 1;
    u->point_ns = ns / u->n_points;
    m->last_pts_ns = pts_ns;
}

static void plan(struct ts_mux *m, struct unit *u)
{
    const struct packet *p = u->packet;
    const int64_t pts = time_rescale(p->pts_ns, TS_TIMESCALE, NS_PER_S) + DELAY;
    struct byte_writer w;
    plan_points(m, u);
    byte_writer_init(&w, u->head, sizeof(u->head));
    ts_pes_write_header(&w, STREAM_ID_VIDEO, pts, sizeof(delimiter) + p->size);
    byte_writer_bytes(&w, bytes_of(delimiter, sizeof(delimiter)));
    u->payload = (struct ts_payload){bytes_of(u->head, sizeof(u->head)), packet_bytes(p)};
    u->adaptation = (struct ts_adaptation){packet_is_key(p), clock_of(u->clock_ns)};
    m->video.is_discontinuous |= (p->flags & PACKET_DISCONTINUITY) != 0;
    u->n_packets = ts_packet_count(&m->video, &u->adaptation, ts_payload_left(&u->payload));
}

/* At most. */
static size_t size_of(const struct unit *u)
{
    return (u->n_packets + u->n_points * PACKETS_AT_POINT + 1) * TS_PACKET_SIZE;
}

/* ---- writing it ---- */

static void write_tables(struct ts_mux *m, struct byte_writer *w, int64_t now_ns)
{
    ts_psi_write_pat(w, &m->pat, PID_PMT);
    ts_psi_write_pmt(w, &m->pmt, &m->program);
    m->tables_at_ns = now_ns;
}

static bool are_tables_due(const struct ts_mux *m, int64_t now_ns)
{
    return m->tables_at_ns == TIME_NONE || now_ns - m->tables_at_ns >= TABLES_INTERVAL_NS;
}

/* The clock in a packet of its own. */
static void write_clock(struct ts_mux *m, struct byte_writer *w, int64_t now_ns)
{
    const struct ts_adaptation adaptation = {.clock = clock_of(now_ns)};
    struct ts_payload none = {0};
    if (are_tables_due(m, now_ns)) {
        write_tables(m, w, now_ns);
    }
    ts_packet_write(w, &m->video, false, &adaptation, &none);
    m->clock_ns = now_ns;
}

/* The packets of the PES packet, with the points that fall between them. */
static void write_unit(struct ts_mux *m, struct byte_writer *w, struct unit *u)
{
    static const struct ts_adaptation no_adaptation = {.clock = TIME_NONE};
    unsigned point = 1;
    m->clock_ns = u->clock_ns;
    ts_packet_write(w, &m->video, true, &u->adaptation, &u->payload);
    for (size_t n = 1; n < u->n_packets || point < u->n_points; n++) {
        for (; point < u->n_points && n >= u->n_packets * point / u->n_points; point++) {
            write_clock(m, w, u->clock_ns + point * u->point_ns);
        }
        if (n < u->n_packets) {
            ts_packet_write(w, &m->video, false, &no_adaptation, &u->payload);
        }
    }
}

/* Ends the PES packet before it. */
static void write_empty_pes(struct ts_mux *m, struct byte_writer *w)
{
    static const struct ts_adaptation no_adaptation = {.clock = TIME_NONE};
    uint8_t head[TS_PES_HEADER_SIZE];
    struct byte_writer pes;
    byte_writer_init(&pes, head, sizeof(head));
    ts_pes_write_header(&pes, STREAM_ID_VIDEO, TIME_NONE, 0);
    struct ts_payload payload = {.head = bytes_of(head, byte_writer_size(&pes))};
    ts_packet_write(w, &m->video, true, &no_adaptation, &payload);
}

static int ts_packet(void *state, const struct packet *packet, uint32_t sequence, struct buf **out)
{
    struct ts_mux *m = state;
    struct unit u = {.packet = packet};
    if (packet->size == 0 || packet->pts_ns < 0) {
        return -EBADMSG;
    }
    plan(m, &u);
    struct buf *b = buf_create(size_of(&u));
    if (!b) {
        return -ENOMEM;
    }
    struct byte_writer w;
    byte_writer_init(&w, b->data, b->capacity);
    if (packet_is_key(packet) || are_tables_due(m, u.clock_ns)) {
        write_tables(m, &w, u.clock_ns);
    }
    write_unit(m, &w, &u);
    if (!ts_pes_has_length(sizeof(delimiter) + packet->size)) {
        write_empty_pes(m, &w);
    }
    b->size = byte_writer_size(&w);
    *out = b;
    return 0;
}

/* Of a packet's PID, without payload: the counter is that of the packet before it. */
static void write_discontinuity(struct byte_writer *w, const uint8_t *packet)
{
    const struct ts_adaptation no_adaptation = {.clock = TIME_NONE};
    struct ts_payload none = {0};
    struct ts_pid pid = {
        .pid = bytes_get_u16(packet + 1) & PID_MASK,
        .continuity = packet[3] & COUNTER_MASK,
        .is_discontinuous = true,
    };
    ts_packet_write(w, &pid, false, &no_adaptation, &none);
}

/* A keyframe's first packets are PAT, PMT and the picture's. */
static int ts_resume(const struct buf *packet, struct buf **out)
{
    const size_t size = PACKETS_AT_POINT * TS_PACKET_SIZE;
    struct buf *b = buf_create(size);
    if (!b) {
        return -ENOMEM;
    }
    struct byte_writer w;
    byte_writer_init(&w, b->data, size);
    for (size_t at = 0; at < size && at < packet->size; at += TS_PACKET_SIZE) {
        write_discontinuity(&w, packet->data + at);
    }
    b->size = byte_writer_size(&w);
    *out = b;
    return 0;
}

static void ts_close(void *state)
{
}

const struct mux_type mux_ts = {
    .name = "ts",
    .mime = "video/mp2t",
    .state_size = sizeof(struct ts_mux),
    .open = ts_open,
    .header = ts_header,
    .packet = ts_packet,
    .resume = ts_resume,
    .close = ts_close,
};
