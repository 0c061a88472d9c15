#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "proto/sdp_rtp.h"

static const char *why;

static int read(const char *lines, struct sdp_rtp *out)
{
    return sdp_rtp_read(bytes_of_text(lines), out, &why);
}

#define HEAD "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=x\r\nc=IN IP4 239.0.0.1\r\nt=0 0\r\n"

static void test_h264(void **state)
{
    static const uint8_t sets[] = {0,    0,    0, 1, 0x67, 0x42, 0xc0, 0x1f, 0xda, 0x01, 0x40,
                                   0x16, 0xe9, 0, 0, 0,    1,    0x68, 0xce, 0x3c, 0x80};
    struct sdp_rtp out;
    assert_int_equal(read(HEAD "m=audio 5002 RTP/AVP 97\r\na=rtpmap:97 OPUS/48000\r\n"
                               "m=video 5000 RTP/AVP 98 96\r\na=rtpmap:98 H265/90000\r\n"
                               "a=rtpmap:96 H264/90000\r\n"
                               "a=fmtp:96 packetization-mode=1;profile-level-id=42C01F;"
                               "sprop-parameter-sets=Z0LAH9oBQBbp,aM48gA==\r\n",
                          &out),
                     0);
    assert_int_equal(out.payload_type, 96);
    assert_false(out.is_ts);
    assert_int_equal(out.sets_size, sizeof(sets));
    assert_memory_equal(out.sets, sets, sizeof(sets));
}

static void test_without_sets(void **state)
{
    struct sdp_rtp out;
    assert_int_equal(read(HEAD "m=video 5000 RTP/AVP 96\na=rtpmap:96 H264/90000\n", &out), 0);
    assert_int_equal(out.sets_size, 0);
}

static void test_ts(void **state)
{
    struct sdp_rtp out;
    assert_int_equal(read(HEAD "m=video 5004 RTP/AVP 33\r\n", &out), 0);
    assert_true(out.is_ts);
    assert_int_equal(read(HEAD "m=video 5004 RTP/AVP 100\r\na=rtpmap:100 MP2T/90000\r\n", &out), 0);
    assert_true(out.is_ts);
    assert_int_equal(out.payload_type, 100);
}

static void test_refused(void **state)
{
    static const struct {
        const char *lines;
        int error;
        const char *why;
    } rows[] = {
        {"", -EBADMSG, "no session description"},
        {"{\"sdp\": 1}", -EBADMSG, "no session description"},
        {HEAD, -EBADMSG, "no session description"},
        {HEAD "m=audio 5002 RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\n", -ENOTSUP, "neither H.264"},
        {HEAD "m=video 5002 RTP/AVP 97\r\na=rtpmap:97 VP8/90000\r\n", -ENOTSUP, "neither H.264"},
        {HEAD "m=video 5002 RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\n"
              "a=fmtp:97 packetization-mode=2\r\n",
         -ENOTSUP, "packetization-mode=2"},
        {HEAD "m=video 5002 RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\n"
              "a=fmtp:97 sprop-parameter-sets=Z0L!,aM48gA==\r\n",
         -EBADMSG, "sprop-parameter-sets"},
        {HEAD "m=video 5002 RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\n"
              "a=fmtp:97 sprop-parameter-sets=Z0LAH9oBQBbp,,aM48gA==\r\n",
         -EBADMSG, "sprop-parameter-sets"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sdp_rtp out;
        assert_int_equal(read(rows[i].lines, &out), rows[i].error);
        assert_non_null(strstr(why, rows[i].why));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_h264),
        cmocka_unit_test(test_without_sets),
        cmocka_unit_test(test_ts),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
