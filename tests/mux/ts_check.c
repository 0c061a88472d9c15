#include "ts_check.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "mux/ts_psi.h"

enum { PMT = 0x1000, VIDEO = 0x100 };

void ts_check_init(struct ts_check *c)
{
    *c = (struct ts_check){.clock_ns = TIME_NONE,
                           .tables_ns = TIME_NONE,
                           .pts_ns = TIME_NONE,
                           .lead_min_ns = INT64_MAX,
                           .lead_max_ns = INT64_MIN};
    for (unsigned i = 0; i < TS_CHECK_PIDS; i++) {
        c->counters[i] = -1;
    }
}

static int64_t distance(int64_t from, int64_t to)
{
    return from == TIME_NONE ? 0 : to - from;
}

static void raise_to(int64_t *max, int64_t value)
{
    *max = value > *max ? value : *max;
}

/* Program clock reference: base in 90 kHz, extension in 27 MHz. */
static void check_clock(struct ts_check *c, const uint8_t *p)
{
    const int64_t base = (int64_t)bytes_get_u32(p) << 1 | p[4] >> 7;
    const int64_t extension = (p[4] & 1) << 8 | p[5];
    assert_true(extension < 300);
    assert_int_equal(p[4] & 0x7e, 0x7e);
    const int64_t ns = time_rescale(base * 300 + extension, NS_PER_S, TS_CLOCK_SCALE);
    assert_true(c->clock_ns == TIME_NONE || ns > c->clock_ns);
    raise_to(&c->clock_interval_max_ns, distance(c->clock_ns, ns));
    c->clock_ns = ns;
    c->n_clocks++;
}

static void check_adaptation(struct ts_check *c, unsigned pid, struct bytes field)
{
    if (field.size == 0) {
        return;
    }
    size_t used = 1;
    const uint8_t flags = field.data[0];
    assert_int_equal(flags & 0x2f, 0); /* nothing but discontinuity, random access, PCR */
    c->n_random_access += (flags & 0x40) != 0;
    c->n_discontinuities += pid == VIDEO && (flags & 0x80) != 0;
    if (flags & 0x10) {
        assert_int_equal(pid, VIDEO);
        assert_true(field.size >= 7);
        check_clock(c, field.data + 1);
        used = 7;
    }
    for (; used < field.size; used++) {
        assert_int_equal(field.data[used], 0xff);
    }
}

static void check_section(struct ts_check *c, unsigned pid, struct bytes payload)
{
    const struct bytes table = bytes_of(payload.data + 1, payload.size - 1);
    assert_int_equal(payload.data[0], 0);
    const size_t size = 3u + (bytes_get_u16(table.data + 1) & 0xfffu);
    assert_int_equal(table.data[1] & 0xf0, 0xb0);
    assert_int_equal(ts_psi_crc(bytes_of(table.data, size)), 0);
    assert_int_equal(table.data[0], pid == PMT ? 2 : 0);
    assert_int_equal(c->pat_waits, pid == PMT);
    c->pat_waits = pid != PMT;
    c->n_pats += pid != PMT;
    c->n_pmts += pid == PMT;
}

static void close_pes(struct ts_check *c)
{
    assert_true(!c->is_pes_open || c->pes_size == 0 || c->pes_got == c->pes_size);
    c->is_pes_open = false;
}

static int64_t pts_of(const uint8_t *p)
{
    assert_int_equal(p[0] & 0xf1, 0x21);
    assert_int_equal(p[2] & p[4] & 1, 1);
    return (int64_t)(p[0] >> 1 & 7) << 30 | p[1] << 22 | (p[2] >> 1) << 15 | p[3] << 7 | p[4] >> 1;
}

static void check_pts(struct ts_check *c, const uint8_t *p)
{
    const int64_t ns = time_rescale(pts_of(p), NS_PER_S, TS_TIMESCALE);
    const int64_t lead_ns = ns - c->clock_ns;
    assert_true(c->pts_ns == TIME_NONE || ns > c->pts_ns);
    c->pts_ns = ns;
    c->lead_min_ns = lead_ns < c->lead_min_ns ? lead_ns : c->lead_min_ns;
    raise_to(&c->lead_max_ns, lead_ns);
}

static void open_pes(struct ts_check *c, struct bytes payload)
{
    static const uint8_t delimiter[] = {0, 0, 0, 1, 9, 0xf0};
    assert_true(payload.size >= 9);
    assert_int_equal(bytes_get_u32(payload.data), 0x1e0);
    c->pes_size = bytes_get_u16(payload.data + 4);
    c->pes_got = 0;
    c->is_pes_open = true;
    if (c->pes_size == 3) { /* its header, and nothing behind */
        assert_int_equal(payload.data[8], 0);
        c->n_empty++;
        return;
    }
    assert_int_equal(payload.data[6], 0x84);
    assert_int_equal(payload.data[7], 0x80);
    assert_int_equal(payload.data[8], 5);
    check_pts(c, payload.data + 9);
    assert_memory_equal(payload.data + 14, delimiter, sizeof(delimiter));
    c->n_units++;
}

static void check_video(struct ts_check *c, bool is_start, struct bytes payload)
{
    if (is_start) {
        close_pes(c);
        open_pes(c, payload);
    }
    assert_true(c->is_pes_open);
    c->pes_got += payload.size - (is_start ? 6 : 0);
    assert_true(c->pes_size == 0 || c->pes_got <= c->pes_size);
    if (c->pes_size > 0 && c->pes_got == c->pes_size) {
        close_pes(c);
    }
}

static void check_counter(struct ts_check *c, unsigned pid, int counter, bool has_payload,
                          bool is_discontinuous)
{
    const int last = c->counters[pid];
    if (last >= 0 && !is_discontinuous) {
        assert_int_equal(counter, has_payload ? (last + 1) % 16 : last);
    }
    c->counters[pid] = counter;
}

static void check_packet(struct ts_check *c, const uint8_t *p)
{
    assert_int_equal(p[0], 0x47);
    assert_int_equal(p[1] & 0xa0, 0); /* no error, no priority */
    assert_int_equal(p[3] & 0xc0, 0); /* not scrambled */
    const unsigned pid = bytes_get_u16(p + 1) & 0x1fff;
    const bool is_start = (p[1] & 0x40) != 0;
    const bool has_payload = (p[3] & 0x10) != 0;
    size_t used = 4;
    struct bytes field = {0};
    assert_true((p[3] & 0x30) != 0);
    if (p[3] & 0x20) {
        field = bytes_of(p + 5, p[4]);
        used += 1 + field.size;
        assert_true(has_payload ? field.size <= 182 : field.size == 183);
    }
    check_counter(c, pid, p[3] & 15, has_payload, field.size > 0 && (field.data[0] & 0x80));
    check_adaptation(c, pid, field);
    const struct bytes payload = bytes_of(p + used, TS_PACKET_SIZE - used);
    if (!has_payload) {
        assert_false(is_start);
    } else if (pid == 0 || pid == PMT) {
        assert_true(is_start);
        check_section(c, pid, payload);
    } else {
        assert_int_equal(pid, VIDEO);
        assert_false(c->pat_waits);
        check_video(c, is_start, payload);
    }
}

/* The tables' time is the clock that follows them. */
static void note_tables(struct ts_check *c, unsigned n_pats_before)
{
    if (c->n_pats > n_pats_before) {
        raise_to(&c->tables_interval_max_ns, distance(c->tables_ns, c->clock_ns));
        c->tables_ns = c->clock_ns;
    }
}

void ts_check_push(struct ts_check *c, struct bytes in)
{
    unsigned n_pats = c->n_pats;
    assert_int_equal(in.size % TS_PACKET_SIZE, 0);
    for (size_t at = 0; at < in.size; at += TS_PACKET_SIZE) {
        const unsigned n_clocks = c->n_clocks;
        check_packet(c, in.data + at);
        c->n_packets++;
        if (c->n_clocks > n_clocks) {
            note_tables(c, n_pats);
            n_pats = c->n_pats;
        }
    }
}
