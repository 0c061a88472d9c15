#include "mux/cmaf_segmenter.h"

void cmaf_segmenter_init(struct cmaf_segmenter *s, int64_t frame_ns)
{
    const int64_t n_frames = (CMAF_PART_NS + frame_ns / 8) / frame_ns;
    *s = (struct cmaf_segmenter){
        .frame_ns = frame_ns,
        .part_ns = n_frames > 0 ? n_frames * frame_ns : frame_ns,
    };
}

static struct cmaf_segment *slot(struct cmaf_segmenter *s, uint64_t number)
{
    return &s->segments[number % CMAF_SEGMENTS_MAX];
}

static void drop_buf(struct cmaf_segmenter *s, struct buf **b)
{
    s->n_bytes -= *b ? (*b)->size : 0;
    buf_unref(b);
}

static void drop_parts(struct cmaf_segmenter *s, struct cmaf_segment *g)
{
    while (g->n_parts > 0) {
        drop_buf(s, &g->parts[--g->n_parts].bytes);
    }
}

static void drop_first(struct cmaf_segmenter *s)
{
    struct cmaf_segment *g = slot(s, s->first_segment++);
    s->n_discontinuities_gone += g->is_discontinuous;
    drop_parts(s, g);
    drop_buf(s, &g->bytes);
    buf_unref(&g->init);
    *g = (struct cmaf_segment){0};
}

static void drop_frames(struct cmaf_segmenter *s)
{
    while (s->n_frames > 0) {
        buf_unref(&s->frames[--s->n_frames]);
    }
}

void cmaf_segmenter_finish(struct cmaf_segmenter *s)
{
    while (s->first_segment < s->end_segment) {
        drop_first(s);
    }
    drop_frames(s);
    buf_unref(&s->init);
}

static struct cmaf_segment *growing(struct cmaf_segmenter *s)
{
    struct cmaf_segment *g = s->end_segment > 0 ? slot(s, s->end_segment - 1) : NULL;
    return g && s->first_segment < s->end_segment && !g->is_whole ? g : NULL;
}

/* ---- joining ---- */

static struct buf *join(struct buf *const *bufs, size_t n)
{
    size_t size = 0;
    for (size_t i = 0; i < n; i++) {
        size += bufs[i]->size;
    }
    struct buf *out = buf_create(size);
    for (size_t i = 0; out && i < n; i++) {
        memcpy(out->data + out->size, bufs[i]->data, bufs[i]->size);
        out->size += bufs[i]->size;
    }
    return out;
}

static struct buf *join_parts(const struct cmaf_segment *g)
{
    struct buf *bufs[CMAF_PARTS_MAX];
    for (unsigned i = 0; i < g->n_parts; i++) {
        bufs[i] = g->parts[i].bytes;
    }
    return join(bufs, g->n_parts);
}

/* One that is too many for its segment becomes the end of the one before it. */
static bool extend_last(struct cmaf_segmenter *s, struct cmaf_segment *g, struct buf *bytes)
{
    struct cmaf_part *last = &g->parts[g->n_parts - 1];
    struct buf *const both[] = {last->bytes, bytes};
    struct buf *joined = join(both, 2);
    buf_unref(&bytes);
    if (joined) {
        drop_buf(s, &last->bytes);
        last->bytes = joined;
        s->n_bytes += joined->size;
    }
    return false;
}

static void bound(struct cmaf_segmenter *s)
{
    while (s->end_segment - s->first_segment > 1 && s->n_bytes > CMAF_BYTES_MAX) {
        drop_first(s);
    }
}

/* ---- parts ---- */

static bool end_part(struct cmaf_segmenter *s, int64_t end_ns)
{
    struct cmaf_segment *g = growing(s);
    struct buf *bytes = g && s->n_frames > 0 ? join(s->frames, s->n_frames) : NULL;
    drop_frames(s);
    if (!bytes) {
        return false;
    }
    if (g->n_parts == CMAF_PARTS_MAX) {
        return extend_last(s, g, bytes);
    }
    const int64_t duration_ns = end_ns - s->part_start_ns;
    g->parts[g->n_parts++] = (struct cmaf_part){
        .number = s->next_part++,
        .bytes = bytes,
        .duration_ns = duration_ns < s->part_ns ? duration_ns : s->part_ns,
        .is_independent = s->is_part_independent,
    };
    g->duration_ns = end_ns - g->start_ns;
    s->n_bytes += bytes->size;
    bound(s);
    return true;
}

/* ---- segments ---- */

static bool is_gap(const struct cmaf_segmenter *s, const struct cmaf_fragment *f)
{
    return s->end_segment > 0 && f->pts_ns - s->part_end_ns > CMAF_GAP_NS;
}

static void end_segment(struct cmaf_segmenter *s, int64_t end_ns)
{
    struct cmaf_segment *g = growing(s);
    if (!g) {
        return;
    }
    g->bytes = join_parts(g);
    g->is_whole = true;
    g->duration_ns = end_ns - g->start_ns;
    s->n_bytes += g->bytes ? g->bytes->size : 0;
    if (s->end_segment - s->first_segment >= CMAF_PARTED_SEGMENTS) {
        drop_parts(s, slot(s, s->end_segment - CMAF_PARTED_SEGMENTS));
    }
    bound(s);
}

static void begin_segment(struct cmaf_segmenter *s, const struct cmaf_fragment *f)
{
    if (s->end_segment - s->first_segment == CMAF_SEGMENTS_MAX) {
        drop_first(s);
    }
    struct cmaf_segment *g = slot(s, s->end_segment);
    *g = (struct cmaf_segment){
        .number = s->end_segment++,
        .start_ns = f->pts_ns,
        .capture_ns = f->capture_ns,
        .init = buf_ref(s->init),
        .init_number = s->init_number,
        .is_discontinuous = s->end_segment > 1 && (f->init || is_gap(s, f)),
    };
}

static bool is_segment_over(struct cmaf_segmenter *s, const struct cmaf_fragment *f)
{
    const struct cmaf_segment *g = growing(s);
    const int64_t tolerance_ns = s->frame_ns / 2;
    return !g || f->init || is_gap(s, f) ||
           (f->is_key && f->pts_ns - g->start_ns >= CMAF_SEGMENT_NS - tolerance_ns);
}

/* ---- fragments ---- */

static void set_init(struct cmaf_segmenter *s, struct buf *init)
{
    buf_unref(&s->init);
    s->init = buf_ref(init);
    s->init_number++;
}

/* Before this frame, the part that is growing is over. */
static bool is_part_over(const struct cmaf_segmenter *s, const struct cmaf_fragment *f)
{
    const int64_t with_it_ns = f->pts_ns + s->frame_ns - s->part_start_ns;
    return s->n_frames > 0 && (f->is_key || f->init || s->n_frames == CMAF_FRAMES_MAX ||
                               with_it_ns > s->part_ns + s->frame_ns / 4);
}

static void add_frame(struct cmaf_segmenter *s, const struct cmaf_fragment *f)
{
    if (s->n_frames == 0) {
        s->part_start_ns = f->pts_ns;
        s->is_part_independent = f->is_key;
    }
    s->frames[s->n_frames++] = buf_ref(f->bytes);
    s->part_end_ns = f->pts_ns + s->frame_ns;
}

bool cmaf_segmenter_add(struct cmaf_segmenter *s, const struct cmaf_fragment *f)
{
    const int64_t end_ns = is_gap(s, f) ? s->part_end_ns : f->pts_ns;
    bool has_part = is_part_over(s, f) && end_part(s, end_ns);
    if (f->is_key && is_segment_over(s, f)) {
        end_segment(s, end_ns);
        if (f->init) {
            set_init(s, f->init);
        }
        begin_segment(s, f);
    }
    if (!growing(s)) {
        return has_part;
    }
    add_frame(s, f);
    if (s->part_end_ns - s->part_start_ns >= s->part_ns - s->frame_ns / 4) {
        has_part = end_part(s, s->part_end_ns) || has_part;
    }
    return has_part;
}

const struct cmaf_segment *cmaf_segmenter_segment(const struct cmaf_segmenter *s, uint64_t number)
{
    const bool is_held = number >= s->first_segment && number < s->end_segment;
    return is_held ? &s->segments[number % CMAF_SEGMENTS_MAX] : NULL;
}

const struct cmaf_part *cmaf_segmenter_part(const struct cmaf_segmenter *s, uint64_t number)
{
    for (uint64_t n = s->first_segment; n < s->end_segment; n++) {
        const struct cmaf_segment *g = &s->segments[n % CMAF_SEGMENTS_MAX];
        if (g->n_parts > 0 && number >= g->parts[0].number &&
            number - g->parts[0].number < g->n_parts) {
            return &g->parts[number - g->parts[0].number];
        }
    }
    return NULL;
}

int64_t cmaf_segmenter_growth_ns(const struct cmaf_segmenter *s)
{
    const struct cmaf_segment *last =
        s->end_segment > s->first_segment ? cmaf_segmenter_segment(s, s->end_segment - 1) : NULL;
    return last && !last->is_whole && s->n_frames > 0 ? s->part_end_ns - last->start_ns
           : last && !last->is_whole                  ? last->duration_ns
                                                      : 0;
}
