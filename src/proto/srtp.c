#include "proto/srtp.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include <openssl/crypto.h>

#include "proto/replay.h"
#include "proto/rtp.h"
#include "proto/srtp_crypto.h"

enum {
    RTCP_HEADER_SIZE = 8, /* what SRTCP leaves in the clear */
    RTCP_INDEX_SIZE = 4,
    HMAC_SIZE = 20,
};

static const uint32_t ENCRYPTED = UINT32_C(1) << 31; /* the E flag before the SRTCP index */

/* --- sending --- */

struct srtp_sender {
    struct srtp_transform rtp;
    struct srtp_transform rtcp;
    uint32_t next_rtcp_index; /* 31 bits */
};

struct srtp_sender *srtp_sender_create(struct srtp_engine *e, const struct srtp_keys *keys)
{
    struct srtp_sender *s = calloc(1, sizeof(*s));
    if (!s) {
        return NULL;
    }
    if (srtp_transform_init(&s->rtp, e, keys, SRTP_USE_RTP) < 0 ||
        srtp_transform_init(&s->rtcp, e, keys, SRTP_USE_RTCP) < 0 ||
        srtp_transform_make_hot(&s->rtp, true) < 0) {
        srtp_sender_destroy(s);
        return NULL;
    }
    return s;
}

void srtp_sender_destroy(struct srtp_sender *s)
{
    if (s) {
        srtp_transform_finish(&s->rtp);
        srtp_transform_finish(&s->rtcp);
        free(s);
    }
}

size_t srtp_protect(struct srtp_sender *s, uint64_t index, struct bytes header, struct bytes prefix,
                    struct bytes payload, uint8_t *out)
{
    assert(header.size >= RTP_HEADER_SIZE && bytes_get_u16(header.data + 2) == (uint16_t)index);
    const uint32_t ssrc = bytes_get_u32(header.data + 8);
    const size_t size = header.size + prefix.size + payload.size;
    memcpy(out, header.data, header.size);
    if (s->rtp.profile == SRTP_PROFILE_GCM) {
        const struct bytes aad[2] = {header};
        const bool ok = srtp_seal(&s->rtp, ssrc, index, aad, prefix, payload, out + header.size);
        return ok ? size + srtp_tag_size(SRTP_PROFILE_GCM) : 0;
    }
    if (!srtp_crypt(&s->rtp, ssrc, index, prefix, payload, out + header.size)) {
        return 0;
    }
    uint8_t rollover[4], tag[HMAC_SIZE];
    bytes_put_u32(rollover, (uint32_t)(index >> 16));
    srtp_authenticate(&s->rtp, bytes_of(out, size), bytes_of(rollover, sizeof(rollover)), tag);
    memcpy(out + size, tag, srtp_tag_size(SRTP_PROFILE_SHA1_80));
    return size + srtp_tag_size(SRTP_PROFILE_SHA1_80);
}

/* GCM: header | ciphertext | tag | E, index.   SHA1_80: header | ciphertext | E, index | tag. */
size_t srtp_protect_rtcp(struct srtp_sender *s, struct bytes packet, uint8_t *out, size_t capacity)
{
    const size_t tag_size = srtp_tag_size(s->rtcp.profile);
    if (packet.size < RTCP_HEADER_SIZE || packet.size + tag_size + RTCP_INDEX_SIZE > capacity) {
        return 0;
    }
    const uint32_t ssrc = bytes_get_u32(packet.data + 4);
    const uint32_t index = s->next_rtcp_index;
    const struct bytes plain =
        bytes_of(packet.data + RTCP_HEADER_SIZE, packet.size - RTCP_HEADER_SIZE);
    const struct bytes none = {0};
    s->next_rtcp_index = (index + 1) & ~ENCRYPTED;
    memcpy(out, packet.data, RTCP_HEADER_SIZE);
    if (s->rtcp.profile == SRTP_PROFILE_GCM) {
        uint8_t *word = out + packet.size + tag_size;
        bytes_put_u32(word, ENCRYPTED | index);
        const struct bytes aad[2] = {bytes_of(out, RTCP_HEADER_SIZE),
                                     bytes_of(word, RTCP_INDEX_SIZE)};
        const bool ok = srtp_seal(&s->rtcp, ssrc, index, aad, plain, none, out + RTCP_HEADER_SIZE);
        return ok ? packet.size + tag_size + RTCP_INDEX_SIZE : 0;
    }
    if (!srtp_crypt(&s->rtcp, ssrc, index, plain, none, out + RTCP_HEADER_SIZE)) {
        return 0;
    }
    bytes_put_u32(out + packet.size, ENCRYPTED | index);
    uint8_t tag[HMAC_SIZE];
    srtp_authenticate(&s->rtcp, bytes_of(out, packet.size + RTCP_INDEX_SIZE), none, tag);
    memcpy(out + packet.size + RTCP_INDEX_SIZE, tag, tag_size);
    return packet.size + RTCP_INDEX_SIZE + tag_size;
}

/* --- receiving --- */

/* Made at the first RTP packet: who sends media seldom receives any. */
struct rtp_receiver {
    struct srtp_transform transform;
    struct replay replay;
};

struct srtp_receiver {
    struct srtp_engine *engine;
    struct srtp_keys keys; /* for the RTP state */
    struct srtp_transform rtcp;
    struct replay rtcp_replay;
    struct rtp_receiver *rtp;
};

struct srtp_receiver *srtp_receiver_create(struct srtp_engine *e, const struct srtp_keys *keys)
{
    struct srtp_receiver *r = calloc(1, sizeof(*r));
    if (!r) {
        return NULL;
    }
    r->engine = e;
    r->keys = *keys;
    if (srtp_transform_init(&r->rtcp, e, keys, SRTP_USE_RTCP) < 0) {
        srtp_receiver_destroy(r);
        return NULL;
    }
    return r;
}

static void rtp_receiver_destroy(struct rtp_receiver *r)
{
    if (r) {
        srtp_transform_finish(&r->transform);
        free(r);
    }
}

void srtp_receiver_destroy(struct srtp_receiver *r)
{
    if (r) {
        rtp_receiver_destroy(r->rtp);
        srtp_transform_finish(&r->rtcp);
        OPENSSL_cleanse(&r->keys, sizeof(r->keys));
        free(r);
    }
}

static int make_rtp_receiver(struct srtp_receiver *r)
{
    struct rtp_receiver *rtp = calloc(1, sizeof(*rtp));
    if (!rtp) {
        return -ENOMEM;
    }
    if (srtp_transform_init(&rtp->transform, r->engine, &r->keys, SRTP_USE_RTP) < 0 ||
        srtp_transform_make_hot(&rtp->transform, false) < 0) {
        rtp_receiver_destroy(rtp);
        return -ENOMEM;
    }
    r->rtp = rtp;
    return 0;
}

/* Verify, and decrypt in place, a packet that is plain_size without its tag. */
static int open_rtp(struct srtp_transform *t, uint8_t *packet, size_t header_size,
                    size_t plain_size, uint64_t index)
{
    const uint32_t ssrc = bytes_get_u32(packet + 8);
    uint8_t *body = packet + header_size;
    if (t->profile == SRTP_PROFILE_GCM) {
        const struct bytes aad[2] = {bytes_of(packet, header_size)};
        return srtp_open(t, ssrc, index, aad, body, plain_size - header_size) ? 0 : -EBADMSG;
    }
    uint8_t rollover[4], tag[HMAC_SIZE];
    bytes_put_u32(rollover, (uint32_t)(index >> 16));
    srtp_authenticate(t, bytes_of(packet, plain_size), bytes_of(rollover, sizeof(rollover)), tag);
    if (CRYPTO_memcmp(tag, packet + plain_size, srtp_tag_size(t->profile)) != 0) {
        return -EBADMSG;
    }
    const struct bytes text = bytes_of(body, plain_size - header_size);
    return srtp_crypt(t, ssrc, index, text, (struct bytes){0}, body) ? 0 : -EIO;
}

int srtp_unprotect(struct srtp_receiver *r, uint8_t *packet, size_t *size, uint64_t *index)
{
    const size_t tag_size = srtp_tag_size(r->keys.profile);
    const size_t header_size = rtp_measure_header(bytes_of(packet, *size));
    if (header_size == 0 || header_size + tag_size > *size) {
        return -EBADMSG;
    }
    if (!r->rtp && make_rtp_receiver(r) < 0) {
        return -ENOMEM;
    }
    const uint32_t ssrc = bytes_get_u32(packet + 8);
    const uint16_t sequence = bytes_get_u16(packet + 2);
    uint64_t guess = sequence;
    if (replay_highest(&r->rtp->replay, ssrc, &guess)) {
        guess = rtp_extend_sequence(guess, sequence);
    }
    int result = replay_check(&r->rtp->replay, ssrc, guess);
    if (result == 0) {
        result = open_rtp(&r->rtp->transform, packet, header_size, *size - tag_size, guess);
    }
    if (result < 0) {
        return result;
    }
    replay_add(&r->rtp->replay, ssrc, guess);
    *size -= tag_size;
    if (index) {
        *index = guess;
    }
    return 0;
}

/* word: the E flag and index. */
static int open_rtcp(struct srtp_transform *t, uint8_t *packet, size_t plain_size, uint32_t word)
{
    const uint32_t ssrc = bytes_get_u32(packet + 4);
    const uint32_t index = word & ~ENCRYPTED;
    const struct bytes text = bytes_of(packet + RTCP_HEADER_SIZE, plain_size - RTCP_HEADER_SIZE);
    uint8_t *body = packet + RTCP_HEADER_SIZE;
    if (t->profile == SRTP_PROFILE_GCM) {
        uint8_t word_bytes[RTCP_INDEX_SIZE];
        bytes_put_u32(word_bytes, word);
        const struct bytes aad[2] = {bytes_of(packet, RTCP_HEADER_SIZE),
                                     bytes_of(word_bytes, sizeof(word_bytes))};
        return srtp_open(t, ssrc, index, aad, body, text.size) ? 0 : -EBADMSG;
    }
    uint8_t tag[HMAC_SIZE];
    const size_t signed_size = plain_size + RTCP_INDEX_SIZE;
    srtp_authenticate(t, bytes_of(packet, signed_size), (struct bytes){0}, tag);
    if (CRYPTO_memcmp(tag, packet + signed_size, srtp_tag_size(t->profile)) != 0) {
        return -EBADMSG;
    }
    return srtp_crypt(t, ssrc, index, text, (struct bytes){0}, body) ? 0 : -EIO;
}

int srtp_unprotect_rtcp(struct srtp_receiver *r, uint8_t *packet, size_t *size)
{
    const size_t overhead = srtp_tag_size(r->rtcp.profile) + RTCP_INDEX_SIZE;
    if (*size < RTCP_HEADER_SIZE + overhead) {
        return -EBADMSG;
    }
    const size_t plain_size = *size - overhead;
    const bool is_gcm = r->rtcp.profile == SRTP_PROFILE_GCM;
    const uint32_t word =
        bytes_get_u32(is_gcm ? packet + *size - RTCP_INDEX_SIZE : packet + plain_size);
    if (!(word & ENCRYPTED)) {
        return -EBADMSG; /* WebRTC encrypts all RTCP (RFC 8827 §6.5) */
    }
    const uint32_t ssrc = bytes_get_u32(packet + 4);
    const uint32_t index = word & ~ENCRYPTED;
    int result = replay_check(&r->rtcp_replay, ssrc, index);
    if (result == 0) {
        result = open_rtcp(&r->rtcp, packet, plain_size, word);
    }
    if (result < 0) {
        return result;
    }
    replay_add(&r->rtcp_replay, ssrc, index);
    *size = plain_size;
    return 0;
}
