/* Downloads: libcurl carries the bytes, libgcrypt checks them. */
#include "base/download.h"

#include "base/memory.h"

#ifdef HAVE_FETCH

#include <errno.h>
#include <gcrypt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/curl.h"
#include "base/file.h"

enum {
    MEGABYTE = 1000000,
    SHA256_BYTES = 32,
    CONNECT_SECONDS = 30,
    STALL_SECONDS = 60, /* nothing for so long: the connection is given up */
    REDIRECTS = 10,
    HTTP_RANGE_NOT_SATISFIABLE = 416
};

bool download_is_built_in(void)
{
    return true;
}

/* ---- checksum ------------------------------------------------------------------------------------------- */

static void start_gcrypt(void)
{
    if (gcry_control(GCRYCTL_INITIALIZATION_FINISHED_P) != 0) return;
    (void)gcry_check_version(NULL);
    (void)gcry_control(GCRYCTL_DISABLE_SECMEM, 0); /* nothing here is secret */
    (void)gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0);
}

static status sha256_of(char out[2 * SHA256_BYTES + 1], const char *path)
{
    unsigned char digest[SHA256_BYTES];
    file_bytes bytes;
    TRY(file_map(&bytes, path));
    start_gcrypt();
    gcry_md_hash_buffer(GCRY_MD_SHA256, digest, bytes.data, bytes.size);
    file_close(&bytes);
    for (int i = 0; i < SHA256_BYTES; i++) (void)snprintf(out + 2 * i, 3, "%02x", digest[i]);
    return POLYP_OK;
}

static bool is_right(const char *path, const char *sha256)
{
    char found[2 * SHA256_BYTES + 1];
    return sha256_of(found, path) == POLYP_OK && strcmp(found, sha256) == 0;
}

/* ---- one connection ------------------------------------------------------------------------------------- */

typedef struct transfer {
    curl_functions f;
    CURL *curl;
    FILE *part;
    char *part_path;
    const char *url;
    polyp_watch watch;
    curl_off_t begun_at; /* bytes that were there when the connection began */
    curl_off_t told;     /* megabytes last told to the watcher; -1: none */
    char words[CURL_ERROR_SIZE];
} transfer;

static size_t write_bytes(char *bytes, size_t one, size_t count, void *context)
{
    transfer *const t = context;
    return fwrite(bytes, one, count, t->part) * one;
}

/* Anything but 0 ends the transfer. */
static int tell(void *context, curl_off_t total, curl_off_t done, curl_off_t upload_total, curl_off_t uploaded)
{
    transfer *const t = context;
    (void)upload_total;
    (void)uploaded;
    const curl_off_t megabytes = (t->begun_at + done) / MEGABYTE;
    if (t->watch.report == NULL || total == 0 || megabytes == t->told) return 0;
    t->told = megabytes;
    const polyp_progress p = {.phase = "fetch",
                              .unit = "megabyte",
                              .done = (size_t)megabytes,
                              .total = (size_t)((t->begun_at + total) / MEGABYTE),
                              .loss = NAN,
                              .learning_rate = NAN};
    return t->watch.report(t->watch.context, &p);
}

/* Hospitals whose proxy signs connections anew have a certificate of their own; curl's program knows these names too. */
static const char *own_certificates(void)
{
    const char *const bundle = getenv("CURL_CA_BUNDLE");
    return bundle != NULL ? bundle : getenv("SSL_CERT_FILE");
}

static bool is_https(const char *url)
{
    return strncmp(url, "https://", 8) == 0;
}

static status set_up(transfer *t)
{
    TRY(curl_load(&t->f));
    const curl_functions *const f = &t->f;
    t->curl = f->easy_init();
    if (t->curl == NULL) return fail(POLYP_ERR_MEMORY, "%s: no memory for a connection", t->url);
    CURL *const c = t->curl;
    CURLcode bad = f->easy_setopt(c, CURLOPT_URL, t->url);
    if (bad == CURLE_OK) bad = f->easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    if (bad == CURLE_OK) bad = f->easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, is_https(t->url) ? "https" : "http,https");
    if (bad != CURLE_OK) return fail(POLYP_ERR_UNSUPPORTED, "%s: %s", t->url, f->easy_strerror(bad));
    (void)f->easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L);
    (void)f->easy_setopt(c, CURLOPT_MAXREDIRS, (long)REDIRECTS);
    (void)f->easy_setopt(c, CURLOPT_FAILONERROR, 1L);
    (void)f->easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    (void)f->easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
    (void)f->easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1L);
    (void)f->easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (long)STALL_SECONDS);
    (void)f->easy_setopt(c, CURLOPT_USERAGENT, "polyp/" POLYP_VERSION);
    (void)f->easy_setopt(c, CURLOPT_ERRORBUFFER, t->words);
    (void)f->easy_setopt(c, CURLOPT_WRITEFUNCTION, write_bytes);
    (void)f->easy_setopt(c, CURLOPT_WRITEDATA, t);
    (void)f->easy_setopt(c, CURLOPT_XFERINFOFUNCTION, tell);
    (void)f->easy_setopt(c, CURLOPT_XFERINFODATA, t);
    (void)f->easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
    if (own_certificates() != NULL) (void)f->easy_setopt(c, CURLOPT_CAINFO, own_certificates());
    return POLYP_OK;
}

/* Bytes of the part so far. */
static curl_off_t part_size(const transfer *t)
{
    return (curl_off_t)lseek(fileno(t->part), 0, SEEK_END);
}

static status start_anew(const transfer *t)
{
    if (ftruncate(fileno(t->part), 0) == 0) return POLYP_OK;
    return fail(POLYP_ERR_FILE, "%s: cannot be written: %s", t->part_path, strerror(errno));
}

/* One connection from where the part ends. */
static CURLcode connect_once(transfer *t)
{
    t->begun_at = part_size(t);
    t->words[0] = '\0';
    (void)t->f.easy_setopt(t->curl, CURLOPT_RESUME_FROM_LARGE, t->begun_at);
    const CURLcode result = t->f.easy_perform(t->curl);
    return fflush(t->part) == 0 ? result : CURLE_WRITE_ERROR;
}

/* The server does not go on in the middle, or the part is longer than the file. */
static bool cannot_resume(const transfer *t, CURLcode code)
{
    long http = 0;
    (void)t->f.easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &http);
    return t->begun_at > 0 && (code == CURLE_RANGE_ERROR || http == HTTP_RANGE_NOT_SATISFIABLE);
}

static bool was_cut(CURLcode code)
{
    return code == CURLE_PARTIAL_FILE || code == CURLE_RECV_ERROR || code == CURLE_GOT_NOTHING ||
           code == CURLE_OPERATION_TIMEDOUT;
}

static status explain(const transfer *t, CURLcode code)
{
    const char *const words = t->words[0] != '\0' ? t->words : t->f.easy_strerror(code);
    if (code == CURLE_ABORTED_BY_CALLBACK) {
        return fail(POLYP_STOPPED, "%s: stopped; the same command goes on from here", t->url);
    }
    if (code == CURLE_WRITE_ERROR) return fail(POLYP_ERR_FILE, "%s: cannot be written: %s", t->part_path, strerror(errno));
    if (code == CURLE_OUT_OF_MEMORY) return fail(POLYP_ERR_MEMORY, "%s: no memory to fetch it", t->url);
    if (was_cut(code) && part_size(t) > 0) {
        return fail(POLYP_ERR_FILE, "%s: the connection was cut (%s); the same command goes on from there", t->url, words);
    }
    return fail(POLYP_ERR_FILE, "%s: cannot be fetched: %s", t->url, words);
}

/* Connections until the file is whole, as long as each brings something. */
static status fetch_part(transfer *t)
{
    for (;;) {
        const CURLcode code = connect_once(t);
        if (code == CURLE_OK) return POLYP_OK;
        if (cannot_resume(t, code)) {
            TRY(start_anew(t));
        } else if (!was_cut(code) || part_size(t) <= t->begun_at) {
            return explain(t, code);
        }
    }
}

/* ---- the file ------------------------------------------------------------------------------------------- */

static status open_part(transfer *t, const char *path)
{
    t->part_path = memory_format("%s.part", path);
    if (t->part_path == NULL) return POLYP_ERR_MEMORY;
    t->part = fopen(t->part_path, "ab");
    if (t->part == NULL) return fail(POLYP_ERR_FILE, "%s: cannot be written: %s", t->part_path, strerror(errno));
    if (flock(fileno(t->part), LOCK_EX | LOCK_NB) == 0) return POLYP_OK;
    return fail(POLYP_ERR_FILE, "%s: another process is fetching it", t->part_path);
}

/* Refused and removed: what is wrong is not worth going on from. */
static status refuse(const transfer *t, const char *sha256)
{
    char found[2 * SHA256_BYTES + 1] = "";
    TRY(sha256_of(found, t->part_path));
    (void)unlink(t->part_path);
    return fail(POLYP_ERR_FORMAT, "%s: what was fetched has the SHA-256 %s, not %s, and was removed", t->url, found,
                sha256);
}

/* A part that an earlier call left may be of another file: then all is fetched once more. */
static status check_part(transfer *t, const char *sha256, bool *resumed)
{
    if (is_right(t->part_path, sha256)) return POLYP_OK;
    if (*resumed) {
        *resumed = false;
        TRY(start_anew(t));
        TRY(fetch_part(t));
        if (is_right(t->part_path, sha256)) return POLYP_OK;
    }
    return refuse(t, sha256);
}

static status keep_part(const transfer *t, const char *path)
{
    if (fsync(fileno(t->part)) != 0) {
        return fail(POLYP_ERR_FILE, "%s: cannot be written: %s", t->part_path, strerror(errno));
    }
    return file_move(t->part_path, path);
}

static status fetch_into(download_facts *out, transfer *t, const char *path, const char *sha256)
{
    TRY(open_part(t, path));
    TRY(set_up(t));
    out->resumed = part_size(t) > 0;
    const bool whole = out->resumed && is_right(t->part_path, sha256); /* killed just before the renaming */
    const status fetched = whole ? POLYP_OK : fetch_part(t);
    if (fetched != POLYP_OK) {
        if (part_size(t) == 0) (void)unlink(t->part_path);
        return fetched;
    }
    TRY(check_part(t, sha256, &out->resumed));
    out->size = (size_t)part_size(t);
    return keep_part(t, path);
}

static status make_folder_of(const char *path)
{
    const char *const slash = strrchr(path, '/');
    char *const folder = slash == NULL ? NULL : memory_format("%.*s", (int)(slash - path), path);
    if (slash == NULL) return POLYP_OK;
    const status result = folder == NULL ? POLYP_ERR_MEMORY : folder_create(folder);
    memory_free(folder);
    return result;
}

status download(download_facts *out, const char *path, const char *url, const char *sha256, polyp_watch watch)
{
    transfer t = {.url = url, .watch = watch, .told = -1};
    *out = (download_facts){.size = 0};
    if (file_exists(path) && is_right(path, sha256)) {
        out->was_there = true;
        return POLYP_OK;
    }
    TRY(make_folder_of(path));
    const status result = fetch_into(out, &t, path, sha256);
    if (t.curl != NULL) t.f.easy_cleanup(t.curl);
    if (t.part != NULL) (void)fclose(t.part);
    memory_free(t.part_path);
    return result;
}

#else

bool download_is_built_in(void)
{
    return false;
}

status download(download_facts *out, const char *path, const char *url, const char *sha256, polyp_watch watch)
{
    (void)path;
    (void)sha256;
    (void)watch;
    *out = (download_facts){.size = 0};
    return fail(POLYP_ERR_UNSUPPORTED, "%s: cannot be fetched: this program was built without libcurl", url);
}

#endif
