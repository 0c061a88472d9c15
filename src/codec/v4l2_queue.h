/*
 * One of the two queues of a V4L2 memory-to-memory device: its format and memory-mapped buffers.
 *
 * OUTPUT is what we give to the driver (raw pictures), CAPTURE what it gives back (H.264).
 *
 * Order of calls: open (with type and fd set), start, then take_free / queue on OUTPUT and
 * dequeue / queue on CAPTURE, close (copes with a zeroed struct).
 *
 * Ownership: the descriptor is borrowed; bytes of a buffer are valid until it is queued.
 * Thread:    one owner.
 * Errors:    -errno.
 * Spec:      Linux Media userspace API, "Memory-to-memory Stateful Video Encoder Interface".
 */
#ifndef AVOCET_CODEC_V4L2_QUEUE_H
#define AVOCET_CODEC_V4L2_QUEUE_H

#include <linux/videodev2.h>

#include "base/bytes.h"
#include "base/option.h"

enum { V4L2_QUEUE_BUFFERS_MAX = 8, V4L2_QUEUE_PLANES_MAX = 1 };

struct v4l2_queue_buffer {
    uint8_t *memory; /* NULL: not mapped */
    size_t size_bytes;
    bool is_queued;
};

struct v4l2_queue {
    int fd;
    enum v4l2_buf_type type;
    uint32_t fourcc;
    struct picture_size size; /* coded, as the driver rounded it */
    int stride_bytes;
    unsigned n_buffers;
    struct v4l2_queue_buffer buffers[V4L2_QUEUE_BUFFERS_MAX];
    bool is_streaming;
};

/* ioctl(2), repeated when a signal came between: 0 or -errno. */
int v4l2_queue_ioctl(int fd, unsigned long request, void *arg);

/* Set the format and learn what became of it. min_size_bytes: of a buffer; 0: the driver knows. */
int v4l2_queue_set_format(struct v4l2_queue *q, uint32_t fourcc, struct picture_size size,
                          unsigned min_size_bytes);
int v4l2_queue_map(struct v4l2_queue *q, unsigned n_wanted);
int v4l2_queue_start(struct v4l2_queue *q);
/* Index of a buffer that is ours to fill, or -EAGAIN. */
int v4l2_queue_take_free(const struct v4l2_queue *q);
/* used: bytes filled in (OUTPUT). stamp: carried through to what is made of it. */
int v4l2_queue_put(struct v4l2_queue *q, unsigned index, size_t used, uint32_t stamp);
/* -EAGAIN: none is done yet. */
int v4l2_queue_dequeue(struct v4l2_queue *q, unsigned *index, struct bytes *out, uint32_t *stamp);
void v4l2_queue_close(struct v4l2_queue *q);

#endif
