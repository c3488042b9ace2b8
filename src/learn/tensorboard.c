/* The event file: opening, cutting, appending. */
#include "learn/tensorboard.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"

enum { MOST_SCALARS = 64 }; /* of one event */

struct tensorboard {
    int file; /* descriptor; negative: not open */
    char *path;
    size_t size; /* whole records so far */
};

static double wall_time(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static status failure(const char *path)
{
    return fail(POLYP_ERR_FILE, "%s: cannot be written: %s", path, strerror(errno));
}

/* How much of a file is kept: up to the first record that is torn or of a later step. */
static status find_end(size_t *out, const char *path, int64_t last_step)
{
    file_bytes bytes;
    event e;
    *out = 0;
    if (last_step < 0 || !file_exists(path)) return POLYP_OK;
    TRY(file_map(&bytes, path));
    while (event_read(&e, bytes.data, bytes.size, *out) && e.step <= last_step) *out = e.end;
    file_close(&bytes);
    return POLYP_OK;
}

/* Written through to the file: a watching TensorBoard sees it, and a kill loses nothing. A record that has no room is taken
 * back, or it would hide those that follow. */
static status append(tensorboard *t, const buffer *record)
{
    for (size_t done = 0; done < record->size;) {
        const ssize_t n = write(t->file, record->data + done, record->size - done);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) {
            const status result = failure(t->path);
            if (ftruncate(t->file, (off_t)t->size) != 0) return result; /* no worse than before */
            return result;
        }
        done += (size_t)n;
    }
    t->size += record->size;
    return POLYP_OK;
}

static status begin_file(tensorboard *t)
{
    buffer record = {0};
    status result = event_add_version(&record, wall_time());
    if (result == POLYP_OK) result = append(t, &record);
    buffer_free(&record);
    return result;
}

static status open_file(tensorboard *t, const char *path, size_t keep)
{
    *t = (tensorboard){.file = -1, .path = memory_text(path), .size = keep};
    if (!t->path) return POLYP_ERR_MEMORY;
    t->file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (t->file < 0 || ftruncate(t->file, (off_t)keep) != 0) return failure(path);
    return keep == 0 ? begin_file(t) : POLYP_OK;
}

static void release(tensorboard *t)
{
    if (t->file >= 0) (void)close(t->file);
    memory_free(t->path);
    memory_free(t);
}

status tensorboard_open(tensorboard **out, const char *path, int64_t last_step)
{
    tensorboard *t;
    size_t keep;
    TRY(find_end(&keep, path, last_step));
    TRY(memory_new(&t, 1));
    const status result = open_file(t, path, keep);
    if (result == POLYP_OK) *out = t;
    else release(t);
    return result;
}

void tensorboard_close(tensorboard *t)
{
    if (t) release(t);
}

status tensorboard_scalars(tensorboard *t, int64_t step, const event_scalar *scalars, size_t count)
{
    event_scalar there[MOST_SCALARS];
    buffer record = {0};
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        if (isnan(scalars[i].value)) continue;
        if (used == MOST_SCALARS) return fail(POLYP_ERR_ARGUMENT, "more than %d scalars in one event", MOST_SCALARS);
        there[used++] = scalars[i];
    }
    if (used == 0) return POLYP_OK;
    status result = event_add_scalars(&record, wall_time(), step, there, used);
    if (result == POLYP_OK) result = append(t, &record);
    buffer_free(&record);
    return result;
}

status tensorboard_image(tensorboard *t, int64_t step, const event_image *image)
{
    buffer record = {0};
    status result = event_add_image(&record, wall_time(), step, image);
    if (result == POLYP_OK) result = append(t, &record);
    buffer_free(&record);
    return result;
}
