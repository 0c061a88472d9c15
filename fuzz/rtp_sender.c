/* What a viewer reports, fed to a sender that has sent a few frames. */
#include "proto/rtp_sender.h"

#include <stdlib.h>

enum { SSRC = 0x11111111, N_FRAMES = 8, N_PAYLOADS = 4, PAYLOAD = 64 };

static struct buf *make_frame(uint32_t timestamp)
{
    const size_t table = sizeof(struct rtp_payloads) + N_PAYLOADS * sizeof(struct rtp_payload);
    struct buf *b = buf_create(table + N_PAYLOADS * PAYLOAD);
    struct rtp_payloads *p = (struct rtp_payloads *)(void *)b->data;
    *p = (struct rtp_payloads){.timestamp = timestamp, .n_payloads = N_PAYLOADS};
    for (uint32_t i = 0; i < N_PAYLOADS; i++) {
        p->payloads[i] = (struct rtp_payload){(uint32_t)(table + i * PAYLOAD), PAYLOAD, i == 3};
    }
    memset(b->data + table, 0, N_PAYLOADS * PAYLOAD);
    b->size = b->capacity;
    return b;
}

static void send_frames(struct rtp_sender *s, int64_t now_ns)
{
    struct rtp_outgoing o;
    for (unsigned i = 0; i < N_FRAMES; i++) {
        struct buf *b = make_frame(i * 3000);
        const struct rtp_frame frame = {
            .buf = b, .capture_ns = TIME_NONE, .arrival_ns = now_ns, .is_key = i == 0};
        if (rtp_sender_is_ready(s, now_ns)) {
            rtp_sender_offer(s, &frame, now_ns);
        }
        while (rtp_sender_next(s, now_ns, &o)) {
        }
        buf_unref(&b);
    }
}

/* Each two bytes of length begin a datagram; between two of them the clock goes on. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct rtp_sender s;
    const struct rtp_sender_config config = {.ssrc = SSRC,
                                             .rtx_ssrc = 2,
                                             .has_rtx = true,
                                             .extensions = {.abs_send_time = 3},
                                             .delay_ns = 250 * NS_PER_MS};
    uint8_t report[RTP_SENDER_REPORT_SIZE_MAX];
    struct byte_reader r;
    int64_t now_ns = NS_PER_S;
    rtp_sender_init(&s, &config, now_ns);
    byte_reader_init(&r, bytes_of(data, size));
    while (byte_reader_left(&r) > 2) {
        bool has_left;
        send_frames(&s, now_ns);
        rtp_sender_report(&s, now_ns, now_ns, report);
        const size_t n = byte_reader_u16(&r) & 0x3ff;
        const size_t left = byte_reader_left(&r);
        rtp_sender_receive(&s, byte_reader_bytes(&r, n < left ? n : left), now_ns, &has_left);
        rtp_sender_take_wish(&s, now_ns);
        now_ns += 100 * NS_PER_MS;
        if (rtp_sender_cut_late(&s, now_ns)) {
            continue;
        }
        if (rtp_sender_deadline_ns(&s, now_ns) < now_ns) {
            abort();
        }
    }
    rtp_sender_finish(&s);
    return 0;
}
