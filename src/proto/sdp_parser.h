/*
 * What is known in the middle of a session description. Used by sdp.c and sdp_attribute.c.
 */
#ifndef AVOCET_PROTO_SDP_PARSER_H
#define AVOCET_PROTO_SDP_PARSER_H

#include "proto/sdp.h"

struct sdp_parser {
    struct sdp *sdp;
    struct sdp_media *media;  /* the current one, or session */
    struct sdp_media session; /* what the session level gives to all */
    struct bytes bundle;      /* the mids of the group */
    bool error;               /* sticky: an attribute that we need is malformed */
};

/* The value of an "a=" line: a name, or a name, a colon and more. */
void sdp_read_attribute(struct sdp_parser *p, struct bytes value);

#endif
