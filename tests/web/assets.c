#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "web/assets.h"

static void test_addresses(void **state)
{
    char versioned[64];
    snprintf(versioned, sizeof(versioned), "%s/favicon.svg", web_assets_version);
    const struct {
        const char *name, *path, *expected, *cache;
    } rows[] = {
        {"plain", "favicon.svg", "favicon.svg", WEB_CACHE_REVALIDATE},
        {"versioned", versioned, "favicon.svg", WEB_CACHE_FOREVER},
        {"page", "index.html", "index.html", WEB_CACHE_REVALIDATE},
        {"another version", "000000000000/favicon.svg", NULL, NULL},
        {"version only", web_assets_version, NULL, NULL},
        {"unknown", "favicon.svgz", NULL, NULL},
        {"prefix", "favicon", NULL, NULL},
        {"climbing", "../favicon.svg", NULL, NULL},
        {"empty", "", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const char *cache = NULL;
        const struct web_asset *asset = web_asset_find(rows[i].path, &cache);
        print_message("%s\n", rows[i].name);
        if (!rows[i].expected) {
            assert_null(asset);
            assert_null(cache);
            continue;
        }
        assert_non_null(asset);
        assert_string_equal(asset->path, rows[i].expected);
        assert_string_equal(cache, rows[i].cache);
    }
}

static void test_every_file_is_found(void **state)
{
    for (size_t i = 0; i < n_web_assets; i++) {
        const struct web_asset *asset = &web_assets[i];
        const char *cache;
        assert_ptr_equal(web_asset_find(asset->path, &cache), asset);
        assert_true(asset->size > 0 && asset->gzip_size > 18);
        assert_memory_equal(asset->gzip, "\x1f\x8b\x08", 3);
        /* the last four bytes of gzip: the size it unpacks to (RFC 1952 §2.3.1) */
        const uint8_t *end = asset->gzip + asset->gzip_size;
        assert_int_equal(end[-4] | end[-3] << 8 | end[-2] << 16, asset->size);
        assert_int_equal(strncmp(asset->etag, "W/\"", 3), 0);
    }
}

/* The pages refer only to files that exist, and only by their unchanging address. */
static void test_pages_refer_to_this_version(void **state)
{
    const char *const pages[] = {"index.html", "player.html"};
    for (size_t i = 0; i < 2; i++) {
        const char *cache;
        const struct web_asset *page = web_asset_find(pages[i], &cache);
        const char *at = (const char *)page->data, *end = at + page->size;
        size_t n_references = 0;
        while ((at = memmem(at, end - at, "/assets/", 8))) {
            char path[128] = {0};
            at += 8;
            memcpy(path, at, strcspn(at, "\"#"));
            assert_non_null(web_asset_find(path, &cache));
            assert_string_equal(cache, WEB_CACHE_FOREVER);
            n_references++;
        }
        assert_true(n_references > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_every_file_is_found),
        cmocka_unit_test(test_pages_refer_to_this_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
