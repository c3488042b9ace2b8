/* Finding libcurl and its functions at run time. */
#include "base/curl.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* The interface has had this number since 2006; Debian's library that is linked with GnuTLS has a name of its own. */
static const char *const NAMES[] = {"libcurl.so.4", "libcurl-gnutls.so.4"};

static void *open_library(void)
{
    void *library = NULL;
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0] && library == NULL; i++) {
        library = dlopen(NAMES[i], RTLD_NOW | RTLD_LOCAL);
    }
    return library;
}

/* A pointer to data and one to a function have one size here, but no conversion in the language. */
static bool find(void *library, const char *name, void *function)
{
    void *const found = dlsym(library, name);
    memcpy(function, &found, sizeof found);
    return found != NULL;
}

status curl_load(curl_functions *out)
{
    void *const library = open_library();
    if (library == NULL) return fail(POLYP_ERR_UNSUPPORTED, "libcurl is not installed (%s)", NAMES[0]);
    curl_functions f;
    const bool whole = find(library, "curl_global_init", &f.global_init) &&
                       find(library, "curl_easy_init", &f.easy_init) &&
                       find(library, "curl_easy_cleanup", &f.easy_cleanup) &&
                       find(library, "curl_easy_setopt", &f.easy_setopt) &&
                       find(library, "curl_easy_getinfo", &f.easy_getinfo) &&
                       find(library, "curl_easy_perform", &f.easy_perform) &&
                       find(library, "curl_easy_strerror", &f.easy_strerror);
    if (!whole) return fail(POLYP_ERR_UNSUPPORTED, "this libcurl lacks functions that are needed; install a newer one");
    if (f.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) return fail(POLYP_ERR_MEMORY, "libcurl cannot be started");
    *out = f;
    return POLYP_OK;
}
