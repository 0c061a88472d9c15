/*
 * A WebRTC viewer for tests and benches: controlling ICE agent, DTLS client, SRTP receiver, on one
 * UDP socket of its own. It does only what it is told, so that tests can misbehave.
 *
 *   rtc_client_open ▶ rtc_client_offer ▶ (HTTP or a call) ▶ rtc_client_answer ▶ rtc_client_check
 *   ▶ rtc_client_read (until is_checked) ▶ rtc_client_start ▶ rtc_client_read … is_connected, media
 *
 * Ownership: identity and engine may be shared by many clients and must outlive them.
 * Thread:    one.
 */
#ifndef AVOCET_TESTS_NET_RTC_CLIENT_H
#define AVOCET_TESTS_NET_RTC_CLIENT_H

#include "base/text.h"
#include "base/time.h"
#include "proto/dtls.h"
#include "proto/rtp.h"
#include "proto/sdp.h"
#include "proto/srtp.h"

enum { RTC_CLIENT_CREDENTIAL_MAX = 64 };

struct rtc_client_env {
    struct dtls_identity *identity;
    struct srtp_engine *engine;
    enum srtp_profile profiles[DTLS_PROFILES_MAX];
};

struct rtc_client {
    const struct rtc_client_env *env;
    int fd;
    char ufrag[9], password[25];
    char remote_ufrag[RTC_CLIENT_CREDENTIAL_MAX], remote_password[RTC_CLIENT_CREDENTIAL_MAX];
    struct fingerprint fingerprint;
    struct endpoint remote;
    struct sdp_video video;
    uint32_t ssrc, rtx_ssrc;
    struct dtls *dtls;
    struct srtp_sender *srtp_out;
    struct srtp_receiver *srtp_in;
    bool decrypts; /* else packets are counted by their clear headers */
    bool is_checked, is_connected, is_closed;
    unsigned n_checks_answered;

    /* media */
    bool has_sequence;
    uint16_t highest; /* sequence */
    uint64_t n_packets, n_repeats, n_lost, n_frames, n_bytes, n_rtcp, n_bad;
    int64_t last_ns; /* a packet came; TIME_NONE */
    void (*on_rtp)(struct rtc_client *c, struct bytes plain, void *arg);
    void (*on_rtcp)(struct rtc_client *c, struct bytes plain, void *arg);
    void *arg;
};

int rtc_client_env_init(struct rtc_client_env *env);
void rtc_client_env_finish(struct rtc_client_env *env);

/* A socket on 127.0.0.1. */
int rtc_client_open(struct rtc_client *c, const struct rtc_client_env *env);
void rtc_client_close(struct rtc_client *c);
void rtc_client_offer(struct rtc_client *c, struct text *out);
int rtc_client_answer(struct rtc_client *c, struct bytes sdp);

/* One connectivity check; ufrag NULL: the right one. */
void rtc_client_check(struct rtc_client *c, const char *ufrag, bool use_candidate);
/* The first DTLS flight. */
int rtc_client_start(struct rtc_client *c, int64_t now_ns);
/* All that is there. 0, or -errno of the socket. */
int rtc_client_read(struct rtc_client *c, int64_t now_ns);
void rtc_client_on_time(struct rtc_client *c, int64_t now_ns);
void rtc_client_send_rtcp(struct rtc_client *c, struct bytes plain);
void rtc_client_send_raw(struct rtc_client *c, struct bytes datagram);

#endif
