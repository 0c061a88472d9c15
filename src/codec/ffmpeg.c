#include "codec/ffmpeg.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "codec/helper_protocol.h"

#ifndef AVOCET_HELPER_DIR
#define AVOCET_HELPER_DIR "/usr/libexec/avocet"
#endif

#define ANSWER_TIMEOUT_NS (2 * NS_PER_S)

enum { PATH_SIZE = 512, SENTENCE_MAX = 200 };

/* The helper's end of things, shared by the decoder and the pictures it lent. */
struct memory {
    atomic_uint n_refs;
    atomic_int socket; /* -1 when the helper is gone */
    uint8_t *base;     /* mapped read-only; NULL: none yet */
    size_t size;
    uint32_t generation;
};

struct ffmpeg {
    pid_t pid;
    int socket;
    struct memory *memory; /* of the current generation */
    const struct log *log;
};

/* A picture that lies in the helper's memory. */
struct lent {
    struct picture picture;
    struct memory *memory;
    uint32_t slot;
};

bool ffmpeg_helper_path(char *out, size_t size)
{
    const char *folder = getenv("AVOCET_HELPER_DIR");
    if (folder) {
        snprintf(out, size, "%s/avocet-ffmpeg", folder);
        return access(out, X_OK) == 0;
    }
    char self[PATH_SIZE];
    const ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (n > 0) {
        self[n] = '\0';
        char *slash = strrchr(self, '/');
        if (slash) {
            *slash = '\0';
            snprintf(out, size, "%s/avocet-ffmpeg", self);
            if (access(out, X_OK) == 0) {
                return true;
            }
        }
    }
    snprintf(out, size, "%s/avocet-ffmpeg", AVOCET_HELPER_DIR);
    return access(out, X_OK) == 0;
}

static const char *ffmpeg_problem(void)
{
    char path[PATH_SIZE];
    return ffmpeg_helper_path(path, sizeof(path)) ? NULL
                                                  : "the helper program avocet-ffmpeg is not "
                                                    "installed, so H.264 cannot be decoded here";
}

/* ---- memory ---- */

static void memory_unref(struct memory **m)
{
    struct memory *old = *m;
    *m = NULL;
    if (old && atomic_fetch_sub(&old->n_refs, 1) == 1) {
        if (old->base) {
            munmap(old->base, old->size);
        }
        free(old);
    }
}

static struct memory *memory_create(int fd, const struct helper_message *m, int socket)
{
    struct memory *memory = calloc(1, sizeof(*memory));
    if (!memory) {
        return NULL;
    }
    memory->size = (size_t)m->slot_size * HELPER_SLOTS;
    memory->base = mmap(NULL, memory->size, PROT_READ, MAP_SHARED, fd, 0);
    if (memory->base == MAP_FAILED) {
        free(memory);
        return NULL;
    }
    memory->generation = m->generation;
    atomic_init(&memory->n_refs, 1);
    atomic_init(&memory->socket, socket);
    return memory;
}

/* On the decoding thread only: a message may not cut into an access unit being sent. */
static void release_lent(struct picture *p)
{
    struct lent *lent = (struct lent *)p;
    const struct helper_message m = {
        .version = HELPER_VERSION,
        .type = HELPER_RELEASE,
        .slot = lent->slot,
        .generation = lent->memory->generation,
    };
    const int socket = atomic_load(&lent->memory->socket);
    if (socket >= 0) {
        (void)!send(socket, &m, sizeof(m), MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    memory_unref(&lent->memory);
    free(lent);
}

/* ---- process ---- */

static int start_helper(struct ffmpeg *f, struct option_error *error)
{
    char path[PATH_SIZE];
    int ends[2];
    if (!ffmpeg_helper_path(path, sizeof(path))) {
        snprintf(error->sentence, sizeof(error->sentence), "%s", ffmpeg_problem());
        return -ENOTSUP;
    }
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
        snprintf(error->sentence, sizeof(error->sentence), "no socket for the helper: %s",
                 strerror(errno));
        return -errno;
    }
    const pid_t pid = fork();
    if (pid == 0) {
        /* only async-signal-safe calls between fork and exec */
        if (ends[1] == HELPER_SOCKET_FD) {
            fcntl(ends[1], F_SETFD, 0);
        } else {
            dup2(ends[1], HELPER_SOCKET_FD);
        }
        execl(path, "avocet-ffmpeg", (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        snprintf(error->sentence, sizeof(error->sentence), "the helper program cannot start: %s",
                 strerror(errno));
        return -EAGAIN;
    }
    f->pid = pid;
    f->socket = ends[0];
    return 0;
}

static int ffmpeg_open(void *state, const struct log *log, struct option_error *error)
{
    struct ffmpeg *f = state;
    f->socket = -1;
    f->log = log;
    return start_helper(f, error);
}

static void ffmpeg_close(void *state)
{
    struct ffmpeg *f = state;
    if (f->memory) {
        atomic_store(&f->memory->socket, -1);
    }
    memory_unref(&f->memory);
    if (f->pid > 0) {
        close(f->socket);
        kill(f->pid, SIGKILL); /* it holds nothing that needs an orderly end */
        waitpid(f->pid, NULL, 0);
    }
    f->pid = 0;
    f->socket = -1;
}

/* ---- dialogue ---- */

static int fail(struct option_error *error, int result, const char *sentence)
{
    snprintf(error->sentence, sizeof(error->sentence), "%s", sentence);
    return result;
}

static int wait_for(int socket, short events, int64_t deadline_ns)
{
    for (;;) {
        const int64_t left_ns = deadline_ns - time_monotonic_ns();
        if (left_ns <= 0) {
            return -ETIMEDOUT;
        }
        struct pollfd p = {.fd = socket, .events = events};
        const int n = poll(&p, 1, (int)(left_ns / NS_PER_MS) + 1);
        if (n > 0) {
            return 0;
        }
        if (n < 0 && errno != EINTR) {
            return -errno;
        }
    }
}

static int send_all(int socket, const void *data, size_t size, int64_t deadline_ns)
{
    const uint8_t *at = data;
    while (size > 0) {
        const ssize_t n = send(socket, at, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0) {
            at += n;
            size -= (size_t)n;
            continue;
        }
        const int result = n < 0 && errno != EAGAIN && errno != EINTR
                               ? -errno
                               : wait_for(socket, POLLOUT, deadline_ns);
        if (result < 0) {
            return result;
        }
    }
    return 0;
}

/* Exactly size bytes; a descriptor that came with them goes to *fd (when fd is not NULL). */
static int receive_all(int socket, void *out, size_t size, int *fd, int64_t deadline_ns)
{
    uint8_t *at = out;
    while (size > 0) {
        union {
            struct cmsghdr header;
            char bytes[CMSG_SPACE(sizeof(int))];
        } control;
        struct iovec part = {at, size};
        struct msghdr message = {.msg_iov = &part,
                                 .msg_iovlen = 1,
                                 .msg_control = control.bytes,
                                 .msg_controllen = sizeof(control.bytes)};
        const ssize_t n = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (n == 0) {
            return -EPIPE;
        }
        if (n < 0) {
            const int result =
                errno != EAGAIN && errno != EINTR ? -errno : wait_for(socket, POLLIN, deadline_ns);
            if (result < 0) {
                return result;
            }
            continue;
        }
        const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        if (fd && header && header->cmsg_type == SCM_RIGHTS) {
            memcpy(fd, CMSG_DATA(header), sizeof(int));
        }
        at += n;
        size -= (size_t)n;
    }
    return 0;
}

/* The helper parses hostile input: what it says is checked before it is used. */
static bool is_sane(const struct helper_message *m, const struct memory *memory)
{
    if (m->pixel_format >= N_PIXEL_FORMATS ||
        pixel_format_is_packed((enum pixel_format)m->pixel_format) || m->slot >= HELPER_SLOTS ||
        m->width < 16 || m->height < 16 || m->width > 8192 || m->height > 8192 ||
        m->slot_size > memory->size) {
        return false;
    }
    const int n_planes = m->pixel_format == PIXEL_NV12 ? 2 : 3;
    for (int i = 0; i < n_planes; i++) {
        const uint32_t width = i == 0 || n_planes == 2 ? m->width : m->width / 2;
        const bool is_halved = i > 0 && m->pixel_format != PIXEL_I422;
        const uint64_t n_rows = is_halved ? m->height / 2 : m->height;
        if (m->strides[i] < width || m->strides[i] > 65536 ||
            m->offsets[i] + n_rows * m->strides[i] > memory->size / HELPER_SLOTS) {
            return false;
        }
    }
    return true;
}

static int take_picture(struct ffmpeg *f, const struct helper_message *m, int fd,
                        const struct packet *packet, struct picture **out,
                        struct option_error *error)
{
    if (fd >= 0) {
        if (f->memory) {
            atomic_store(&f->memory->socket, -1);
        }
        memory_unref(&f->memory);
        f->memory = memory_create(fd, m, f->socket);
        close(fd);
    }
    if (!f->memory || m->generation != f->memory->generation || !is_sane(m, f->memory)) {
        return fail(error, -EBADMSG, "the helper program answered nonsense");
    }
    struct lent *lent = calloc(1, sizeof(*lent));
    if (!lent) {
        return fail(error, -ENOMEM, "out of memory");
    }
    const uint8_t *slot = f->memory->base + (size_t)m->slot * (f->memory->size / HELPER_SLOTS);
    atomic_fetch_add(&f->memory->n_refs, 1);
    lent->memory = f->memory;
    lent->slot = m->slot;
    lent->picture = (struct picture){
        .format = (enum pixel_format)m->pixel_format,
        .size = {(int32_t)m->width, (int32_t)m->height},
        .full_range = m->is_full_range != 0,
        .capture_ns = packet->capture_ns,
        .arrival_ns = packet->arrival_ns,
        .pts_ns = packet->pts_ns,
        .flags = packet->flags & PACKET_DISCONTINUITY,
        .release = release_lent,
    };
    for (int i = 0; i < PICTURE_PLANES_MAX; i++) {
        lent->picture.planes[i] = m->strides[i] > 0 ? slot + m->offsets[i] : NULL;
        lent->picture.strides[i] = (int)m->strides[i];
    }
    atomic_init(&lent->picture.n_refs, 1);
    *out = &lent->picture;
    return 0;
}

static int read_error(struct ffmpeg *f, const struct helper_message *m, int64_t deadline_ns,
                      struct option_error *error)
{
    char sentence[SENTENCE_MAX + 1] = "";
    const size_t size = m->payload_size < SENTENCE_MAX ? m->payload_size : SENTENCE_MAX;
    const int result = receive_all(f->socket, sentence, size, NULL, deadline_ns);
    return result < 0 ? result : fail(error, -ENOTSUP, sentence);
}

static int read_answer(struct ffmpeg *f, const struct packet *packet, int64_t deadline_ns,
                       struct picture **out, struct option_error *error)
{
    struct helper_message m;
    int fd = -1;
    int result = receive_all(f->socket, &m, sizeof(m), &fd, deadline_ns);
    if (result == 0 && m.version == HELPER_VERSION && m.type == HELPER_PICTURE) {
        return take_picture(f, &m, fd, packet, out, error);
    }
    if (fd >= 0) {
        close(fd);
    }
    if (result < 0) {
        return result;
    }
    if (m.type == HELPER_NOTHING) {
        return -EAGAIN;
    }
    return m.type == HELPER_ERROR ? read_error(f, &m, deadline_ns, error) : -EBADMSG;
}

static int ffmpeg_decode(void *state, const struct packet *packet, const struct track *track,
                         struct picture **out, struct option_error *error)
{
    struct ffmpeg *f = state;
    const int64_t deadline_ns = time_monotonic_ns() + ANSWER_TIMEOUT_NS;
    const struct helper_message m = {
        .version = HELPER_VERSION, .type = HELPER_DECODE, .payload_size = (uint32_t)packet->size};
    error->sentence[0] = '\0';
    int result = send_all(f->socket, &m, sizeof(m), deadline_ns);
    if (result == 0) {
        result = send_all(f->socket, packet->data, packet->size, deadline_ns);
    }
    if (result == 0) {
        result = read_answer(f, packet, deadline_ns, out, error);
    }
    if (result < 0 && result != -EAGAIN && error->sentence[0] == '\0') {
        fail(error, result,
             result == -ETIMEDOUT ? "the helper program avocet-ffmpeg does not answer"
                                  : "the helper program avocet-ffmpeg ended unexpectedly");
    }
    return result;
}

const struct decoder_type decoder_ffmpeg = {
    .name = "ffmpeg",
    .summary = "H.264 decoder in the helper program avocet-ffmpeg, only while it is needed",
    .takes = CODEC_H264,
    .state_size = sizeof(struct ffmpeg),
    .open = ffmpeg_open,
    .decode = ffmpeg_decode,
    .close = ffmpeg_close,
    .problem = ffmpeg_problem,
};
