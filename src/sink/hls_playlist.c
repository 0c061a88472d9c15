#include "sink/hls_playlist.h"

#include <inttypes.h>
#include <time.h>

enum { DEFAULT_BANDWIDTH_BPS = 1000000, BANDWIDTH_MARGIN_PERCENT = 25, TIMESCALE = 90000 };

/* ---- times ---- */

/* RFC 3339 in UTC, milliseconds: "2026-11-20T14:05:09.033Z" */
static void append_time(struct text *out, int64_t real_ns)
{
    const time_t seconds = (time_t)(real_ns / NS_PER_S);
    struct tm utc;
    char text[32];
    gmtime_r(&seconds, &utc);
    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc);
    text_printf(out, "%s.%03dZ", text, (int)(real_ns % NS_PER_S / NS_PER_MS));
}

static void append_seconds(struct text *out, int64_t ns)
{
    const int64_t ms = (ns + NS_PER_MS / 2) / NS_PER_MS;
    text_printf(out, "%" PRId64 ".%03" PRId64, ms / 1000, ms % 1000);
}

static int64_t bandwidth_bps(const struct track *t)
{
    const int64_t bps = t->bitrate_bps > 0 ? t->bitrate_bps : DEFAULT_BANDWIDTH_BPS;
    return bps + bps * BANDWIDTH_MARGIN_PERCENT / 100;
}

/* ---- HLS ---- */

void hls_write_multivariant(const struct hls_presentation *p, struct text *out)
{
    const struct track *t = p->track;
    text_append(out, "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-INDEPENDENT-SEGMENTS\n");
    text_printf(out, "#EXT-X-STREAM-INF:BANDWIDTH=%" PRId64 ",CODECS=\"%s\"", bandwidth_bps(t),
                t->codec_string);
    if (t->size.width > 0) {
        text_printf(out, ",RESOLUTION=%dx%d", t->size.width, t->size.height);
    }
    if (t->rate.num > 0) {
        text_printf(out, ",FRAME-RATE=%.3f", (double)t->rate.num / t->rate.den);
    }
    text_append(out, "\nhls/video.m3u8\n");
}

static void append_server_control(const struct hls_presentation *p, struct text *out)
{
    const int64_t part_ns = p->segments->part_ns;
    text_append(out, "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=");
    append_seconds(out, 3 * part_ns);
    text_printf(out, ",HOLD-BACK=%d\n#EXT-X-PART-INF:PART-TARGET=", 3 * p->target_s);
    append_seconds(out, part_ns);
    text_append(out, "\n");
}

static void append_part(const struct hls_presentation *p, const struct cmaf_part *part,
                        struct text *out)
{
    text_append(out, "#EXT-X-PART:DURATION=");
    append_seconds(out, part->duration_ns);
    text_printf(out, ",URI=\"%s-p%" PRIu64 ".m4s\"%s\n", p->boot, part->number,
                part->is_independent ? ",INDEPENDENT=YES" : "");
}

/* Nobody needs the parts of what is further back. */
static bool has_listed_parts(const struct hls_presentation *p, const struct cmaf_segment *g)
{
    return g->number + HLS_PARTED_SEGMENTS >= p->segments->end_segment;
}

static void append_segment(const struct hls_presentation *p, const struct cmaf_segment *g,
                           struct text *out)
{
    if (g->capture_ns != TIME_NONE) {
        text_append(out, "#EXT-X-PROGRAM-DATE-TIME:");
        append_time(out, g->capture_ns);
        text_append(out, "\n");
    }
    for (unsigned i = 0; has_listed_parts(p, g) && i < g->n_parts; i++) {
        append_part(p, &g->parts[i], out);
    }
    if (g->is_whole) {
        text_append(out, "#EXTINF:");
        append_seconds(out, g->duration_ns);
        text_printf(out, ",\n%s-%" PRIu64 ".m4s\n", p->boot, g->number);
    }
}

static uint64_t first_listed(const struct cmaf_segmenter *s)
{
    const uint64_t n_held = s->end_segment - s->first_segment;
    return n_held > HLS_LISTED_SEGMENTS + 1 ? s->end_segment - HLS_LISTED_SEGMENTS - 1
                                            : s->first_segment;
}

static uint64_t n_discontinuities_before(const struct cmaf_segmenter *s, uint64_t number)
{
    uint64_t n = s->n_discontinuities_gone;
    for (uint64_t i = s->first_segment; i < number; i++) {
        n += cmaf_segmenter_segment(s, i)->is_discontinuous;
    }
    return n;
}

void hls_write_media(const struct hls_presentation *p, struct text *out)
{
    const struct cmaf_segmenter *s = p->segments;
    const uint64_t first = first_listed(s);
    unsigned init_number = 0;
    text_printf(out, "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:%d\n", p->target_s);
    append_server_control(p, out);
    text_printf(out, "#EXT-X-MEDIA-SEQUENCE:%" PRIu64 "\n", first);
    text_printf(out, "#EXT-X-DISCONTINUITY-SEQUENCE:%" PRIu64 "\n",
                n_discontinuities_before(s, first));
    text_append(out, "#EXT-X-INDEPENDENT-SEGMENTS\n");
    for (uint64_t n = first; n < s->end_segment; n++) {
        const struct cmaf_segment *g = cmaf_segmenter_segment(s, n);
        if (g->is_discontinuous && n > first) {
            text_append(out, "#EXT-X-DISCONTINUITY\n");
        }
        if (g->init_number != init_number) {
            text_printf(out, "#EXT-X-MAP:URI=\"%s-i%u.mp4\"\n", p->boot, g->init_number);
            init_number = g->init_number;
        }
        append_segment(p, g, out);
    }
    text_printf(out, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"%s-p%" PRIu64 ".m4s\"\n", p->boot,
                s->next_part);
}

/* ---- DASH ---- */

static int64_t to_timescale(int64_t ns)
{
    return time_rescale(ns, TIMESCALE, NS_PER_S);
}

/* The newest whole segments of the present track: a manifest has one init segment. */
static uint64_t first_of_track(const struct cmaf_segmenter *s)
{
    uint64_t first = first_listed(s);
    for (uint64_t n = first; n < s->end_segment; n++) {
        if (cmaf_segmenter_segment(s, n)->init_number != s->init_number) {
            first = n + 1;
        }
    }
    return first;
}

static void append_timeline(const struct hls_presentation *p, struct text *out)
{
    const struct cmaf_segmenter *s = p->segments;
    const uint64_t first = first_of_track(s);
    text_printf(out,
                "<SegmentTemplate timescale=\"%d\" initialization=\"hls/%s-i%u.mp4\" "
                "media=\"hls/%s-$Number$.m4s\" startNumber=\"%" PRIu64 "\">\n<SegmentTimeline>\n",
                TIMESCALE, p->boot, s->init_number, p->boot, first);
    for (uint64_t n = first; n < s->end_segment; n++) {
        const struct cmaf_segment *g = cmaf_segmenter_segment(s, n);
        if (g->is_whole) {
            const int64_t start = to_timescale(g->start_ns);
            text_printf(out, "<S t=\"%" PRId64 "\" d=\"%" PRId64 "\"/>\n", start,
                        to_timescale(g->start_ns + g->duration_ns) - start);
        }
    }
    text_append(out, "</SegmentTimeline>\n</SegmentTemplate>\n");
}

static void append_representation(const struct hls_presentation *p, struct text *out)
{
    const struct track *t = p->track;
    text_printf(out, "<Representation id=\"video\" codecs=\"%s\" bandwidth=\"%" PRId64 "\"",
                t->codec_string, bandwidth_bps(t));
    if (t->size.width > 0) {
        text_printf(out, " width=\"%d\" height=\"%d\"", t->size.width, t->size.height);
    }
    if (t->rate.num > 0) {
        text_printf(out, " frameRate=\"%d/%d\"", t->rate.num, t->rate.den);
    }
    text_append(out, "/>\n");
}

void hls_write_manifest(const struct hls_presentation *p, int64_t real_now_ns, struct text *out)
{
    text_append(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                     "<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" type=\"dynamic\" "
                     "profiles=\"urn:mpeg:dash:profile:isoff-live:2011\" "
                     "availabilityStartTime=\"");
    append_time(out, p->begun_real_ns);
    text_append(out, "\" publishTime=\"");
    append_time(out, real_now_ns);
    text_printf(out,
                "\" minimumUpdatePeriod=\"PT1S\" minBufferTime=\"PT1S\" "
                "maxSegmentDuration=\"PT%dS\" timeShiftBufferDepth=\"PT%dS\" "
                "suggestedPresentationDelay=\"PT%dS\">\n",
                p->target_s, HLS_LISTED_SEGMENTS * 2, 2 * p->target_s);
    text_append(out, "<Period id=\"0\" start=\"PT0S\">\n"
                     "<AdaptationSet id=\"0\" contentType=\"video\" mimeType=\"video/mp4\" "
                     "segmentAlignment=\"true\" startWithSAP=\"1\">\n");
    append_timeline(p, out);
    append_representation(p, out);
    text_append(out, "</AdaptationSet>\n</Period>\n"
                     "<UTCTiming schemeIdUri=\"urn:mpeg:dash:utc:direct:2014\" value=\"");
    append_time(out, real_now_ns);
    text_append(out, "\"/>\n</MPD>\n");
}
