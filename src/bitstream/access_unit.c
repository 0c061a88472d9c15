#include "bitstream/access_unit.h"

#include <errno.h>
#include <stdlib.h>

#include "bitstream/h264_nal.h"

#define NONE SIZE_MAX

enum {
    SHORT_START_CODE_SIZE = 3,
    CAPACITY_MIN = 64 * 1024,
    PROFILE_BASELINE = 66,
    PROFILE_EXTENDED = 88,
    CONSTRAINT_SET1 = 0x40,
};

/* What a NAL unit is to the current access unit. */
enum verdict {
    VERDICT_OPEN, /* more of its bytes are needed */
    VERDICT_BELONGS,
    VERDICT_BEGINS_NEXT,
    VERDICT_DAMAGED,
};

void access_unit_init(struct access_unit *a)
{
    *a = (struct access_unit){.nal = NONE,
                              .lead = NONE,
                              .slice_nal = NONE,
                              .push_ns = TIME_NONE,
                              .previous_push_ns = TIME_NONE};
    h264_normal_init(&a->normal);
}

void access_unit_finish(struct access_unit *a)
{
    h264_normal_finish(&a->normal);
    h264_slice_data_finish(&a->slice_data);
    free(a->data);
    a->data = NULL;
}

/* Ready for another access unit that begins at start. */
static void begin_access_unit(struct access_unit *a, size_t start)
{
    a->start = start;
    a->lead = NONE;
    a->n_slices = 0;
    a->has_second_field = false;
    a->slice_nal = NONE;
}

/* Forget the NAL unit at the end too: what follows is ignored up to the next start code. */
static void drop_to(struct access_unit *a, size_t start)
{
    begin_access_unit(a, start);
    a->scan = start;
    a->nal = NONE;
}

static void lose(struct access_unit *a)
{
    if (!a->normal.awaits_key) {
        h264_normal_mark_lost(&a->normal);
    }
}

void access_unit_reset(struct access_unit *a)
{
    a->size = 0;
    drop_to(a, 0);
    h264_normal_mark_lost(&a->normal);
}

static void move_to_front(struct access_unit *a)
{
    const size_t shift = a->start;
    memmove(a->data, a->data + shift, a->size - shift);
    a->start = 0;
    a->size -= shift;
    a->scan -= shift;
    a->nal -= a->nal == NONE ? 0 : shift;
    a->lead -= a->lead == NONE ? 0 : shift;
    a->slice_nal -= a->slice_nal == NONE ? 0 : shift;
}

static int grow(struct access_unit *a, size_t capacity)
{
    size_t next = a->capacity > 0 ? a->capacity : (size_t)CAPACITY_MIN;
    while (next < capacity) {
        next *= 2;
    }
    uint8_t *data = realloc(a->data, next);
    if (!data) {
        return -ENOMEM;
    }
    a->data = data;
    a->capacity = next;
    return 0;
}

static int make_room(struct access_unit *a, size_t size)
{
    if (a->capacity - a->size >= size) {
        return 0;
    }
    if (a->size - a->start + size > PACKET_SIZE_MAX) {
        drop_to(a, a->size);
        lose(a);
    }
    if (a->start > 0) {
        move_to_front(a);
    }
    return a->capacity - a->size >= size ? 0 : grow(a, a->size + size);
}

int access_unit_push(struct access_unit *a, struct bytes in, int64_t now_ns)
{
    if (in.size > ACCESS_UNIT_PUSH_MAX) {
        return -EMSGSIZE;
    }
    if (in.size == 0) {
        return 0;
    }
    if (make_room(a, in.size) < 0) {
        drop_to(a, a->size);
        lose(a);
        return -ENOMEM;
    }
    memcpy(a->data + a->size, in.data, in.size);
    a->push_start = a->size;
    a->size += in.size;
    a->previous_push_ns = a->push_ns;
    a->push_ns = now_ns;
    a->has_news = true;
    return 0;
}

static bool awaits_second_field(const struct access_unit *a)
{
    return a->slice.is_field && !a->has_second_field;
}

/* §7.4.1.2.3: these cannot stand between the slices of one picture. */
static bool is_delimiter(unsigned type)
{
    return (type >= H264_NAL_SEI && type <= H264_NAL_END_OF_STREAM) ||
           (type >= H264_NAL_PREFIX && type <= H264_NAL_RESERVED_18);
}

static enum verdict judge_delimiter(struct access_unit *a)
{
    if (a->n_slices == 0) {
        return VERDICT_BELONGS;
    }
    if (!awaits_second_field(a)) {
        return VERDICT_BEGINS_NEXT;
    }
    if (a->lead == NONE) {
        a->lead = a->nal - SHORT_START_CODE_SIZE;
    }
    return VERDICT_BELONGS;
}

/* Profiles with arbitrary slice order: Baseline and Extended, but for constrained Baseline. */
static bool may_be_unordered(const struct access_unit *a)
{
    const struct h264_sps *sps = &a->normal.sets.sps[a->slice.sps_id]->sps;
    return (sps->profile_idc == PROFILE_BASELINE || sps->profile_idc == PROFILE_EXTENDED) &&
           (sps->constraint_flags & CONSTRAINT_SET1) == 0;
}

static void count_slice(struct access_unit *a, size_t nal, uint32_t first_mb)
{
    a->slice_nal = nal;
    a->slice_first_mb = first_mb;
    h264_slice_data_begin(&a->slice_data);
}

/* The last slice of a picture holds its last macroblock; otherwise all of them are counted. */
static void begin_slice(struct access_unit *a, const struct h264_slice *slice)
{
    a->n_slices++;
    if (!may_be_unordered(a)) {
        count_slice(a, a->nal, slice->first_mb);
    } else if (a->n_slices == 1) {
        count_slice(a, a->nal, 0);
    }
}

static void begin_picture(struct access_unit *a, const struct h264_slice *slice)
{
    a->slice = *slice;
    a->slice_ns = a->nal_ns;
    begin_slice(a, slice);
}

static enum verdict judge_primary_slice(struct access_unit *a, const struct h264_slice *slice)
{
    if (a->n_slices == 0) {
        begin_picture(a, slice);
        return VERDICT_BELONGS;
    }
    if (h264_slice_begins_picture(&a->slice, slice)) {
        if (!awaits_second_field(a) || !h264_slice_is_second_field(&a->slice, slice)) {
            return VERDICT_BEGINS_NEXT;
        }
        a->has_second_field = true;
        a->slice = *slice;
    }
    a->lead = NONE;
    begin_slice(a, slice);
    return VERDICT_BELONGS;
}

static enum verdict judge_slice(struct access_unit *a, struct bytes nal, bool is_whole,
                                struct h264_slice *slice)
{
    const int rc = h264_slice_parse(nal, &a->normal.sets, slice);
    if (rc == -EAGAIN && !is_whole) {
        return VERDICT_OPEN;
    }
    if (rc < 0) {
        return VERDICT_DAMAGED;
    }
    return slice->redundant_pic_cnt > 0 ? VERDICT_BELONGS : judge_primary_slice(a, slice);
}

/* The same verdict for every beginning that suffices for one: cuts must not matter. */
static enum verdict judge(struct access_unit *a, struct bytes nal, bool is_whole,
                          struct h264_slice *slice)
{
    if (nal.size == 0) {
        return is_whole ? VERDICT_BELONGS : VERDICT_OPEN;
    }
    switch (h264_nal_type(nal)) {
    case H264_NAL_SLICE:
    case H264_NAL_PARTITION_A:
    case H264_NAL_IDR:
        return judge_slice(a, nal, is_whole, slice);
    default:
        return is_delimiter(h264_nal_type(nal)) ? judge_delimiter(a) : VERDICT_BELONGS;
    }
}

/* The newest NAL unit without zero bytes at its end, which may belong to a start code. */
static struct bytes newest_nal(const struct access_unit *a, size_t end)
{
    while (end > a->nal && a->data[end - 1] == 0) {
        end--;
    }
    return bytes_of(a->data + a->nal, end - a->nal);
}

static int make_packet(struct access_unit *a, size_t end, struct packet **out)
{
    struct packet *p;
    const int rc = h264_normal_make(&a->normal, bytes_of(a->data + a->start, end - a->start), &p);
    if (rc < 0) {
        return rc == -ENOMEM ? rc : -EAGAIN;
    }
    p->arrival_ns = a->slice_ns;
    p->encoded_ns = a->slice_ns;
    *out = p;
    return 0;
}

/* The access unit ends before the newest NAL unit's start code, or before what led to it. */
static int end_access_unit(struct access_unit *a, struct packet **out)
{
    const size_t end = a->lead != NONE ? a->lead : a->nal - SHORT_START_CODE_SIZE;
    const int rc = make_packet(a, end, out);
    begin_access_unit(a, end);
    return rc;
}

/* Judge the newest NAL unit. 0 with the access unit that it ended, -EAGAIN none, -ENOMEM. */
static int judge_newest(struct access_unit *a, size_t end, bool is_whole, struct packet **out)
{
    struct h264_slice slice;
    const struct bytes nal = newest_nal(a, end);
    const enum verdict verdict = judge(a, nal, is_whole, &slice);
    a->nal_is_judged = verdict != VERDICT_OPEN;
    if (verdict == VERDICT_DAMAGED) {
        drop_to(a, a->nal + nal.size);
        lose(a);
    }
    if (verdict != VERDICT_BEGINS_NEXT) {
        return -EAGAIN;
    }
    const int rc = end_access_unit(a, out);
    if (h264_nal_is_vcl(nal)) {
        begin_picture(a, &slice);
    }
    return rc;
}

/* A start code at code: the newest NAL unit is whole, another begins. */
static void begin_nal(struct access_unit *a, size_t code)
{
    if (a->nal == NONE) {
        a->start = code; /* what comes before is not ours */
    } else {
        const struct bytes nal = newest_nal(a, code);
        h264_normal_put_set(&a->normal, nal); /* an unusable one shows in its slices */
    }
    a->nal = code + SHORT_START_CODE_SIZE;
    a->scan = a->nal;
    a->nal_is_judged = false;
    a->nal_ns = code >= a->push_start ? a->push_ns : a->previous_push_ns;
}

/* No start code up to the end: two bytes of one may be there. */
static void wait_for_more(struct access_unit *a)
{
    if (a->size > a->scan + 2) {
        a->scan = a->size - 2;
    }
    if (a->nal == NONE) {
        a->start = a->scan;
    }
}

int access_unit_pull(struct access_unit *a, struct packet **out)
{
    for (;;) {
        const size_t code = h264_nal_find_start_code(bytes_of(a->data, a->size), a->scan);
        const bool is_whole = code < a->size;
        if (is_whole) {
            a->scan = code;
        }
        if (a->nal != NONE && !a->nal_is_judged) {
            const int rc = judge_newest(a, code, is_whole, out);
            if (rc != -EAGAIN) {
                return rc;
            }
        }
        if (!is_whole) {
            wait_for_more(a);
            return -EAGAIN;
        }
        begin_nal(a, code);
    }
}

bool access_unit_may_be_whole(const struct access_unit *a)
{
    return a->has_news && a->slice_nal != NONE &&
           a->slice_data.answer != H264_SLICE_DATA_CANNOT_TELL;
}

/* The slice being counted, of which all is there when something else follows it. */
static struct bytes counted_slice(const struct access_unit *a)
{
    const struct bytes from = bytes_of(a->data + a->slice_nal, a->size - a->slice_nal);
    size_t size = a->slice_nal == a->nal ? from.size : h264_nal_find_start_code(from, 0);
    while (size > 0 && from.data[size - 1] == 0) {
        size--;
    }
    return bytes_of(from.data, size);
}

/* The first slice from there on; NONE: there is none, or only its start code. */
static size_t find_slice(const struct access_unit *a, size_t from)
{
    const struct bytes all = bytes_of(a->data, a->size);
    size_t code = h264_nal_find_start_code(all, from);
    while (code + SHORT_START_CODE_SIZE < a->size) {
        const size_t nal = code + SHORT_START_CODE_SIZE;
        if (h264_nal_is_vcl(bytes_of(a->data + nal, 1))) {
            return nal;
        }
        code = h264_nal_find_start_code(all, nal);
    }
    return NONE;
}

/* Read on in the slice being counted, or begin the one behind it; false: not now. */
static bool count_on(struct access_unit *a, struct bytes nal)
{
    struct h264_slice_data *d = &a->slice_data;
    h264_slice_data_read(d, nal, a->slice_nal != a->nal, &a->normal.sets);
    if (d->is_begun && d->mb.header.first_mb != a->slice_first_mb) {
        d->answer = H264_SLICE_DATA_CANNOT_TELL;
    }
    if (d->answer != H264_SLICE_DATA_WHOLE || h264_slice_data_is_last(d)) {
        return d->is_paused;
    }
    const size_t next = find_slice(a, a->slice_nal);
    if (next != NONE) {
        count_slice(a, next, d->mb.address);
    }
    return next != NONE;
}

int access_unit_flush_whole(struct access_unit *a, struct packet **out)
{
    if (!access_unit_may_be_whole(a)) {
        return -EAGAIN;
    }
    const struct bytes nal = counted_slice(a);
    a->has_news = count_on(a, nal);
    if (!h264_slice_data_is_last(&a->slice_data)) {
        return -EAGAIN;
    }
    const size_t end = a->slice_nal + nal.size;
    const int rc = make_packet(a, end, out);
    drop_to(a, end);
    return rc;
}

int access_unit_flush_end(struct access_unit *a, struct packet **out)
{
    static const uint8_t delimiter[] = {0, 0, 1, H264_NAL_AUD, 0xf0};
    const int rc = access_unit_push(a, bytes_of(delimiter, sizeof(delimiter)), a->push_ns);
    return rc < 0 ? rc : access_unit_pull(a, out);
}
