/* A camera's JPEG: made whole, decoded to planes, scaled down. */
#include <stdlib.h>

#include "bitstream/jpeg.h"
#include "codec/jpeg.h"
#include "codec/jpeg_scale.h"
#include "source/jpeg_stream.h"

enum { PIXELS_MAX = 512 * 512 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decode(const struct packet *packet)
{
    struct option_error error;
    struct picture *picture = NULL;
    void *decoder = calloc(1, decoder_jpeg.state_size);
    if (decoder_jpeg.open(decoder, NULL, &error) == 0) {
        for (int i = 0; i < 2; i++) {
            (void)decoder_jpeg.decode(decoder, packet, NULL, &picture, &error);
            picture_unref(&picture);
        }
    }
    decoder_jpeg.close(decoder);
    free(decoder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct jpeg_stream stream = {0};
    struct packet *packet = NULL;
    struct picture_size picture = {0};
    (void)jpeg_stream_push(&stream, bytes_of(data, size));
    while (jpeg_stream_pull(&stream, &packet, &picture) == 0) {
        /* large pictures find nothing that small ones do not, only slower */
        if ((int64_t)picture.width * picture.height <= PIXELS_MAX) {
            struct buf *scaled = NULL;
            decode(packet);
            (void)jpeg_scale(packet_bytes(packet), 24, 70, &scaled);
            buf_unref(&scaled);
        }
        packet_unref(&packet);
    }
    jpeg_stream_finish(&stream);
    return 0;
}
