#include "sink/rtsp_group.h"

#include <errno.h>
#include <openssl/rand.h>
#include <stdlib.h>

#include "sink/rtsp_connections.h"

enum { PORT_MIN = 20000, PORT_PAIRS = 20000 };

/* ---- what the flow says ---- */

static void on_first(struct rtsp_flow *f, const struct rtsp_frames *frames)
{
}

static void on_end(struct rtsp_flow *f, const char *why)
{
    struct rtsp_group *g = list_entry(f, struct rtsp_group, flow);
    rtsp_flow_send_bye(f);
    rtsp_connections_end_group(g->server, g, why);
}

static const struct rtsp_flow_ops flow_ops = {.on_first = on_first, .on_end = on_end};

/* ---- life ---- */

static void destroy(struct rtsp_group *g)
{
    rtsp_flow_stop(&g->flow);
    if (g->udp.flow) {
        rtsp_udp_finish(&g->udp);
    }
    udp_close(&g->rtp);
    udp_close(&g->rtcp);
    list_remove(&g->link);
    g->server->n_groups--;
    free(g);
}

/* By chance: two servers of one network shall not meet. */
static int choose_address(struct endpoint *out)
{
    uint8_t chance[4];
    if (RAND_bytes(chance, sizeof(chance)) != 1) {
        return -EIO;
    }
    *out = (struct endpoint){.version = 4, .ip = {239, 255, chance[0], chance[1]}};
    out->port = (uint16_t)(PORT_MIN + 2 * (bytes_get_u16(chance + 2) % PORT_PAIRS));
    return 0;
}

static int open_sockets(struct rtsp_group *g)
{
    struct endpoint at = g->local;
    at.port = 0;
    int result = udp_open(&g->rtp, &at);
    result = result < 0 ? result : udp_open(&g->rtcp, &at);
    result = result < 0 ? result : udp_set_multicast(&g->rtp, g->ttl);
    return result < 0 ? result : udp_set_multicast(&g->rtcp, g->ttl);
}

static int open_group(struct rtsp_group *g, const struct rtsp_track *track)
{
    struct udp_path rtp = {.socket = &g->rtp};
    struct udp_path rtcp = {.socket = &g->rtcp};
    int result = choose_address(&rtp.remote);
    result = result < 0 ? result : open_sockets(g);
    if (result < 0) {
        return result;
    }
    rtcp.remote = rtp.remote;
    rtcp.remote.port++;
    rtsp_flow_init(&g->flow, &rtsp_flow_udp, &g->udp, track, &flow_ops);
    return rtsp_udp_init(&g->udp, &g->flow, g->server->sink.env->loop, &rtp, &rtcp);
}

static struct rtsp_group *create(struct rtsp_server *server, const char *stream,
                                 const struct endpoint *local, uint8_t ttl)
{
    struct rtsp_group *g = malloc(sizeof(*g));
    if (g) {
        *g = (struct rtsp_group){
            .server = server,
            .local = *local,
            .rtp.fd = -1,
            .rtcp.fd = -1,
            .ttl = ttl == 0             ? RTSP_TTL_DEFAULT
                   : ttl < RTSP_TTL_MAX ? ttl
                                        : (uint8_t)RTSP_TTL_MAX,
        };
        text_copy(g->stream, sizeof(g->stream), stream);
        list_append(&server->groups, &g->link);
        server->n_groups++;
    }
    return g;
}

static struct rtsp_group *find(const struct rtsp_server *server, const char *stream,
                               const struct rtsp_track *track, const struct endpoint *local)
{
    struct rtsp_group *g;
    list_for_each(g, &server->groups, link)
    {
        if (strcmp(g->stream, stream) == 0 && g->flow.track == track &&
            endpoint_equal(&g->local, local)) {
            return g;
        }
    }
    return NULL;
}

static int open_new(struct rtsp_server *server, const char *stream, const struct rtsp_track *track,
                    const struct endpoint *local, uint8_t ttl, struct rtsp_group **out)
{
    if (local->version != 4) {
        return -EAFNOSUPPORT;
    }
    if (server->n_groups == RTSP_GROUPS_MAX) {
        return -EMFILE;
    }
    struct rtsp_group *g = create(server, stream, local, ttl);
    const int result = g ? open_group(g, track) : -ENOMEM;
    if (result < 0) {
        if (g) {
            destroy(g);
        }
        return result;
    }
    *out = g;
    return 0;
}

int rtsp_group_join(struct rtsp_server *server, const char *stream, const struct rtsp_track *track,
                    const struct endpoint *local, uint8_t ttl, struct rtsp_group **out)
{
    struct endpoint at = *local;
    at.port = 0;
    struct rtsp_group *g = find(server, stream, track, &at);
    const int result = g ? 0 : open_new(server, stream, track, &at, ttl, &g);
    if (result < 0) {
        return result;
    }
    g->n_members++;
    *out = g;
    return 0;
}

void rtsp_group_leave(struct rtsp_group *g)
{
    if (g->n_members == 1) {
        destroy(g);
    } else {
        g->n_members--;
    }
}

/* ---- playing ---- */

int rtsp_group_play(struct rtsp_group *g, struct stream *s, enum stream_mode mode)
{
    int result = 0;
    if (g->flow.is_started) {
        reader_wish_keyframe(&g->flow.pump.reader, loop_now_ns(g->udp.timer.loop));
    } else {
        result = rtsp_flow_start(&g->flow, &g->server->sink, s, mode);
    }
    g->n_playing += result == 0;
    return result;
}

void rtsp_group_pause(struct rtsp_group *g)
{
    g->n_playing--;
    if (g->n_playing == 0) {
        rtsp_flow_stop(&g->flow);
    }
}

void rtsp_group_write_transport(const struct rtsp_group *g, struct text *out)
{
    char ip[ENDPOINT_IP_TEXT_SIZE];
    const struct endpoint *to = &g->udp.rtp.remote;
    rtsp_transport_write_multicast(out, endpoint_format_ip(to, ip), to->port, g->ttl);
}
