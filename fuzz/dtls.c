/*
 * Datagrams (16 bits of size, then the bytes) into a server's handshake, the record reader, and a
 * session that is connected: rubbish must not end that one.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/time.h"
#include "proto/dtls.h"
#include "proto/dtls_record.h"

enum { QUEUE_MAX = 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct queue {
    uint8_t datagrams[QUEUE_MAX][DTLS_MTU];
    size_t sizes[QUEUE_MAX];
    unsigned n;
};

static void enqueue(void *user, struct bytes datagram)
{
    struct queue *q = user;
    if (q->n < QUEUE_MAX) {
        memcpy(q->datagrams[q->n], datagram.data, datagram.size);
        q->sizes[q->n++] = datagram.size;
    }
}

static void ignore(void *user, struct bytes datagram)
{
}

static struct dtls *create(struct dtls_identity *identity, bool is_client,
                           void (*send)(void *, struct bytes), void *user)
{
    struct fingerprint f;
    fingerprint_parse(bytes_of_text(dtls_identity_fingerprint(identity)), &f);
    const struct dtls_options o = {
        .identity = identity,
        .is_client = is_client,
        .profiles = {SRTP_PROFILE_GCM, SRTP_PROFILE_SHA1_80},
        .fingerprints = &f,
        .n_fingerprints = 1,
        .send = send,
        .user = user,
    };
    return dtls_create(&o);
}

static void deliver(struct queue *q, struct dtls *to)
{
    for (unsigned i = 0; i < q->n; i++) {
        dtls_receive(to, bytes_of(q->datagrams[i], q->sizes[i]), 0);
    }
    q->n = 0;
}

/* A server whose handshake is done. */
static struct dtls *connect(struct dtls_identity *identity)
{
    static struct queue to_server, to_client;
    struct dtls *server = create(identity, false, enqueue, &to_client);
    struct dtls *client = create(identity, true, enqueue, &to_server);
    dtls_start(client, 0);
    while (to_server.n + to_client.n > 0) {
        deliver(&to_server, server);
        deliver(&to_client, client);
    }
    dtls_destroy(client);
    assert(dtls_state(server) == DTLS_CONNECTED);
    return server;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct dtls_identity *identity;
    static struct dtls *connected;
    if (!identity) {
        identity = dtls_identity_create(1800000000 * NS_PER_S);
        connected = connect(identity);
    }
    struct dtls *server = create(identity, false, ignore, NULL);
    struct byte_reader r;
    byte_reader_init(&r, bytes_of(data, size));
    while (byte_reader_left(&r) > 2) {
        const uint16_t wanted = byte_reader_u16(&r);
        const size_t left = byte_reader_left(&r);
        struct bytes datagram = byte_reader_bytes(&r, wanted < left ? wanted : left);
        dtls_receive(server, datagram, 0);
        dtls_receive(connected, datagram, 0);
        assert(dtls_state(server) != DTLS_CONNECTED && dtls_state(connected) == DTLS_CONNECTED);
        for (struct dtls_record record; dtls_record_next(&datagram, &record);) {
            assert(record.fragment.size <= UINT16_MAX);
        }
    }
    dtls_destroy(server);
    return 0;
}
