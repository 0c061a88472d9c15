#include "net/http_guard.h"

#include <errno.h>
#include <stdio.h>
#include <strings.h>
#include <unistd.h>

#include "net/address.h"

enum { HOST_SIZE_MAX = 255, HOSTS_FILE_SIZE_MAX = 64 * 1024 };

/* ---- rows of names ---- */

static void add_name(struct text *row, struct bytes name)
{
    for (size_t i = 0; i < name.size; i++) {
        const uint8_t c = name.data[i];
        const uint8_t lower = c >= 'A' && c <= 'Z' ? c | 0x20 : c;
        text_append_bytes(row, bytes_of(&lower, 1));
    }
    text_append_bytes(row, bytes_of("", 1));
}

static bool is_below(const char *pattern, const char *name)
{
    const size_t suffix = strlen(pattern) - 1, size = strlen(name);
    return size > suffix && strcasecmp(name + size - suffix, pattern + 1) == 0;
}

static bool has_name(const struct text *row, const char *name)
{
    for (size_t i = 0; i < row->size; i += strlen(row->data + i) + 1) {
        const char *entry = row->data + i;
        if (strcasecmp(entry, name) == 0 ||
            (strncmp(entry, "*.", 2) == 0 && is_below(entry, name))) {
            return true;
        }
    }
    return false;
}

static int take_row(struct text *old, struct text *made)
{
    if (made->error) {
        text_finish(made);
        return -ENOMEM;
    }
    text_finish(old);
    *old = *made;
    return 0;
}

int http_guard_set(struct http_guard *g, const char *const *hosts, const char *const *origins)
{
    struct text host_row = {0}, origin_row = {0};
    for (; hosts && *hosts; hosts++) {
        add_name(&host_row, bytes_of_text(*hosts));
    }
    for (; origins && *origins; origins++) {
        struct bytes origin = bytes_of_text(*origins);
        origin.size -= origin.size > 0 && origin.data[origin.size - 1] == '/';
        add_name(&origin_row, origin);
    }
    if (host_row.error || origin_row.error) {
        text_finish(&host_row);
        text_finish(&origin_row);
        return -ENOMEM;
    }
    take_row(&g->hosts, &host_row);
    return take_row(&g->origins, &origin_row);
}

/* ---- the machine's own names ---- */

static struct bytes next_word(const char **line, const char *end)
{
    const char *start = *line;
    while (start < end && (*start == ' ' || *start == '\t')) {
        start++;
    }
    const char *word_end = start;
    while (word_end < end && *word_end != ' ' && *word_end != '\t' && *word_end != '\r') {
        word_end++;
    }
    *line = word_end;
    return bytes_of(start, (size_t)(word_end - start));
}

static bool is_loopback_text(struct bytes text)
{
    char ip[INET6_ADDRSTRLEN] = "";
    struct address a;
    if (text.size >= sizeof(ip)) {
        return false;
    }
    memcpy(ip, text.data, text.size);
    return address_parse_ip(&a, ip, 0) == 0 && address_is_loopback(&a);
}

/* hosts(5): "127.0.1.1 rover.example.org rover # comment" */
static void add_hosts_line(struct text *row, const char *line, const char *end)
{
    const char *comment = memchr(line, '#', (size_t)(end - line));
    end = comment ? comment : end;
    if (is_loopback_text(next_word(&line, end))) {
        for (struct bytes name; (name = next_word(&line, end)).size > 0;) {
            add_name(row, name);
        }
    }
}

int http_guard_set_own_names(struct http_guard *g, const char *hostname, const char *hosts_file)
{
    struct text row = {0};
    if (hostname[0] != '\0') {
        add_name(&row, bytes_of_text(hostname));
        add_name(&row, bytes_of(hostname, strcspn(hostname, ".")));
    }
    for (const char *line = hosts_file; *line != '\0';) {
        const char *end = line + strcspn(line, "\n");
        add_hosts_line(&row, line, end);
        line = *end == '\0' ? end : end + 1;
    }
    return take_row(&g->own_names, &row);
}

int http_guard_find_own_names(struct http_guard *g)
{
    char hostname[HOST_SIZE_MAX + 1] = "";
    struct text file = {0};
    char part[1024];
    gethostname(hostname, sizeof(hostname) - 1);
    FILE *f = fopen("/etc/hosts", "re");
    text_append(&file, "");
    for (size_t n;
         f && file.size < HOSTS_FILE_SIZE_MAX && (n = fread(part, 1, sizeof(part), f)) > 0;) {
        text_append_bytes(&file, bytes_of(part, n));
    }
    if (f) {
        fclose(f);
    }
    const int rc = file.error ? -ENOMEM : http_guard_set_own_names(g, hostname, file.data);
    text_finish(&file);
    return rc;
}

void http_guard_finish(struct http_guard *g)
{
    text_finish(&g->own_names);
    text_finish(&g->hosts);
    text_finish(&g->origins);
}

/* ---- checks ---- */

static bool is_port(const char *text)
{
    const size_t size = strspn(text, "0123456789");
    return text[size] == '\0' && size <= 5;
}

/* RFC 3986 §3.2.2, names as DNS has them: the name without port and final dot. */
static int split_host(const char *host, char name[HOST_SIZE_MAX + 1], bool *is_v6)
{
    *is_v6 = host[0] == '[';
    const size_t size = *is_v6 ? strcspn(host, "]") + 1 : strcspn(host, ":");
    if (size == 0 || size > HOST_SIZE_MAX || size > strlen(host)) {
        return -EBADMSG;
    }
    if (host[size] != '\0' && (host[size] != ':' || !is_port(host + size + 1))) {
        return -EBADMSG;
    }
    memcpy(name, host, size);
    name[size] = '\0';
    if (!*is_v6 &&
        strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") != size) {
        return -EBADMSG;
    }
    if (!*is_v6 && size > 1 && name[size - 1] == '.') {
        name[size - 1] = '\0';
    }
    return 0;
}

int http_guard_check_host(const struct http_guard *g, const char *host)
{
    char name[HOST_SIZE_MAX + 1];
    struct address a;
    bool is_v6;
    if (split_host(host, name, &is_v6) < 0) {
        return -EBADMSG;
    }
    if (address_parse_ip(&a, name, 0) == 0) {
        return 0;
    }
    if (is_v6) {
        return -EBADMSG;
    }
    const bool is_ours = strcasecmp(name, "localhost") == 0 || is_below("*.local", name) ||
                         has_name(&g->own_names, name) || has_name(&g->hosts, name);
    return is_ours ? 0 : -EPERM;
}

/* The origin's authority equals Host, a default port written or not. */
static bool is_same_host(const char *authority, const char *host, const char *default_port)
{
    const size_t size_a = strlen(authority), size_h = strlen(host), size_p = strlen(default_port);
    if (strcasecmp(authority, host) == 0) {
        return true;
    }
    const bool has_more = size_h == size_a + size_p && strncasecmp(host, authority, size_a) == 0;
    return has_more && size_a > 0 && strcmp(host + size_a, default_port) == 0;
}

/* De facto: one word, or the words of several proxies, the outermost first. */
const char *http_guard_scheme(const char *scheme, const char *forwarded_proto)
{
    static const char https[] = "https";
    const size_t size = forwarded_proto ? strcspn(forwarded_proto, ", ") : 0;
    const bool is_https = size == strlen(https) && strncasecmp(forwarded_proto, https, size) == 0;
    return is_https ? https : scheme;
}

enum http_guard_origin http_guard_check_origin(const struct http_guard *g, const char *scheme,
                                               const char *host, const char *origin)
{
    const size_t size = strlen(scheme);
    if (!origin) {
        return HTTP_GUARD_NONE;
    }
    if (host && strncasecmp(origin, scheme, size) == 0 && strncmp(origin + size, "://", 3) == 0 &&
        is_same_host(origin + size + 3, host, strcmp(scheme, "https") == 0 ? ":443" : ":80")) {
        return HTTP_GUARD_SAME;
    }
    return has_name(&g->origins, origin) ? HTTP_GUARD_LISTED : HTTP_GUARD_FOREIGN;
}
