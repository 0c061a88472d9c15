#include "app/config_names.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "net/address.h"

#define LETTERS      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS       "0123456789"
#define NAME_CHARS   LETTERS DIGITS "-_."
#define SCHEME_CHARS LETTERS DIGITS "+-."

enum { NAME_MAX_SIZE = 255 };

static bool is_name(const char *text, size_t size)
{
    return size > 0 && size <= NAME_MAX_SIZE && strspn(text, NAME_CHARS) >= size &&
           text[0] != '.' && text[size - 1] != '.';
}

const char *config_host_problem(const char *text)
{
    struct address ip;
    if (address_parse_ip(&ip, text, 0) == 0) {
        return NULL;
    }
    if (strstr(text, "://")) {
        return "write the name alone, without scheme and path, such as cam.example";
    }
    const char *name = strncmp(text, "*.", 2) == 0 ? text + 2 : text;
    if (strchr(name, '*')) {
        return "a * stands only for all that is before a dot, as in *.cam.example";
    }
    const char *colon = strchr(name, ':');
    if (colon && is_name(name, (size_t)(colon - name))) {
        return "leave the port out, it is not compared";
    }
    return is_name(name, strlen(name)) ? NULL : "write a name such as cam.example, or *.example";
}

static bool is_text(const char *start, size_t size, const char *text)
{
    return size == strlen(text) && strncasecmp(start, text, size) == 0;
}

/* Of the scheme, and of the port with its colon: what a scheme implies is never in the header. */
static const char *port_problem(const char *scheme, size_t scheme_size, const char *port,
                                size_t size)
{
    if (size < 2 || size > 6 || strspn(port + 1, DIGITS) < size - 1) {
        return "behind the host there may be a port, as in https://dashboard.example:8443";
    }
    const bool is_implied =
        is_text(port, size, is_text(scheme, scheme_size, "https") ? ":443" : ":80");
    return is_implied ? "leave the port out: browsers do not send the one of the scheme" : NULL;
}

static size_t host_size(const char *host)
{
    return host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/");
}

static bool is_v6_literal(const char *host, size_t size)
{
    return host[0] == '[' && size > 3 && size <= strlen(host) &&
           strspn(host + 1, DIGITS "abcdefABCDEF:.") == size - 2;
}

const char *config_origin_problem(const char *text)
{
    const size_t scheme_size = strspn(text, SCHEME_CHARS);
    if (strcmp(text, "null") == 0) {
        return NULL; /* what pages of a file and sandboxed ones send */
    }
    if (scheme_size == 0 || strncmp(text + scheme_size, "://", 3) != 0) {
        return "write the scheme too, such as https://dashboard.example";
    }
    const char *host = text + scheme_size + 3;
    const size_t size = host_size(host);
    if (strchr(text, '*')) {
        return "there are no patterns of origins: write each one out";
    }
    if (!is_v6_literal(host, size) && !is_name(host, size)) {
        return "write scheme and host, such as https://dashboard.example";
    }
    const char *end = host + size + strcspn(host + size, "/");
    if (end[0] == '/' && end[1] != '\0') {
        return "leave the path out: an origin has none";
    }
    const size_t port_size = (size_t)(end - host) - size;
    return port_size > 0 ? port_problem(text, scheme_size, host + size, port_size) : NULL;
}
