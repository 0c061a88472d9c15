/*
 * Session announcements: which multicast group carries what, told to a well-known one.
 *
 * Thread: any; no shared state.
 * Errors: the byte_writer's sticky error when there is no room.
 * Spec:   RFC 2974 §3 (where), §6 (the packet).
 */
#ifndef AVOCET_PROTO_SAP_H
#define AVOCET_PROTO_SAP_H

#include "proto/endpoint.h"

enum { SAP_PORT = 9875, SAP_SIZE_MAX = 1400 };

/* origin: the sender's address. is_deletion: the session is over. */
void sap_write(struct byte_writer *w, bool is_deletion, const struct endpoint *origin,
               struct bytes sdp);
/* The group in whose scope announcements of this one belong. */
void sap_find_group(const struct endpoint *session, struct endpoint *out);

#endif
