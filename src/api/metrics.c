/* Prometheus text exposition format 0.0.4. Units are base units; counters end in _total. */
#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "api/api.h"
#include "base/text.h"
#include "net/webrtc.h"

static void begin(struct text *out, const char *name, const char *type, const char *help)
{
    text_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static const char *encoding_word(enum encoding_id id)
{
    return id == ENCODING_H264 ? "h264" : "jpeg";
}

/* One counter for each stream and encoding. Stream names need no escaping ([a-z0-9_/-]). */
static void write_encoding_counter(const struct api *api, struct text *out, const char *name,
                                   const char *help, size_t offset)
{
    begin(out, name, "counter", help);
    for (unsigned i = 0; i < api->streams->n_streams; i++) {
        const struct stream *s = api->streams->streams[i];
        for (int e = 0; e < N_ENCODINGS; e++) {
            const char *stats = (const char *)stream_encoding_stats(s, (enum encoding_id)e);
            uint64_t value = 0;
            memcpy(&value, stats + offset, sizeof(value));
            text_printf(out, "%s{stream=\"%s\",encoding=\"%s\"} %llu\n", name, stream_name(s),
                        encoding_word((enum encoding_id)e), (unsigned long long)value);
        }
    }
}

static void write_encodings(const struct api *api, struct text *out)
{
    write_encoding_counter(api, out, "avocet_frames_total", "Frames published",
                           offsetof(struct encoding_stats, n_packets));
    write_encoding_counter(api, out, "avocet_keyframes_total", "Keyframes published",
                           offsetof(struct encoding_stats, n_keyframes));
    write_encoding_counter(api, out, "avocet_bytes_total", "Bytes published",
                           offsetof(struct encoding_stats, n_bytes));
    write_encoding_counter(api, out, "avocet_keyframe_wishes_total",
                           "Keyframes asked of the encoder",
                           offsetof(struct encoding_stats, n_keyframe_wishes));
    begin(out, "avocet_frames_dropped_total", "counter", "Frames dropped before any viewer");
    for (unsigned i = 0; i < api->streams->n_streams; i++) {
        const struct stream *s = api->streams->streams[i];
        for (int e = 0; e < N_ENCODINGS; e++) {
            const struct encoding_stats *stats = stream_encoding_stats(s, (enum encoding_id)e);
            for (int r = 0; r < N_DROP_REASONS; r++) {
                text_printf(
                    out,
                    "avocet_frames_dropped_total{stream=\"%s\",encoding=\"%s\",reason=\"%s\"} "
                    "%llu\n",
                    stream_name(s), encoding_word((enum encoding_id)e),
                    drop_reason_name((enum drop_reason)r), (unsigned long long)stats->n_dropped[r]);
            }
        }
    }
}

static void write_states(const struct api *api, struct text *out)
{
    begin(out, "avocet_stream_state", "gauge", "1 for the state that the stream is in");
    for (unsigned i = 0; i < api->streams->n_streams; i++) {
        const struct stream *s = api->streams->streams[i];
        for (int state = 0; state < N_STREAM_STATES; state++) {
            text_printf(out, "avocet_stream_state{stream=\"%s\",state=\"%s\"} %d\n", stream_name(s),
                        stream_state_name((enum stream_state)state),
                        stream_get_state(s) == (enum stream_state)state);
        }
    }
}

/* Calls write for each stream and protocol seen so far. */
static void each_protocol(const struct api *api, struct text *out,
                          void (*write)(struct text *out, const struct stream *s,
                                        const struct protocol_stats *stats))
{
    for (unsigned i = 0; i < api->streams->n_streams; i++) {
        const struct stream *s = api->streams->streams[i];
        const struct protocol_stats *stats;
        for (unsigned p = 0; (stats = stream_protocol_stats(s, p)) != NULL; p++) {
            write(out, s, stats);
        }
    }
}

static void write_viewers(struct text *out, const struct stream *s, const struct protocol_stats *p)
{
    text_printf(out, "avocet_viewers{stream=\"%s\",protocol=\"%s\"} %u\n", stream_name(s),
                p->protocol, p->n_viewers);
}

static void write_viewers_total(struct text *out, const struct stream *s,
                                const struct protocol_stats *p)
{
    text_printf(out, "avocet_viewers_total{stream=\"%s\",protocol=\"%s\"} %llu\n", stream_name(s),
                p->protocol, (unsigned long long)p->n_viewers_total);
}

static void write_sent_frames(struct text *out, const struct stream *s,
                              const struct protocol_stats *p)
{
    text_printf(out, "avocet_sent_frames_total{stream=\"%s\",protocol=\"%s\"} %llu\n",
                stream_name(s), p->protocol, (unsigned long long)p->n_frames);
}

static void write_sent_bytes(struct text *out, const struct stream *s,
                             const struct protocol_stats *p)
{
    text_printf(out, "avocet_sent_bytes_total{stream=\"%s\",protocol=\"%s\"} %llu\n",
                stream_name(s), p->protocol, (unsigned long long)p->n_bytes);
}

static void write_viewer_drops(struct text *out, const struct stream *s,
                               const struct protocol_stats *p)
{
    for (int r = 0; r < N_DROP_REASONS; r++) {
        text_printf(
            out,
            "avocet_viewer_frames_dropped_total{stream=\"%s\",protocol=\"%s\",reason=\"%s\"} "
            "%llu\n",
            stream_name(s), p->protocol, drop_reason_name((enum drop_reason)r),
            (unsigned long long)p->n_dropped[r]);
    }
}

static void write_histogram(struct text *out, const char *labels, const struct stage_histogram *h)
{
    uint64_t n = 0;
    for (int i = 0; i < STAGE_BUCKETS; i++) {
        n += h->counts[i];
        char bound[32] = "+Inf";
        if (stage_bounds_ns[i] != INT64_MAX) {
            snprintf(bound, sizeof(bound), "%g", (double)stage_bounds_ns[i] / NS_PER_S);
        }
        text_printf(out, "avocet_latency_seconds_bucket{%s,le=\"%s\"} %llu\n", labels, bound,
                    (unsigned long long)n);
    }
    text_printf(out, "avocet_latency_seconds_sum{%s} %.6f\n", labels, (double)h->sum_ns / NS_PER_S);
    text_printf(out, "avocet_latency_seconds_count{%s} %llu\n", labels, (unsigned long long)h->n);
}

static void write_send_histogram(struct text *out, const struct stream *s,
                                 const struct protocol_stats *p)
{
    char labels[220];
    snprintf(labels, sizeof(labels), "stream=\"%s\",stage=\"send\",protocol=\"%s\"", stream_name(s),
             p->protocol);
    write_histogram(out, labels, &p->send);
}

static void write_latency(const struct api *api, struct text *out)
{
    begin(out, "avocet_latency_seconds", "histogram",
          "Time that frames spend in each stage: capture, encode, send");
    for (unsigned i = 0; i < api->streams->n_streams; i++) {
        const struct stream *s = api->streams->streams[i];
        for (int stage = 0; stage < STAGE_SEND; stage++) {
            char labels[220];
            snprintf(labels, sizeof(labels), "stream=\"%s\",stage=\"%s\",protocol=\"\"",
                     stream_name(s), stage_name((enum stream_stage)stage));
            write_histogram(out, labels, stream_stage(s, (enum stream_stage)stage));
        }
    }
    each_protocol(api, out, write_send_histogram);
}

static long resident_bytes(void)
{
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f) {
        if (fscanf(f, "%*d %ld", &pages) != 1) {
            pages = 0;
        }
        fclose(f);
    }
    return pages * sysconf(_SC_PAGESIZE);
}

static unsigned n_open_fds(void)
{
    unsigned n = 0;
    DIR *dir = opendir("/proc/self/fd");
    for (struct dirent *e; dir && (e = readdir(dir));) {
        n += e->d_name[0] != '.';
    }
    if (dir) {
        closedir(dir);
    }
    return n > 0 ? n - 1 : 0; /* without the folder's own */
}

static void write_process(const struct api *api, struct text *out)
{
    const struct http_server_stats *http = http_server_stats(api->http);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    const double cpu_s = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    begin(out, "avocet_build_info", "gauge", "Version of the program");
    text_printf(out, "avocet_build_info{version=\"%s\"} 1\n", api->version);
    begin(out, "avocet_http_connections", "gauge", "Open HTTP connections");
    text_printf(out, "avocet_http_connections %u\n", http->n_connections);
    begin(out, "avocet_http_requests_total", "counter", "HTTP requests read");
    text_printf(out, "avocet_http_requests_total %llu\n", (unsigned long long)http->n_requests);
    begin(out, "avocet_http_bad_requests_total", "counter", "HTTP requests refused as malformed");
    text_printf(out, "avocet_http_bad_requests_total %llu\n",
                (unsigned long long)http->n_bad_requests);
    begin(out, "avocet_http_refused_total", "counter", "HTTP connections over a limit");
    text_printf(out, "avocet_http_refused_total %llu\n", (unsigned long long)http->n_refused);
    begin(out, "avocet_process_cpu_seconds_total", "counter", "CPU time of the program");
    text_printf(out, "avocet_process_cpu_seconds_total %.3f\n", cpu_s);
    begin(out, "avocet_process_resident_memory_bytes", "gauge", "Resident memory");
    text_printf(out, "avocet_process_resident_memory_bytes %ld\n", resident_bytes());
    begin(out, "avocet_process_open_fds", "gauge", "Open file descriptors");
    text_printf(out, "avocet_process_open_fds %u\n", n_open_fds());
}

static void write_sample(struct text *out, const char *name, const char *type, const char *help,
                         uint64_t value)
{
    begin(out, name, type, help);
    text_printf(out, "%s %llu\n", name, (unsigned long long)value);
}

static void write_webrtc(const struct webrtc *w, struct text *out)
{
    struct webrtc_stats s;
    webrtc_get_stats(w, &s);
    write_sample(out, "avocet_webrtc_sessions", "gauge", "WebRTC sessions now", s.n_sessions);
    write_sample(out, "avocet_webrtc_connected_sessions", "gauge",
                 "WebRTC sessions that media can be sent to", s.n_connected);
    write_sample(out, "avocet_webrtc_handshakes", "gauge", "DTLS handshakes in flight",
                 s.n_handshakes);
    write_sample(out, "avocet_webrtc_sessions_total", "counter", "WebRTC sessions since the start",
                 s.n_created);
    write_sample(out, "avocet_webrtc_refused_sessions_total", "counter",
                 "WebRTC sessions refused at the limit", s.n_refused);
    write_sample(out, "avocet_webrtc_failed_handshakes_total", "counter",
                 "DTLS handshakes that failed", s.n_failed);
    write_sample(out, "avocet_webrtc_expired_sessions_total", "counter",
                 "WebRTC sessions whose viewer never came, or fell silent", s.n_expired);
    write_sample(out, "avocet_webrtc_stray_datagrams_total", "counter",
                 "Datagrams dropped: of no session, or not what they should be", s.n_strays);
    write_sample(out, "avocet_webrtc_sent_datagrams_total", "counter", "Datagrams sent",
                 s.n_datagrams_sent);
    write_sample(out, "avocet_webrtc_sent_bytes_total", "counter", "Bytes of datagrams sent",
                 s.n_bytes_sent);
    write_sample(out, "avocet_webrtc_send_calls_total", "counter",
                 "System calls that sent datagrams", s.n_sends);
    write_sample(out, "avocet_webrtc_late_datagrams_total", "counter",
                 "Datagrams that a full socket made late", s.n_full);
}

void api_write_metrics(const struct api *api, struct text *out)
{
    write_process(api, out);
    if (api->webrtc) {
        write_webrtc(api->webrtc, out);
    }
    write_states(api, out);
    write_encodings(api, out);
    begin(out, "avocet_viewers", "gauge", "Viewers now");
    each_protocol(api, out, write_viewers);
    begin(out, "avocet_viewers_total", "counter", "Viewers since the start");
    each_protocol(api, out, write_viewers_total);
    begin(out, "avocet_sent_frames_total", "counter", "Frames handed to the kernel for viewers");
    each_protocol(api, out, write_sent_frames);
    begin(out, "avocet_sent_bytes_total", "counter", "Bytes handed to the kernel for viewers");
    each_protocol(api, out, write_sent_bytes);
    begin(out, "avocet_viewer_frames_dropped_total", "counter",
          "Frames that viewers were not sent");
    each_protocol(api, out, write_viewer_drops);
    write_latency(api, out);
}
