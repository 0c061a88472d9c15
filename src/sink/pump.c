#include "sink/pump.h"

static void note_sent(struct pump *p)
{
    if (p->in_flight) {
        reader_note_sent(&p->reader, p->in_flight, p->in_flight_bytes, loop_now_ns(p->loop));
        packet_unref(&p->in_flight);
    }
}

static size_t size_of(const struct buf *b)
{
    return b ? b->size : 0;
}

static void send_chunk(struct pump *p, const struct chunk *c)
{
    p->in_flight = packet_ref(c->packet);
    p->in_flight_bytes = size_of(c->preamble) + size_of(c->buf);
    outlet_send_pair(p->outlet, c->preamble, c->buf);
    if (outlet_is_idle(p->outlet)) {
        note_sent(p);
    }
}

/* One more than the newest may be the jerk of a moment, and is not worth a lost frame. */
enum { WAITING_MAX = 2 };

static void skip_to_newest(struct pump *p)
{
    const bool is_hurried = p->reader.budget_ns < stream_mode_budget_ns(MODE_SMOOTH);
    if (p->stands_alone && is_hurried && reader_n_waiting(&p->reader) > WAITING_MAX) {
        reader_skip_to_key(&p->reader, DROP_RATE, loop_now_ns(p->loop));
    }
}

static bool is_idle(const struct pump *p)
{
    return p->is_open && p->outlet && outlet_is_idle(p->outlet);
}

static bool read_next(struct pump *p, struct chunk *out)
{
    p->reader.link_ns = outlet_backlog_ns(p->outlet);
    return reader_next(&p->reader, loop_now_ns(p->loop), out);
}

void pump_run(struct pump *p)
{
    struct chunk chunk;
    if (is_idle(p) && p->in_flight) { /* the outlet was busy until now */
        note_sent(p);
        skip_to_newest(p);
    }
    while (is_idle(p) && read_next(p, &chunk)) {
        if (p->ops->on_chunk) {
            p->ops->on_chunk(p, &chunk);
        }
        send_chunk(p, &chunk);
    }
    if (p->is_open && !is_idle(p)) {
        reader_count_late(&p->reader, loop_now_ns(p->loop));
    }
}

static struct pump *pump_of(struct reader *r)
{
    return list_entry(r, struct pump, reader);
}

static void on_ready(struct reader *r)
{
    struct pump *p = pump_of(r);
    if (p->outlet || !p->ops->on_first || p->ops->on_first(p)) {
        pump_run(p);
    }
}

static void on_end(struct reader *r, const char *why)
{
    struct pump *p = pump_of(r);
    p->is_open = false;
    packet_unref(&p->in_flight);
    p->ops->on_end(p, why);
}

static void on_state(struct reader *r, enum stream_state state)
{
    struct pump *p = pump_of(r);
    if (p->ops->on_state) {
        p->ops->on_state(p, state);
    }
}

static const struct reader_ops reader_ops = {
    .on_ready = on_ready,
    .on_end = on_end,
    .on_state = on_state,
};

int pump_open(struct pump *p, struct loop *loop, struct stream *s, enum encoding_id encoding,
              const struct mux_type *mux, enum stream_mode mode, const char *protocol,
              const struct pump_ops *ops)
{
    p->loop = loop;
    p->ops = ops;
    const int result =
        reader_open(&p->reader, s, encoding, mux, mode, protocol, &reader_ops, loop_now_ns(loop));
    p->is_open = result == 0;
    return result;
}

void pump_close(struct pump *p)
{
    if (p->is_open) {
        p->is_open = false;
        packet_unref(&p->in_flight);
        reader_close(&p->reader, loop_now_ns(p->loop));
    }
    p->outlet = NULL;
}

void pump_attach(struct pump *p, struct outlet *outlet)
{
    p->outlet = outlet;
}
