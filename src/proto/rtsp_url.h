/*
 * What a player's URL asks for: rtsp://HOST:PORT/NAME[/][trackID=N][?mode=drive].
 *
 * Players join the description's `a=control:trackID=0` to the URL in their own ways, also behind a
 * query ("/cam?mode=drive/trackID=0"); all of them are understood.
 *
 * Thread: any; no shared state.
 * Errors: -EBADMSG no RTSP URL.
 * Spec:   RFC 2326 §3.2, appendix C.1.1.
 */
#ifndef AVOCET_PROTO_RTSP_URL_H
#define AVOCET_PROTO_RTSP_URL_H

#include "base/bytes.h"

enum { RTSP_NAME_SIZE = 144, RTSP_MODE_SIZE = 8, RTSP_URL_NO_TRACK = -1 };

struct rtsp_url {
    char name[RTSP_NAME_SIZE]; /* decoded; "" for the server itself (also "*") */
    char mode[RTSP_MODE_SIZE]; /* the query's, "" when absent, "?" when too long */
    int track;                 /* RTSP_URL_NO_TRACK: all of them */
    struct bytes base;         /* scheme to name, without a slash behind; borrowed */
};

int rtsp_url_parse(struct bytes text, struct rtsp_url *out);

#endif
