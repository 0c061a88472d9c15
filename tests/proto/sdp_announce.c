#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "proto/sdp_announce.h"

static const struct track track = {.codec = CODEC_H264, .bitrate_bps = 920000, .rate = {30, 1}};

static const struct {
    struct sdp_announce in;
    const char *expected;
} rows[] = {
    {{.media = SDP_ANNOUNCE_RTP_H264,
      .name = "cam",
      .id = 7,
      .origin = "192.0.2.1",
      .destination = "239.0.0.1",
      .port = 5000,
      .ttl = 4},
     "v=0\r\no=- 7 1 IN IP4 192.0.2.1\r\ns=cam\r\nc=IN IP4 239.0.0.1/4\r\nt=0 0\r\n"
     "a=tool:Avocet\r\na=recvonly\r\n"
     "m=video 5000 RTP/AVP 96\r\nb=AS:920\r\na=rtpmap:96 H264/90000\r\n"
     "a=fmtp:96 packetization-mode=1\r\na=framerate:30\r\n"},
    {{.media = SDP_ANNOUNCE_RTP_TS,
      .name = "cam",
      .id = 8,
      .origin = "2001:db8::1",
      .destination = "ff15::7",
      .port = 5002},
     "v=0\r\no=- 8 1 IN IP6 2001:db8::1\r\ns=cam\r\nc=IN IP6 ff15::7\r\nt=0 0\r\n"
     "a=tool:Avocet\r\na=recvonly\r\n"
     "m=video 5002 RTP/AVP 33\r\na=rtpmap:33 MP2T/90000\r\n"},
    {{.media = SDP_ANNOUNCE_UDP_TS,
      .name = "cam",
      .id = 9,
      .origin = "192.0.2.1",
      .destination = "192.0.2.7",
      .port = 5004},
     "v=0\r\no=- 9 1 IN IP4 192.0.2.1\r\ns=cam\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\n"
     "a=tool:Avocet\r\na=recvonly\r\n"
     "m=video 5004 udp 33\r\na=rtpmap:33 MP2T/90000\r\n"},
};

static void test_rows(void **state)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sdp_announce a = rows[i].in;
        struct text out = {0};
        a.track = &track;
        sdp_announce_write(&out, &a);
        assert_string_equal(out.data, rows[i].expected);
        text_finish(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
