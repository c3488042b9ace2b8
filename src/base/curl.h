/* libcurl, loaded when something is fetched: it brings thirty libraries with it, whose loading at every start would double
 * the time that a short command takes. Only download.c includes this. */
#ifndef POLYP_BASE_CURL_H
#define POLYP_BASE_CURL_H

#include <curl/curl.h>

#include "base/status.h"

typedef struct curl_functions {
    __typeof__(curl_global_init) *global_init;
    __typeof__(curl_easy_init) *easy_init;
    __typeof__(curl_easy_cleanup) *easy_cleanup;
    __typeof__(curl_easy_setopt) *easy_setopt;
    __typeof__(curl_easy_getinfo) *easy_getinfo;
    __typeof__(curl_easy_perform) *easy_perform;
    __typeof__(curl_easy_strerror) *easy_strerror;
} curl_functions;

/* Loaded and started; it stays loaded. Errors: UNSUPPORTED (not installed), MEMORY. */
status curl_load(curl_functions *out);

#endif
