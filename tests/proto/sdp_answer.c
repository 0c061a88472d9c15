#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/sdp_answer.h"
#include "proto/sdp_offer.h"

#define FINGERPRINT                                                                                \
    "sha-256 5A:C6:9F:70:F0:A4:CE:4D:E1:84:4E:A4:3C:AA:F5:C0:ED:CC:9C:BC:A9:A9:72:0E:6D:D6:44:86:" \
    "E8:3E:1B:C7"

static struct endpoint CANDIDATES[2];

static int set_up(void **state)
{
    endpoint_parse_ip(bytes_of_text("192.0.2.1"), &CANDIDATES[0]);
    endpoint_parse_ip(bytes_of_text("2001:db8::1"), &CANDIDATES[1]);
    CANDIDATES[0].port = CANDIDATES[1].port = 8189;
    return 0;
}

static const struct sdp_answer ANSWER = {
    .session_id = 4611686018427387904,
    .ufrag = "oursours",
    .password = "passwordpasswordpassword",
    .fingerprint = FINGERPRINT,
    .candidates = CANDIDATES,
    .n_candidates = 2,
    .stream_id = "cam",
    .track_id = "video",
    .cname = "avocet",
    .ssrc = 1111,
    .rtx_ssrc = 4000000000,
};

/* Our answer to one of the fuzz entry's seed offers. */
static struct text answer_to(const char *name)
{
    char path[512];
    char *text = calloc(1, SDP_SIZE_MAX);
    struct sdp *offer = calloc(1, sizeof(*offer));
    struct text out = {0};
    struct sdp_video v;
    const char *reason;
    snprintf(path, sizeof(path), "%s/%s", OFFERS, name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    assert_true(fread(text, 1, SDP_SIZE_MAX, f) > 0);
    fclose(f);
    assert_int_equal(sdp_parse(bytes_of_text(text), offer), 0);
    assert_int_equal(sdp_offer_choose(offer, NULL, &v, &reason), 0);
    sdp_answer_write(offer, &v, &ANSWER, &out);
    assert_false(out.error);
    free(offer);
    free(text);
    return out;
}

#define TRANSPORT                                                                                  \
    "a=ice-ufrag:oursours\r\n"                                                                     \
    "a=ice-pwd:passwordpasswordpassword\r\n"                                                       \
    "a=fingerprint:" FINGERPRINT "\r\n"                                                            \
    "a=setup:passive\r\n"                                                                          \
    "a=candidate:1 1 udp 2130706431 192.0.2.1 8189 typ host\r\n"                                   \
    "a=candidate:2 1 udp 2130706175 2001:db8::1 8189 typ host\r\n"                                 \
    "a=end-of-candidates\r\n"

static void test_chromium_with_audio(void **state)
{
    struct text out = answer_to("chromium-audio.sdp");
    assert_string_equal(out.data,
                        "v=0\r\n"
                        "o=- 4611686018427387904 2 IN IP4 127.0.0.1\r\n"
                        "s=-\r\n"
                        "t=0 0\r\n"
                        "a=group:BUNDLE 0\r\n"
                        "a=ice-lite\r\n"
                        "a=msid-semantic: WMS *\r\n"
                        "a=extmap-allow-mixed\r\n"
                        "m=video 9 UDP/TLS/RTP/SAVPF 108 109\r\n"
                        "c=IN IP4 0.0.0.0\r\n"
                        "a=mid:0\r\n"
                        "a=sendonly\r\n"
                        "a=rtcp-mux\r\n"
                        "a=rtcp-rsize\r\n"
                        "a=rtcp-xr:rcvr-rtt=all\r\n" TRANSPORT "a=rtpmap:108 H264/90000\r\n"
                        "a=fmtp:108 level-asymmetry-allowed=1;packetization-mode=1;"
                        "profile-level-id=42e01f\r\n"
                        "a=rtcp-fb:108 nack\r\n"
                        "a=rtcp-fb:108 nack pli\r\n"
                        "a=rtcp-fb:108 ccm fir\r\n"
                        "a=rtcp-fb:108 goog-remb\r\n"
                        "a=rtpmap:109 rtx/90000\r\n"
                        "a=fmtp:109 apt=108\r\n"
                        "a=extmap:5 http://www.webrtc.org/experiments/rtp-hdrext/playout-delay\r\n"
                        "a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time\r\n"
                        "a=extmap:9 urn:ietf:params:rtp-hdrext:sdes:mid\r\n"
                        "a=msid:cam video\r\n"
                        "a=ssrc-group:FID 1111 4000000000\r\n"
                        "a=ssrc:1111 cname:avocet\r\n"
                        "a=ssrc:4000000000 cname:avocet\r\n"
                        "m=audio 0 UDP/TLS/RTP/SAVPF 111\r\n"
                        "c=IN IP4 0.0.0.0\r\n"
                        "a=mid:1\r\n"
                        "a=inactive\r\n");
    text_finish(&out);
}

/* Nothing that was not offered: no rsize, no feedback, no RTX, no extension, no bundle. */
static void test_minimal(void **state)
{
    struct text out = answer_to("minimal.sdp");
    assert_string_equal(out.data, "v=0\r\n"
                                  "o=- 4611686018427387904 2 IN IP4 127.0.0.1\r\n"
                                  "s=-\r\n"
                                  "t=0 0\r\n"
                                  "a=ice-lite\r\n"
                                  "a=msid-semantic: WMS *\r\n"
                                  "m=video 9 UDP/TLS/RTP/SAVPF 102\r\n"
                                  "c=IN IP4 0.0.0.0\r\n"
                                  "a=sendonly\r\n"
                                  "a=rtcp-mux\r\n" TRANSPORT "a=rtpmap:102 H264/90000\r\n"
                                  "a=fmtp:102 packetization-mode=1;profile-level-id=42000a\r\n"
                                  "a=msid:cam video\r\n"
                                  "a=ssrc:1111 cname:avocet\r\n");
    text_finish(&out);
}

static void test_order_of_media_is_kept(void **state)
{
    struct text out = answer_to("bundle-only.sdp");
    const char *data = strstr(out.data, "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n"
                                        "c=IN IP4 0.0.0.0\r\na=mid:data\r\na=inactive\r\n");
    const char *video = strstr(out.data, "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\n");
    const char *other = strstr(out.data, "m=video 0 UDP/TLS/RTP/SAVPF 96\r\n");
    assert_true(data && video && other && data < video && video < other);
    assert_non_null(strstr(out.data, "a=group:BUNDLE v\r\n"));
    text_finish(&out);
}

static void test_received_only_extensions_are_sent_only(void **state)
{
    struct text out = answer_to("firefox.sdp");
    assert_non_null(strstr(
        out.data,
        "a=extmap:6/sendonly http://www.webrtc.org/experiments/rtp-hdrext/playout-delay\r\n"));
    assert_non_null(strstr(out.data, "a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid\r\n"));
    assert_null(strstr(out.data, "transport-cc"));
    text_finish(&out);
}

/* --- the client's side --- */

static void test_our_answer_is_read(void **state)
{
    struct text out = answer_to("chromium.sdp");
    struct sdp *answer = calloc(1, sizeof(*answer));
    struct sdp_video v;
    assert_int_equal(sdp_parse(text_bytes(&out), answer), 0);
    assert_int_equal(sdp_answer_read(answer, &v), 0);
    assert_int_equal(v.payload_type, 108);
    assert_true(v.has_rtx);
    assert_int_equal(v.rtx_payload_type, 109);
    assert_int_equal(v.extensions.playout_delay, 5);
    assert_true(answer->is_ice_lite);
    const struct sdp_media *m = &answer->media[v.media_index];
    assert_int_equal(m->setup, SDP_PASSIVE);
    assert_int_equal(m->ssrc, 1111);
    assert_int_equal(m->rtx_ssrc, 4000000000);
    assert_int_equal(m->n_candidates, 2);
    assert_true(endpoint_equal(&m->candidates[0], &CANDIDATES[0]));
    assert_true(endpoint_equal(&m->candidates[1], &CANDIDATES[1]));
    assert_true(bytes_equal(m->ufrag, bytes_of_text("oursours")));
    free(answer);
    text_finish(&out);
}

static const struct {
    const char *name, *what, *by;
    int expected;
} answers[] = {
    {"as it is", "a=sendonly", "a=sendonly", 0},
    {"refused", "m=video 9", "m=video 0", -ENOTSUP},
    {"does not send", "a=sendonly", "a=recvonly", -ENOTSUP},
    {"another codec", "H264", "H265", -ENOTSUP},
    {"mode 0", "packetization-mode=1", "packetization-mode=0", -ENOTSUP},
    {"no role", "a=setup:passive", "a=setup:actpass", -ENOTSUP},
    {"active", "a=setup:passive", "a=setup:active", 0},
    {"no mux", "a=rtcp-mux", "a=rtcp", -ENOTSUP},
    {"no fingerprint", "a=fingerprint:", "a=finger:", -EBADMSG},
    {"no ICE", "a=ice-ufrag:", "a=ice:", -EBADMSG},
};

static void test_answers_are_judged(void **state)
{
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        struct text good = answer_to("minimal.sdp"), edited = {0};
        const char *at = strstr(good.data, answers[i].what);
        assert_non_null(at);
        text_append_bytes(&edited, bytes_of(good.data, (size_t)(at - good.data)));
        text_append(&edited, answers[i].by);
        text_append(&edited, at + strlen(answers[i].what));
        struct sdp *answer = calloc(1, sizeof(*answer));
        struct sdp_video v;
        assert_int_equal(sdp_parse(text_bytes(&edited), answer), 0);
        if (sdp_answer_read(answer, &v) != answers[i].expected) {
            fail_msg("%s", answers[i].name);
        }
        free(answer);
        text_finish(&good);
        text_finish(&edited);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chromium_with_audio),
        cmocka_unit_test(test_minimal),
        cmocka_unit_test(test_order_of_media_is_kept),
        cmocka_unit_test(test_received_only_extensions_are_sent_only),
        cmocka_unit_test(test_our_answer_is_read),
        cmocka_unit_test(test_answers_are_judged),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
