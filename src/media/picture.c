#include "media/picture.h"

#include <stdlib.h>

enum { ROW_ALIGNMENT = 32 };

/* Of plane i: bytes per row and number of rows, without padding; rows 0 when there is none. */
static void plane_shape(enum pixel_format format, struct picture_size size, int i, int *row_bytes,
                        int *n_rows)
{
    const int half_width = (size.width + 1) / 2;
    const int half_height = (size.height + 1) / 2;
    *row_bytes = size.width;
    *n_rows = size.height;
    if (pixel_format_is_packed(format)) {
        *row_bytes = half_width * 4;
        *n_rows = i == 0 ? size.height : 0;
    } else if (i > 0 && format == PIXEL_NV12) {
        *row_bytes = half_width * 2;
        *n_rows = i == 1 ? half_height : 0;
    } else if (i > 0) {
        *row_bytes = half_width;
        *n_rows = format == PIXEL_I420 ? half_height : size.height;
    }
}

size_t picture_packed_size(enum pixel_format format, struct picture_size size)
{
    size_t total = 0;
    for (int i = 0; i < PICTURE_PLANES_MAX; i++) {
        int row_bytes = 0;
        int n_rows = 0;
        plane_shape(format, size, i, &row_bytes, &n_rows);
        total += (size_t)row_bytes * (size_t)n_rows;
    }
    return total;
}

static void release_own(struct picture *p)
{
    free(p->owner);
    free(p);
}

struct picture *picture_create(enum pixel_format format, struct picture_size size)
{
    struct picture *p = calloc(1, sizeof(*p));
    size_t offsets[PICTURE_PLANES_MAX];
    size_t total = 0;
    if (!p) {
        return NULL;
    }
    p->format = format;
    p->size = size;
    for (int i = 0; i < PICTURE_PLANES_MAX; i++) {
        int row_bytes = 0;
        int n_rows = 0;
        plane_shape(format, size, i, &row_bytes, &n_rows);
        p->strides[i] =
            n_rows > 0 ? (row_bytes + ROW_ALIGNMENT - 1) / ROW_ALIGNMENT * ROW_ALIGNMENT : 0;
        offsets[i] = total;
        total += (size_t)p->strides[i] * (size_t)n_rows;
    }
    p->owner = aligned_alloc(ROW_ALIGNMENT, total > 0 ? total : ROW_ALIGNMENT);
    if (!p->owner) {
        free(p);
        return NULL;
    }
    for (int i = 0; i < PICTURE_PLANES_MAX; i++) {
        p->planes[i] = p->strides[i] > 0 ? (uint8_t *)p->owner + offsets[i] : NULL;
    }
    p->capture_ns = p->arrival_ns = p->pts_ns = TIME_NONE;
    p->release = release_own;
    atomic_init(&p->n_refs, 1);
    return p;
}

struct picture *picture_ref(struct picture *p)
{
    atomic_fetch_add_explicit(&p->n_refs, 1, memory_order_relaxed);
    return p;
}

void picture_unref(struct picture **p)
{
    struct picture *old = *p;
    *p = NULL;
    if (old && atomic_fetch_sub_explicit(&old->n_refs, 1, memory_order_acq_rel) == 1) {
        old->release(old);
    }
}

const char *pixel_format_name(enum pixel_format format)
{
    static const char *const names[N_PIXEL_FORMATS] = {[PIXEL_I420] = "YU12",
                                                       [PIXEL_I422] = "422P",
                                                       [PIXEL_NV12] = "NV12",
                                                       [PIXEL_YUYV] = "YUYV",
                                                       [PIXEL_UYVY] = "UYVY"};
    return format < N_PIXEL_FORMATS ? names[format] : "?";
}
