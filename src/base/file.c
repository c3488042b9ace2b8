/* Files read whole or mapped, and the writer that leaves the old file whole until the new one is on disk. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

/* ---- reading ------------------------------------------------------------------------------- */

/* Opens a plain file for reading and tells its size. The caller closes *out. */
static status open_plain(int *out, size_t *size, const char *path)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe must not make us wait */
    if (fd < 0) return fail(POLYP_ERR_FILE, "%s: cannot be opened: %s", path, strerror(errno));
    struct stat facts;
    status result = POLYP_OK;
    if (fstat(fd, &facts) != 0) result = fail(POLYP_ERR_FILE, "%s: cannot be read: %s", path, strerror(errno));
    else if (S_ISDIR(facts.st_mode)) result = fail(POLYP_ERR_FILE, "%s: is a folder, not a file", path);
    else if (!S_ISREG(facts.st_mode)) result = fail(POLYP_ERR_FILE, "%s: is not a plain file", path);
    if (result != POLYP_OK) {
        close(fd);
        return result;
    }
    *out = fd;
    *size = (size_t)facts.st_size;
    return POLYP_OK;
}

static status read_all(int fd, unsigned char *data, size_t size, const char *path)
{
    for (size_t done = 0; done < size;) {
        const ssize_t got = read(fd, data + done, size - done);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail(POLYP_ERR_FILE, "%s: cannot be read: %s", path, strerror(errno));
        if (got == 0) return fail(POLYP_ERR_FILE, "%s: became shorter while it was read; try again", path);
        done += (size_t)got;
    }
    return POLYP_OK;
}

status file_read_into(file_bytes *out, const char *path, size_t limit)
{
    int fd = -1;
    size_t size = 0;
    TRY(open_plain(&fd, &size, path));
    unsigned char *data = (unsigned char *)(size_t)out->data; /* only the owner's view is const */
    *out = (file_bytes){0};
    status result = POLYP_OK;
    if (limit > 0 && size > limit) {
        result = fail(POLYP_ERR_SIZE, "%s: has %zu bytes, more than the %zu that are read", path, size, limit);
        goto done;
    }
    TRY_DONE(memory_reuse(&data, size));
    TRY_DONE(read_all(fd, data, size, path));
    *out = (file_bytes){.data = data, .size = size};
    data = NULL;
done:
    memory_free(data);
    close(fd);
    return result;
}

status file_read(file_bytes *out, const char *path, size_t limit)
{
    file_bytes bytes = {0};
    TRY(file_read_into(&bytes, path, limit));
    *out = bytes;
    return POLYP_OK;
}

status file_map(file_bytes *out, const char *path)
{
    int fd = -1;
    size_t size = 0;
    TRY(open_plain(&fd, &size, path));
    void *data = NULL;
    if (size > 0) data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    const int problem = errno;
    close(fd);
    if (data == MAP_FAILED) return fail(POLYP_ERR_FILE, "%s: cannot be mapped: %s", path, strerror(problem));
    *out = (file_bytes){.data = data, .size = size, .mapped = true};
    return POLYP_OK;
}

void file_close(file_bytes *bytes)
{
    if (bytes == NULL) return;
    /* Only the owner's view is const. */
    void *data = (void *)(size_t)bytes->data;
    if (!bytes->mapped) memory_free(data);
    else if (bytes->size > 0) munmap(data, bytes->size);
    *bytes = (file_bytes){0};
}

/* ---- writing ------------------------------------------------------------------------------- */

struct file_writer {
    char path[PATH_MAX];        /* where it will be */
    char beside[PATH_MAX + 64]; /* where it is until then; "" when it is not there */
    int file;                   /* -1: closed, or the stream's */
    FILE *stream;               /* NULL: file_replace() needs none */
};

/* A file that exists may be a link: then what it points to is replaced, and the link stays. */
static status find_path(file_writer *w, const char *path)
{
    if (realpath(path, w->path) != NULL) return POLYP_OK;
    const int length = snprintf(w->path, sizeof w->path, "%s", path);
    if (length >= 0 && (size_t)length < sizeof w->path) return POLYP_OK;
    return fail(POLYP_ERR_FILE, "%s: cannot be written: %s", path, strerror(ENAMETOOLONG));
}

enum { NAME_ATTEMPTS = 100 };

/* Opens a new file beside `path`. The name has our process in it, and O_EXCL keeps other threads away. */
static status open_new(file_writer *w)
{
    for (int attempt = 0; attempt < NAME_ATTEMPTS; attempt++) {
        (void)snprintf(w->beside, sizeof w->beside, "%s.%ld-%d.part", w->path, (long)getpid(), attempt);
        w->file = open(w->beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        const int problem = errno;
        if (w->file >= 0) return POLYP_OK;
        w->beside[0] = '\0';
        if (problem != EEXIST) return fail(POLYP_ERR_FILE, "%s: cannot be written: %s", w->path, strerror(problem));
    }
    return fail(POLYP_ERR_FILE, "%s: cannot be written: many half-written files (.part) lie beside it", w->path);
}

/* A file that is replaced hands its rights on. */
static status open_beside(file_writer *w)
{
    struct stat facts;
    const bool replaces = stat(w->path, &facts) == 0;
    if (replaces && !S_ISREG(facts.st_mode)) {
        return fail(POLYP_ERR_FILE, "%s: is there and is not a plain file; choose another name", w->path);
    }
    TRY(open_new(w));
    if (replaces) (void)fchmod(w->file, facts.st_mode & 0777);
    return POLYP_OK;
}

status file_create(file_writer **out, const char *path)
{
    file_writer *w = NULL;
    status result;
    TRY(memory_new(&w, 1));
    w->file = -1;
    TRY_DONE(find_path(w, path));
    TRY_DONE(open_beside(w));
    w->stream = fdopen(w->file, "wb");
    if (w->stream == NULL) {
        result = fail(POLYP_ERR_MEMORY, "%s: no memory to write it", w->path);
        goto done;
    }
    w->file = -1;
    *out = w;
    return POLYP_OK;
done:
    file_abandon(w);
    return result;
}

static status write_failed(const file_writer *w)
{
    return fail(POLYP_ERR_FILE, "%s: cannot be written: %s", w->path, strerror(errno));
}

status file_write(file_writer *w, const void *bytes, size_t size)
{
    if (size > 0 && fwrite(bytes, 1, size, w->stream) != size) return write_failed(w);
    return POLYP_OK;
}

status file_print(file_writer *w, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const int written = vfprintf(w->stream, format, arguments);
    va_end(arguments);
    return written < 0 ? write_failed(w) : POLYP_OK;
}

/* The new name is on disk only once the folder is. Some file systems cannot sync a folder: then nothing more can be done. */
void folder_sync(const char *path)
{
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return;
    (void)fsync(fd);
    close(fd);
}

static void sync_folder_of(const char *path)
{
    char folder[PATH_MAX]; /* dirname() cuts it */
    (void)snprintf(folder, sizeof folder, "%s", path);
    folder_sync(dirname(folder));
}

/* Everything to the disk, then the stream is closed, in every case. */
static status finish_stream(file_writer *w)
{
    status result = POLYP_OK;
    if (ferror(w->stream)) result = fail(POLYP_ERR_FILE, "%s: cannot be written: an earlier write failed", w->path);
    else if (fflush(w->stream) != 0 || fsync(fileno(w->stream)) != 0) result = write_failed(w);
    if (fclose(w->stream) != 0 && result == POLYP_OK) result = write_failed(w);
    w->stream = NULL;
    return result;
}

static status put_in_place(file_writer *w)
{
    if (rename(w->beside, w->path) != 0) return write_failed(w);
    w->beside[0] = '\0';
    return POLYP_OK;
}

/* Whatever is still open or lies about. */
static void give_up(file_writer *w)
{
    if (w->stream != NULL) fclose(w->stream);
    if (w->file >= 0) close(w->file);
    if (w->beside[0] != '\0') unlink(w->beside);
}

status file_commit(file_writer *w)
{
    status result = finish_stream(w);
    if (result == POLYP_OK) result = put_in_place(w);
    if (result == POLYP_OK) sync_folder_of(w->path);
    file_abandon(w);
    return result;
}

void file_abandon(file_writer *w)
{
    if (w == NULL) return;
    give_up(w);
    memory_free(w);
}

status file_move(const char *from, const char *to)
{
    if (rename(from, to) != 0)
        return fail(POLYP_ERR_FILE, "%s: cannot be renamed to %s: %s", from, to, strerror(errno));
    sync_folder_of(to);
    return POLYP_OK;
}

static status write_all(const file_writer *w, const unsigned char *bytes, size_t size)
{
    for (size_t done = 0; done < size;) {
        const ssize_t put = write(w->file, bytes + done, size - done);
        if (put < 0 && errno != EINTR) return write_failed(w);
        if (put > 0) done += (size_t)put;
    }
    return POLYP_OK;
}

/* `w` is zeroed. */
static status place(file_writer *w, const char *path, const void *bytes, size_t size)
{
    w->file = -1;
    TRY(find_path(w, path));
    TRY(open_beside(w));
    TRY(write_all(w, bytes, size));
    const bool synced = fsync(w->file) == 0, closed = close(w->file) == 0;
    w->file = -1;
    return synced && closed ? put_in_place(w) : write_failed(w);
}

status file_place(const char *path, const void *bytes, size_t size)
{
    file_writer w = {0};
    const status result = place(&w, path, bytes, size);
    give_up(&w);
    return result;
}

status file_replace(const char *path, const void *bytes, size_t size)
{
    file_writer w = {0};
    const status result = place(&w, path, bytes, size);
    if (result == POLYP_OK) sync_folder_of(w.path);
    give_up(&w);
    return result;
}
