#include <errno.h>
#include <malloc.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <sys/time.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "base/time.h"
#include "proto/dtls.h"
#include "proto/dtls_record.h"

enum { QUEUE_MAX = 64, REAL_NOW_S = 1800000000 };

/* --- OpenSSL's clock is the test's --- */

static int64_t clock_ns = REAL_NOW_S * NS_PER_S;

__attribute__((visibility("default"))) int gettimeofday(struct timeval *restrict out,
                                                        void *restrict zone)
{
    out->tv_sec = clock_ns / NS_PER_S;
    out->tv_usec = clock_ns % NS_PER_S / NS_PER_US;
    return 0;
}

/* --- two ends and what flies between them --- */

struct queue {
    struct {
        uint8_t data[2048];
        size_t size;
    } datagrams[QUEUE_MAX];
    unsigned n;
};

static void enqueue(void *user, struct bytes datagram)
{
    struct queue *q = user;
    assert_true(q->n < QUEUE_MAX && datagram.size <= DTLS_MTU);
    memcpy(q->datagrams[q->n].data, datagram.data, datagram.size);
    q->datagrams[q->n++].size = datagram.size;
}

struct pair {
    struct dtls_identity *server_identity, *client_identity;
    struct fingerprint server_fingerprint, client_fingerprint;
    struct dtls *server, *client;
    struct queue to_server, to_client;
};

static struct fingerprint fingerprint_of(const struct dtls_identity *i)
{
    struct fingerprint f;
    assert_int_equal(fingerprint_parse(bytes_of_text(dtls_identity_fingerprint(i)), &f), 0);
    return f;
}

static struct pair *pair_create(void)
{
    struct pair *p = calloc(1, sizeof(*p));
    p->server_identity = dtls_identity_create(REAL_NOW_S * NS_PER_S);
    p->client_identity = dtls_identity_create(REAL_NOW_S * NS_PER_S);
    assert_true(p->server_identity && p->client_identity);
    p->server_fingerprint = fingerprint_of(p->server_identity);
    p->client_fingerprint = fingerprint_of(p->client_identity);
    return p;
}

static struct dtls_options options_of(struct pair *p, bool is_client)
{
    return (struct dtls_options){
        .identity = is_client ? p->client_identity : p->server_identity,
        .is_client = is_client,
        .profiles = {SRTP_PROFILE_GCM, SRTP_PROFILE_SHA1_80},
        .fingerprints = is_client ? &p->server_fingerprint : &p->client_fingerprint,
        .n_fingerprints = 1,
        .send = enqueue,
        .user = is_client ? &p->to_server : &p->to_client,
    };
}

static void pair_open(struct pair *p)
{
    const struct dtls_options server = options_of(p, false), client = options_of(p, true);
    p->server = dtls_create(&server);
    p->client = dtls_create(&client);
    assert_true(p->server && p->client);
}

static void pair_destroy(struct pair *p)
{
    dtls_destroy(p->server);
    dtls_destroy(p->client);
    dtls_identity_destroy(p->server_identity);
    dtls_identity_destroy(p->client_identity);
    free(p);
}

/* Hand over all that is in the queue now; the result of the last. */
static int deliver(struct queue *q, struct dtls *to)
{
    static struct queue copy;
    copy = *q;
    q->n = 0;
    int result = 0;
    for (unsigned i = 0; i < copy.n; i++) {
        result = dtls_receive(to, bytes_of(copy.datagrams[i].data, copy.datagrams[i].size), 0);
    }
    return result;
}

static void run(struct pair *p)
{
    dtls_start(p->client, 0);
    while (p->to_server.n + p->to_client.n > 0) {
        deliver(&p->to_server, p->server);
        deliver(&p->to_client, p->client);
    }
}

static void assert_connected(struct pair *p, enum srtp_profile profile)
{
    struct srtp_keys a, b, c, d;
    assert_int_equal(dtls_state(p->server), DTLS_CONNECTED);
    assert_int_equal(dtls_state(p->client), DTLS_CONNECTED);
    assert_int_equal(dtls_srtp_keys(p->server, &a, &b), 0);
    assert_int_equal(dtls_srtp_keys(p->client, &c, &d), 0);
    assert_int_equal(a.profile, profile);
    assert_memory_equal(&a, &d, sizeof(a));
    assert_memory_equal(&b, &c, sizeof(b));
    assert_memory_not_equal(&a.key, &b.key, sizeof(a.key));
    assert_true(dtls_timeout_ns(p->server, 0) == TIME_NONE);
    assert_true(dtls_timeout_ns(p->client, 0) == TIME_NONE);
}

/* --- the handshake --- */

static void test_keys_agree(void **state)
{
    static const struct {
        enum srtp_profile server[2], client[2], expected;
    } rows[] = {
        {{SRTP_PROFILE_GCM, SRTP_PROFILE_SHA1_80},
         {SRTP_PROFILE_SHA1_80, SRTP_PROFILE_GCM},
         SRTP_PROFILE_GCM},
        {{SRTP_PROFILE_SHA1_80, SRTP_PROFILE_GCM},
         {SRTP_PROFILE_GCM, SRTP_PROFILE_SHA1_80},
         SRTP_PROFILE_SHA1_80}, /* the server's order counts */
        {{SRTP_PROFILE_GCM, SRTP_PROFILE_SHA1_80}, {SRTP_PROFILE_SHA1_80}, SRTP_PROFILE_SHA1_80},
        {{SRTP_PROFILE_GCM}, {SRTP_PROFILE_GCM}, SRTP_PROFILE_GCM},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct pair *p = pair_create();
        struct dtls_options server = options_of(p, false), client = options_of(p, true);
        memcpy(server.profiles, rows[i].server, sizeof(server.profiles));
        memcpy(client.profiles, rows[i].client, sizeof(client.profiles));
        p->server = dtls_create(&server);
        p->client = dtls_create(&client);
        struct srtp_keys keys;
        assert_int_equal(dtls_srtp_keys(p->server, &keys, &keys), -ENOTCONN);
        run(p);
        assert_connected(p, rows[i].expected);
        pair_destroy(p);
    }
}

static void test_no_common_profile(void **state)
{
    struct pair *p = pair_create();
    struct dtls_options server = options_of(p, false), client = options_of(p, true);
    server.profiles[1] = SRTP_PROFILE_NONE;
    client.profiles[0] = SRTP_PROFILE_SHA1_80;
    client.profiles[1] = SRTP_PROFILE_NONE;
    p->server = dtls_create(&server);
    p->client = dtls_create(&client);
    run(p);
    assert_int_equal(dtls_state(p->server), DTLS_FAILED);
    assert_int_not_equal(dtls_state(p->client), DTLS_CONNECTED);
    pair_destroy(p);
}

static void test_several_fingerprints(void **state)
{
    /* one that does not match does no harm beside one that does */
    static const uint8_t sizes[] = {32, 48, 64};
    for (size_t i = 0; i < sizeof(sizes); i++) {
        struct pair *p = pair_create();
        struct dtls_options server = options_of(p, false), client = options_of(p, true);
        struct fingerprint both[2] = {{.size = sizes[i]}, p->client_fingerprint};
        server.fingerprints = both;
        server.n_fingerprints = 2;
        p->server = dtls_create(&server);
        p->client = dtls_create(&client);
        run(p);
        assert_connected(p, SRTP_PROFILE_GCM);
        pair_destroy(p);
    }
}

static void test_wrong_certificate(void **state)
{
    for (int wrong_end = 0; wrong_end < 2; wrong_end++) {
        struct pair *p = pair_create();
        *(wrong_end ? &p->server_fingerprint : &p->client_fingerprint) =
            (struct fingerprint){.size = 32, .digest = {1}};
        pair_open(p);
        run(p);
        assert_int_equal(dtls_state(p->server), DTLS_FAILED);
        assert_int_equal(dtls_state(p->client), DTLS_FAILED);
        pair_destroy(p);
    }
}

static void test_no_expected_certificate(void **state)
{
    struct pair *p = pair_create();
    struct dtls_options server = options_of(p, false), client = options_of(p, true);
    server.n_fingerprints = 0;
    p->server = dtls_create(&server);
    p->client = dtls_create(&client);
    run(p);
    assert_int_equal(dtls_state(p->server), DTLS_FAILED);
    pair_destroy(p);
}

static void test_identity_may_go_first(void **state)
{
    struct pair *p = pair_create();
    pair_open(p);
    dtls_identity_destroy(p->server_identity);
    p->server_identity = NULL;
    run(p);
    assert_connected(p, SRTP_PROFILE_GCM);
    pair_destroy(p);
}

/* --- loss --- */

/* Lose the n-th datagram of the handshake, whichever way it goes; timers repair it. */
static void test_each_datagram_lost_once(void **state)
{
    unsigned n_seen = 1;
    for (unsigned lost = 0; lost < n_seen; lost++) {
        struct pair *p = pair_create();
        pair_open(p);
        unsigned n = 0;
        dtls_start(p->client, 0);
        for (unsigned round = 0; round < 40; round++) {
            struct queue *queues[2] = {&p->to_server, &p->to_client};
            struct dtls *ends[2] = {p->server, p->client};
            for (unsigned k = 0; k < 2; k++) {
                for (unsigned i = 0; i < queues[k]->n; i++, n++) {
                    if (n == lost) {
                        queues[k]->datagrams[i].size = 0; /* too short: ignored */
                    }
                }
                deliver(queues[k], ends[k]);
            }
            if (p->to_server.n + p->to_client.n == 0) {
                clock_ns += 2 * NS_PER_S;
                dtls_on_timeout(p->server, 0);
                dtls_on_timeout(p->client, 0);
            }
        }
        n_seen = n;
        assert_true(n_seen >= 4);
        assert_connected(p, SRTP_PROFILE_GCM);
        pair_destroy(p);
    }
}

static void test_timeouts(void **state)
{
    struct pair *p = pair_create();
    pair_open(p);
    assert_true(dtls_timeout_ns(p->server, 5) == TIME_NONE); /* nothing to wait for yet */
    assert_true(dtls_timeout_ns(p->client, 5) == TIME_NONE);
    dtls_start(p->client, 0);
    assert_int_equal(p->to_server.n, 1);
    static const int64_t expected_ms[] = {100, 200, 400, 800, 1600, 2000, 2000};
    for (size_t i = 0; i < sizeof(expected_ms) / sizeof(expected_ms[0]); i++) {
        assert_true(dtls_timeout_ns(p->client, 5) == 5 + expected_ms[i] * NS_PER_MS);
        assert_int_equal(dtls_on_timeout(p->client, 0), 0); /* too early: nothing */
        assert_int_equal(p->to_server.n, 1 + i);
        clock_ns += expected_ms[i] * NS_PER_MS;
        assert_int_equal(dtls_on_timeout(p->client, 0), 0);
        assert_int_equal(p->to_server.n, 2 + i);
    }
    int result = 0;
    for (unsigned i = 0; i < 20 && result == 0; i++) {
        clock_ns += 2 * NS_PER_S;
        p->to_server.n = 0;
        result = dtls_on_timeout(p->client, 0);
    }
    assert_int_equal(result, -ETIMEDOUT);
    assert_int_equal(dtls_state(p->client), DTLS_FAILED);
    pair_destroy(p);
}

/* --- after the handshake --- */

static void test_last_flight_is_repeated(void **state)
{
    struct pair *p = pair_create();
    pair_open(p);
    dtls_start(p->client, 0);
    deliver(&p->to_server, p->server);
    deliver(&p->to_client, p->client);
    const struct queue client_flight = p->to_server;
    deliver(&p->to_server, p->server);
    assert_int_equal(dtls_state(p->server), DTLS_CONNECTED);
    const struct queue server_flight = p->to_client;
    assert_int_equal(server_flight.n, 1);
    for (unsigned i = 0; i < 3; i++) {
        p->to_client.n = 0; /* lost */
        p->to_server = client_flight;
        deliver(&p->to_server, p->server);
        assert_int_equal(p->to_client.n, 1);
        assert_int_equal(p->to_client.datagrams[0].size, server_flight.datagrams[0].size);
        assert_memory_equal(p->to_client.datagrams[0].data, server_flight.datagrams[0].data,
                            server_flight.datagrams[0].size);
    }
    deliver(&p->to_client, p->client);
    assert_connected(p, SRTP_PROFILE_GCM);
    for (unsigned i = 0; i < 100; i++) {
        p->to_server = client_flight;
        deliver(&p->to_server, p->server);
    }
    assert_true(p->to_client.n < 20); /* not for ever */
    pair_destroy(p);
}

static void test_close_is_seen(void **state)
{
    for (int closer = 0; closer < 2; closer++) {
        struct pair *p = pair_create();
        pair_open(p);
        run(p);
        dtls_close(closer ? p->client : p->server);
        struct queue *q = closer ? &p->to_server : &p->to_client;
        struct dtls *other = closer ? p->server : p->client;
        assert_int_equal(q->n, 1);
        assert_int_equal(q->datagrams[0].size, DTLS_ALERT_RECORD_SIZE);
        for (unsigned bit = 0; bit < 8 * DTLS_ALERT_RECORD_SIZE; bit++) {
            uint8_t bad[DTLS_ALERT_RECORD_SIZE];
            memcpy(bad, q->datagrams[0].data, sizeof(bad));
            bad[bit / 8] ^= (uint8_t)(1 << bit % 8);
            dtls_receive(other, bytes_of(bad, sizeof(bad)), 0);
            assert_int_equal(dtls_state(other), DTLS_CONNECTED);
        }
        deliver(q, other);
        assert_int_equal(dtls_state(other), DTLS_CLOSED);
        dtls_close(other); /* closed already: nothing to say */
        assert_int_equal(p->to_server.n + p->to_client.n, 0);
        pair_destroy(p);
    }
}

/* --- against OpenSSL as it is --- */

struct peer {
    SSL_CTX *context;
    SSL *ssl;
    BIO *in, *out;
};

static struct peer peer_create(const char *ciphers, const char *profiles, EVP_PKEY *key,
                               struct fingerprint *fingerprint)
{
    struct peer p = {.context = SSL_CTX_new(DTLS_client_method())};
    X509 *certificate = X509_new();
    X509_set_pubkey(certificate, key);
    ASN1_TIME_set(X509_getm_notBefore(certificate), REAL_NOW_S - 1000);
    ASN1_TIME_set(X509_getm_notAfter(certificate), REAL_NOW_S + 1000);
    assert_true(X509_sign(certificate, key, EVP_sha256()));
    unsigned size = 0;
    *fingerprint = (struct fingerprint){.size = 48};
    X509_digest(certificate, EVP_sha384(), fingerprint->digest, &size);
    assert_int_equal(size, 48);
    assert_true(SSL_CTX_use_certificate(p.context, certificate));
    assert_true(SSL_CTX_use_PrivateKey(p.context, key));
    assert_true(SSL_CTX_set_cipher_list(p.context, ciphers));
    if (profiles) {
        assert_int_equal(SSL_CTX_set_tlsext_use_srtp(p.context, profiles), 0);
    }
    X509_free(certificate);
    SSL_CTX_set_options(p.context, SSL_OP_NO_QUERY_MTU);
    p.ssl = SSL_new(p.context);
    p.in = BIO_new(BIO_s_mem());
    p.out = BIO_new(BIO_s_mem());
    BIO_set_mem_eof_return(p.in, -1);
    SSL_set_bio(p.ssl, p.in, p.out);
    SSL_set_connect_state(p.ssl);
    return p;
}

static void peer_destroy(struct peer *p)
{
    SSL_free(p->ssl);
    SSL_CTX_free(p->context);
    ERR_clear_error();
}

/* One step: what OpenSSL wrote goes to the server record by record, and back. */
static unsigned peer_step(struct peer *p, struct dtls *server, struct queue *to_client)
{
    static uint8_t out[65536];
    unsigned n_records = 0;
    SSL_do_handshake(p->ssl);
    struct bytes written = bytes_of(out, 0);
    const int size = BIO_read(p->out, out, sizeof(out));
    written.size = size > 0 ? (size_t)size : 0;
    struct dtls_record record;
    while (dtls_record_next(&written, &record)) {
        dtls_receive(server,
                     bytes_of(record.header.data, DTLS_RECORD_HEADER_SIZE + record.fragment.size),
                     0);
        n_records++;
    }
    for (unsigned i = 0; i < to_client->n; i++) {
        BIO_write(p->in, to_client->datagrams[i].data, (int)to_client->datagrams[i].size);
        SSL_do_handshake(p->ssl);
    }
    to_client->n = 0;
    return n_records;
}

static const struct {
    const char *name, *ciphers, *profiles;
    bool is_rsa;
    unsigned mtu;
    enum dtls_state expected;
} peers[] = {
    {"AES-128-GCM", "ECDHE-ECDSA-AES128-GCM-SHA256", "SRTP_AEAD_AES_128_GCM", false, 1200,
     DTLS_CONNECTED},
    {"every fragment small: ClientHello in several records", "ALL", "SRTP_AES128_CM_SHA1_80", false,
     256, DTLS_CONNECTED},
    {"RSA certificate", "ALL", "SRTP_AEAD_AES_128_GCM", true, 1200, DTLS_CONNECTED},
    {"AES-256-GCM: the SSL object stays", "ECDHE-ECDSA-AES256-GCM-SHA384", "SRTP_AEAD_AES_128_GCM",
     false, 1200, DTLS_CONNECTED},
    {"ChaCha20", "ECDHE-ECDSA-CHACHA20-POLY1305", "SRTP_AEAD_AES_128_GCM", false, 1200,
     DTLS_CONNECTED},
    {"another profile", "ALL", "SRTP_AEAD_AES_256_GCM", false, 1200, DTLS_FAILED},
    {"no use_srtp", "ALL", NULL, false, 1200, DTLS_FAILED},
    {"old cipher", "ECDHE-ECDSA-AES128-SHA", "SRTP_AEAD_AES_128_GCM", false, 1200, DTLS_FAILED},
};

static void test_openssl_clients(void **state)
{
    for (size_t i = 0; i < sizeof(peers) / sizeof(peers[0]); i++) {
        print_message("%s\n", peers[i].name);
        struct pair *p = pair_create();
        EVP_PKEY *key = peers[i].is_rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
        struct peer peer =
            peer_create(peers[i].ciphers, peers[i].profiles, key, &p->client_fingerprint);
        SSL_set_mtu(peer.ssl, peers[i].mtu);
        const struct dtls_options server = options_of(p, false);
        p->server = dtls_create(&server);
        const unsigned n_first = peer_step(&peer, p->server, &p->to_client);
        assert_int_equal(n_first > 1, peers[i].mtu < 300);
        for (unsigned n = 0; n < 5; n++) {
            peer_step(&peer, p->server, &p->to_client);
        }
        assert_int_equal(dtls_state(p->server), peers[i].expected);
        if (peers[i].expected == DTLS_CONNECTED) {
            assert_true(SSL_is_init_finished(peer.ssl));
            SSL_shutdown(peer.ssl);
            peer_step(&peer, p->server, &p->to_client);
            assert_int_equal(dtls_state(p->server), DTLS_CLOSED);
        }
        peer_destroy(&peer);
        EVP_PKEY_free(key);
        pair_destroy(p);
    }
}

/* Our close_notify is one that OpenSSL accepts, also after the SSL object has gone. */
static void test_openssl_reads_our_close(void **state)
{
    for (size_t i = 0; i < 4; i += 3) {
        struct pair *p = pair_create();
        EVP_PKEY *key = EVP_EC_gen("P-256");
        struct peer peer =
            peer_create(peers[i].ciphers, peers[i].profiles, key, &p->client_fingerprint);
        SSL_set_mtu(peer.ssl, DTLS_MTU);
        const struct dtls_options server = options_of(p, false);
        p->server = dtls_create(&server);
        for (unsigned n = 0; n < 5; n++) {
            peer_step(&peer, p->server, &p->to_client);
        }
        assert_int_equal(dtls_state(p->server), DTLS_CONNECTED);
        dtls_close(p->server);
        assert_int_equal(p->to_client.n, 1);
        BIO_write(peer.in, p->to_client.datagrams[0].data, (int)p->to_client.datagrams[0].size);
        uint8_t byte;
        const int n = SSL_read(peer.ssl, &byte, 1);
        assert_int_equal(SSL_get_error(peer.ssl, n), SSL_ERROR_ZERO_RETURN);
        peer_destroy(&peer);
        EVP_PKEY_free(key);
        pair_destroy(p);
    }
}

static bool is_hello(const struct queue *q, unsigned i)
{
    assert_true(i < q->n);
    return dtls_is_client_hello(bytes_of(q->datagrams[i].data, q->datagrams[i].size));
}

static void test_a_hello_is_told_from_an_answer(void **state)
{
    struct pair *p = pair_create();
    pair_open(p);
    dtls_start(p->client, 0);
    assert_true(is_hello(&p->to_server, 0));
    deliver(&p->to_server, p->server);
    assert_false(is_hello(&p->to_client, 0));
    deliver(&p->to_client, p->client);
    for (unsigned i = 0; i < p->to_server.n; i++) {
        assert_false(is_hello(&p->to_server, i));
    }
    for (size_t size = 0; size < 20; size++) {
        static const uint8_t start[20] = {DTLS_HANDSHAKE, 254, 253, [12] = 7, [13] = 1};
        assert_int_equal(dtls_is_client_hello(bytes_of(start, size)), size == 20);
    }
    pair_destroy(p);
}

/* --- rubbish, memory --- */

static void test_rubbish_is_ignored(void **state)
{
    struct pair *p = pair_create();
    pair_open(p);
    uint8_t rubbish[200];
    dtls_start(p->client, 0);
    for (unsigned i = 0; i < 200; i++) {
        for (size_t k = 0; k < sizeof(rubbish); k++) {
            rubbish[k] = (uint8_t)(i * 37 + k * 101);
        }
        rubbish[0] = (uint8_t)(24 + i % 40); /* no known content type */
        const int result = dtls_receive(p->server, bytes_of(rubbish, i), 0);
        assert_int_equal(result, i < DTLS_RECORD_HEADER_SIZE ? -EBADMSG : 0);
    }
    assert_int_equal(dtls_state(p->server), DTLS_HANDSHAKING);
    while (p->to_server.n + p->to_client.n > 0) {
        deliver(&p->to_server, p->server);
        deliver(&p->to_client, p->client);
    }
    assert_connected(p, SRTP_PROFILE_GCM);
    for (size_t size = 0; size < sizeof(rubbish); size++) {
        rubbish[0] = (uint8_t)(20 + size % 4);
        dtls_receive(p->server, bytes_of(rubbish, size), 0);
    }
    assert_int_equal(dtls_state(p->server), DTLS_CONNECTED);
    pair_destroy(p);
}

static void test_memory(void **state)
{
    enum { BUDGET_HANDSHAKE = 100 * 1024, BUDGET_CONNECTED = 1024 };
    struct pair *warm = pair_create(); /* what libssl allocates once */
    pair_open(warm);
    run(warm);
    pair_destroy(warm);

    struct pair *p = pair_create();
    pair_open(p);
    dtls_destroy(p->server);
    const struct dtls_options server = options_of(p, false);
    p->server = dtls_create(&server);
    dtls_start(p->client, 0);
    const size_t client_size = mallinfo2().uordblks;
    deliver(&p->to_server, p->server);
    const size_t handshaking = mallinfo2().uordblks - client_size;
    run(p);
    assert_connected(p, SRTP_PROFILE_GCM);
    dtls_destroy(p->client);
    p->client = NULL;
    const size_t client_gone = mallinfo2().uordblks;
    dtls_destroy(p->server);
    p->server = NULL;
    const size_t connected = client_gone - mallinfo2().uordblks;
    print_message("%zu bytes in the handshake, %zu when connected\n", handshaking, connected);
    assert_true(handshaking < BUDGET_HANDSHAKE && connected < BUDGET_CONNECTED);
    pair_destroy(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_agree),
        cmocka_unit_test(test_no_common_profile),
        cmocka_unit_test(test_several_fingerprints),
        cmocka_unit_test(test_wrong_certificate),
        cmocka_unit_test(test_no_expected_certificate),
        cmocka_unit_test(test_identity_may_go_first),
        cmocka_unit_test(test_each_datagram_lost_once),
        cmocka_unit_test(test_timeouts),
        cmocka_unit_test(test_last_flight_is_repeated),
        cmocka_unit_test(test_close_is_seen),
        cmocka_unit_test(test_openssl_clients),
        cmocka_unit_test(test_openssl_reads_our_close),
        cmocka_unit_test(test_a_hello_is_told_from_an_answer),
        cmocka_unit_test(test_rubbish_is_ignored),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
