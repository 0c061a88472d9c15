#include "bitstream/access_unit.h"

#include <errno.h>
#include <stdlib.h>

#include "bitstream/h264_nal.h"

#define NONE SIZE_MAX

enum { SHORT_START_CODE_SIZE = 3, CAPACITY_MIN = 64 * 1024 };

/* What a NAL unit is to the current access unit. */
enum verdict {
    VERDICT_OPEN, /* more of its bytes are needed */
    VERDICT_BELONGS,
    VERDICT_BEGINS_NEXT,
    VERDICT_DAMAGED,
};

void access_unit_init(struct access_unit *a, int64_t idle_ns)
{
    *a = (struct access_unit){
        .nal = NONE, .lead = NONE, .push_ns = TIME_NONE, .previous_push_ns = TIME_NONE};
    h264_normal_init(&a->normal);
    access_unit_idle_init(&a->idle, idle_ns);
}

void access_unit_finish(struct access_unit *a)
{
    h264_normal_finish(&a->normal);
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
    a->idle.foretold_bytes = 0;
}

/* Forget the NAL unit at the end too: what follows is ignored up to the next start code. */
static void drop_to(struct access_unit *a, size_t start)
{
    begin_access_unit(a, start);
    a->scan = start;
    a->nal = NONE;
    a->idle.is_tail_open = false;
    a->idle.is_unproved = false;
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

/* The newest NAL unit is not over where the next push begins with these bytes. */
static bool nal_goes_on(const struct access_unit *a, struct bytes next)
{
    if (a->nal == NONE) {
        return false;
    }
    size_t n_zeros = 0;
    while (a->size - n_zeros > a->nal && a->data[a->size - n_zeros - 1] == 0) {
        n_zeros++;
    }
    size_t at = 0;
    while (at < next.size && next.data[at] == 0) {
        at++;
    }
    const bool is_start_code = n_zeros + at >= 2 && at < next.size && next.data[at] == 1;
    return at < next.size && !is_start_code;
}

static void note_pause(struct access_unit *a, struct bytes next, int64_t now_ns)
{
    if (nal_goes_on(a, next)) {
        access_unit_idle_paused(&a->idle, now_ns - a->push_ns, a->size - a->start,
                                a->size - a->push_start);
    }
}

int access_unit_push(struct access_unit *a, struct bytes in, int64_t now_ns)
{
    if (in.size > ACCESS_UNIT_PUSH_MAX) {
        return -EMSGSIZE;
    }
    if (in.size == 0) {
        return 0;
    }
    note_pause(a, in, now_ns);
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

/* Only after an idle end: did the picture end where we said? */
static void settle_idle_end(struct access_unit *a, bool is_right)
{
    if (is_right) {
        access_unit_idle_proved(&a->idle, a->slice.is_idr, a->idle_slices);
    } else {
        access_unit_idle_disproved(&a->idle);
        lose(a);
    }
}

static enum verdict judge_delimiter(struct access_unit *a)
{
    if (a->idle.is_unproved) {
        settle_idle_end(a, true);
    }
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

static void begin_picture(struct access_unit *a, const struct h264_slice *slice)
{
    if (a->idle.is_unproved) {
        settle_idle_end(a, h264_slice_begins_picture(&a->slice, slice));
    }
    a->slice = *slice;
    a->slice_ns = a->nal_ns;
    a->n_slices = 1;
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
    a->n_slices++;
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
    size_t size = end - a->start;
    while (size > 0 && a->data[a->start + size - 1] == 0) {
        size--;
    }
    access_unit_idle_ended(&a->idle, a->slice.is_idr, a->n_slices, size);
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

/* Behind an idle end must come zero bytes and a start code; false when more bytes are needed. */
static bool close_idle_tail(struct access_unit *a)
{
    size_t at = a->start;
    while (at < a->size && a->data[at] == 0) {
        at++;
    }
    if (at == a->size) {
        a->start = at - a->start > 2 ? at - 2 : a->start;
        a->scan = a->start;
        return false;
    }
    if (a->data[at] != 1 || at - a->start < 2) {
        settle_idle_end(a, false);
    }
    a->idle.is_tail_open = false;
    return true;
}

int access_unit_pull(struct access_unit *a, struct packet **out)
{
    if (a->idle.is_tail_open && !close_idle_tail(a)) {
        return -EAGAIN;
    }
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

/* The newest NAL unit can be the last of its access unit. */
static bool is_at_plausible_end(const struct access_unit *a)
{
    const bool is_scanned = a->size <= a->scan + 2;
    if (!is_scanned || a->n_slices == 0 || a->nal == NONE || !a->nal_is_judged ||
        awaits_second_field(a)) {
        return false;
    }
    const unsigned type = a->data[a->nal] & 0x1fu;
    return (type == H264_NAL_SLICE || type == H264_NAL_IDR || type == H264_NAL_FILLER) &&
           access_unit_idle_is_plausible(&a->idle, a->slice.is_idr, a->n_slices, a->size - a->start,
                                         a->size - a->push_start, a->data[a->size - 1]);
}

int64_t access_unit_idle_deadline_ns(const struct access_unit *a)
{
    return a->idle.foretold_bytes == 0 && is_at_plausible_end(a) ? a->push_ns + a->idle.wait_ns
                                                                 : TIME_NONE;
}

int access_unit_flush_idle(struct access_unit *a, int64_t now_ns, struct packet **out)
{
    const int64_t deadline_ns = access_unit_idle_deadline_ns(a);
    if (deadline_ns == TIME_NONE || now_ns < deadline_ns) {
        return -EAGAIN;
    }
    if (!access_unit_idle_is_trusted(&a->idle, a->slice.is_idr, a->size - a->start)) {
        a->idle.foretold_bytes = a->size - a->start;
        return -EAGAIN;
    }
    const int rc = make_packet(a, a->size, out);
    a->idle_slices = a->n_slices;
    drop_to(a, a->size);
    access_unit_idle_acted(&a->idle);
    return rc;
}

int access_unit_flush_end(struct access_unit *a, struct packet **out)
{
    static const uint8_t delimiter[] = {0, 0, 1, H264_NAL_AUD, 0xf0};
    const int rc = access_unit_push(a, bytes_of(delimiter, sizeof(delimiter)), a->push_ns);
    return rc < 0 ? rc : access_unit_pull(a, out);
}
