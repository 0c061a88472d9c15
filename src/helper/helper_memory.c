#include "helper/helper_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

struct helper_memory {
    atomic_uint n_refs;
    atomic_int socket; /* -1 when the helper is gone */
    uint8_t *base;     /* mapped read-only; NULL: none yet */
    size_t size;
    uint32_t generation;
    /* decoding thread only */
    bool is_sending; /* part of an access unit has left */
    unsigned owed;   /* set of 1 << slot, to be released behind it */
};

/* A picture that lies in the helper's memory. */
struct lent {
    struct picture picture;
    struct helper_memory *memory;
    uint32_t slot;
};

static void memory_unref(struct helper_memory **m)
{
    struct helper_memory *old = *m;
    *m = NULL;
    if (old && atomic_fetch_sub(&old->n_refs, 1) == 1) {
        if (old->base) {
            munmap(old->base, old->size);
        }
        free(old);
    }
}

/* As large as said, and from now on never smaller: reading behind its end would be our end. */
static bool is_large_enough(int fd, size_t size)
{
    struct stat st;
    return fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) == 0 && fstat(fd, &st) == 0 &&
           (uint64_t)st.st_size >= size;
}

struct helper_memory *helper_memory_create(int fd, const struct helper_message *m, int socket)
{
    struct helper_memory *memory = calloc(1, sizeof(*memory));
    if (!memory) {
        return NULL;
    }
    memory->size = (size_t)m->slot_size * HELPER_SLOTS;
    memory->base = is_large_enough(fd, memory->size)
                       ? mmap(NULL, memory->size, PROT_READ, MAP_SHARED, fd, 0)
                       : MAP_FAILED;
    if (memory->base == MAP_FAILED) {
        free(memory);
        return NULL;
    }
    memory->generation = m->generation;
    atomic_init(&memory->n_refs, 1);
    atomic_init(&memory->socket, socket);
    return memory;
}

static void send_release(const struct helper_memory *memory, uint32_t slot)
{
    const struct helper_message m = {
        .version = HELPER_VERSION,
        .type = HELPER_RELEASE,
        .slot = slot,
        .generation = memory->generation,
    };
    const int socket = atomic_load(&memory->socket);
    if (socket >= 0) {
        (void)!send(socket, &m, sizeof(m), MSG_NOSIGNAL | MSG_DONTWAIT);
    }
}

/* On the decoding thread only: a message may not cut into an access unit being sent. */
static void release_lent(struct picture *p)
{
    struct lent *lent = (struct lent *)p;
    if (lent->memory->is_sending) {
        lent->memory->owed |= 1u << lent->slot;
    } else {
        send_release(lent->memory, lent->slot);
    }
    memory_unref(&lent->memory);
    free(lent);
}

void helper_memory_leave(struct helper_memory **m)
{
    if (*m) {
        atomic_store(&(*m)->socket, -1);
    }
    memory_unref(m);
}

void helper_memory_set_sending(struct helper_memory *memory, bool is_sending)
{
    if (!memory) {
        return;
    }
    memory->is_sending = is_sending;
    for (uint32_t slot = 0; !is_sending && slot < HELPER_SLOTS; slot++) {
        if (memory->owed & 1u << slot) {
            send_release(memory, slot);
        }
    }
    memory->owed = is_sending ? memory->owed : 0;
}

/* The helper parses hostile input: what it says is checked before it is used. */
static bool is_sane(const struct helper_message *m, const struct helper_memory *memory)
{
    if (m->pixel_format >= N_PIXEL_FORMATS ||
        pixel_format_is_packed((enum pixel_format)m->pixel_format) || m->slot >= HELPER_SLOTS ||
        m->width < 16 || m->height < 16 || m->width > 8192 || m->height > 8192 ||
        m->width % 2 != 0 || m->height % 2 != 0 || m->slot_size > memory->size) {
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

int helper_memory_lend(struct helper_memory *memory, const struct helper_message *m,
                       struct picture **out)
{
    if (!memory || m->generation != memory->generation || !is_sane(m, memory)) {
        return -EBADMSG;
    }
    struct lent *lent = calloc(1, sizeof(*lent));
    if (!lent) {
        return -ENOMEM;
    }
    const uint8_t *slot = memory->base + (size_t)m->slot * (memory->size / HELPER_SLOTS);
    atomic_fetch_add(&memory->n_refs, 1);
    lent->memory = memory;
    lent->slot = m->slot;
    lent->picture = (struct picture){
        .format = (enum pixel_format)m->pixel_format,
        .size = {(int32_t)m->width, (int32_t)m->height},
        .full_range = m->is_full_range != 0,
        .capture_ns = TIME_NONE,
        .arrival_ns = TIME_NONE,
        .pts_ns = TIME_NONE,
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
