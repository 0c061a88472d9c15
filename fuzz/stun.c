/*
 * STUN messages as they are, and once more with a header that fits: what can be read can be judged
 * and answered, and the answers can be read.
 */
#include <assert.h>

#include "proto/stun.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void answer(const struct stun_message *m)
{
    const struct bytes password = bytes_of_text("passwordpasswordpassword");
    const struct endpoint mapped = {.version = m->n_unknown ? 6 : 4, .ip = {1, 2, 3}, .port = 4};
    uint8_t out[STUN_MESSAGE_SIZE_MAX];
    struct stun_message back;
    size_t size = stun_write_success(m, &mapped, password, out, sizeof(out));
    assert(size > 0 && stun_parse(bytes_of(out, size), &back) == 0);
    assert(stun_has_integrity(&back, password) && endpoint_equal(&back.mapped, &mapped));
    size = stun_write_error(m, STUN_UNKNOWN_ATTRIBUTE, password, out, sizeof(out));
    assert(size > 0 && stun_parse(bytes_of(out, size), &back) == 0);
    assert(back.error_code == STUN_UNKNOWN_ATTRIBUTE);
}

static void receive(struct bytes in)
{
    struct stun_message m;
    const struct bytes ufrag = stun_local_ufrag(in);
    if (stun_parse(in, &m) == 0) {
        stun_judge_request(&m, ufrag, (struct bytes){0}, bytes_of_text("VOkJxbRl1RmTxUk/WvJxBt"));
        answer(&m);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t copy[STUN_MESSAGE_SIZE_MAX];
    receive(bytes_of(data, size));
    size = size < sizeof(copy) ? size & ~(size_t)3 : sizeof(copy);
    if (size >= 20) {
        memcpy(copy, data, size);
        copy[0] &= 0x3f;
        bytes_put_u16(copy + 2, (uint16_t)(size - 20));
        bytes_put_u32(copy + 4, 0x2112a442);
        receive(bytes_of(copy, size));
    }
    return 0;
}
