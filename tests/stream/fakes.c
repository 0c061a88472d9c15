#include "fakes.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "base/text.h"

/* ---- producer ---- */

static void on_demand(struct producer *p, encoding_set wanted)
{
    struct fake_producer *f = (struct fake_producer *)p;
    f->wanted = wanted;
    f->n_demands++;
}

static void on_wish(struct producer *p, const struct wish *wish)
{
    struct fake_producer *f = (struct fake_producer *)p;
    f->n_key_wishes += wish->type == WISH_KEYFRAME;
    f->bitrate_bps = wish->type == WISH_BITRATE ? wish->bitrate_bps : f->bitrate_bps;
}

static unsigned can(const struct producer *p, enum encoding_id id)
{
    (void)id;
    return ((const struct fake_producer *)p)->can_bits;
}

static void destroy(struct producer *p)
{
    *((struct fake_producer *)p)->is_destroyed = true;
}

static const struct producer_type fake_producer_type = {
    .name = "fake", .demand = on_demand, .wish = on_wish, .can = can, .destroy = destroy};

/* ---- stream ---- */

static void on_wake(void *arg)
{
    ((struct fake_stream *)arg)->n_wakes++;
}

void fake_stream_init(struct fake_stream *f, const struct stream_config *config, unsigned can_bits)
{
    static const struct stream_config plain = {
        .name = "cam", .mode = MODE_WATCH, .stop_after_ns = 10 * NS_PER_S};
    *f = (struct fake_stream){.now_ns = FAKE_START_NS};
    f->producer = (struct fake_producer){.base.type = &fake_producer_type,
                                         .can_bits = can_bits,
                                         .is_destroyed = &f->is_producer_destroyed};
    f->stream = stream_create(config ? config : &plain, on_wake, f);
    stream_set_producer(f->stream, &f->producer.base, f->now_ns);
}

void fake_stream_finish(struct fake_stream *f)
{
    stream_destroy(f->stream, f->now_ns);
    f->stream = NULL;
}

struct track fake_track(enum codec codec, int width)
{
    return (struct track){.codec = codec, .size = {width, width * 9 / 16}, .rate = {25, 1}};
}

struct packet *fake_packet(int64_t pts_ns, bool is_key, size_t size)
{
    struct packet *p = packet_create(size);
    memset(p->data, 0, size);
    p->size = size;
    p->pts_ns = pts_ns;
    p->flags = is_key ? PACKET_KEY : 0;
    return p;
}

void fake_publish(struct fake_stream *f, enum encoding_id id, bool is_key)
{
    if (f->n_published == 0) {
        const struct track t = fake_track(id == ENCODING_JPEG ? CODEC_MJPEG : CODEC_H264, 640);
        stream_set_track(f->stream, id, &t);
    }
    struct packet *p = fake_packet(f->now_ns, is_key, 100);
    p->data[0] = (uint8_t)f->n_published++;
    stream_publish(f->stream, id, p);
    stream_dispatch(f->stream, f->now_ns);
}

void fake_pass(struct fake_stream *f, int64_t ns)
{
    const int64_t end_ns = f->now_ns + ns;
    while (stream_deadline_ns(f->stream) <= end_ns) {
        const int64_t at_ns = stream_deadline_ns(f->stream);
        f->now_ns = at_ns > f->now_ns ? at_ns : f->now_ns;
        stream_on_timer(f->stream, f->now_ns);
    }
    f->now_ns = end_ns;
}

/* ---- mux ---- */

struct fake_mux_counts fake_mux_counts;

struct fake_mux_state {
    int width;
};

static int mux_open(void *state, const struct track *track)
{
    if (track->codec == CODEC_MJPEG) {
        return -ENOTSUP;
    }
    fake_mux_counts.n_opens++;
    ((struct fake_mux_state *)state)->width = track->size.width;
    return 0;
}

static int mux_header(void *state, struct buf **out)
{
    char text[16];
    snprintf(text, sizeof(text), "H%d", ((struct fake_mux_state *)state)->width);
    *out = buf_copy(bytes_of_text(text));
    return 0;
}

static int mux_packet(void *state, const struct packet *packet, uint32_t sequence, struct buf **out)
{
    (void)state;
    (void)sequence;
    fake_mux_counts.n_packets++;
    if (packet->data[0] == 0xff) {
        return -EBADMSG;
    }
    *out = buf_copy(packet_bytes(packet));
    return 0;
}

static int mux_resume(const struct buf *packet, struct buf **out)
{
    (void)packet;
    *out = buf_copy(bytes_of_text("R"));
    return 0;
}

static void mux_close(void *state)
{
    (void)state;
    fake_mux_counts.n_closes++;
}

const struct mux_type fake_mux = {
    .name = "fake",
    .state_size = sizeof(struct fake_mux_state),
    .open = mux_open,
    .header = mux_header,
    .packet = mux_packet,
    .resume = mux_resume,
    .close = mux_close,
};

/* ---- viewer ---- */

static void on_ready(struct reader *r)
{
    struct fake_viewer *v = (struct fake_viewer *)r;
    v->n_ready++;
    fake_viewer_read(v, v->n_to_read);
    if (v->closes) {
        fake_viewer_close(v->closes);
    }
}

static void on_end(struct reader *r, const char *why)
{
    struct fake_viewer *v = (struct fake_viewer *)r;
    text_copy(v->end, sizeof(v->end), why);
}

static void on_state(struct reader *r, enum stream_state state)
{
    (void)state;
    ((struct fake_viewer *)r)->n_states++;
}

static const struct reader_ops fake_ops = {
    .on_ready = on_ready, .on_end = on_end, .on_state = on_state};

int fake_viewer_open(struct fake_viewer *v, struct fake_stream *f, enum encoding_id id,
                     const struct mux_type *mux, enum stream_mode mode)
{
    *v = (struct fake_viewer){.stream = f, .n_to_read = UINT_MAX};
    return reader_open(&v->reader, f->stream, id, mux, mode, "fake", &fake_ops, f->now_ns);
}

unsigned fake_viewer_read(struct fake_viewer *v, unsigned n)
{
    struct chunk c;
    unsigned i = 0;
    for (; i < n && reader_next(&v->reader, v->stream->now_ns, &c); i++) {
        v->first_sequence = v->n_read == 0 ? c.sequence : v->first_sequence;
        v->last_sequence = c.sequence;
        v->n_read++;
        v->n_gaps += c.is_gap;
        v->n_preambles += c.preamble != NULL && c.preamble->data[0] == 'H';
        v->n_resumes += c.preamble != NULL && c.preamble->data[0] == 'R';
    }
    return i;
}

void fake_viewer_close(struct fake_viewer *v)
{
    reader_close(&v->reader, v->stream->now_ns);
}
