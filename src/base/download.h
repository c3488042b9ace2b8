/* Fetching a file by http or https: resumed where it was cut, and not there before its checksum was right. */
#ifndef POLYP_BASE_DOWNLOAD_H
#define POLYP_BASE_DOWNLOAD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

typedef struct download_facts {
    bool was_there;       /* nothing was fetched: the file lay there, with the right checksum */
    bool resumed;         /* went on from a part that an earlier call left */
    size_t size;          /* bytes of the file */
} download_facts;

/*
 * `url` into `path`, whose folder is made. What arrives goes to `path`.part, which a failed or stopped call leaves for the
 * next one (HTTP Range); a connection that is cut is taken up again as long as it brings something. Then SHA-256 (`sha256`:
 * 64 lower-case hex digits) decides: right, and the part is synced and renamed; wrong, and it is removed. A file that is at
 * `path` already is checked, and fetched again when it is damaged.
 *
 * Proxies as curl has them (https_proxy, no_proxy ...), certificates of one's own by CURL_CA_BUNDLE or SSL_CERT_FILE.
 * Redirects from https lead to https only. `watch` sees megabytes.
 * Errors: FILE (not reached, not there, cannot be written, another process fetches it), FORMAT (wrong checksum), STOPPED,
 * UNSUPPORTED (built without libcurl), MEMORY.
 */
status download(download_facts *out, const char *path, const char *url, const char *sha256, polyp_watch watch);

/* Is `download` built in? */
bool download_is_built_in(void);

#endif
