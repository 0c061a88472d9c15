#include "helper/helper_reader.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

static void drop_fd(struct helper_reader *r)
{
    if (r->fd >= 0) {
        close(r->fd);
    }
    r->fd = -1;
}

void helper_reader_init(struct helper_reader *r)
{
    *r = (struct helper_reader){.fd = -1};
}

void helper_reader_finish(struct helper_reader *r)
{
    packet_unref(&r->payload);
    drop_fd(r);
}

static void begin_message(struct helper_reader *r)
{
    helper_reader_finish(r);
    helper_reader_init(r);
}

/* At most size bytes: > 0, or -errno. */
static ssize_t receive(struct helper_reader *r, int socket, void *out, size_t size)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec part = {out, size};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof(control.bytes)};
    const ssize_t n = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (n <= 0) {
        return n == 0 || errno == ECONNRESET ? -EPIPE : errno == EINTR ? -EAGAIN : -errno;
    }
    const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header && header->cmsg_type == SCM_RIGHTS) {
        drop_fd(r);
        memcpy(&r->fd, CMSG_DATA(header), sizeof(int));
    }
    return n;
}

static bool is_sane(const struct helper_message *m)
{
    const size_t max = m->type == HELPER_UNIT                                ? PACKET_SIZE_MAX
                       : m->type == HELPER_OPENED || m->type == HELPER_ERROR ? HELPER_SENTENCE_MAX
                                                                             : 0;
    const bool is_unit =
        m->type != HELPER_UNIT || (m->unit < N_HELPER_UNITS && m->payload_size > 0);
    const bool is_known = m->type == HELPER_PICTURE || max > 0;
    return m->version == HELPER_VERSION && is_known && is_unit && m->payload_size <= max;
}

static int read_head(struct helper_reader *r, int socket)
{
    while (r->n_head < sizeof(r->message)) {
        const ssize_t n =
            receive(r, socket, (uint8_t *)&r->message + r->n_head, sizeof(r->message) - r->n_head);
        if (n < 0) {
            return (int)n;
        }
        r->n_head += (size_t)n;
    }
    return is_sane(&r->message) ? 0 : -EBADMSG;
}

static int read_payload(struct helper_reader *r, int socket)
{
    const size_t size = r->message.payload_size;
    if (size > 0 && !r->payload) {
        r->payload = packet_create(size);
        if (!r->payload) {
            return -ENOMEM;
        }
        r->payload->size = size;
    }
    while (r->n_payload < size) {
        const ssize_t n = receive(r, socket, r->payload->data + r->n_payload, size - r->n_payload);
        if (n < 0) {
            return (int)n;
        }
        r->n_payload += (size_t)n;
    }
    return 0;
}

int helper_reader_read(struct helper_reader *r, int socket)
{
    if (r->is_whole) {
        begin_message(r);
    }
    int result = read_head(r, socket);
    if (result == 0) {
        result = read_payload(r, socket);
    }
    r->is_whole = result == 0;
    return result;
}
