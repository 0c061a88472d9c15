#include "slots.h"

#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "link.h"
#include "media/picture.h"

enum { ROW_ALIGNMENT = 32 };

int slots_pixel_format(enum AVPixelFormat format, bool *is_full_range)
{
    *is_full_range = format == AV_PIX_FMT_YUVJ420P || format == AV_PIX_FMT_YUVJ422P;
    switch (format) {
    case AV_PIX_FMT_YUV420P:
    case AV_PIX_FMT_YUVJ420P:
        return PIXEL_I420;
    case AV_PIX_FMT_YUV422P:
    case AV_PIX_FMT_YUVJ422P:
        return PIXEL_I422;
    case AV_PIX_FMT_NV12:
        return PIXEL_NV12;
    default:
        return -1;
    }
}

void slots_init(struct slots *s)
{
    *s = (struct slots){.fd = -1};
}

/* New shared memory when the picture does not fit into a slot of what there is. */
static bool ensure_memory(struct slots *s, size_t slot_size)
{
    if (s->memory && slot_size <= s->slot_size) {
        return true;
    }
    const int fd = memfd_create("avocet pictures", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0 || ftruncate(fd, (off_t)(slot_size * HELPER_SLOTS)) < 0) {
        return false;
    }
    void *memory = mmap(NULL, slot_size * HELPER_SLOTS, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) {
        close(fd);
        return false;
    }
    if (s->memory) {
        munmap(s->memory, s->slot_size * HELPER_SLOTS);
        close(s->fd);
    }
    s->memory = memory;
    s->fd = fd;
    s->slot_size = slot_size;
    s->generation++;
    s->is_fd_sent = false;
    memset(s->is_lent, 0, sizeof(s->is_lent));
    return true;
}

static int free_slot(const struct slots *s)
{
    for (int i = 0; i < HELPER_SLOTS; i++) {
        if (!s->is_lent[i]) {
            return i;
        }
    }
    return -1;
}

/* Layout of the planes in a slot; returns its size. */
static size_t lay_out(enum AVPixelFormat format, int width, int height, struct helper_message *m)
{
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(format);
    const int n_planes = av_pix_fmt_count_planes(format);
    size_t size = 0;
    int linesizes[4];
    av_image_fill_linesizes(linesizes, format, width);
    for (int i = 0; i < n_planes && i < 3; i++) {
        const int shift = i > 0 ? d->log2_chroma_h : 0;
        const int n_rows = (height + (1 << shift) - 1) >> shift;
        const int stride = (linesizes[i] + ROW_ALIGNMENT - 1) / ROW_ALIGNMENT * ROW_ALIGNMENT;
        m->offsets[i] = (uint32_t)size;
        m->strides[i] = (uint32_t)stride;
        size += (size_t)stride * (size_t)n_rows;
    }
    return size;
}

int slots_take(struct slots *s, enum AVPixelFormat format, int width, int height,
               struct helper_message *m)
{
    bool is_full_range = false;
    *m = (struct helper_message){
        .type = HELPER_PICTURE,
        .width = (uint32_t)(width & ~1),
        .height = (uint32_t)(height & ~1),
        .pixel_format = (uint32_t)slots_pixel_format(format, &is_full_range),
        .is_full_range = is_full_range,
    };
    if (!ensure_memory(s, lay_out(format, width, height, m))) {
        return -1;
    }
    const int slot = free_slot(s);
    if (slot < 0) {
        return 1;
    }
    m->slot = (uint32_t)slot;
    m->generation = s->generation;
    m->slot_size = (uint32_t)s->slot_size;
    return 0;
}

void slots_planes(const struct slots *s, const struct helper_message *m, uint8_t *planes[4],
                  int strides[4])
{
    uint8_t *slot = s->memory + (size_t)m->slot * s->slot_size;
    for (int i = 0; i < 4; i++) {
        planes[i] = i < 3 ? slot + m->offsets[i] : NULL;
        strides[i] = i < 3 ? (int)m->strides[i] : 0;
    }
}

bool slots_send(struct slots *s, struct helper_message *m)
{
    s->is_lent[m->slot] = true;
    const int fd = s->is_fd_sent ? -1 : s->fd;
    s->is_fd_sent = true;
    return link_send(m, NULL, 0, fd);
}

void slots_release(struct slots *s, const struct helper_message *m)
{
    if (m->generation == s->generation && m->slot < HELPER_SLOTS) {
        s->is_lent[m->slot] = false;
    }
}
