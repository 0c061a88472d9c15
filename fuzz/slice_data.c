/*
 * Slice data: a byte that says how it is cut, then an Annex B stream of parameter sets and slices.
 * What is read in pieces must come to the same answer as what is read at once, and no prefix of a
 * slice that is whole may be whole.
 */
#include <assert.h>
#include <stdlib.h>

#include "bitstream/h264.h"
#include "bitstream/h264_slice_data.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In memory of its own size, so that a read past its end is seen. */
static enum h264_slice_data_answer read_prefix(struct h264_slice_data *d, struct bytes nal,
                                               size_t size, const struct h264_sets *sets)
{
    uint8_t *copy = malloc(size + 1);
    if (!copy) {
        abort();
    }
    memcpy(copy, nal.data, size);
    enum h264_slice_data_answer answer;
    do {
        answer = h264_slice_data_read(d, bytes_of(copy, size), false, sets);
    } while (d->is_paused);
    free(copy);
    return answer;
}

static void check(struct h264_slice_data *at_once, struct h264_slice_data *in_pieces,
                  struct bytes nal, size_t piece, const struct h264_sets *sets)
{
    h264_slice_data_begin(at_once);
    h264_slice_data_begin(in_pieces);
    const enum h264_slice_data_answer expected = read_prefix(at_once, nal, nal.size, sets);
    enum h264_slice_data_answer answer = H264_SLICE_DATA_MORE;
    size_t done = 0;
    while (answer == H264_SLICE_DATA_MORE && done < nal.size) {
        done = nal.size - done > piece ? done + piece : nal.size;
        answer = read_prefix(in_pieces, nal, done, sets);
    }
    /* a prefix of damaged slices may end where they do not */
    assert(answer == expected || answer == H264_SLICE_DATA_WHOLE ||
           expected == H264_SLICE_DATA_CANNOT_TELL);
    assert(at_once->mb.address <= H264_SPS_MBS_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct h264_sets sets = {0};
    struct h264_slice_data at_once = {0};
    struct h264_slice_data in_pieces = {0};
    struct h264_nal_iterator it;
    struct bytes nal;
    for (h264_nal_begin(&it, bytes_of(data + 1, size - 1)); h264_nal_next(&it, &nal);) {
        h264_sets_put(&sets, nal);
        if (h264_nal_is_vcl(nal)) {
            check(&at_once, &in_pieces, nal, 1 + data[0], &sets);
        }
    }
    h264_slice_data_finish(&at_once);
    h264_slice_data_finish(&in_pieces);
    h264_sets_finish(&sets);
    return 0;
}
