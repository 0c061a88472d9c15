#include "bitstream/h264_normal.h"

#include <errno.h>

#include "base/bits.h"
#include "bitstream/h264_config.h"
#include "bitstream/h264_nal.h"

enum {
    SEI_RECOVERY_POINT = 6,
    SEI_HEAD_SIZE = 256, /* a recovery point stands before anything long */
    FORBIDDEN_ZERO_BIT = 0x80,
};

/* What one access unit holds. */
struct survey {
    bool has_picture;
    bool is_damaged;
    bool is_intra;
    bool has_recovery_point;
    struct h264_slice first;
    size_t size; /* of what is kept, with start codes */
};

void h264_normal_init(struct h264_normal *n)
{
    *n = (struct h264_normal){
        .track = {.codec = CODEC_H264, .rate = {0, 1}},
        .awaits_key = true,
        .n_since_idr = H264_NORMAL_IDR_PATIENCE,
    };
}

void h264_normal_finish(struct h264_normal *n)
{
    track_finish(&n->track);
    h264_sets_finish(&n->sets);
}

void h264_normal_mark_lost(struct h264_normal *n)
{
    n->awaits_key = true;
    n->is_discontinuity = true;
}

int h264_normal_put_set(struct h264_normal *n, struct bytes nal)
{
    const int rc = h264_sets_put(&n->sets, nal);
    if (rc > 0 && h264_nal_type(nal) == H264_NAL_SPS) {
        n->order = (struct h264_order){0};
    }
    return rc;
}

/* One of the 0xff-extended numbers before a message (§7.3.2.3.1). */
static uint32_t sei_number(struct byte_reader *r)
{
    uint32_t value = 0;
    uint8_t byte;
    do {
        byte = byte_reader_u8(r);
        value += byte;
    } while (byte == 0xff && !r->error);
    return value;
}

static bool sei_has_recovery_point(struct bytes nal)
{
    uint8_t raw[SEI_HEAD_SIZE];
    struct byte_reader r;
    byte_reader_init(&r, bytes_of(raw, h264_nal_unescape(nal, raw, sizeof(raw))));
    byte_reader_skip(&r, 1);
    while (byte_reader_left(&r) > 2 && !r.error) {
        const uint32_t type = sei_number(&r);
        const struct bytes payload = byte_reader_bytes(&r, sei_number(&r));
        if (type == SEI_RECOVERY_POINT && payload.size > 0) {
            struct bit_reader bits;
            bit_reader_init(&bits, payload);
            return bit_reader_ue(&bits) == 0 && !bits.error; /* recovery_frame_cnt */
        }
    }
    return false;
}

static bool is_kept(const struct h264_normal *n, struct bytes nal, bool is_key)
{
    if (nal.data[0] & FORBIDDEN_ZERO_BIT) {
        return false;
    }
    if (h264_nal_type(nal) == H264_NAL_PPS) {
        struct h264_pps pps;
        return !is_key && h264_pps_parse(nal, &pps) == 0 && n->sets.pps[pps.id] &&
               n->sets.pps[pps.id]->is_unsent;
    }
    return h264_nal_is_vcl(nal) || h264_nal_type(nal) == H264_NAL_SEI;
}

static void survey_slice(const struct h264_normal *n, struct bytes nal, struct survey *s)
{
    struct h264_slice slice;
    if ((nal.data[0] & FORBIDDEN_ZERO_BIT) || h264_slice_parse(nal, &n->sets, &slice) < 0) {
        s->is_damaged = true;
        return;
    }
    if (!s->has_picture) {
        s->has_picture = true;
        s->is_intra = true;
        s->first = slice;
        /* a picture without its beginning: slices in arbitrary order are not for live streams */
        s->is_damaged = s->is_damaged || slice.first_mb != 0;
    }
    s->is_intra = s->is_intra && (slice.type == H264_SLICE_I || slice.type == H264_SLICE_SI);
}

static void survey_nal(struct h264_normal *n, struct bytes nal, struct survey *s)
{
    switch (h264_nal_type(nal)) {
    case H264_NAL_SPS:
    case H264_NAL_PPS:
        h264_normal_put_set(n, nal); /* an unusable one shows in the slices that need it */
        break;
    case H264_NAL_SEI:
        s->has_recovery_point = s->has_recovery_point || sei_has_recovery_point(nal);
        break;
    case H264_NAL_SLICE:
    case H264_NAL_PARTITION_A:
    case H264_NAL_IDR:
        survey_slice(n, nal, s);
        break;
    default:
        break;
    }
    /* is_key is not yet known: a PPS may be counted and not written */
    s->size += is_kept(n, nal, false) ? H264_START_CODE_SIZE + nal.size : 0;
}

static struct survey survey_access_unit(struct h264_normal *n, struct bytes access_unit)
{
    struct survey s = {0};
    struct h264_nal_iterator it;
    struct bytes nal;
    for (h264_nal_begin(&it, access_unit); h264_nal_next(&it, &nal);) {
        survey_nal(n, nal, &s);
    }
    return s;
}

static bool wants_rewrite(const struct h264_normal *n, const struct h264_sps *sps)
{
    if (sps->has_broken_vui) {
        return false;
    }
    if (sps->has_bitstream_restriction) {
        return sps->max_num_reorder_frames > 0 && sps->pic_order_cnt_type == 2;
    }
    return !h264_order_is_reordered(&n->order);
}

static void write_sps(const struct h264_normal *n, const struct h264_sps_entry *entry,
                      struct byte_writer *w)
{
    uint8_t rewritten[H264_SPS_SIZE_MAX + 32];
    size_t size;
    struct bytes nal = entry->nal;
    if (wants_rewrite(n, &entry->sps) &&
        h264_sps_rewrite(nal, &entry->sps, rewritten, sizeof(rewritten), &size) == 0) {
        nal = bytes_of(rewritten, size);
    }
    h264_nal_write(w, nal);
}

/* The SPS of a key picture and all PPSs that refer to it, as Annex B. */
static struct buf *create_sets(struct h264_normal *n, unsigned sps_id)
{
    size_t capacity = H264_START_CODE_SIZE + H264_SPS_SIZE_MAX + 32;
    for (size_t i = 0; i < H264_PPS_IDS; i++) {
        const struct h264_pps_entry *entry = n->sets.pps[i];
        capacity += entry ? H264_START_CODE_SIZE + entry->nal.size : 0;
    }
    struct buf *sets = buf_create(capacity);
    if (!sets) {
        return NULL;
    }
    struct byte_writer w;
    byte_writer_init(&w, sets->data, capacity);
    write_sps(n, n->sets.sps[sps_id], &w);
    for (size_t i = 0; i < H264_PPS_IDS; i++) {
        struct h264_pps_entry *entry = n->sets.pps[i];
        if (entry && entry->pps.sps_id == sps_id) {
            h264_nal_write(&w, entry->nal);
        }
    }
    sets->size = byte_writer_size(&w);
    return sets;
}

/* Keep the track when nothing changed, as nearly always. */
static int update_track(struct h264_normal *n, unsigned sps_id)
{
    struct buf *sets = create_sets(n, sps_id);
    if (!sets) {
        return -ENOMEM;
    }
    int rc = 0;
    if (!bytes_equal(buf_bytes(sets), buf_bytes(n->track.parameter_sets))) {
        struct track next = {.rate = {0, 1}, .bitrate_bps = n->track.bitrate_bps};
        rc = h264_config_track(buf_bytes(sets), &next);
        if (rc == 0) {
            track_finish(&n->track);
            n->track = next;
            n->n_tracks++;
        }
    }
    buf_unref(&sets);
    return rc;
}

static void mark_pps_sent(struct h264_normal *n, struct bytes nal)
{
    struct h264_pps pps;
    if (h264_nal_type(nal) == H264_NAL_PPS && h264_pps_parse(nal, &pps) == 0) {
        n->sets.pps[pps.id]->is_unsent = false;
    }
}

static struct packet *create_packet(struct h264_normal *n, struct bytes access_unit,
                                    const struct survey *s, bool is_key)
{
    const struct bytes sets = is_key ? buf_bytes(n->track.parameter_sets) : (struct bytes){0};
    struct packet *p = packet_create(sets.size + s->size);
    if (!p) {
        return NULL;
    }
    struct byte_writer w;
    byte_writer_init(&w, p->data, p->capacity);
    byte_writer_bytes(&w, sets);
    struct h264_nal_iterator it;
    struct bytes nal;
    for (h264_nal_begin(&it, sets); h264_nal_next(&it, &nal);) {
        mark_pps_sent(n, nal);
    }
    for (h264_nal_begin(&it, access_unit); h264_nal_next(&it, &nal);) {
        if (is_kept(n, nal, is_key)) {
            h264_nal_write(&w, nal);
            mark_pps_sent(n, nal);
        }
    }
    p->size = byte_writer_size(&w);
    p->flags = (is_key ? PACKET_KEY : 0u) | (n->is_discontinuity ? PACKET_DISCONTINUITY : 0u);
    return p;
}

static bool note_picture(struct h264_normal *n, const struct survey *s)
{
    const struct h264_slice *first = &s->first;
    h264_order_picture(&n->order, first, &n->sets.sps[first->sps_id]->sps);
    const bool is_patient = n->n_since_idr < H264_NORMAL_IDR_PATIENCE;
    n->n_since_idr = first->is_idr ? 0 : n->n_since_idr + is_patient;
    return first->is_idr || (s->has_recovery_point && s->is_intra && !is_patient);
}

static int lose(struct h264_normal *n, int rc)
{
    if (n->awaits_key && rc == -EBADMSG) {
        return -EAGAIN; /* nothing more is lost by it */
    }
    h264_normal_mark_lost(n);
    return rc;
}

int h264_normal_make(struct h264_normal *n, struct bytes access_unit, struct packet **out)
{
    const struct survey s = survey_access_unit(n, access_unit);
    if (s.is_damaged) {
        return lose(n, -EBADMSG);
    }
    if (!s.has_picture) {
        return -EAGAIN;
    }
    const bool is_key = note_picture(n, &s);
    if (n->awaits_key && !is_key) {
        return -EAGAIN;
    }
    const int rc = is_key ? update_track(n, s.first.sps_id) : 0;
    if (rc < 0) {
        return lose(n, rc);
    }
    n->track.is_reordered = h264_order_is_reordered(&n->order);
    struct packet *p = create_packet(n, access_unit, &s, is_key);
    if (!p) {
        return lose(n, -ENOMEM);
    }
    n->awaits_key = false;
    n->is_discontinuity = false;
    *out = p;
    return 0;
}
