#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/sdp_answer.h"
#include "proto/sdp_offer.h"

/* Offers made by browsers (and some written by hand) are the fuzz entry's seeds. */
static char *load(const char *name)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", OFFERS, name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    char *text = calloc(1, SDP_SIZE_MAX);
    assert_non_null(text);
    assert_true(fread(text, 1, SDP_SIZE_MAX - 1, f) > 0);
    fclose(f);
    return text;
}

static struct sdp *parse(const char *text)
{
    struct sdp *s = calloc(1, sizeof(*s));
    assert_non_null(s);
    assert_int_equal(sdp_parse(bytes_of_text(text), s), 0);
    return s;
}

/* --- what is chosen from real offers --- */

static const uint8_t CONSTRAINED_BASELINE[3] = {0x42, 0xc0, 0x28}; /* as x264 writes it, level 4 */
static const uint8_t MAIN_PROFILE[3] = {0x4d, 0x40, 0x1f};
static const uint8_t HIGH_PROFILE[3] = {0x64, 0x00, 0x28};
static const uint8_t CONSTRAINED_HIGH[3] = {0x64, 0x0c, 0x1f};

enum { ALL_FEEDBACK = SDP_NACK | SDP_NACK_PLI | SDP_CCM_FIR | SDP_GOOG_REMB };

static const struct {
    const char *name, *file;
    const uint8_t *real;
    unsigned media_index;
    int payload_type, rtx_payload_type; /* 0: none */
    uint8_t feedback;
    uint8_t profile_level_id[3];
    struct rtp_extension_ids extensions; /* playout delay, send time, capture time, mid */
} choices[] = {
    {"Chromium", "chromium.sdp", NULL, 0, 108, 109, ALL_FEEDBACK, {0x42, 0xe0, 0x1f}, {5, 2, 0, 9}},
    {"Chromium, constrained baseline",
     "chromium.sdp",
     CONSTRAINED_BASELINE,
     0,
     108,
     109,
     ALL_FEEDBACK,
     {0x42, 0xe0, 0x28},
     {5, 2, 0, 9}},
    {"Chromium, Main",
     "chromium.sdp",
     MAIN_PROFILE,
     0,
     116,
     117,
     ALL_FEEDBACK,
     {0x4d, 0x00, 0x1f},
     {5, 2, 0, 9}},
    {"Chromium, High is not offered",
     "chromium-audio.sdp",
     HIGH_PROFILE,
     0,
     108,
     109,
     ALL_FEEDBACK,
     {0x42, 0xe0, 0x28},
     {5, 2, 0, 9}},
    {"Firefox", "firefox.sdp", NULL, 0, 126, 127, ALL_FEEDBACK, {0x42, 0xe0, 0x1f}, {6, 4, 0, 3}},
    {"Firefox with audio",
     "firefox-audio.sdp",
     CONSTRAINED_BASELINE,
     0,
     126,
     127,
     ALL_FEEDBACK,
     {0x42, 0xe0, 0x28},
     {6, 4, 0, 3}},
    {"Safari", "safari.sdp", NULL, 1, 98, 99, ALL_FEEDBACK, {0x42, 0xe0, 0x1f}, {5, 2, 0, 4}},
    {"Safari, constrained High",
     "safari.sdp",
     CONSTRAINED_HIGH,
     1,
     96,
     97,
     ALL_FEEDBACK,
     {0x64, 0x0c, 0x1f},
     {5, 2, 0, 4}},
    {"GStreamer",
     "gstreamer.sdp",
     CONSTRAINED_BASELINE,
     0,
     96,
     0,
     SDP_NACK | SDP_NACK_PLI | SDP_CCM_FIR,
     {0x42, 0xe0, 0x1f},
     {0, 0, 0, 0}},
    {"minimal",
     "minimal.sdp",
     CONSTRAINED_BASELINE,
     0,
     102,
     0,
     0,
     {0x42, 0x00, 0x0a},
     {0, 0, 0, 0}},
    {"bundle-only video",
     "bundle-only.sdp",
     NULL,
     1,
     96,
     97,
     SDP_NACK | SDP_NACK_PLI,
     {0x42, 0xe0, 0x1f},
     {0, 0, 3, 0}},
};

static void test_choices(void **state)
{
    for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++) {
        print_message("%s\n", choices[i].name);
        char *text = load(choices[i].file);
        struct sdp *offer = parse(text);
        struct sdp_video v;
        const char *reason;
        assert_int_equal(sdp_offer_choose(offer, choices[i].real, &v, &reason), 0);
        assert_null(reason);
        assert_int_equal(v.media_index, choices[i].media_index);
        assert_int_equal(v.payload_type, choices[i].payload_type);
        assert_int_equal(v.has_rtx, choices[i].rtx_payload_type != 0);
        assert_int_equal(v.rtx_payload_type, choices[i].rtx_payload_type);
        assert_int_equal(v.feedback, choices[i].feedback);
        assert_memory_equal(v.h264.profile_level_id, choices[i].profile_level_id, 3);
        assert_memory_equal(&v.extensions, &choices[i].extensions, sizeof(v.extensions));
        free(offer);
        free(text);
    }
}

static void test_chromium_is_read(void **state)
{
    char *text = load("chromium-audio.sdp");
    struct sdp *offer = parse(text);
    assert_int_equal(offer->n_media, 2);
    assert_true(offer->has_bundle && offer->has_extmap_allow_mixed);
    assert_false(offer->is_ice_lite);
    const struct sdp_media *m = &offer->media[0];
    assert_true(m->is_bundled && m->has_rtcp_mux && m->has_rtcp_rsize && m->has_receiver_rtt);
    assert_int_equal(m->direction, SDP_RECVONLY);
    assert_int_equal(m->setup, SDP_ACTPASS);
    assert_true(bytes_equal(m->mid, bytes_of_text("0")));
    assert_true(bytes_equal(m->ufrag, bytes_of_text("l8Q3")));
    assert_true(bytes_equal(m->password, bytes_of_text("JOKtrr7mMrrdSRGT56eO5eua")));
    assert_int_equal(m->n_fingerprints, 1);
    assert_int_equal(m->fingerprints[0].size, 32);
    assert_int_equal(m->fingerprints[0].digest[0], 0x5a);
    assert_int_equal(m->n_candidates, 0); /* names only */
    assert_int_equal(offer->media[1].n_codecs, 8);
    free(offer);
    free(text);
}

static void test_session_level_is_inherited(void **state)
{
    char *text = load("firefox.sdp");
    struct sdp *offer = parse(text);
    assert_int_equal(offer->media[0].n_fingerprints, 1);
    assert_int_equal(offer->media[0].direction, SDP_RECVONLY); /* over the session's sendrecv */
    assert_int_equal(offer->media[0].n_candidates, 2);         /* UDP of component 1 */
    assert_int_equal(offer->media[0].candidates[0].port, 43835);
    assert_int_equal(offer->media[0].candidates[1].version, 6);
    assert_int_equal(offer->media[0].recvonly_extensions, 1 << SDP_PLAYOUT_DELAY);
    assert_int_equal(offer->media[0].ssrc, 3481404722);
    free(offer);
    free(text);
}

static void test_bundle_transport_is_inherited(void **state)
{
    char *text = load("bundle-only.sdp");
    struct sdp *offer = parse(text);
    assert_true(bytes_equal(offer->media[1].ufrag, bytes_of_text("abcd")));
    assert_int_equal(offer->media[1].setup, SDP_ACTPASS);
    assert_int_equal(offer->media[1].n_fingerprints, 1); /* MD5 is not counted */
    assert_int_equal(offer->media[1].fingerprints[0].size, 64);
    free(offer);
    free(text);
}

/* --- refusals --- */

/* minimal.sdp with one piece replaced. */
static char *edit(const char *what, const char *by)
{
    char *text = load("minimal.sdp");
    char *at = strstr(text, what);
    assert_non_null(at);
    char *out = calloc(1, SDP_SIZE_MAX);
    snprintf(out, SDP_SIZE_MAX, "%.*s%s%s", (int)(at - text), text, by, at + strlen(what));
    free(text);
    return out;
}

static const struct {
    const char *name, *what, *by;
    int parse, choose;
    const char *reason; /* a word of it */
} refusals[] = {
    {"as it is", "a=recvonly\n", "a=recvonly\n", 0, 0, NULL},
    {"no direction: sendrecv", "a=recvonly\n", "", 0, 0, NULL},
    {"wants to send", "a=recvonly", "a=sendonly", 0, -ENOTSUP, "receive"},
    {"inactive", "a=recvonly", "a=inactive", 0, -ENOTSUP, "receive"},
    {"port 0", "m=video 9", "m=video 0", 0, -ENOTSUP, "receive"},
    {"audio only", "m=video", "m=audio", 0, -ENOTSUP, "receive"},
    {"mode 0", "packetization-mode=1", "packetization-mode=0", 0, -ENOTSUP, "packetization-mode=1"},
    {"no fmtp", "a=fmtp:102 packetization-mode=1\n", "", 0, -ENOTSUP, "packetization-mode=1"},
    {"VP8 only", "H264/90000", "VP8/90000", 0, -ENOTSUP, "H.264"},
    {"bad clock", "H264/90000", "H264/8000", 0, -ENOTSUP, "H.264"},
    {"bad profile", "mode=1", "mode=1;profile-level-id=42e0zz", 0, -ENOTSUP, "H.264"},
    {"no rtcp-mux", "a=rtcp-mux\n", "", 0, -ENOTSUP, "rtcp-mux"},
    {"passive", "a=rtcp-mux\n", "a=rtcp-mux\na=setup:passive\n", 0, -ENOTSUP, "setup"},
    {"active", "a=rtcp-mux\n", "a=rtcp-mux\na=setup:active\n", 0, 0, NULL},
    {"ice-lite", "t=0 0\n", "t=0 0\na=ice-lite\n", 0, -ENOTSUP, "ICE-lite"},
    {"no ufrag", "a=ice-ufrag:abcd\n", "", 0, -EBADMSG, "ICE"},
    {"no password", "a=ice-pwd:abcdefghijklmnopqrstuv\n", "", 0, -EBADMSG, "ICE"},
    {"no fingerprint", "a=fingerprint", "a=fingerprintless", 0, -EBADMSG, "fingerprint"},
    {"unknown hash", "SHA-256", "sha3-256", 0, -EBADMSG, "fingerprint"},
    {"short fingerprint", "5a:c6", "c6", -EBADMSG, 0, NULL},
    {"fingerprint of letters", "5a:c6", "5g:c6", -EBADMSG, 0, NULL},
    {"ufrag of 3", "abcd\n", "abc\n", -EBADMSG, 0, NULL},
    {"password of 21", "qrstuv", "qrstu", -EBADMSG, 0, NULL},
    {"no version", "v=0\n", "", -EBADMSG, 0, NULL},
    {"version 1", "v=0\n", "v=1\n", -EBADMSG, 0, NULL},
    {"not lines", "s=-\n", "nonsense\n", -EBADMSG, 0, NULL},
    {"a control character", "a=recvonly", "a=recv\033only", -EBADMSG, 0, NULL},
    {"a CR within a line", "a=recvonly", "a=mid:x\ra=y", -EBADMSG, 0, NULL},
    {"a mid of two words", "a=recvonly", "a=mid:x y", -EBADMSG, 0, NULL},
    {"an empty mid", "a=recvonly", "a=mid:", -EBADMSG, 0, NULL},
    {"m-line without formats", "SAVPF 102", "SAVPF", -EBADMSG, 0, NULL},
    {"m-line without port", "m=video 9", "m=video x", -EBADMSG, 0, NULL},
    {"port beyond 16 bits", "m=video 9", "m=video 65536", -EBADMSG, 0, NULL},
    {"payload type beyond 127", "SAVPF 102", "SAVPF 230", 0, -ENOTSUP, "H.264"},
    {"huge numbers are not read", "rtpmap:102", "rtpmap:18446744073709551718", 0, -ENOTSUP,
     "H.264"},
    {"an empty line", "t=0 0\n", "t=0 0\n\n", 0, 0, NULL},
};

static void test_refusals(void **state)
{
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        char *text = edit(refusals[i].what, refusals[i].by);
        struct sdp *offer = calloc(1, sizeof(*offer));
        const int result = sdp_parse(bytes_of_text(text), offer);
        if (result != refusals[i].parse) {
            fail_msg("%s: parse %d", refusals[i].name, result);
        }
        struct sdp_video v;
        const char *reason = NULL;
        const int chosen = result == 0 ? sdp_offer_choose(offer, NULL, &v, &reason) : 0;
        if (chosen != refusals[i].choose || !reason != !refusals[i].reason ||
            (reason && !strstr(reason, refusals[i].reason))) {
            fail_msg("%s: choose %d, %s", refusals[i].name, chosen, reason);
        }
        free(offer);
        free(text);
    }
}

static void test_payload_types_like_rtcp(void **state)
{
    for (unsigned type = 60; type < 100; type++) {
        char number[16], lines[128];
        snprintf(number, sizeof(number), "SAVPF %u", type);
        char *text = edit("SAVPF 102", number);
        snprintf(lines, sizeof(lines), "a=rtpmap:%u H264/90000\na=fmtp:%u packetization-mode=1\n",
                 type, type);
        strcat(text, lines);
        struct sdp *offer = parse(text);
        struct sdp_video v;
        const char *reason;
        assert_int_equal(sdp_offer_choose(offer, NULL, &v, &reason),
                         type >= 64 && type <= 95 ? -ENOTSUP : 0);
        free(offer);
        free(text);
    }
}

/* What has 8 bits and 4:2:0 is sent to whoever asks for H.264. */
static void test_profiles_that_must_be_offered(void **state)
{
    static const struct {
        uint8_t real[3];
        const char *file;
        int result;
    } rows[] = {
        {{0xf4, 0x00, 0x1f}, "firefox.sdp", -ENOTSUP},
        {{0x7a, 0x00, 0x1f}, "firefox.sdp", -ENOTSUP},
        {{0x6e, 0x00, 0x1f}, "firefox.sdp", -ENOTSUP},
        {{0x64, 0x08, 0x1f}, "firefox.sdp", 0},
        {{0x4d, 0x00, 0x1f}, "firefox.sdp", 0},
        {{0x42, 0x00, 0x1f}, "firefox.sdp", 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *text = load(rows[i].file);
        struct sdp *offer = parse(text);
        struct sdp_video v;
        const char *reason = NULL;
        assert_int_equal(sdp_offer_choose(offer, rows[i].real, &v, &reason), rows[i].result);
        assert_true(!reason == (rows[i].result == 0));
        assert_true(!reason || strstr(reason, "profile"));
        free(offer);
        free(text);
    }
}

static void test_without_h264(void **state)
{
    char *text = load("firefox-no-h264.sdp");
    struct sdp *offer = parse(text);
    struct sdp_video v;
    const char *reason;
    assert_int_equal(sdp_offer_choose(offer, NULL, &v, &reason), -ENOTSUP);
    assert_string_equal(reason, "the offer has no H.264 with packetization-mode=1");
    free(offer);
    free(text);
}

static void test_limits(void **state)
{
    static const struct {
        const char *name, *line;
        unsigned n;
        int expected;
    } rows[] = {
        {"lines", "a=x\n", SDP_LINES_MAX - 20, 0},
        {"too many lines", "a=x\n", SDP_LINES_MAX, -E2BIG},
        {"media", "m=video 9 UDP/TLS/RTP/SAVPF 96\n", SDP_MEDIA_MAX - 1, 0},
        {"too many media", "m=video 9 UDP/TLS/RTP/SAVPF 96\n", SDP_MEDIA_MAX, -E2BIG},
        {"many candidates", "a=candidate:1 1 udp 1 192.0.2.1 9 typ host\n", 100, 0},
        {"many fingerprints", "a=fingerprint:md5 00\n", 100, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *text = load("minimal.sdp");
        for (unsigned n = 0; n < rows[i].n; n++) {
            strcat(text, rows[i].line);
        }
        struct sdp *offer = calloc(1, sizeof(*offer));
        if (sdp_parse(bytes_of_text(text), offer) != rows[i].expected) {
            fail_msg("%s", rows[i].name);
        }
        free(offer);
        free(text);
    }
    char *text = malloc(SDP_SIZE_MAX + 1);
    struct sdp *offer = calloc(1, sizeof(*offer));
    memset(text, 'a', SDP_SIZE_MAX + 1);
    memcpy(text, "v=0\na=", 6);
    assert_int_equal(sdp_parse(bytes_of(text, SDP_SIZE_MAX + 1), offer), -E2BIG);
    assert_int_equal(sdp_parse(bytes_of(text, 5 + SDP_LINE_SIZE_MAX), offer), -E2BIG);
    assert_int_equal(sdp_parse(bytes_of(text, 4 + SDP_LINE_SIZE_MAX), offer), -EBADMSG);
    assert_int_equal(sdp_parse((struct bytes){0}, offer), -EBADMSG);
    free(offer);
    free(text);
}

/* --- our own offer --- */

static void test_our_offer_is_accepted(void **state)
{
    struct endpoint candidate;
    assert_int_equal(endpoint_parse_ip(bytes_of_text("127.0.0.1"), &candidate), 0);
    candidate.port = 5000;
    const struct sdp_offer o = {
        .session_id = UINT64_MAX,
        .ufrag = "abcdefgh",
        .password = "abcdefghijklmnopqrstuvwx",
        .fingerprint = "sha-256 5A:C6:9F:70:F0:A4:CE:4D:E1:84:4E:A4:3C:AA:F5:C0:ED:CC:9C:BC:A9:A9:"
                       "72:0E:6D:D6:44:86:E8:3E:1B:C7",
        .candidates = &candidate,
        .n_candidates = 1,
    };
    struct text text = {0};
    sdp_offer_write(&o, &text);
    assert_false(text.error);
    assert_non_null(strstr(text.data, "o=- 9223372036854775807 2 IN IP4"));
    struct sdp *offer = parse(text.data);
    static const struct {
        const uint8_t *real;
        uint8_t payload_type;
    } rows[] = {{NULL, 96}, {CONSTRAINED_BASELINE, 96}, {MAIN_PROFILE, 100}, {HIGH_PROFILE, 102}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sdp_video v;
        const char *reason;
        assert_int_equal(sdp_offer_choose(offer, rows[i].real, &v, &reason), 0);
        assert_int_equal(v.payload_type, rows[i].payload_type);
        assert_true(v.has_rtx);
        assert_int_equal(v.feedback, ALL_FEEDBACK);
        assert_true(v.extensions.playout_delay && v.extensions.abs_capture_time &&
                    v.extensions.abs_send_time && v.extensions.mid);
    }
    assert_int_equal(offer->media[0].n_candidates, 1);
    assert_true(endpoint_equal(&offer->media[0].candidates[0], &candidate));
    free(offer);
    text_finish(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_choices),
        cmocka_unit_test(test_chromium_is_read),
        cmocka_unit_test(test_session_level_is_inherited),
        cmocka_unit_test(test_bundle_transport_is_inherited),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_payload_types_like_rtcp),
        cmocka_unit_test(test_profiles_that_must_be_offered),
        cmocka_unit_test(test_without_h264),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_our_offer_is_accepted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
