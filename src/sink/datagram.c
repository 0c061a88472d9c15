#include "sink/datagram.h"

#include <errno.h>

static struct datagram_output *output_of(struct outlet *o)
{
    return list_entry(o, struct datagram_output, outlet);
}

/* ---- sending a chunk ---- */

static int send_one(struct datagram_output *d)
{
    uint8_t bytes[DATAGRAM_SIZE_MAX];
    struct byte_writer w;
    byte_writer_init(&w, bytes, sizeof(bytes));
    d->format->write(d, d->chunk, d->next, &w);
    const int result = udp_sender_send(&d->sender, bytes_of(bytes, byte_writer_size(&w)));
    d->n_bytes += result == 0 ? byte_writer_size(&w) : 0;
    return result;
}

/* False: the socket takes no more now. */
static bool send_some(struct datagram_output *d, unsigned n)
{
    for (; n > 0 && d->next < d->n_datagrams; n--, d->next++) {
        if (send_one(d) == -EAGAIN) {
            return false;
        }
    }
    return true;
}

static void end_chunk(struct datagram_output *d)
{
    if (d->format->on_sent) {
        d->format->on_sent(d);
    }
    buf_unref(&d->chunk);
}

static void on_pace(struct loop_timer *t)
{
    struct datagram_output *d = list_entry(t, struct datagram_output, pace);
    if (d->chunk) {
        send_some(d, d->n_per_step);
        if (d->next < d->n_datagrams) {
            loop_timer_start(&d->pace, DATAGRAM_STEP_NS);
            return;
        }
        end_chunk(d);
    }
    pump_run(&d->pump);
}

/* Steps for what is left, so that it has gone after half a frame interval. */
static unsigned per_step(const struct datagram_output *d)
{
    const struct track *track = stream_track(d->stream, ENCODING_H264);
    const int64_t n_steps = track_frame_duration_ns(track) / 2 / DATAGRAM_STEP_NS;
    const unsigned left = d->n_datagrams - d->next;
    return n_steps > 1 ? 1 + left / (unsigned)n_steps : left;
}

/* Preamble and chunk as one; without memory the chunk alone. */
static struct buf *join(struct buf *preamble, struct buf *chunk)
{
    struct buf *b = preamble ? buf_create(preamble->size + chunk->size) : NULL;
    if (!b) {
        return buf_ref(chunk);
    }
    memcpy(b->data, preamble->data, preamble->size);
    memcpy(b->data + preamble->size, chunk->data, chunk->size);
    b->size = b->capacity;
    return b;
}

static int outlet_send_chunk(struct outlet *o, struct buf *const *bufs, size_t n_bufs)
{
    struct datagram_output *d = output_of(o);
    struct buf *chunk = join(n_bufs > 1 ? bufs[0] : NULL, bufs[n_bufs - 1]);
    d->chunk = chunk;
    d->next = 0;
    d->n_bytes = 0;
    d->n_datagrams = d->format->count(chunk);
    const bool is_taken = send_some(d, DATAGRAM_BURST);
    d->n_per_step = per_step(d);
    if (is_taken && d->next == d->n_datagrams) {
        end_chunk(d);
    } else {
        loop_timer_start(&d->pace, DATAGRAM_STEP_NS);
    }
    return 0;
}

static bool outlet_is_empty(const struct outlet *o)
{
    return !list_entry(o, struct datagram_output, outlet)->chunk;
}

static const struct outlet_type outlet_type = {
    .send = outlet_send_chunk,
    .is_idle = outlet_is_empty,
};

/* ---- reading ---- */

static void on_chunk(struct pump *p, const struct chunk *chunk)
{
    struct datagram_output *d = list_entry(p, struct datagram_output, pump);
    const struct packet *packet = chunk->packet;
    d->pts_ns = packet->pts_ns;
    d->capture_ns = packet->capture_ns != TIME_NONE
                        ? packet->capture_ns
                        : time_real_ns() - (loop_now_ns(d->loop) - packet->arrival_ns);
}

static void read_later(struct datagram_output *d, const char *why)
{
    log_debug(&d->log, "%s, trying on", why);
    loop_timer_start(&d->retry, DATAGRAM_RETRY_NS);
}

static void on_end(struct pump *p, const char *why)
{
    read_later(list_entry(p, struct datagram_output, pump), why);
}

static const struct pump_ops pump_ops = {.on_chunk = on_chunk, .on_end = on_end};

static void begin_to_read(struct loop_timer *t)
{
    struct datagram_output *d = list_entry(t, struct datagram_output, retry);
    pump_attach(&d->pump, &d->outlet);
    if (pump_open(&d->pump, d->loop, d->stream, ENCODING_H264, d->format->mux, d->mode, d->protocol,
                  &pump_ops) < 0) {
        const char *error = stream_encoding_error(d->stream, ENCODING_H264);
        read_later(d, error ? error : "there is no H.264 to be had here");
    }
}

static void on_sender_open(struct udp_sender *s)
{
    struct datagram_output *d = list_entry(s, struct datagram_output, sender);
    log_info(&d->log, "sending to %s", s->given.location);
    begin_to_read(&d->retry);
}

/* ---- the output ---- */

int datagram_output_open(struct datagram_output *d, const struct datagram_config *config,
                         char *sentence, size_t size)
{
    const struct output_params *params = config->params;
    d->format = config->format;
    d->protocol = config->protocol;
    d->mode = output_mode(params->stream, config->mode);
    d->loop = params->env->loop;
    d->stream = params->stream;
    d->outlet.type = &outlet_type;
    log_init(&d->log, NULL, "%s/%s", d->protocol, stream_name(params->stream));
    loop_timer_init(&d->pace, d->loop, on_pace);
    loop_timer_init(&d->retry, d->loop, begin_to_read);
    const struct udp_sender_config sender = {
        .location = params->location,
        .interface = config->interface,
        .ttl = config->ttl,
        .is_looped = config->is_looped,
        .has_upper = config->has_upper,
        .log = &d->log,
        .on_open = on_sender_open,
    };
    return udp_sender_open(&d->sender, d->loop, &sender, sentence, size);
}

void datagram_output_close(struct datagram_output *d)
{
    if (!d->loop) {
        return;
    }
    loop_timer_finish(&d->pace);
    loop_timer_finish(&d->retry);
    pump_close(&d->pump);
    buf_unref(&d->chunk);
    udp_sender_close(&d->sender);
    d->loop = NULL;
}
