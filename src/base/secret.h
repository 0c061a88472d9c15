/*
 * An address as it may be shown: "***" stands for user name and password, and for the query, in
 * which cameras and SRT have theirs (?user=&pwd=, ?passphrase=).
 *
 * As people write passwords with '@' and '/' unescaped, all before the last '@' is taken for user
 * name and password, and where a '?' stands before it nothing but the scheme is shown: too much is
 * hidden rather than too little.
 *
 * Thread: any; no shared state.
 */
#ifndef AVOCET_BASE_SECRET_H
#define AVOCET_BASE_SECRET_H

#include <stddef.h>

/* url with or without its scheme and slashes. Cut when it does not fit; size > 0. */
void secret_mask_url(char *out, size_t size, const char *url);

#endif
