#include "codec/v4l2_queue.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

int v4l2_queue_ioctl(int fd, unsigned long request, void *arg)
{
    int result;
    do {
        result = ioctl(fd, request, arg);
    } while (result < 0 && errno == EINTR);
    return result < 0 ? -errno : 0;
}

static bool is_multiplanar(const struct v4l2_queue *q)
{
    return V4L2_TYPE_IS_MULTIPLANAR(q->type);
}

static int set_single(struct v4l2_queue *q, uint32_t fourcc, struct picture_size size,
                      unsigned min_size_bytes)
{
    struct v4l2_format f = {.type = q->type};
    f.fmt.pix.pixelformat = fourcc;
    f.fmt.pix.width = (unsigned)size.width;
    f.fmt.pix.height = (unsigned)size.height;
    f.fmt.pix.sizeimage = min_size_bytes;
    f.fmt.pix.field = V4L2_FIELD_NONE;
    f.fmt.pix.colorspace = V4L2_COLORSPACE_SMPTE170M;
    const int result = v4l2_queue_ioctl(q->fd, VIDIOC_S_FMT, &f);
    if (result == 0) {
        q->fourcc = f.fmt.pix.pixelformat;
        q->size = (struct picture_size){(int32_t)f.fmt.pix.width, (int32_t)f.fmt.pix.height};
        q->stride_bytes = (int)f.fmt.pix.bytesperline;
    }
    return result;
}

static int set_multiplanar(struct v4l2_queue *q, uint32_t fourcc, struct picture_size size,
                           unsigned min_size_bytes)
{
    struct v4l2_format f = {.type = q->type};
    struct v4l2_pix_format_mplane *pix = &f.fmt.pix_mp;
    pix->pixelformat = fourcc;
    pix->width = (unsigned)size.width;
    pix->height = (unsigned)size.height;
    pix->num_planes = 1;
    pix->plane_fmt[0].sizeimage = min_size_bytes;
    pix->field = V4L2_FIELD_NONE;
    pix->colorspace = V4L2_COLORSPACE_SMPTE170M;
    const int result = v4l2_queue_ioctl(q->fd, VIDIOC_S_FMT, &f);
    if (result == 0) {
        q->fourcc = pix->pixelformat;
        q->size = (struct picture_size){(int32_t)pix->width, (int32_t)pix->height};
        q->stride_bytes = (int)pix->plane_fmt[0].bytesperline;
    }
    return result < 0 ? result : pix->num_planes == V4L2_QUEUE_PLANES_MAX ? 0 : -ENOTSUP;
}

int v4l2_queue_set_format(struct v4l2_queue *q, uint32_t fourcc, struct picture_size size,
                          unsigned min_size_bytes)
{
    const int result = is_multiplanar(q) ? set_multiplanar(q, fourcc, size, min_size_bytes)
                                         : set_single(q, fourcc, size, min_size_bytes);
    return result < 0 ? result : q->fourcc == fourcc ? 0 : -ENOTSUP;
}

/* A buffer as the driver's calls want it; plane is for the multiplanar API. */
static struct v4l2_buffer describe(const struct v4l2_queue *q, unsigned index,
                                   struct v4l2_plane *plane)
{
    struct v4l2_buffer b = {.type = q->type, .memory = V4L2_MEMORY_MMAP, .index = index};
    *plane = (struct v4l2_plane){0};
    if (is_multiplanar(q)) {
        b.m.planes = plane;
        b.length = V4L2_QUEUE_PLANES_MAX;
    }
    return b;
}

static int map_one(struct v4l2_queue *q, unsigned index)
{
    struct v4l2_plane plane;
    struct v4l2_buffer b = describe(q, index, &plane);
    const int result = v4l2_queue_ioctl(q->fd, VIDIOC_QUERYBUF, &b);
    if (result < 0) {
        return result;
    }
    const size_t size_bytes = is_multiplanar(q) ? plane.length : b.length;
    const off_t offset = (off_t)(is_multiplanar(q) ? plane.m.mem_offset : b.m.offset);
    void *memory = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, q->fd, offset);
    if (memory == MAP_FAILED) {
        return -errno;
    }
    q->buffers[index] = (struct v4l2_queue_buffer){.memory = memory, .size_bytes = size_bytes};
    return 0;
}

int v4l2_queue_map(struct v4l2_queue *q, unsigned n_wanted)
{
    struct v4l2_requestbuffers request = {
        .count = n_wanted, .type = q->type, .memory = V4L2_MEMORY_MMAP};
    int result = v4l2_queue_ioctl(q->fd, VIDIOC_REQBUFS, &request);
    const unsigned n =
        request.count < V4L2_QUEUE_BUFFERS_MAX ? request.count : (unsigned)V4L2_QUEUE_BUFFERS_MAX;
    for (; q->n_buffers < n && result == 0; q->n_buffers++) {
        result = map_one(q, q->n_buffers);
    }
    return result < 0 ? result : q->n_buffers > 0 ? 0 : -ENOMEM;
}

int v4l2_queue_start(struct v4l2_queue *q)
{
    int type = (int)q->type;
    const int result = v4l2_queue_ioctl(q->fd, VIDIOC_STREAMON, &type);
    q->is_streaming = result == 0;
    return result;
}

int v4l2_queue_take_free(const struct v4l2_queue *q)
{
    for (unsigned i = 0; i < q->n_buffers; i++) {
        if (!q->buffers[i].is_queued) {
            return (int)i;
        }
    }
    return -EAGAIN;
}

int v4l2_queue_put(struct v4l2_queue *q, unsigned index, size_t used, uint32_t stamp)
{
    struct v4l2_plane plane;
    struct v4l2_buffer b = describe(q, index, &plane);
    if (is_multiplanar(q)) {
        plane.bytesused = (unsigned)used;
    } else {
        b.bytesused = (unsigned)used;
    }
    b.field = V4L2_FIELD_NONE;
    b.timestamp.tv_sec = stamp; /* any number: it is copied, not understood */
    const int result = v4l2_queue_ioctl(q->fd, VIDIOC_QBUF, &b);
    q->buffers[index].is_queued = q->buffers[index].is_queued || result == 0;
    return result;
}

int v4l2_queue_dequeue(struct v4l2_queue *q, unsigned *index, struct bytes *out, uint32_t *stamp)
{
    struct v4l2_plane plane;
    struct v4l2_buffer b = describe(q, 0, &plane);
    const int result = v4l2_queue_ioctl(q->fd, VIDIOC_DQBUF, &b);
    if (result < 0) {
        return result;
    }
    if (b.index >= q->n_buffers) {
        return -EIO;
    }
    struct v4l2_queue_buffer *buffer = &q->buffers[b.index];
    const size_t offset = is_multiplanar(q) ? plane.data_offset : 0;
    const size_t used = is_multiplanar(q) ? plane.bytesused : b.bytesused;
    const bool is_sound =
        !(b.flags & V4L2_BUF_FLAG_ERROR) && offset <= used && used <= buffer->size_bytes;
    buffer->is_queued = false;
    *index = b.index;
    *out = is_sound ? bytes_of(buffer->memory + offset, used - offset) : (struct bytes){0};
    *stamp = (uint32_t)b.timestamp.tv_sec;
    return 0;
}

void v4l2_queue_close(struct v4l2_queue *q)
{
    int type = (int)q->type;
    if (q->is_streaming) {
        (void)v4l2_queue_ioctl(q->fd, VIDIOC_STREAMOFF, &type);
    }
    for (unsigned i = 0; i < q->n_buffers; i++) {
        munmap(q->buffers[i].memory, q->buffers[i].size_bytes);
    }
    *q = (struct v4l2_queue){0};
}
