/*
 * avocet-ffmpeg: decodes H.264 for avocet, in a process of its own that may touch nothing else.
 *
 * Started by avocet with one end of a socket pair as descriptor 3 (src/codec/helper_protocol.h);
 * ends when the other end closes. Reads access units, writes pictures into shared memory. After
 * start-up the process gives up opening files, sockets and programs (seccomp), and is limited in
 * memory.
 */
#include <errno.h>
#include <libavcodec/avcodec.h>
#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#if HAVE_SECCOMP
#include <seccomp.h>
#endif

#include "codec/helper_protocol.h"
#include "media/packet.h"
#include "media/picture.h"

enum { MEMORY_MAX = 1024 * 1024 * 1024, ROW_ALIGNMENT = 32, SIDE_MAX = 8192 };

struct helper {
    AVCodecContext *decoder;
    AVPacket *packet;
    AVFrame *frame;
    uint8_t *input; /* PACKET_SIZE_MAX at most, grown */
    size_t input_capacity;
    uint8_t *memory; /* HELPER_SLOTS × slot_size */
    size_t slot_size;
    int memory_fd; /* of the current generation */
    uint32_t generation;
    bool is_fd_sent;
    bool is_lent[HELPER_SLOTS];
};

/* ---- socket ---- */

static bool read_all(void *out, size_t size)
{
    uint8_t *at = out;
    while (size > 0) {
        const ssize_t n = read(HELPER_SOCKET_FD, at, size);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return false;
        }
        at += n;
        size -= (size_t)n;
    }
    return true;
}

/* The message, its payload, and a descriptor when fd >= 0. */
static bool send_message(struct helper_message *m, const void *payload, size_t size, int fd)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    m->version = HELPER_VERSION;
    m->payload_size = (uint32_t)size;
    struct iovec parts[2] = {{m, sizeof(*m)}, {(void *)(uintptr_t)payload, size}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = size > 0 ? 2 : 1};
    if (fd >= 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof(control.bytes);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(header), &fd, sizeof(int));
    }
    /* far below a socket buffer: a stream socket takes it whole */
    return sendmsg(HELPER_SOCKET_FD, &message, MSG_NOSIGNAL) == (ssize_t)(sizeof(*m) + size);
}

static bool send_nothing(void)
{
    struct helper_message m = {.type = HELPER_NOTHING};
    return send_message(&m, NULL, 0, -1);
}

static bool send_error(const char *sentence)
{
    struct helper_message m = {.type = HELPER_ERROR};
    return send_message(&m, sentence, strlen(sentence), -1);
}

/* ---- pictures ---- */

static int pixel_format_of(enum AVPixelFormat format, bool *is_full_range)
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

/* New shared memory when the picture does not fit into a slot of what there is. */
static bool ensure_memory(struct helper *h, size_t slot_size)
{
    if (h->memory && slot_size <= h->slot_size) {
        return true;
    }
    const int fd = memfd_create("avocet pictures", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, (off_t)(slot_size * HELPER_SLOTS)) < 0) {
        return false;
    }
    void *memory = mmap(NULL, slot_size * HELPER_SLOTS, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) {
        close(fd);
        return false;
    }
    if (h->memory) {
        munmap(h->memory, h->slot_size * HELPER_SLOTS);
        close(h->memory_fd);
    }
    h->memory = memory;
    h->memory_fd = fd;
    h->slot_size = slot_size;
    h->generation++;
    h->is_fd_sent = false;
    memset(h->is_lent, 0, sizeof(h->is_lent));
    return true;
}

static int free_slot(const struct helper *h)
{
    for (int i = 0; i < HELPER_SLOTS; i++) {
        if (!h->is_lent[i]) {
            return i;
        }
    }
    return -1;
}

/* Layout of the planes in a slot; returns its size. */
static size_t lay_out(const AVFrame *frame, struct helper_message *m)
{
    const int n_planes = av_pix_fmt_count_planes(frame->format);
    size_t size = 0;
    int linesizes[4];
    av_image_fill_linesizes(linesizes, frame->format, frame->width);
    for (int i = 0; i < n_planes && i < 3; i++) {
        const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(frame->format);
        const int shift = i > 0 ? d->log2_chroma_h : 0;
        const int n_rows = (frame->height + (1 << shift) - 1) >> shift;
        const int stride = (linesizes[i] + ROW_ALIGNMENT - 1) / ROW_ALIGNMENT * ROW_ALIGNMENT;
        m->offsets[i] = (uint32_t)size;
        m->strides[i] = (uint32_t)stride;
        size += (size_t)stride * (size_t)n_rows;
    }
    return size;
}

static void copy_planes(const struct helper *h, const AVFrame *frame,
                        const struct helper_message *m)
{
    uint8_t *slot = h->memory + (size_t)m->slot * h->slot_size;
    uint8_t *planes[4] = {slot + m->offsets[0], slot + m->offsets[1], slot + m->offsets[2], NULL};
    int strides[4] = {(int)m->strides[0], (int)m->strides[1], (int)m->strides[2], 0};
    av_image_copy(planes, strides, (const uint8_t **)frame->data, frame->linesize, frame->format,
                  frame->width, frame->height);
}

static bool send_picture(struct helper *h)
{
    const AVFrame *frame = h->frame;
    bool is_full_range = false;
    const int format = pixel_format_of(frame->format, &is_full_range);
    struct helper_message m = {
        .type = HELPER_PICTURE,
        .width = (uint32_t)(frame->width & ~1),
        .height = (uint32_t)(frame->height & ~1),
        .pixel_format = (uint32_t)format,
        .is_full_range = is_full_range || frame->color_range == AVCOL_RANGE_JPEG,
    };
    if (format < 0) {
        return send_error(
            "the H.264 has a pixel format that is not handled: 8-bit 4:2:0 or 4:2:2 is");
    }
    if (frame->width > SIDE_MAX || frame->height > SIDE_MAX) {
        return send_error("the H.264 picture is larger than 8192 pixels on a side");
    }
    if (!ensure_memory(h, lay_out(frame, &m))) {
        return send_error("out of memory for decoded pictures");
    }
    const int slot = free_slot(h);
    if (slot < 0) {
        return send_nothing();
    }
    m.slot = (uint32_t)slot;
    m.generation = h->generation;
    m.slot_size = (uint32_t)h->slot_size;
    copy_planes(h, frame, &m);
    h->is_lent[slot] = true;
    const int fd = h->is_fd_sent ? -1 : h->memory_fd;
    h->is_fd_sent = true;
    return send_message(&m, NULL, 0, fd);
}

/* ---- decoding ---- */

static bool read_input(struct helper *h, size_t size)
{
    const size_t needed = size + AV_INPUT_BUFFER_PADDING_SIZE;
    if (needed > h->input_capacity) {
        uint8_t *grown = realloc(h->input, needed);
        if (!grown) {
            return false;
        }
        h->input = grown;
        h->input_capacity = needed;
    }
    memset(h->input + size, 0, AV_INPUT_BUFFER_PADDING_SIZE);
    return read_all(h->input, size);
}

static bool decode(struct helper *h, size_t size)
{
    if (size > PACKET_SIZE_MAX || !read_input(h, size)) {
        return false;
    }
    h->packet->data = h->input;
    h->packet->size = (int)size;
    int result = avcodec_send_packet(h->decoder, h->packet);
    if (result == 0) {
        result = avcodec_receive_frame(h->decoder, h->frame);
    }
    if (result < 0) {
        return send_nothing(); /* damaged, or before the first keyframe */
    }
    const bool is_sent = send_picture(h);
    av_frame_unref(h->frame);
    return is_sent;
}

static void release(struct helper *h, const struct helper_message *m)
{
    if (m->generation == h->generation && m->slot < HELPER_SLOTS) {
        h->is_lent[m->slot] = false;
    }
}

static bool open_decoder(struct helper *h)
{
    const AVCodec *codec = avcodec_find_decoder(AV_CODEC_ID_H264);
    h->decoder = codec ? avcodec_alloc_context3(codec) : NULL;
    h->packet = av_packet_alloc();
    h->frame = av_frame_alloc();
    if (!h->decoder || !h->packet || !h->frame) {
        return false;
    }
    h->decoder->thread_count = 1; /* frame threads would hold pictures back */
    h->decoder->flags |= AV_CODEC_FLAG_LOW_DELAY;
    h->decoder->flags2 |= AV_CODEC_FLAG2_FAST;
    av_log_set_level(AV_LOG_QUIET);
    return avcodec_open2(h->decoder, codec, NULL) == 0;
}

/* ---- sandbox ---- */

static bool forbid_system_calls(void)
{
#if HAVE_SECCOMP
    static const int allowed[] = {
        SCMP_SYS(read),
        SCMP_SYS(write),
        SCMP_SYS(recvmsg),
        SCMP_SYS(sendmsg),
        SCMP_SYS(mmap),
        SCMP_SYS(munmap),
        SCMP_SYS(mremap),
        SCMP_SYS(mprotect),
        SCMP_SYS(madvise),
        SCMP_SYS(brk),
        SCMP_SYS(futex),
        SCMP_SYS(memfd_create),
        SCMP_SYS(ftruncate),
        SCMP_SYS(close),
        SCMP_SYS(exit),
        SCMP_SYS(exit_group),
        SCMP_SYS(clock_gettime),
        SCMP_SYS(gettimeofday),
        SCMP_SYS(rt_sigreturn),
        SCMP_SYS(getrandom),
        SCMP_SYS(sched_yield),
        SCMP_SYS(mmap2),
        SCMP_SYS(ftruncate64),
        SCMP_SYS(clock_gettime64),
        SCMP_SYS(restart_syscall),
        SCMP_SYS(sigaltstack),
        SCMP_SYS(rt_sigprocmask),
        SCMP_SYS(getpid),
        SCMP_SYS(gettid),
        SCMP_SYS(tgkill),
    };
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    bool is_good = filter != NULL;
    for (size_t i = 0; is_good && i < sizeof(allowed) / sizeof(allowed[0]); i++) {
        /* numbers that this machine does not have are refused by the library: harmless */
        seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
    }
    is_good = is_good && seccomp_load(filter) == 0;
    seccomp_release(filter);
    return is_good;
#else
    return true;
#endif
}

static void limit(int resource, rlim_t value)
{
    const struct rlimit l = {.rlim_cur = value, .rlim_max = value};
    setrlimit(resource, &l);
}

static bool enter_sandbox(void)
{
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_NOFILE, 16);
#if !AVOCET_SANITIZED
    limit(RLIMIT_AS, MEMORY_MAX);
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && forbid_system_calls();
#else
    return true; /* the sanitizers' run-time needs more calls and address space */
#endif
}

int main(void)
{
    struct helper h = {.memory_fd = -1};
    struct helper_message m;
    prctl(PR_SET_PDEATHSIG, 9 /* SIGKILL */);
    if (!open_decoder(&h) || !enter_sandbox()) {
        send_error("the helper program cannot start its decoder or its sandbox");
        return 1;
    }
    while (read_all(&m, sizeof(m)) && m.version == HELPER_VERSION) {
        if (m.type == HELPER_RELEASE) {
            release(&h, &m);
        } else if (m.type != HELPER_DECODE || !decode(&h, m.payload_size)) {
            break;
        }
    }
    return 0;
}
