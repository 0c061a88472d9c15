#include "link.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

bool link_read(void *out, size_t size)
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

static void attach(struct msghdr *message, void *control, size_t size, int fd)
{
    message->msg_control = control;
    message->msg_controllen = size;
    struct cmsghdr *header = CMSG_FIRSTHDR(message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &fd, sizeof(int));
}

bool link_send(struct helper_message *m, const void *payload, size_t size, int fd)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    m->version = HELPER_VERSION;
    m->payload_size = (uint32_t)size;
    size_t sent = 0;
    while (sent < sizeof(*m) + size) {
        const size_t head = sent < sizeof(*m) ? sent : sizeof(*m);
        const size_t body = sent - head;
        struct iovec parts[2] = {{(uint8_t *)m + head, sizeof(*m) - head},
                                 {(uint8_t *)(uintptr_t)payload + body, size - body}};
        struct msghdr message = {.msg_iov = parts, .msg_iovlen = size > 0 ? 2 : 1};
        if (fd >= 0 && sent == 0) {
            attach(&message, control.bytes, sizeof(control.bytes), fd);
        }
        const ssize_t n = sendmsg(HELPER_SOCKET_FD, &message, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR) {
            return false;
        }
        sent += n > 0 ? (size_t)n : 0;
    }
    return true;
}

bool link_send_error(const char *sentence)
{
    struct helper_message m = {.type = HELPER_ERROR};
    return link_send(&m, sentence, strnlen(sentence, HELPER_SENTENCE_MAX), -1);
}
