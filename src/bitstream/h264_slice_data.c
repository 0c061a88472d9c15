#include "bitstream/h264_slice_data.h"

#include <errno.h>

#include "bitstream/h264_nal.h"

/* More than a macroblock takes: 400 bytes by §A.3.1, 3 KB if all its levels were as long as codes
 * can be. Nearer to the end of what is there a copy is kept to go back to. */
enum { MACROBLOCK_BYTES_MAX = 4096 };

void h264_slice_data_begin(struct h264_slice_data *d)
{
    d->answer = H264_SLICE_DATA_MORE;
    d->is_begun = false;
    d->is_run_read = false;
    d->n_skipped = 0;
}

void h264_slice_data_finish(struct h264_slice_data *d)
{
    h264_macroblock_finish(&d->mb);
}

static enum h264_slice_data_answer read_header(struct h264_slice_data *d, struct bytes nal,
                                               const struct h264_sets *sets)
{
    struct h264_macroblock *mb = &d->mb;
    struct h264_slice slice;
    int rc = h264_slice_parse(nal, sets, &slice);
    if (rc == 0 && h264_nal_type(nal) == H264_NAL_PARTITION_A) {
        rc = -ENOTSUP;
    }
    if (rc == 0) {
        rc = h264_slice_header_read(nal, &slice, sets, &mb->header);
    }
    if (rc == 0) {
        mb->entropy = (struct h264_cabac){.in = {.nal = nal}};
        rc = h264_macroblock_begin(mb);
    }
    if (rc == 0 && h264_macroblock_is_overrun(mb)) {
        rc = -EAGAIN; /* the arithmetic decoder's first bits */
    }
    d->is_begun = rc == 0;
    return rc == 0 || rc == -EAGAIN ? H264_SLICE_DATA_MORE : H264_SLICE_DATA_CANNOT_TELL;
}

/* A CAVLC slice where its next macroblock would begin. */
static enum h264_slice_data_answer cavlc_end(const struct h264_slice_data *d, bool is_all)
{
    const struct h264_rbsp *r = &d->mb.entropy.in;
    if (d->mb.address < d->mb.header.n_mbs) {
        return is_all && h264_rbsp_is_at_end(r) ? H264_SLICE_DATA_WHOLE : H264_SLICE_DATA_MORE;
    }
    return h264_rbsp_is_at_end(r)  ? H264_SLICE_DATA_WHOLE
           : h264_rbsp_is_empty(r) ? H264_SLICE_DATA_MORE
                                   : H264_SLICE_DATA_CANNOT_TELL;
}

/* mb_skip_run in front of a macroblock, which is read when that is 0. */
static void read_cavlc(struct h264_slice_data *d)
{
    struct h264_macroblock *mb = &d->mb;
    if (mb->header.type != H264_SLICE_I && !d->is_run_read) {
        d->n_skipped = h264_rbsp_ue(&mb->entropy.in);
        mb->is_bad = d->n_skipped > mb->header.n_mbs - mb->address;
    }
    if (d->n_skipped == 0) {
        h264_macroblock_read(mb);
    }
}

static void commit_cavlc(struct h264_slice_data *d)
{
    d->is_run_read = d->n_skipped > 0;
    if (d->n_skipped == 0) {
        h264_macroblock_commit(&d->mb);
    }
    for (; d->n_skipped > 0; d->n_skipped--) {
        h264_macroblock_skip(&d->mb);
        h264_macroblock_commit(&d->mb);
    }
}

static void commit_cabac(struct h264_slice_data *d, bool is_end)
{
    h264_macroblock_commit(&d->mb);
    if (is_end) {
        d->answer = h264_cabac_is_at_end(&d->mb.entropy) ? H264_SLICE_DATA_WHOLE
                                                         : H264_SLICE_DATA_CANNOT_TELL;
    } else if (d->mb.address == d->mb.header.n_mbs) {
        d->answer = H264_SLICE_DATA_CANNOT_TELL;
    }
}

/* One macroblock with what stands in front of it; false: there is not enough of it. */
static bool read_one(struct h264_slice_data *d)
{
    struct h264_macroblock *mb = &d->mb;
    const bool is_near_end = mb->entropy.in.nal.size - mb->entropy.in.pos < MACROBLOCK_BYTES_MAX;
    if (is_near_end) {
        d->kept = mb->entropy;
    }
    bool is_end = false;
    if (mb->header.is_cabac) {
        h264_macroblock_read(mb);
        is_end = h264_cabac_terminate(&mb->entropy);
    } else {
        read_cavlc(d);
    }
    if (h264_macroblock_is_overrun(mb) && is_near_end) {
        mb->entropy = d->kept;
        d->n_skipped = 0;
        mb->is_bad = false;
        return false;
    }
    if (mb->is_bad || h264_macroblock_is_overrun(mb)) {
        d->answer = H264_SLICE_DATA_CANNOT_TELL;
    } else if (mb->header.is_cabac) {
        commit_cabac(d, is_end);
    } else {
        commit_cavlc(d);
    }
    return true;
}

enum h264_slice_data_answer h264_slice_data_read(struct h264_slice_data *d, struct bytes nal,
                                                 bool is_all, const struct h264_sets *sets)
{
    d->is_paused = false;
    if (d->answer == H264_SLICE_DATA_MORE && !d->is_begun) {
        d->answer = read_header(d, nal, sets);
    }
    if (!d->is_begun) {
        return d->answer;
    }
    d->mb.entropy.in.nal = nal;
    h264_cabac_drop_padding(&d->mb.entropy);
    h264_rbsp_drop_padding(&d->mb.entropy.in);
    const uint32_t pause_mb = d->mb.address + H264_SLICE_DATA_STEP_MBS;
    bool is_enough = true;
    while (d->answer == H264_SLICE_DATA_MORE && is_enough && d->mb.address < pause_mb) {
        if (!d->mb.header.is_cabac) {
            d->answer = cavlc_end(d, is_all);
        }
        is_enough =
            d->answer == H264_SLICE_DATA_MORE && d->mb.address < d->mb.header.n_mbs && read_one(d);
    }
    d->is_paused = d->answer == H264_SLICE_DATA_MORE && is_enough;
    return d->answer;
}

bool h264_slice_data_is_last(const struct h264_slice_data *d)
{
    return d->answer == H264_SLICE_DATA_WHOLE && d->mb.address == d->mb.header.n_mbs;
}
