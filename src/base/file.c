/* Files read whole or mapped, and the writer that leaves the old file whole until the new one is on disk. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
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

status file_read(file_bytes *out, const char *path, size_t limit)
{
    int fd = -1;
    size_t size = 0;
    unsigned char *data = NULL;
    TRY(open_plain(&fd, &size, path));
    status result = POLYP_OK;
    if (limit > 0 && size > limit) {
        result = fail(POLYP_ERR_SIZE, "%s: has %zu bytes, more than the %zu that are read", path, size, limit);
        goto done;
    }
    TRY_DONE(memory_new(&data, size));
    TRY_DONE(read_all(fd, data, size, path));
    *out = (file_bytes){.data = data, .size = size};
    data = NULL;
done:
    memory_free(data);
    close(fd);
    return result;
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
    char *path;   /* where it will be */
    char *beside; /* where it is until then; NULL once it is gone */
    FILE *stream;
};

/* A file that exists may be a link: then what it points to is replaced, and the link stays. */
static char *final_path(const char *path)
{
    char *real = realpath(path, NULL);
    char *copy = memory_text(real != NULL ? real : path);
    free(real);
    return copy;
}

enum { NAME_ATTEMPTS = 100 };

/* Opens a new file beside `path`. The name has our process in it, and O_EXCL keeps other threads away. */
static status open_new(file_writer *w, int *out)
{
    for (int attempt = 0; attempt < NAME_ATTEMPTS; attempt++) {
        char *name = memory_format("%s.%ld-%d.part", w->path, (long)getpid(), attempt);
        if (name == NULL) return POLYP_ERR_MEMORY;
        const int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        const int problem = errno;
        if (fd >= 0) {
            w->beside = name;
            *out = fd;
            return POLYP_OK;
        }
        memory_free(name);
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
    int fd = -1;
    TRY(open_new(w, &fd));
    if (replaces) (void)fchmod(fd, facts.st_mode & 0777);
    w->stream = fdopen(fd, "wb");
    if (w->stream == NULL) {
        close(fd);
        return fail(POLYP_ERR_MEMORY, "%s: no memory to write it", w->path);
    }
    return POLYP_OK;
}

status file_create(file_writer **out, const char *path)
{
    file_writer *w = NULL;
    status result;
    TRY(memory_new(&w, 1));
    w->path = final_path(path);
    result = w->path != NULL ? POLYP_OK : POLYP_ERR_MEMORY;
    if (result != POLYP_OK) goto done;
    TRY_DONE(open_beside(w));
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
static void sync_folder(char *path)
{
    const int fd = open(dirname(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return;
    (void)fsync(fd);
    close(fd);
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

status file_commit(file_writer *w)
{
    status result;
    TRY_DONE(finish_stream(w));
    if (rename(w->beside, w->path) != 0) {
        result = write_failed(w);
        goto done;
    }
    memory_free(w->beside);
    w->beside = NULL;
    sync_folder(w->path);
done:
    file_abandon(w);
    return result;
}

void file_abandon(file_writer *w)
{
    if (w == NULL) return;
    if (w->stream != NULL) fclose(w->stream);
    if (w->beside != NULL) unlink(w->beside);
    memory_free(w->beside);
    memory_free(w->path);
    memory_free(w);
}

status file_move(const char *from, const char *to)
{
    char *const place = memory_text(to); /* dirname() cuts it */
    if (place == NULL) return POLYP_ERR_MEMORY;
    status result = POLYP_OK;
    if (rename(from, to) == 0) sync_folder(place);
    else result = fail(POLYP_ERR_FILE, "%s: cannot be renamed to %s: %s", from, to, strerror(errno));
    memory_free(place);
    return result;
}

status file_replace(const char *path, const void *bytes, size_t size)
{
    file_writer *w = NULL;
    TRY(file_create(&w, path));
    const status result = file_write(w, bytes, size);
    if (result == POLYP_OK) return file_commit(w);
    file_abandon(w);
    return result;
}
