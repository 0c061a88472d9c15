/*
 * The tracks that one player has set up, and how each goes to it.
 *
 * Ownership: embedded in the connection.
 * Thread:    loop only.
 */
#ifndef AVOCET_SINK_RTSP_SESSION_H
#define AVOCET_SINK_RTSP_SESSION_H

#include "sink/rtsp_flow.h"
#include "sink/rtsp_group.h"

struct rtsp_connection;

struct rtsp_media {
    struct rtsp_connection *connection;
    struct rtsp_flow flow; /* unless RTSP_OVER_MULTICAST */
    struct rtsp_transport transport;
    struct rtsp_udp udp;      /* with RTSP_OVER_UDP */
    struct rtsp_group *group; /* with RTSP_OVER_MULTICAST, else NULL */
    bool is_set_up;
    bool is_playing_group;
};

struct rtsp_session {
    struct rtsp_media media[RTSP_N_TRACKS];
    enum stream_mode mode;
    bool is_playing;
};

void rtsp_session_finish(struct rtsp_session *s);
/* The status. transport_line: what the player gets. */
unsigned rtsp_session_setup(struct rtsp_connection *c, const struct rtsp_step *step,
                            struct text *transport_line);
unsigned rtsp_session_play(struct rtsp_connection *c, const char **why);
/* PLAY is answered with the first frame. */
bool rtsp_session_awaits_frame(const struct rtsp_session *s);
void rtsp_session_pause(struct rtsp_session *s);
/* The connection can take more. */
void rtsp_session_run(struct rtsp_session *s);
/* True when it came from where one of the tracks goes. */
bool rtsp_session_receive(struct rtsp_session *s, const struct udp_path *from, struct bytes rtcp);
bool rtsp_session_is_member(const struct rtsp_session *s, const struct rtsp_group *g);
/* All that is set up is: then TCP tells whether the player lives. */
bool rtsp_session_is_over_tcp(const struct rtsp_session *s);

/* ---- what carries a track ---- */

extern const struct rtsp_flow_type rtsp_flow_tcp;

static inline struct rtsp_media *rtsp_media_of(const struct rtsp_flow *f)
{
    return list_entry(f, struct rtsp_media, flow);
}

#endif
