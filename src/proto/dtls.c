#include "proto/dtls.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/time.h"
#include "proto/dtls_identity.h"
#include "proto/dtls_record.h"

enum {
    FLIGHT_SIZE_MAX = 256, /* a server's last: ChangeCipherSpec and Finished, 75 bytes */
    FLIGHT_REPEATS_MAX = 16,
    FIRST_TIMEOUT_US = 100 * 1000, /* then doubled; RFC 6347 §4.2.4.1 lets low-delay uses be fast */
    TIMEOUT_MAX_US = 2 * 1000 * 1000,
    HANDSHAKE_CLIENT_HELLO = 1,
};

/* What is left when the SSL object is gone. */
struct dtls_rest {
    struct dtls_record_keys keys;
    uint8_t flight[FLIGHT_SIZE_MAX]; /* our last, to be repeated when the peer repeats its own */
    size_t flight_size;
    unsigned n_repeats;
};

struct dtls {
    struct dtls_identity *identity;
    void (*send)(void *user, struct bytes datagram);
    void *user;
    enum dtls_state state;
    bool is_client;
    SSL *ssl; /* NULL once the handshake is done and rest will do */
    struct dtls_peer peer;
    struct bytes incoming; /* the datagram being received, until the BIO has read it */
    struct dtls_rest rest;
    struct srtp_keys ours;
    struct srtp_keys theirs;
};

/* --- the BIO: a datagram in, datagrams out --- */

/* Keep what the current call sends, and count our records of epoch 1. */
static void note_sent(struct dtls *d, struct bytes datagram)
{
    struct dtls_rest *rest = &d->rest;
    if (datagram.size <= FLIGHT_SIZE_MAX - rest->flight_size) {
        memcpy(rest->flight + rest->flight_size, datagram.data, datagram.size);
        rest->flight_size += datagram.size;
    }
    struct dtls_record record;
    while (dtls_record_next(&datagram, &record)) {
        if (record.epoch == 1 && record.sequence >= rest->keys.next_sequence) {
            rest->keys.next_sequence = record.sequence + 1;
        }
    }
}

static int bio_write(BIO *bio, const char *in, int size)
{
    struct dtls *d = BIO_get_data(bio);
    const struct bytes datagram = bytes_of(in, (size_t)size);
    note_sent(d, datagram);
    d->send(d->user, datagram);
    return size;
}

static int bio_read(BIO *bio, char *out, int size)
{
    struct dtls *d = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (d->incoming.size == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    const size_t n = d->incoming.size < (size_t)size ? d->incoming.size : (size_t)size;
    memcpy(out, d->incoming.data, n);
    d->incoming = (struct bytes){0};
    return (int)n;
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
    switch (command) {
    case BIO_CTRL_FLUSH:
    case BIO_CTRL_DGRAM_SET_NEXT_TIMEOUT:
        return 1;
    case BIO_CTRL_DGRAM_QUERY_MTU:
    case BIO_CTRL_DGRAM_GET_FALLBACK_MTU:
        return DTLS_MTU;
    default:
        return 0;
    }
}

static BIO_METHOD *bio_method;
static pthread_once_t bio_method_once = PTHREAD_ONCE_INIT;

static void free_bio_method(void)
{
    BIO_meth_free(bio_method);
}

static void make_bio_method(void)
{
    bio_method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "avocet datagrams");
    if (bio_method) {
        BIO_meth_set_write(bio_method, bio_write);
        BIO_meth_set_read(bio_method, bio_read);
        BIO_meth_set_ctrl(bio_method, bio_control);
        OPENSSL_atexit(free_bio_method);
    }
}

static BIO *make_bio(struct dtls *d)
{
    pthread_once(&bio_method_once, make_bio_method);
    BIO *bio = bio_method ? BIO_new(bio_method) : NULL;
    if (bio) {
        BIO_set_data(bio, d);
        BIO_set_init(bio, 1);
    }
    return bio;
}

/* --- set-up --- */

static unsigned next_timeout_us(SSL *ssl, unsigned last_us)
{
    if (last_us == 0) {
        return FIRST_TIMEOUT_US;
    }
    return last_us < TIMEOUT_MAX_US / 2 ? 2 * last_us : TIMEOUT_MAX_US;
}

static const char *profile_name(enum srtp_profile profile)
{
    return profile == SRTP_PROFILE_GCM ? "SRTP_AEAD_AES_128_GCM" : "SRTP_AES128_CM_SHA1_80";
}

static bool set_profiles(SSL *ssl, const enum srtp_profile profiles[DTLS_PROFILES_MAX])
{
    char names[64];
    snprintf(names, sizeof(names), "%s", profile_name(profiles[0]));
    if (profiles[1] != SRTP_PROFILE_NONE) {
        snprintf(names, sizeof(names), "%s:%s", profile_name(profiles[0]),
                 profile_name(profiles[1]));
    }
    return SSL_set_tlsext_use_srtp(ssl, names) == 0; /* 0 is success here */
}

static int make_ssl(struct dtls *d, const struct dtls_options *o)
{
    SSL *ssl = SSL_new(d->identity->context);
    BIO *bio = make_bio(d);
    if (!ssl || !bio || !set_profiles(ssl, o->profiles)) {
        SSL_free(ssl);
        BIO_free(bio);
        return -ENOMEM;
    }
    SSL_set_bio(ssl, bio, bio); /* takes the one reference */
    SSL_set_app_data(ssl, &d->peer);
    SSL_set_mtu(ssl, DTLS_MTU);
    DTLS_set_timer_cb(ssl, next_timeout_us);
    if (o->is_client) {
        SSL_set_connect_state(ssl);
    } else {
        SSL_set_accept_state(ssl);
    }
    d->ssl = ssl;
    return 0;
}

struct dtls *dtls_create(const struct dtls_options *o)
{
    assert(o->n_fingerprints <= DTLS_FINGERPRINTS_MAX && o->profiles[0] != SRTP_PROFILE_NONE);
    struct dtls *d = calloc(1, sizeof(*d));
    if (!d) {
        return NULL;
    }
    d->identity = dtls_identity_ref(o->identity);
    d->send = o->send;
    d->user = o->user;
    d->is_client = o->is_client;
    d->peer.n_fingerprints = o->n_fingerprints;
    for (unsigned i = 0; i < o->n_fingerprints; i++) {
        d->peer.fingerprints[i] = o->fingerprints[i];
    }
    if (make_ssl(d, o) < 0) {
        dtls_destroy(d);
        return NULL;
    }
    return d;
}

static void free_ssl(struct dtls *d)
{
    SSL_free(d->ssl);
    d->ssl = NULL;
}

void dtls_destroy(struct dtls *d)
{
    if (d) {
        free_ssl(d);
        dtls_identity_destroy(d->identity);
        OPENSSL_cleanse(d, sizeof(*d));
        free(d);
    }
}

/* --- the handshake --- */

/* RFC 5764 §4.2: client key, server key, client salt, server salt. */
static bool export_keys(struct dtls *d)
{
    static const char label[] = "EXTRACTOR-dtls_srtp";
    const SRTP_PROTECTION_PROFILE *chosen = SSL_get_selected_srtp_profile(d->ssl);
    if (!chosen) {
        return false;
    }
    const enum srtp_profile profile = (enum srtp_profile)chosen->id;
    const size_t salt_size = srtp_salt_size(profile);
    uint8_t material[2 * (SRTP_KEY_SIZE + SRTP_SALT_SIZE_MAX)];
    if (SSL_export_keying_material(d->ssl, material, 2 * (SRTP_KEY_SIZE + salt_size), label,
                                   sizeof(label) - 1, NULL, 0, 0) != 1) {
        return false;
    }
    struct srtp_keys *client = d->is_client ? &d->ours : &d->theirs;
    struct srtp_keys *server = d->is_client ? &d->theirs : &d->ours;
    client->profile = server->profile = profile;
    memcpy(client->key, material, SRTP_KEY_SIZE);
    memcpy(server->key, material + SRTP_KEY_SIZE, SRTP_KEY_SIZE);
    memcpy(client->salt, material + 2 * SRTP_KEY_SIZE, salt_size);
    memcpy(server->salt, material + 2 * SRTP_KEY_SIZE + salt_size, salt_size);
    OPENSSL_cleanse(material, sizeof(material));
    return true;
}

static int fail(struct dtls *d, int error)
{
    ERR_clear_error();
    d->state = DTLS_FAILED;
    free_ssl(d);
    return error;
}

static int finish_handshake(struct dtls *d)
{
    if (!export_keys(d)) {
        return fail(d, -EPROTO); /* no common SRTP profile */
    }
    d->state = DTLS_CONNECTED;
    if (dtls_record_keys_init(&d->rest.keys, d->ssl) == 0) {
        free_ssl(d);
    }
    return 0;
}

static int do_handshake(struct dtls *d)
{
    ERR_clear_error();
    d->rest.flight_size = 0;
    const int result = SSL_do_handshake(d->ssl);
    if (result == 1) {
        return finish_handshake(d);
    }
    return SSL_get_error(d->ssl, result) == SSL_ERROR_WANT_READ ? 0 : fail(d, -EPROTO);
}

int dtls_start(struct dtls *d, int64_t now_ns)
{
    assert(d->is_client && d->state == DTLS_HANDSHAKING);
    return do_handshake(d);
}

/* --- afterwards --- */

/* The peer repeats its last flight when ours was lost (RFC 6347 §4.2.4): repeat the same bytes,
 * which is harmless where they did arrive. */
static void repeat_flight(struct dtls *d)
{
    if (!d->is_client && d->rest.n_repeats < FLIGHT_REPEATS_MAX) {
        d->rest.n_repeats++;
        d->send(d->user, bytes_of(d->rest.flight, d->rest.flight_size));
    }
}

static void receive_without_ssl(struct dtls *d, struct bytes datagram)
{
    struct dtls_record record;
    bool has_finished = false;
    while (dtls_record_next(&datagram, &record)) {
        has_finished |= record.type == DTLS_HANDSHAKE && record.epoch == 1;
        if (dtls_record_is_closing(&d->rest.keys, &record)) {
            d->state = DTLS_CLOSED;
            return;
        }
    }
    if (has_finished) {
        repeat_flight(d);
    }
}

/* With a cipher that dtls_record.h does not know, the SSL object stays. */
static void receive_with_ssl(struct dtls *d)
{
    uint8_t ignored[256];
    int n;
    ERR_clear_error();
    do {
        n = SSL_read(d->ssl, ignored, sizeof(ignored));
    } while (n > 0);
    if (SSL_get_error(d->ssl, n) != SSL_ERROR_WANT_READ) {
        d->state = DTLS_CLOSED;
    }
    ERR_clear_error();
}

int dtls_receive(struct dtls *d, struct bytes datagram, int64_t now_ns)
{
    if (datagram.size < DTLS_RECORD_HEADER_SIZE) {
        return -EBADMSG;
    }
    int result = 0;
    d->incoming = datagram;
    if (d->state == DTLS_HANDSHAKING) {
        result = do_handshake(d);
    } else if (d->state == DTLS_CONNECTED && d->ssl) {
        receive_with_ssl(d);
    } else if (d->state == DTLS_CONNECTED) {
        receive_without_ssl(d, datagram);
    }
    d->incoming = (struct bytes){0};
    return result;
}

/* --- time --- */

bool dtls_is_client_hello(struct bytes datagram)
{
    struct dtls_record r;
    return dtls_record_next(&datagram, &r) && r.type == DTLS_HANDSHAKE && r.fragment.size > 0 &&
           r.fragment.data[0] == HANDSHAKE_CLIENT_HELLO;
}

int64_t dtls_timeout_ns(const struct dtls *d, int64_t now_ns)
{
    struct timeval left;
    if (d->state != DTLS_HANDSHAKING || !DTLSv1_get_timeout(d->ssl, &left)) {
        return TIME_NONE;
    }
    return now_ns + left.tv_sec * NS_PER_S + left.tv_usec * NS_PER_US;
}

int dtls_on_timeout(struct dtls *d, int64_t now_ns)
{
    if (d->state != DTLS_HANDSHAKING) {
        return 0;
    }
    ERR_clear_error();
    return DTLSv1_handle_timeout(d->ssl) < 0 ? fail(d, -ETIMEDOUT) : 0;
}

/* --- the end --- */

void dtls_close(struct dtls *d)
{
    if (d->state == DTLS_CONNECTED && d->ssl) {
        SSL_shutdown(d->ssl);
        ERR_clear_error();
    } else if (d->state == DTLS_CONNECTED) {
        uint8_t alert[DTLS_ALERT_RECORD_SIZE];
        const size_t size = dtls_record_write_close(&d->rest.keys, alert);
        if (size > 0) {
            d->send(d->user, bytes_of(alert, size));
        }
    }
    d->state = DTLS_CLOSED;
    free_ssl(d);
}

enum dtls_state dtls_state(const struct dtls *d)
{
    return d->state;
}

int dtls_srtp_keys(const struct dtls *d, struct srtp_keys *ours, struct srtp_keys *theirs)
{
    if (d->ours.profile == SRTP_PROFILE_NONE) {
        return -ENOTCONN;
    }
    *ours = d->ours;
    *theirs = d->theirs;
    return 0;
}
