/*
 * Finding a session: by the tuple that a datagram came from, or by the local ufrag of a check.
 *
 * Ownership: entries are embedded in their session and must be removed before it is freed.
 * Thread:    one.
 */
#ifndef AVOCET_NET_WEBRTC_TABLE_H
#define AVOCET_NET_WEBRTC_TABLE_H

#include "base/bytes.h"
#include "net/udp.h"

struct webrtc_session;

enum { WEBRTC_TABLE_BUCKETS = 1024, WEBRTC_UFRAG_SIZE = 8 };

/* An address that authenticated checks came from. */
struct webrtc_tuple {
    struct webrtc_tuple *next; /* of the same bucket */
    struct webrtc_session *session;
    struct udp_path path;
    int64_t checked_ns;
};

struct webrtc_name {
    struct webrtc_name *next;
    struct webrtc_session *session;
    char ufrag[WEBRTC_UFRAG_SIZE + 1];
};

struct webrtc_table {
    uint64_t seed; /* random: peers must not choose their bucket */
    struct webrtc_tuple *tuples[WEBRTC_TABLE_BUCKETS];
    struct webrtc_name *names[WEBRTC_TABLE_BUCKETS];
};

struct webrtc_tuple *webrtc_table_find_tuple(const struct webrtc_table *t,
                                             const struct udp_path *path);
void webrtc_table_add_tuple(struct webrtc_table *t, struct webrtc_tuple *tuple);
void webrtc_table_remove_tuple(struct webrtc_table *t, struct webrtc_tuple *tuple);

struct webrtc_session *webrtc_table_find_name(const struct webrtc_table *t, struct bytes ufrag);
void webrtc_table_add_name(struct webrtc_table *t, struct webrtc_name *name);
void webrtc_table_remove_name(struct webrtc_table *t, struct webrtc_name *name);

#endif
