#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "proto/sdp_player.h"

static void test_h264(void **state)
{
    static const uint8_t sets[] = {0,    0,    0, 1, 0x67, 0x42, 0xc0, 0x1f, 0xda, 0x01, 0x40,
                                   0x16, 0xe9, 0, 0, 0,    1,    0x68, 0xce, 0x3c, 0x80};
    struct track track = {.codec = CODEC_H264,
                          .rate = {30000, 1001},
                          .bitrate_bps = 920500,
                          .parameter_sets = buf_copy(bytes_of(sets, sizeof(sets)))};
    const struct sdp_player_track t = {
        .track = &track, .payload_type = 96, .control = "trackID=0?mode=drive"};
    struct text sdp = {0};
    sdp_player_write_session(&sdp, "cam", 7, "0.0.0.0");
    sdp_player_write_h264(&sdp, &t);
    assert_string_equal(sdp.data, "v=0\r\n"
                                  "o=- 7 1 IN IP4 127.0.0.1\r\n"
                                  "s=cam\r\n"
                                  "c=IN IP4 0.0.0.0\r\n"
                                  "t=0 0\r\n"
                                  "a=tool:Avocet\r\n"
                                  "a=range:npt=now-\r\n"
                                  "a=control:*\r\n"
                                  "m=video 0 RTP/AVP 96\r\n"
                                  "b=AS:921\r\n"
                                  "a=rtpmap:96 H264/90000\r\n"
                                  "a=fmtp:96 packetization-mode=1;profile-level-id=42C01F;"
                                  "sprop-parameter-sets=Z0LAH9oBQBbp,aM48gA==\r\n"
                                  "a=framerate:29.97\r\n"
                                  "a=control:trackID=0?mode=drive\r\n");
    text_finish(&sdp);
    track_finish(&track);
}

/* What is not known is not said. */
static void test_unknown(void **state)
{
    const struct track track = {.codec = CODEC_H264};
    const struct sdp_player_track t = {.track = &track, .payload_type = 97};
    struct text sdp = {0};
    sdp_player_write_session(&sdp, "cam", UINT64_MAX, "::");
    sdp_player_write_h264(&sdp, &t);
    assert_non_null(strstr(sdp.data, "o=- 9223372036854775807 1 IN IP6 ::1\r\n"));
    assert_non_null(strstr(sdp.data, "c=IN IP6 ::\r\n"));
    assert_non_null(strstr(sdp.data, "m=video 0 RTP/AVP 97\r\n"
                                     "a=rtpmap:97 H264/90000\r\n"
                                     "a=fmtp:97 packetization-mode=1\r\n"));
    text_finish(&sdp);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_h264),
        cmocka_unit_test(test_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
