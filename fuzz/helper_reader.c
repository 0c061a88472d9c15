/* What a helper program that was taken over may say: messages, and pictures in its memory. */
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "helper/helper_memory.h"
#include "helper/helper_reader.h"

enum { SLOT_SIZE = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct helper_memory *make_memory(uint32_t generation)
{
    const struct helper_message m = {.slot_size = SLOT_SIZE, .generation = generation};
    const int fd = memfd_create("pictures", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (ftruncate(fd, SLOT_SIZE * HELPER_SLOTS) < 0) {
        abort();
    }
    struct helper_memory *memory = helper_memory_create(fd, &m, -1);
    close(fd);
    return memory;
}

/* Every byte that it says is there is. */
static unsigned look_at(const struct picture *p)
{
    unsigned sum = 0;
    const int n_planes = p->format == PIXEL_NV12 ? 2 : 3;
    for (int i = 0; i < n_planes; i++) {
        const bool is_halved = i > 0 && p->format != PIXEL_I422;
        const int n_rows = is_halved ? p->size.height / 2 : p->size.height;
        const int width = i == 0 || n_planes == 2 ? p->size.width : p->size.width / 2;
        for (int y = 0; y < n_rows; y++) {
            sum += p->planes[i][y * p->strides[i]] + p->planes[i][y * p->strides[i] + width - 1];
        }
    }
    return sum;
}

static void take(const struct helper_reader *r)
{
    struct picture *picture = NULL;
    if (r->message.type == HELPER_PICTURE) {
        struct helper_memory *memory = make_memory(r->message.generation);
        if (helper_memory_lend(memory, &r->message, &picture) == 0) {
            (void)look_at(picture);
            picture_unref(&picture);
        }
        helper_memory_leave(&memory);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int ends[2];
    struct helper_reader reader;
    helper_reader_init(&reader);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
        abort();
    }
    (void)!send(ends[0], data, size, MSG_DONTWAIT);
    shutdown(ends[0], SHUT_WR);
    while (helper_reader_read(&reader, ends[1]) == 0) {
        take(&reader);
    }
    helper_reader_finish(&reader);
    close(ends[0]);
    close(ends[1]);
    return 0;
}
