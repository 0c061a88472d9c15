#include "source/v4l2_buffers.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "media/picture_pool.h"

enum { N_COPIES = 4 };

struct mapping {
    void *memory; /* MAP_FAILED: none */
    size_t size_bytes;
};

struct buffer {
    struct v4l2_buffers *pool;
    unsigned index;
    struct mapping mappings[V4L2_PLANES_MAX];
    struct picture picture; /* what is lent */
};

struct v4l2_buffers {
    int fd;
    enum v4l2_buf_type type;
    struct v4l2_format_agreed format;
    struct picture_pool *copies; /* made when first needed */
    unsigned n_buffers;
    struct buffer buffers[V4L2_BUFFERS_MAX];
    /* under lock */
    pthread_mutex_t lock;
    unsigned n_queued;
    unsigned n_lent;
    bool is_closed;
};

static bool is_multiplanar(const struct v4l2_buffers *b)
{
    return b->type == V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE;
}

static void unmap_all(struct v4l2_buffers *b)
{
    for (unsigned i = 0; i < b->n_buffers; i++) {
        for (unsigned j = 0; j < V4L2_PLANES_MAX; j++) {
            struct mapping *m = &b->buffers[i].mappings[j];
            if (m->memory != MAP_FAILED) {
                munmap(m->memory, m->size_bytes);
            }
        }
    }
    pthread_mutex_destroy(&b->lock);
    free(b);
}

/* Under the lock. A buffer that cannot be queued is lost to a device that is gone anyway. */
static void queue(struct v4l2_buffers *b, unsigned index)
{
    struct v4l2_plane planes[VIDEO_MAX_PLANES] = {0};
    struct v4l2_buffer buffer = {.type = b->type, .memory = V4L2_MEMORY_MMAP, .index = index};
    if (is_multiplanar(b)) {
        buffer.m.planes = planes;
        buffer.length = b->format.n_planes;
    }
    if (!b->is_closed && v4l2_ioctl(b->fd, VIDIOC_QBUF, &buffer) == 0) {
        b->n_queued++;
    }
}

static int map_plane(struct v4l2_buffers *b, struct mapping *m, size_t size_bytes, unsigned offset)
{
    m->memory = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, b->fd, (off_t)offset);
    m->size_bytes = size_bytes;
    return m->memory == MAP_FAILED ? -errno : 0;
}

static int map_buffer(struct v4l2_buffers *b, unsigned index)
{
    struct v4l2_plane planes[VIDEO_MAX_PLANES] = {0};
    struct v4l2_buffer query = {.type = b->type, .memory = V4L2_MEMORY_MMAP, .index = index};
    struct buffer *buffer = &b->buffers[index];
    if (is_multiplanar(b)) {
        query.m.planes = planes;
        query.length = VIDEO_MAX_PLANES;
    }
    int result = v4l2_ioctl(b->fd, VIDIOC_QUERYBUF, &query);
    if (result == 0 && !is_multiplanar(b)) {
        return map_plane(b, &buffer->mappings[0], query.length, query.m.offset);
    }
    for (unsigned i = 0; i < b->format.n_planes && result == 0; i++) {
        result = map_plane(b, &buffer->mappings[i], planes[i].length, planes[i].m.mem_offset);
    }
    return result;
}

static int request(struct v4l2_buffers *b)
{
    struct v4l2_requestbuffers req = {
        .count = V4L2_BUFFERS_WANTED, .type = b->type, .memory = V4L2_MEMORY_MMAP};
    const int result = v4l2_ioctl(b->fd, VIDIOC_REQBUFS, &req);
    if (result < 0) {
        return result;
    }
    b->n_buffers = req.count < V4L2_BUFFERS_MAX ? req.count : V4L2_BUFFERS_MAX;
    return b->n_buffers > 0 ? 0 : -ENOMEM;
}

static void init_buffers(struct v4l2_buffers *b)
{
    for (unsigned i = 0; i < V4L2_BUFFERS_MAX; i++) {
        b->buffers[i].pool = b;
        b->buffers[i].index = i;
        for (unsigned j = 0; j < V4L2_PLANES_MAX; j++) {
            b->buffers[i].mappings[j].memory = MAP_FAILED;
        }
    }
}

int v4l2_buffers_create(struct v4l2_buffers **out, const struct v4l2_device *d,
                        const struct v4l2_format_agreed *format)
{
    if (format->n_planes < 1 || format->n_planes > V4L2_PLANES_MAX) {
        return -ENOTSUP;
    }
    struct v4l2_buffers *b = calloc(1, sizeof(*b));
    if (!b) {
        return -ENOMEM;
    }
    b->fd = d->fd;
    b->type = d->type;
    b->format = *format;
    pthread_mutex_init(&b->lock, NULL);
    init_buffers(b);
    int result = request(b);
    for (unsigned i = 0; i < b->n_buffers && result == 0; i++) {
        result = map_buffer(b, i);
    }
    if (result < 0) {
        unmap_all(b);
        return result;
    }
    for (unsigned i = 0; i < b->n_buffers; i++) {
        queue(b, i);
    }
    *out = b;
    return 0;
}

int v4l2_buffers_start(struct v4l2_buffers *b)
{
    int type = (int)b->type;
    return v4l2_ioctl(b->fd, VIDIOC_STREAMON, &type);
}

static struct bytes filled_plane(const struct buffer *buffer, unsigned plane, size_t offset,
                                 size_t used)
{
    const struct mapping *m = &buffer->mappings[plane];
    if (offset > used || used > m->size_bytes) {
        return (struct bytes){0};
    }
    return bytes_of((const uint8_t *)m->memory + offset, used - offset);
}

int v4l2_buffers_take(struct v4l2_buffers *b, struct v4l2_filled *out)
{
    struct v4l2_plane planes[VIDEO_MAX_PLANES] = {0};
    struct v4l2_buffer taken = {.type = b->type, .memory = V4L2_MEMORY_MMAP};
    if (is_multiplanar(b)) {
        taken.m.planes = planes;
        taken.length = VIDEO_MAX_PLANES;
    }
    const int result = v4l2_ioctl(b->fd, VIDIOC_DQBUF, &taken);
    if (result < 0) {
        return result;
    }
    if (taken.index >= b->n_buffers) {
        return -EIO;
    }
    *out = (struct v4l2_filled){
        .index = taken.index,
        .sequence = taken.sequence,
        .flags = taken.flags,
        .timestamp_ns = (int64_t)taken.timestamp.tv_sec * NS_PER_S +
                        (int64_t)taken.timestamp.tv_usec * NS_PER_US,
    };
    const struct buffer *buffer = &b->buffers[taken.index];
    if (!is_multiplanar(b)) {
        out->planes[0] = filled_plane(buffer, 0, 0, taken.bytesused);
    }
    for (unsigned i = 0; is_multiplanar(b) && i < b->format.n_planes; i++) {
        out->planes[i] = filled_plane(buffer, i, planes[i].data_offset, planes[i].bytesused);
    }
    pthread_mutex_lock(&b->lock);
    b->n_queued--;
    pthread_mutex_unlock(&b->lock);
    return 0;
}

void v4l2_buffers_give_back(struct v4l2_buffers *b, const struct v4l2_filled *filled)
{
    pthread_mutex_lock(&b->lock);
    queue(b, filled->index);
    pthread_mutex_unlock(&b->lock);
}

/* At the last unref of a lent picture. */
static void on_release(struct picture *p)
{
    struct buffer *buffer = p->owner;
    struct v4l2_buffers *b = buffer->pool;
    pthread_mutex_lock(&b->lock);
    queue(b, buffer->index);
    b->n_lent--;
    const bool is_last = b->is_closed && b->n_lent == 0;
    pthread_mutex_unlock(&b->lock);
    if (is_last) {
        unmap_all(b);
    }
}

/* Where the planes of a picture are in the memory of one buffer. */
static void point_planes(const struct v4l2_format_agreed *f, const struct bytes *memory,
                         struct picture *p)
{
    const size_t luma = (size_t)f->stride_bytes * (size_t)f->size.height;
    const bool is_planar = f->pixel->format == PIXEL_I420 || f->pixel->format == PIXEL_I422;
    const size_t chroma = f->pixel->format == PIXEL_I420 ? luma / 4 : luma / 2;
    p->planes[0] = memory[0].data;
    p->strides[0] = f->stride_bytes;
    if (pixel_format_is_packed(f->pixel->format)) {
        return;
    }
    p->strides[1] = is_planar ? f->stride_bytes / 2 : f->stride_bytes;
    p->planes[1] = f->n_planes == 1 ? memory[0].data + luma : memory[1].data;
    if (is_planar) {
        p->strides[2] = p->strides[1];
        p->planes[2] = f->n_planes == 1 ? memory[0].data + luma + chroma : memory[2].data;
    }
}

static void describe_picture(const struct v4l2_buffers *b, const struct v4l2_filled *filled,
                             struct picture *p)
{
    *p = (struct picture){
        .format = b->format.pixel->format,
        .size = {b->format.size.width & ~1, b->format.size.height & ~1},
        .full_range = b->format.full_range,
        .capture_ns = TIME_NONE,
        .arrival_ns = TIME_NONE,
        .pts_ns = TIME_NONE,
    };
    atomic_init(&p->n_refs, 1);
    point_planes(&b->format, filled->planes, p);
}

static void copy_plane(const struct picture *from, struct picture *to, int i, int n_rows)
{
    const int row_bytes = from->strides[i] < to->strides[i] ? from->strides[i] : to->strides[i];
    for (int y = 0; y < n_rows; y++) {
        memcpy((uint8_t *)(uintptr_t)to->planes[i] + (ptrdiff_t)y * to->strides[i],
               from->planes[i] + (ptrdiff_t)y * from->strides[i], (size_t)row_bytes);
    }
}

/* Every buffer that can be spared is lent out: this picture gets memory of its own. */
static struct picture *copy_picture(struct v4l2_buffers *b, const struct picture *from)
{
    if (!b->copies) {
        b->copies = picture_pool_create(from->format, from->size, N_COPIES);
    }
    struct picture *to = b->copies ? picture_pool_take(b->copies, NULL) : NULL;
    if (!to) {
        return NULL;
    }
    to->full_range = from->full_range;
    for (int i = 0; i < PICTURE_PLANES_MAX; i++) {
        const bool is_halved = i > 0 && (from->format == PIXEL_I420 || from->format == PIXEL_NV12);
        if (from->planes[i]) {
            copy_plane(from, to, i, is_halved ? from->size.height / 2 : from->size.height);
        }
    }
    return to;
}

struct picture *v4l2_buffers_lend(struct v4l2_buffers *b, const struct v4l2_filled *filled)
{
    struct buffer *buffer = &b->buffers[filled->index];
    pthread_mutex_lock(&b->lock);
    const bool can_lend = b->n_queued >= V4L2_BUFFERS_QUEUED_MIN;
    b->n_lent += can_lend;
    pthread_mutex_unlock(&b->lock);
    if (can_lend) {
        describe_picture(b, filled, &buffer->picture);
        buffer->picture.release = on_release;
        buffer->picture.owner = buffer;
        return &buffer->picture;
    }
    struct picture borrowed;
    describe_picture(b, filled, &borrowed);
    struct picture *copy = copy_picture(b, &borrowed);
    v4l2_buffers_give_back(b, filled);
    return copy;
}

void v4l2_buffers_close(struct v4l2_buffers **b)
{
    struct v4l2_buffers *old = *b;
    *b = NULL;
    if (!old) {
        return;
    }
    int type = (int)old->type;
    pthread_mutex_lock(&old->lock);
    (void)v4l2_ioctl(old->fd, VIDIOC_STREAMOFF, &type);
    old->is_closed = true; /* the descriptor's number may soon be another file's */
    const bool is_last = old->n_lent == 0;
    pthread_mutex_unlock(&old->lock);
    picture_pool_drop(&old->copies);
    if (is_last) {
        unmap_all(old);
    }
}
