#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "helper/helper_memory.h"
#include "helper/helper_reader.h"

struct rig {
    int ends[2]; /* the helper's, ours */
    struct helper_reader reader;
};

static void rig_open(struct rig *r)
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, r->ends), 0);
    helper_reader_init(&r->reader);
}

static void rig_close(struct rig *r)
{
    helper_reader_finish(&r->reader);
    close(r->ends[0]);
    close(r->ends[1]);
}

static void rig_send(struct rig *r, const void *bytes, size_t size)
{
    assert_int_equal(send(r->ends[0], bytes, size, 0), (int)size);
}

static int rig_read(struct rig *r)
{
    return helper_reader_read(&r->reader, r->ends[1]);
}

static struct helper_message unit(const char *payload)
{
    return (struct helper_message){.version = HELPER_VERSION,
                                   .type = HELPER_UNIT,
                                   .unit = HELPER_UNIT_JPEG,
                                   .payload_size = (uint32_t)strlen(payload),
                                   .time_ns = 7};
}

/* Two messages, byte for byte. */
static void test_any_cut(void **state)
{
    static const char *const payloads[] = {"first", "and the second"};
    struct rig r;
    rig_open(&r);
    for (size_t i = 0; i < 2; i++) {
        const struct helper_message m = unit(payloads[i]);
        for (size_t at = 0; at < sizeof(m); at++) {
            rig_send(&r, (const uint8_t *)&m + at, 1);
            assert_int_equal(rig_read(&r), -EAGAIN);
        }
        for (size_t at = 0; payloads[i][at] != '\0'; at++) {
            rig_send(&r, &payloads[i][at], 1);
            assert_int_equal(rig_read(&r), payloads[i][at + 1] == '\0' ? 0 : -EAGAIN);
        }
        assert_true(bytes_equal(packet_bytes(r.reader.payload), bytes_of_text(payloads[i])));
        assert_int_equal(r.reader.message.time_ns, 7);
    }
    assert_int_equal(rig_read(&r), -EAGAIN);
    assert_null(r.reader.payload);
    shutdown(r.ends[0], SHUT_WR);
    assert_int_equal(rig_read(&r), -EPIPE);
    rig_close(&r);
}

/* What is taken stays when the next message comes. */
static void test_a_taken_payload(void **state)
{
    struct rig r;
    const struct helper_message m = unit("mine");
    rig_open(&r);
    rig_send(&r, &m, sizeof(m));
    rig_send(&r, "mine", 4);
    assert_int_equal(rig_read(&r), 0);
    struct packet *mine = packet_ref(r.reader.payload);
    assert_int_equal(rig_read(&r), -EAGAIN);
    assert_true(bytes_equal(packet_bytes(mine), bytes_of_text("mine")));
    packet_unref(&mine);
    rig_close(&r);
}

static void test_nonsense(void **state)
{
    static const struct helper_message rows[] = {
        {.version = 1, .type = HELPER_PICTURE},
        {.version = HELPER_VERSION, .type = 0},
        {.version = HELPER_VERSION, .type = HELPER_DECODE},
        {.version = HELPER_VERSION, .type = HELPER_UNIT, .payload_size = 0},
        {.version = HELPER_VERSION, .type = HELPER_UNIT, .payload_size = 1, .unit = N_HELPER_UNITS},
        {.version = HELPER_VERSION, .type = HELPER_UNIT, .payload_size = PACKET_SIZE_MAX + 1},
        {.version = HELPER_VERSION, .type = HELPER_ERROR, .payload_size = HELPER_SENTENCE_MAX + 1},
        {.version = HELPER_VERSION, .type = HELPER_PICTURE, .payload_size = 1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct rig r;
        rig_open(&r);
        rig_send(&r, &rows[i], sizeof(rows[i]));
        assert_int_equal(rig_read(&r), -EBADMSG);
        rig_close(&r);
    }
}

static void send_with_fd(struct rig *r, struct helper_message *m, int fd)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.header = {.cmsg_level = SOL_SOCKET,
                            .cmsg_type = SCM_RIGHTS,
                            .cmsg_len = CMSG_LEN(sizeof(int))}};
    struct iovec part = {m, sizeof(*m)};
    const struct msghdr message = {.msg_iov = &part,
                                   .msg_iovlen = 1,
                                   .msg_control = control.bytes,
                                   .msg_controllen = sizeof(control.bytes)};
    memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
    assert_int_equal(sendmsg(r->ends[0], &message, 0), (int)sizeof(*m));
}

/* A picture's memory comes with its message, and is looked at within its bounds only. */
static void test_pictures(void **state)
{
    struct helper_message m = {
        .version = HELPER_VERSION,
        .type = HELPER_PICTURE,
        .generation = 3,
        .width = 16,
        .height = 16,
        .offsets = {0, 256, 320},
        .strides = {16, 8, 8},
        .slot_size = 384,
    };
    struct rig r;
    rig_open(&r);
    const int fd = memfd_create("pictures", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    assert_int_equal(ftruncate(fd, 384 * HELPER_SLOTS), 0);
    send_with_fd(&r, &m, fd);
    close(fd);
    assert_int_equal(rig_read(&r), 0);
    assert_true(r.reader.fd >= 0);
    struct helper_memory *memory = helper_memory_create(r.reader.fd, &m, r.ends[1]);
    struct picture *picture = NULL;
    assert_int_equal(helper_memory_lend(memory, &m, &picture), 0);
    assert_int_equal(picture->planes[2][63], 0);
    picture_unref(&picture);
    m.offsets[2]++; /* one byte too far */
    assert_int_equal(helper_memory_lend(memory, &m, &picture), -EBADMSG);
    helper_memory_leave(&memory);
    assert_int_equal(ftruncate(r.reader.fd, 0), -1);
    m.slot_size = 385; /* than there is */
    assert_null(helper_memory_create(r.reader.fd, &m, r.ends[1]));
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_cut),
        cmocka_unit_test(test_a_taken_payload),
        cmocka_unit_test(test_nonsense),
        cmocka_unit_test(test_pictures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
