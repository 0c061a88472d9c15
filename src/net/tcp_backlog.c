#include "net/tcp_backlog.h"

#include <linux/sockios.h>
#include <linux/tcp.h> /* the C library's struct tcp_info may lack the rate */
#include <netinet/in.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/time.h"

int64_t tcp_backlog_estimate_ns(int64_t n_bytes, int64_t rate, int64_t round_trip_ns)
{
    if (n_bytes <= 0 || rate <= 0) {
        return 0;
    }
    if (n_bytes / rate >= TCP_BACKLOG_MAX_NS / NS_PER_S) {
        return TCP_BACKLOG_MAX_NS;
    }
    const int64_t wait_ns = n_bytes * NS_PER_S / rate - round_trip_ns;
    return wait_ns > 0 ? wait_ns : 0;
}

int64_t tcp_backlog_ns(int fd)
{
    struct tcp_info tcp = {0};
    socklen_t size = sizeof(tcp);
    int n_bytes = 0;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &tcp, &size) < 0 ||
        size < offsetof(struct tcp_info, tcpi_delivery_rate) + sizeof(tcp.tcpi_delivery_rate) ||
        ioctl(fd, SIOCOUTQ, &n_bytes) < 0) {
        return 0;
    }
    return tcp_backlog_estimate_ns(n_bytes, (int64_t)tcp.tcpi_delivery_rate,
                                   tcp.tcpi_min_rtt * NS_PER_US);
}
