/*
 * What the V4L2 encoder makes of test pictures, written to a file and told about: tests/vm/m2m.sh
 * runs it inside the virtual machine.
 *
 *   m2m_probe encode WIDTH HEIGHT FORMAT FILE    60 pictures, a keyframe asked for at the 20th
 *   m2m_probe check WIDTH HEIGHT FILE            of decoded I420: is each timecode the next one?
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "codec/v4l2_m2m.h"
#include "pictures.h"

enum { N_PICTURES = 60, FORCED_KEY = 20 };

static int64_t capture_ms(int n)
{
    return (PICTURES_EPOCH_NS + n * NS_PER_S / 30) / NS_PER_MS % TIMECODE_MODULUS_MS;
}

static int encode_all(void *encoder, struct picture_size size, enum pixel_format format, FILE *file)
{
    struct option_error error = {0};
    struct test_picture t;
    int n_packets = 0;
    test_picture_init(&t, size, TEST_PATTERN_BARS, "m2m");
    for (int n = 0; n < N_PICTURES; n++) {
        struct picture *i420 = pictures_draw(&t, n);
        struct picture *p = pictures_convert(i420, format);
        struct packet *packet = NULL;
        const int result =
            encoder_v4l2_m2m.encode(encoder, p, n == 0 || n == FORCED_KEY, &packet, &error);
        if (result == 0) {
            if (packet_is_key(packet)) {
                printf("key at %d\n", n);
            }
            if (packet->capture_ns != p->capture_ns) {
                printf("the times of picture %d are another's\n", n);
            }
            fwrite(packet->data, 1, packet->size, file);
            n_packets++;
        } else {
            printf("picture %d: %s\n", n, result == -EAGAIN ? "nothing came" : error.sentence);
        }
        packet_unref(&packet);
        picture_unref(&p);
        picture_unref(&i420);
    }
    printf("packets %d\n", n_packets);
    return n_packets == N_PICTURES ? 0 : 1;
}

static int encode_main(char **argv)
{
    const struct picture_size size = {atoi(argv[2]), atoi(argv[3])};
    const struct encoder_params params = {.size = size,
                                          .rate = {30, 1},
                                          .bitrate_bps = 2000000,
                                          .keyframe_ns = NS_PER_S,
                                          .vbv_frames = 2};
    struct option_error error = {0};
    void *encoder = calloc(1, encoder_v4l2_m2m.state_size);
    int failed = 1;
    const char *problem = encoder_v4l2_m2m.problem();
    printf("problem: %s\n", problem ? problem : "none");
    if (encoder_v4l2_m2m.open(encoder, &params, &error) < 0) {
        printf("cannot open: %s\n", error.sentence);
    } else {
        const struct track *track = encoder_v4l2_m2m.track(encoder);
        FILE *file = fopen(argv[5], "wb");
        printf("track %s %dx%d sets %zu\n", track->codec_string, track->size.width,
               track->size.height, buf_bytes(track->parameter_sets).size);
        for (int format = 0; format < N_PIXEL_FORMATS && file; format++) {
            if (strcmp(pixel_format_name((enum pixel_format)format), argv[4]) == 0) {
                failed = encode_all(encoder, size, (enum pixel_format)format, file);
            }
        }
        if (file) {
            fclose(file);
        }
        printf("bitrate %s\n",
               encoder_v4l2_m2m.set_bitrate(encoder, 1000000) == 0 ? "set" : "stays");
    }
    encoder_v4l2_m2m.close(encoder);
    free(encoder);
    return failed;
}

static int check_main(char **argv)
{
    const struct picture_size size = {atoi(argv[2]), atoi(argv[3])};
    struct picture *p = picture_create(PIXEL_I420, size);
    const size_t luma = (size_t)size.width * (size_t)size.height;
    uint8_t *bytes = malloc(luma * 3 / 2);
    FILE *file = fopen(argv[4], "rb");
    int n_right = 0;
    for (int n = 0; file && fread(bytes, 1, luma * 3 / 2, file) == luma * 3 / 2; n++) {
        int64_t ms = 0;
        n_right += timecode_read(bytes, size.width, size, &ms) == 0 && ms == capture_ms(n);
    }
    printf("right timecodes %d\n", n_right);
    if (file) {
        fclose(file);
    }
    free(bytes);
    picture_unref(&p);
    return n_right != N_PICTURES;
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc == 6 && strcmp(argv[1], "encode") == 0) {
        return encode_main(argv);
    }
    if (argc == 5 && strcmp(argv[1], "check") == 0) {
        return check_main(argv);
    }
    fprintf(stderr, "m2m_probe: see the head of its source for the arguments\n");
    return 2;
}
