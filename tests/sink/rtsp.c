#include "rtsp_player.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>

#include "proto/rtcp.h"

#define URL "rtsp://h/cam"

/* A frame that is one packet, told by its filler. */
static void publish(struct lab *l, char filler, bool is_key)
{
    lab_publish_h264(l, filler, 20, is_key);
}

static void expect_frame(struct player *p, uint8_t channel, char filler)
{
    const struct rtp_packet rtp = player_rtp(p, channel);
    assert_true(rtp.header.marker);
    assert_int_equal(rtp.payload.size, 16);
    assert_int_equal(rtp.payload.data[15], filler);
}

/* Until the stream is wanted, and then its first keyframe. */
static void start(struct player *p, struct lab *l)
{
    player_request(p, "PLAY " URL "/", "Range: npt=0.000-\r\n");
    lab_wait_wanted(l, 1 << ENCODING_H264);
    publish(l, 'k', true);
    assert_int_equal(player_answer(p), 200);
}

static void test_as_players_do_it(void **state)
{
    struct lab l;
    struct player p;
    lab_create(&l);
    player_connect(&p, &l);
    assert_int_equal(player_ask(&p, "OPTIONS " URL, ""), 200);
    assert_non_null(strstr(player_header(&p, "Public"), "GET_PARAMETER"));

    player_request(&p, "DESCRIBE " URL, "Accept: application/sdp\r\n");
    lab_wait_wanted(&l, 1 << ENCODING_H264); /* it wakes */
    publish(&l, 'k', true);                  /* only now the track is known */
    assert_int_equal(player_answer(&p), 200);
    assert_string_equal(player_header(&p, "Content-Base"), URL "/");
    assert_string_equal(player_header(&p, "Content-Type"), "application/sdp");
    assert_non_null(strstr(p.body.data, "profile-level-id=42C01F;sprop-parameter-sets=Z0LAH9oB"));
    assert_non_null(strstr(p.body.data, "a=control:trackID=0\r\n"));
    lab_wait_wanted(&l, 0);

    player_set_up(&p, "0-1");
    assert_string_equal(player_header(&p, "Transport"), "RTP/AVP/TCP;unicast;interleaved=0-1");
    start(&p, &l);
    unsigned sequence, timestamp;
    assert_int_equal(sscanf(player_header(&p, "RTP-Info"),
                            "url=" URL "/trackID=0;seq=%u;rtptime=%u", &sequence, &timestamp),
                     2);
    assert_true(player_frame(&p)); /* a sender report comes first */
    assert_int_equal(p.channel, 1);
    assert_int_equal(p.frame[1], 200);
    struct rtp_packet rtp = player_rtp(&p, 0);
    assert_int_equal(rtp.header.sequence, sequence);
    assert_int_equal(rtp.header.timestamp, timestamp);
    expect_frame(&p, 0, 'k'); /* the first one was DESCRIBE's, and young enough to join at */
    publish(&l, 'p', false);
    expect_frame(&p, 0, 'p');

    assert_int_equal(player_ask(&p, "GET_PARAMETER " URL "/", ""), 200);
    assert_int_equal(player_ask(&p, "TEARDOWN " URL "/", ""), 200);
    lab_wait_wanted(&l, 0);
    assert_int_equal(player_ask(&p, "PLAY " URL "/", ""), 454);
    player_finish(&p);
    lab_destroy(&l);
}

/* NTP is when the picture was taken, on the clock that everybody shares. */
static void test_report_has_the_capture_time(void **state)
{
    struct lab l;
    struct player p;
    struct rtcp_reader r;
    struct rtcp_item item;
    lab_create(&l);
    player_connect(&p, &l);
    player_set_up(&p, "0-1");
    const int64_t before_ns = time_real_ns();
    start(&p, &l);
    assert_true(player_frame(&p));
    const int64_t after_ns = time_real_ns();
    rtcp_reader_init(&r, bytes_of(p.frame, p.frame_size));
    assert_true(rtcp_reader_next(&r, &item));
    assert_int_equal(item.type, RTCP_SENDER_REPORT);
    const int64_t capture_ns = time_ntp_to_real(item.sr.ntp);
    assert_true(capture_ns >= before_ns - 1 && capture_ns <= after_ns);
    const uint32_t timestamp = item.sr.rtp_timestamp;
    assert_false(rtcp_reader_next(&r, &item));
    assert_false(r.error);
    assert_int_equal(player_rtp(&p, 0).header.timestamp, timestamp);
    player_finish(&p);
    lab_destroy(&l);
}

static void test_channels(void **state)
{
    struct lab l;
    struct player usual, other;
    lab_create(&l);
    player_connect(&usual, &l);
    player_connect(&other, &l);
    player_set_up(&usual, "0-1");
    player_set_up(&other, "6-7");
    start(&usual, &l);
    expect_frame(&usual, 0, 'k');
    assert_int_equal(player_ask(&other, "PLAY " URL, ""), 200);
    expect_frame(&other, 6, 'k');
    publish(&l, 'p', false);
    const struct rtp_packet a = player_rtp(&usual, 0);
    const struct rtp_packet b = player_rtp(&other, 6);
    assert_memory_equal(&a.header, &b.header, sizeof(a.header));
    player_finish(&usual);
    player_finish(&other);
    lab_destroy(&l);
}

static void test_pause(void **state)
{
    struct lab l;
    struct player p;
    lab_create(&l);
    player_connect(&p, &l);
    player_set_up(&p, "0-1");
    start(&p, &l);
    assert_int_equal(player_ask(&p, "PAUSE " URL, ""), 200);
    lab_wait_wanted(&l, 0);
    publish(&l, 'n', true); /* for nobody */
    assert_int_equal(player_ask(&p, "GET_PARAMETER " URL, ""), 200);
    assert_int_equal(player_ask(&p, "PLAY " URL, ""), 200);
    expect_frame(&p, 0, 'n');
    player_finish(&p);
    lab_wait_wanted(&l, 0);
    lab_destroy(&l);
}

static void test_requests_in_one_go(void **state)
{
    struct lab l;
    struct player p;
    lab_create(&l);
    player_connect(&p, &l);
    player_send(&p, "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n\r\n"
                    "DESCRIBE " URL " RTSP/1.0\r\nCSeq: 2\r\n\r\n");
    client_send(p.fd, "$\1\0\4abcd", 8); /* before any SETUP */
    player_send(&p, "OPTIONS * RTSP/1.0\r\nCSeq: 3\r\n\r\nOPTI");
    assert_int_equal(player_answer(&p), 200);
    lab_wait_wanted(&l, 1 << ENCODING_H264);
    publish(&l, 'k', true);
    assert_int_equal(player_answer(&p), 200);
    assert_string_equal(player_header(&p, "CSeq"), "2");
    assert_int_equal(player_answer(&p), 200);
    assert_string_equal(player_header(&p, "CSeq"), "3");
    player_send(&p, "ONS * RTSP/1.0\r\nCSeq: 4\r\n\r\n");
    assert_int_equal(player_answer(&p), 200);
    assert_string_equal(player_header(&p, "CSeq"), "4");
    player_finish(&p);
    lab_destroy(&l);
}

static void test_modes(void **state)
{
    struct lab l;
    struct player p;
    lab_create(&l);
    player_connect(&p, &l);
    assert_int_equal(player_ask(&p, "DESCRIBE " URL "?mode=fast", ""), 400);
    assert_non_null(strstr(p.body.data, "drive"));
    player_request(&p, "DESCRIBE " URL "?mode=drive", "");
    lab_wait_wanted(&l, 1 << ENCODING_H264);
    publish(&l, 'k', true);
    assert_int_equal(player_answer(&p), 200);
    assert_non_null(strstr(p.body.data, "a=control:trackID=0?mode=drive\r\n"));
    assert_int_equal(player_ask(&p, "SETUP " URL "/trackID=0?mode=fast",
                                "Transport: RTP/AVP/TCP;interleaved=0-1\r\n"),
                     400);
    assert_int_equal(player_ask(&p, "SETUP " URL "/trackID=0?mode=drive",
                                "Transport: RTP/AVP/TCP;interleaved=0-1\r\n"),
                     200);
    player_finish(&p);
    lab_destroy(&l);
}

/* Of another connection the session does not exist. */
static void test_foreign_session(void **state)
{
    struct lab l;
    struct player owner, thief;
    lab_create(&l);
    player_connect(&owner, &l);
    player_connect(&thief, &l);
    player_set_up(&owner, "0-1");
    start(&owner, &l);
    memcpy(thief.session, owner.session, sizeof(thief.session));
    assert_int_equal(player_ask(&thief, "TEARDOWN " URL, ""), 454);
    assert_int_equal(player_ask(&thief, "PAUSE " URL, ""), 454);
    expect_frame(&owner, 0, 'k');
    publish(&l, 'p', false);
    expect_frame(&owner, 0, 'p');
    player_finish(&owner);
    player_finish(&thief);
    lab_destroy(&l);
}

/* Who plays goes on, with what the new pictures need, and sees no loss. */
static void test_other_track(void **state)
{
    static const uint8_t sets[] = {0,    0, 0, 1, 0x67, 0x42, 0xc0, 0x15, 0xda, 0x05,
                                   0x07, 0, 0, 0, 1,    0x68, 0xce, 0x3c, 0x80};
    struct lab l;
    struct player p;
    lab_create(&l);
    player_connect(&p, &l);
    player_set_up(&p, "0-1");
    start(&p, &l);
    const struct rtp_header before = player_rtp(&p, 0).header;
    const struct track track = {.codec = CODEC_H264,
                                .size = {320, 240},
                                .codec_string = "avc1.42c015",
                                .parameter_sets = buf_copy(bytes_of(sets, sizeof(sets)))};
    stream_set_track(l.stream, ENCODING_H264, &track);
    publish(&l, 'o', true);
    const struct rtp_header after = player_rtp(&p, 0).header;
    assert_int_equal(after.ssrc, before.ssrc);
    assert_int_equal(after.sequence, (uint16_t)(before.sequence + 1));
    struct buf *parameter_sets = track.parameter_sets;
    buf_unref(&parameter_sets);
    player_finish(&p);
    lab_destroy(&l);
}

static void test_end_of_stream(void **state)
{
    struct lab l;
    struct player p, waiting;
    lab_create(&l);
    player_connect(&p, &l);
    player_connect(&waiting, &l);
    player_set_up(&p, "0-1");
    start(&p, &l);
    expect_frame(&p, 0, 'k');
    lab_end_stream(&l);
    assert_true(player_frame(&p)); /* says goodbye */
    struct rtcp_reader r;
    struct rtcp_item item;
    rtcp_reader_init(&r, bytes_of(p.frame, p.frame_size));
    assert_true(rtcp_reader_next(&r, &item));
    assert_int_equal(item.type, RTCP_BYE);
    assert_false(player_frame(&p));
    assert_int_equal(player_ask(&waiting, "DESCRIBE " URL, ""), 404);
    player_finish(&p);
    player_finish(&waiting);
    lab_destroy(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_players_do_it),
        cmocka_unit_test(test_report_has_the_capture_time),
        cmocka_unit_test(test_channels),
        cmocka_unit_test(test_pause),
        cmocka_unit_test(test_requests_in_one_go),
        cmocka_unit_test(test_modes),
        cmocka_unit_test(test_foreign_session),
        cmocka_unit_test(test_other_track),
        cmocka_unit_test(test_end_of_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
