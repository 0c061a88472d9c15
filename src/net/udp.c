#include "net/udp.h"

#include <errno.h>
#include <linux/filter.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103 /* linux/udp.h, since 4.18 */
#endif

/* Room for IP_PKTINFO or IPV6_PKTINFO, and UDP_SEGMENT. */
union control {
    char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(uint16_t))];
    struct cmsghdr align;
};

static void set_buffer_size(int fd, int force_option, int option)
{
    const int size = UDP_BUFFER_SIZE;
    if (setsockopt(fd, SOL_SOCKET, force_option, &size, sizeof(size)) < 0) {
        setsockopt(fd, SOL_SOCKET, option, &size, sizeof(size)); /* as much as the system allows */
    }
}

static void set_options(const struct udp_socket *s)
{
    const int on = 1;
    set_buffer_size(s->fd, SO_SNDBUFFORCE, SO_SNDBUF);
    set_buffer_size(s->fd, SO_RCVBUFFORCE, SO_RCVBUF);
    if (s->address.version == 6) {
        const int ignore_path_mtu = IPV6_PMTUDISC_OMIT;
        setsockopt(s->fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
        setsockopt(s->fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &ignore_path_mtu,
                   sizeof(ignore_path_mtu));
        setsockopt(s->fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on));
    } else {
        const int ignore_path_mtu = IP_PMTUDISC_OMIT;
        setsockopt(s->fd, IPPROTO_IP, IP_MTU_DISCOVER, &ignore_path_mtu, sizeof(ignore_path_mtu));
        setsockopt(s->fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on));
    }
}

static bool kernel_has_gso(int fd)
{
    int size = 0;
    socklen_t n = sizeof(size);
    return getsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &size, &n) == 0;
}

static bool is_any_address(const struct endpoint *e)
{
    static const uint8_t zeros[16];
    return memcmp(e->ip, zeros, e->version == 6 ? 16 : 4) == 0;
}

static int bind_to(struct udp_socket *s)
{
    struct sockaddr_storage address;
    socklen_t size = endpoint_to_sockaddr(&s->address, &address);
    if (bind(s->fd, (const struct sockaddr *)&address, size) < 0) {
        return -errno;
    }
    size = sizeof(address);
    if (getsockname(s->fd, (struct sockaddr *)&address, &size) < 0) {
        return -errno;
    }
    return endpoint_from_sockaddr((const struct sockaddr *)&address, &s->address);
}

/* Have the kernel drop whatever does not come from this very address: a packet that does was sent
 * on this machine, for the kernel takes no such packet from outside (IPv4), or cannot be answered
 * from there. The source lies at byte 12 of an IPv4 header and at byte 8 of an IPv6 header. */
static int accept_own_address_only(int fd, const struct endpoint *e)
{
    struct sock_filter code[10];
    unsigned short n = 0;
    const unsigned n_words = e->version == 6 ? 4 : 1;
    const uint32_t source = (uint32_t)SKF_NET_OFF + (e->version == 6 ? 8 : 12);
    for (unsigned i = 0; i < n_words; i++) {
        const uint8_t n_to_drop = (uint8_t)(2 * (n_words - i) - 1);
        code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, source + 4 * i);
        code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
                                                 bytes_get_u32(e->ip + 4 * i), 0, n_to_drop);
    }
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, UINT32_MAX);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0);
    const struct sock_fprog program = {.len = n, .filter = code};
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ? -errno : 0;
}

static int open_at(struct udp_socket *s, const struct endpoint *address, bool is_inside)
{
    *s = (struct udp_socket){.fd = -1,
                             .address = *address,
                             .is_wildcard = is_any_address(address),
                             .is_inside = is_inside};
    const int family = address->version == 6 ? AF_INET6 : AF_INET;
    s->fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP);
    if (s->fd < 0) {
        return -errno;
    }
    set_options(s);
    s->has_gso = kernel_has_gso(s->fd);
    int status = is_inside ? accept_own_address_only(s->fd, address) : 0;
    status = status < 0 ? status : bind_to(s);
    if (status < 0) {
        udp_close(s);
    }
    return status;
}

int udp_open(struct udp_socket *s, const struct endpoint *address)
{
    return open_at(s, address, false);
}

int udp_open_inside(struct udp_socket *s, const struct endpoint *address)
{
    return open_at(s, address, true);
}

int udp_set_multicast(struct udp_socket *s, uint8_t ttl)
{
    const int hops = ttl;
    const int on = 1;
    struct in_addr interface;
    memcpy(&interface, s->address.ip, sizeof(interface));
    if (s->address.version != 4) {
        return -EAFNOSUPPORT;
    }
    if (setsockopt(s->fd, IPPROTO_IP, IP_MULTICAST_IF, &interface, sizeof(interface)) < 0 ||
        setsockopt(s->fd, IPPROTO_IP, IP_MULTICAST_TTL, &hops, sizeof(hops)) < 0 ||
        setsockopt(s->fd, IPPROTO_IP, IP_MULTICAST_LOOP, &on, sizeof(on)) < 0) {
        return -errno;
    }
    return 0;
}

void udp_close(struct udp_socket *s)
{
    if (s->fd >= 0) {
        close(s->fd);
    }
    s->fd = -1;
}

/* ---- receiving ---- */

/* Which of our addresses the datagram was sent to. */
static void read_local(struct msghdr *m, struct endpoint *local)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;
            memcpy(&info, CMSG_DATA(c), sizeof(info));
            local->version = 4;
            memcpy(local->ip, &info.ipi_addr, 4);
        } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;
            memcpy(&info, CMSG_DATA(c), sizeof(info));
            local->version = 6;
            memcpy(local->ip, &info.ipi6_addr, 16);
        }
    }
}

static bool read_path(struct udp_socket *s, struct msghdr *m, struct udp_path *path)
{
    const struct sockaddr_storage *remote = m->msg_name;
    *path = (struct udp_path){.socket = s};
    if (endpoint_from_sockaddr((const struct sockaddr *)remote, &path->remote) < 0) {
        return false;
    }
    if (remote->ss_family == AF_INET6) {
        path->scope_id = ((const struct sockaddr_in6 *)remote)->sin6_scope_id;
    }
    if (s->is_wildcard) {
        read_local(m, &path->local);
    }
    return true;
}

struct receive_call {
    struct mmsghdr messages[UDP_BATCH];
    struct iovec iov[UDP_BATCH];
    struct sockaddr_storage remotes[UDP_BATCH];
    union control controls[UDP_BATCH];
};

static void prepare_receive(struct receive_call *call, struct udp_batch *batch)
{
    for (unsigned i = 0; i < UDP_BATCH; i++) {
        call->iov[i] = (struct iovec){batch->bytes[i], UDP_RECEIVE_SIZE_MAX};
        call->messages[i].msg_hdr = (struct msghdr){
            .msg_name = &call->remotes[i],
            .msg_namelen = sizeof(call->remotes[i]),
            .msg_iov = &call->iov[i],
            .msg_iovlen = 1,
            .msg_control = &call->controls[i],
            .msg_controllen = sizeof(call->controls[i]),
        };
    }
}

bool udp_receive(struct udp_socket *s, struct udp_batch *batch)
{
    struct receive_call call;
    batch->n_datagrams = 0;
    prepare_receive(&call, batch);
    const int n = recvmmsg(s->fd, call.messages, UDP_BATCH, MSG_DONTWAIT, NULL);
    for (int i = 0; i < n; i++) {
        struct msghdr *m = &call.messages[i].msg_hdr;
        struct udp_datagram *d = &batch->datagrams[batch->n_datagrams];
        s->stats.n_received++;
        if (m->msg_flags & MSG_TRUNC) {
            s->stats.n_truncated++;
        } else if (read_path(s, m, &d->path)) {
            d->data = batch->bytes[i];
            d->size = call.messages[i].msg_len;
            batch->n_datagrams++;
        }
    }
    return n == UDP_BATCH;
}

/* ---- sending ---- */

struct send_call {
    struct msghdr message;
    struct sockaddr_storage remote;
    union control control;
};

static void *add_control(struct send_call *call, int level, int type, size_t size)
{
    struct msghdr *m = &call->message;
    const size_t before = m->msg_controllen;
    m->msg_control = &call->control;
    m->msg_controllen = before + CMSG_SPACE(size);
    struct cmsghdr *c = (struct cmsghdr *)(void *)(call->control.bytes + before);
    *c = (struct cmsghdr){.cmsg_level = level, .cmsg_type = type, .cmsg_len = CMSG_LEN(size)};
    return CMSG_DATA(c);
}

static void add_local(struct send_call *call, const struct udp_path *path)
{
    if (path->local.version == 4) {
        struct in_pktinfo info = {0};
        memcpy(&info.ipi_spec_dst, path->local.ip, 4);
        memcpy(add_control(call, IPPROTO_IP, IP_PKTINFO, sizeof(info)), &info, sizeof(info));
    } else if (path->local.version == 6) {
        struct in6_pktinfo info = {.ipi6_ifindex = path->scope_id};
        memcpy(&info.ipi6_addr, path->local.ip, 16);
        memcpy(add_control(call, IPPROTO_IPV6, IPV6_PKTINFO, sizeof(info)), &info, sizeof(info));
    }
}

static void prepare_send(struct send_call *call, const struct udp_path *path)
{
    call->message = (struct msghdr){
        .msg_name = &call->remote,
        .msg_namelen = endpoint_to_sockaddr(&path->remote, &call->remote),
    };
    if (call->remote.ss_family == AF_INET6) {
        ((struct sockaddr_in6 *)&call->remote)->sin6_scope_id = path->scope_id;
    }
    add_local(call, path);
}

/* Count n datagrams that were not sent. */
static int note_lost(struct udp_socket *s, unsigned n, int error)
{
    if (error == EAGAIN || error == ENOBUFS) {
        s->stats.n_full += n;
    } else {
        s->stats.n_failed += n;
    }
    return -error;
}

static void note_sent(struct udp_socket *s, unsigned n, size_t size)
{
    s->stats.n_sent += n;
    s->stats.n_bytes_sent += size;
}

int udp_send(const struct udp_path *path, struct bytes datagram)
{
    struct udp_socket *s = path->socket;
    struct send_call call;
    prepare_send(&call, path);
    struct iovec iov = {(void *)datagram.data, datagram.size};
    call.message.msg_iov = &iov;
    call.message.msg_iovlen = 1;
    s->stats.n_sends++;
    if (sendmsg(s->fd, &call.message, MSG_NOSIGNAL) < 0) {
        return note_lost(s, 1, errno);
    }
    note_sent(s, 1, datagram.size);
    return 0;
}

/* Datagrams of one size, the last may be shorter: all in one part, or each in n_parts_each. */
struct run {
    const struct iovec *parts;
    unsigned n_parts_each; /* 0: one part for all */
    unsigned n_datagrams;
    size_t datagram_size;
    size_t size;
};

static int send_segmented(struct send_call *call, struct udp_socket *s, const struct run *r)
{
    const size_t control_size = call->message.msg_controllen;
    const uint16_t segment = (uint16_t)r->datagram_size;
    call->message.msg_iov = (struct iovec *)(uintptr_t)r->parts;
    call->message.msg_iovlen = r->n_parts_each ? r->n_datagrams * r->n_parts_each : 1;
    memcpy(add_control(call, IPPROTO_UDP, UDP_SEGMENT, sizeof(segment)), &segment, sizeof(segment));
    s->stats.n_sends++;
    const int status = sendmsg(s->fd, &call->message, MSG_NOSIGNAL) < 0 ? -errno : 0;
    call->message.msg_controllen = control_size;
    if (control_size == 0) {
        call->message.msg_control = NULL;
    }
    return status;
}

static size_t size_of_datagram(const struct run *r, unsigned i)
{
    const size_t at = i * r->datagram_size;
    const size_t left = r->size - at;
    return left < r->datagram_size ? left : r->datagram_size;
}

static int send_separately(const struct send_call *call, struct udp_socket *s, const struct run *r)
{
    struct mmsghdr messages[UDP_RUN_DATAGRAMS_MAX];
    struct iovec iov[UDP_RUN_DATAGRAMS_MAX];
    const unsigned n =
        r->n_datagrams < UDP_RUN_DATAGRAMS_MAX ? r->n_datagrams : (unsigned)UDP_RUN_DATAGRAMS_MAX;
    for (unsigned i = 0; i < n; i++) {
        const struct iovec *parts = r->parts + i * r->n_parts_each;
        if (r->n_parts_each == 0) {
            iov[i] = (struct iovec){(uint8_t *)r->parts->iov_base + i * r->datagram_size,
                                    size_of_datagram(r, i)};
            parts = &iov[i];
        }
        messages[i].msg_hdr = call->message;
        messages[i].msg_hdr.msg_iov = (struct iovec *)(uintptr_t)parts;
        messages[i].msg_hdr.msg_iovlen = r->n_parts_each ? r->n_parts_each : 1;
    }
    unsigned n_sent = 0;
    while (n_sent < n) {
        s->stats.n_sends++;
        const int k = sendmmsg(s->fd, messages + n_sent, n - n_sent, MSG_NOSIGNAL);
        if (k <= 0) {
            const int status = note_lost(s, n - n_sent, errno);
            return n_sent > 0 ? (int)n_sent : status;
        }
        for (int i = 0; i < k; i++) {
            note_sent(s, 1, size_of_datagram(r, n_sent++));
        }
    }
    return (int)n;
}

static int send_run(const struct udp_path *path, const struct run *r)
{
    struct udp_socket *s = path->socket;
    struct send_call call;
    prepare_send(&call, path);
    if (!s->has_gso || r->n_datagrams <= 1) {
        return send_separately(&call, s, r);
    }
    int status = send_segmented(&call, s, r);
    if (status == 0) {
        note_sent(s, r->n_datagrams, r->size);
        return (int)r->n_datagrams;
    }
    if (status != -EIO && status != -EINVAL) {
        return note_lost(s, r->n_datagrams, -status);
    }
    status = send_separately(&call, s, r);
    if (status >= 0) {
        s->has_gso = false; /* it was GSO that the kernel or the card refused: never again here */
    }
    return status;
}

int udp_send_run(const struct udp_path *path, struct bytes datagrams, size_t datagram_size)
{
    const struct iovec all = {(void *)(uintptr_t)datagrams.data, datagrams.size};
    const struct run run = {
        .parts = &all,
        .n_datagrams = (unsigned)((datagrams.size + datagram_size - 1) / datagram_size),
        .datagram_size = datagram_size,
        .size = datagrams.size,
    };
    if (run.n_datagrams <= 1) {
        const int status = udp_send(path, datagrams);
        return status < 0 ? status : 1;
    }
    return send_run(path, &run);
}

int udp_send_pieces(const struct udp_path *path, const struct udp_pieces *datagrams, unsigned n)
{
    struct iovec parts[2 * UDP_RUN_DATAGRAMS_MAX];
    struct run run = {
        .parts = parts,
        .n_parts_each = 2,
        .n_datagrams = n < UDP_RUN_DATAGRAMS_MAX ? n : (unsigned)UDP_RUN_DATAGRAMS_MAX,
        .datagram_size = datagrams[0].head.size + datagrams[0].body.size,
    };
    for (unsigned i = 0; i < run.n_datagrams; i++) {
        const struct udp_pieces *d = &datagrams[i];
        parts[2 * i] = (struct iovec){(void *)(uintptr_t)d->head.data, d->head.size};
        parts[2 * i + 1] = (struct iovec){(void *)(uintptr_t)d->body.data, d->body.size};
        run.size += d->head.size + d->body.size;
    }
    return send_run(path, &run);
}

bool udp_path_equal(const struct udp_path *a, const struct udp_path *b)
{
    return a->socket == b->socket && endpoint_equal(&a->remote, &b->remote) &&
           endpoint_equal(&a->local, &b->local) && a->scope_id == b->scope_id;
}
