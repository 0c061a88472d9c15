/*
 * Names that `http.hosts` and `http.origins` take: what could never equal a Host or an Origin
 * header is a mistake.
 *
 * Thread: any; no shared state.
 * Spec:   RFC 9110 §7.2 (Host); RFC 6454 §6.2 (an Origin: scheme://host, a port only when it is not
 *         the scheme's own, no path).
 */
#ifndef AVOCET_APP_CONFIG_NAMES_H
#define AVOCET_APP_CONFIG_NAMES_H

/* "cam.example", "*.cam.example" or an IP address. NULL: good; else why not, and what to write. */
const char *config_host_problem(const char *text);
/* "https://dashboard.example", a slash at its end allowed, or "null". As above. */
const char *config_origin_problem(const char *text);

#endif
