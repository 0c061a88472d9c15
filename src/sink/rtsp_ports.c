#include "sink/rtsp_ports.h"

#include <errno.h>
#include <stdlib.h>

#include "sink/rtsp_connections.h"

/* ---- opening ---- */

/* Any free port for one of the two; its neighbour may be taken. */
static int try_pair(const struct endpoint *local, struct udp_socket *rtp, struct udp_socket *rtcp)
{
    struct endpoint at = *local;
    struct udp_socket any;
    at.port = 0;
    int result = udp_open(&any, &at);
    if (result < 0) {
        return result;
    }
    const bool is_even = any.address.port % 2 == 0;
    at.port = (uint16_t)(is_even ? any.address.port + 1 : any.address.port - 1);
    result = udp_open(is_even ? rtcp : rtp, &at);
    if (result < 0) {
        udp_close(&any);
        return result;
    }
    *(is_even ? rtp : rtcp) = any;
    return 0;
}

int rtsp_ports_open_pair(const struct endpoint *local, struct udp_socket *rtp,
                         struct udp_socket *rtcp)
{
    int result = -EADDRINUSE;
    for (int i = 0; result == -EADDRINUSE && i < RTSP_PORTS_TRIES; i++) {
        result = try_pair(local, rtp, rtcp);
    }
    return result;
}

/* ---- receiving ---- */

static void receive(struct rtsp_ports *p, struct udp_socket *socket, bool is_rtcp)
{
    struct udp_batch *batch = p->server->batch;
    bool has_more = true;
    while (has_more) {
        has_more = udp_receive(socket, batch);
        for (unsigned i = 0; is_rtcp && i < batch->n_datagrams; i++) {
            const struct udp_datagram *d = &batch->datagrams[i];
            rtsp_connections_receive(p->server, &d->path, bytes_of(d->data, d->size));
        }
    }
}

/* What players send here only opens the way through their router. */
static void on_rtp(struct loop_watch *w, unsigned events)
{
    struct rtsp_ports *p = list_entry(w, struct rtsp_ports, rtp_watch);
    receive(p, &p->rtp, false);
}

static void on_rtcp(struct loop_watch *w, unsigned events)
{
    struct rtsp_ports *p = list_entry(w, struct rtsp_ports, rtcp_watch);
    receive(p, &p->rtcp, true);
}

/* ---- life ---- */

static void destroy(struct rtsp_ports *p)
{
    loop_watch_finish(&p->rtp_watch);
    loop_watch_finish(&p->rtcp_watch);
    udp_close(&p->rtp);
    udp_close(&p->rtcp);
    list_remove(&p->link);
    p->server->n_ports--;
    free(p);
}

static int watch(struct rtsp_ports *p)
{
    struct loop *loop = p->server->sink.env->loop;
    loop_watch_init(&p->rtp_watch, loop, p->rtp.fd, on_rtp);
    loop_watch_init(&p->rtcp_watch, loop, p->rtcp.fd, on_rtcp);
    const int result = loop_watch_set(&p->rtp_watch, LOOP_READ);
    return result < 0 ? result : loop_watch_set(&p->rtcp_watch, LOOP_READ);
}

static int create(struct rtsp_server *s, const struct endpoint *local, struct rtsp_ports **out)
{
    s->batch = s->batch ? s->batch : malloc(sizeof(*s->batch));
    struct rtsp_ports *p = calloc(1, sizeof(*p));
    if (!s->batch || !p) {
        free(p);
        return -ENOMEM;
    }
    int result = rtsp_ports_open_pair(local, &p->rtp, &p->rtcp);
    if (result < 0) {
        free(p);
        return result;
    }
    p->server = s;
    s->n_ports++;
    list_append(&s->ports, &p->link);
    result = watch(p);
    if (result < 0) {
        destroy(p);
        return result;
    }
    *out = p;
    return 0;
}

static bool is_same_ip(const struct endpoint *a, const struct endpoint *b)
{
    struct endpoint with_port = *b;
    with_port.port = a->port;
    return endpoint_equal(a, &with_port);
}

int rtsp_ports_get(struct rtsp_server *s, const struct endpoint *local, struct rtsp_ports **out)
{
    struct rtsp_ports *p;
    list_for_each(p, &s->ports, link)
    {
        if (is_same_ip(&p->rtp.address, local)) {
            *out = p;
            return 0;
        }
    }
    return s->n_ports < RTSP_PORTS_MAX ? create(s, local, out) : -EMFILE;
}

void rtsp_ports_close(struct rtsp_server *s)
{
    struct rtsp_ports *p;
    struct rtsp_ports *next;
    list_for_each_safe(p, next, &s->ports, link)
    {
        destroy(p);
    }
    free(s->batch);
    s->batch = NULL;
}
