/* One sample read: its picture, its mask in whatever levels it was stored, and the fingerprint of all. */
#include <string.h>

#include "base/file.h"
#include "learn/dataset.h"
#include "media/augment.h"
#include "media/image.h"

#include <xxhash.h>

enum {
    POLYP_LEVEL = 127, /* above it: polyp */
    BETWEEN_LOW = 32,  /* levels that neither 0 nor 255 becomes by JPEG noise ... */
    BETWEEN_HIGH = 223,
    BETWEEN_PERCENT = 5, /* ... so more of them than this is not a mask */
    IGNORE_SPREAD = 16,  /* how far JPEG moves the level of ignored pixels */
};

/* ---- masks --------------------------------------------------------------------------------- */

/* Levels of a mask that stand for ignored pixels; low > high: none. */
typedef struct ignored_levels {
    int low, high;
} ignored_levels;

static bool is_ignored(ignored_levels ignored, int level)
{
    return level >= ignored.low && level <= ignored.high;
}

/* JPEG moves levels; what it makes of 0 and 255 is never ignored. */
static ignored_levels find_ignored(int level, bool jpeg)
{
    if (level < 0) return (ignored_levels){1, 0};
    const int spread = jpeg ? IGNORE_SPREAD : 0;
    const int low = level - spread, high = level + spread;
    return (ignored_levels){low < 1 ? 1 : low, high > 254 ? 254 : high};
}

static void count_levels(size_t levels[256], const polyp_image *mask, ignored_levels ignored)
{
    const size_t count = (size_t)mask->width * (size_t)mask->height;
    memset(levels, 0, 256 * sizeof *levels);
    for (size_t i = 0; i < count; i++) levels[mask->pixels[i]]++;
    for (int level = ignored.low; level <= ignored.high; level++) levels[level] = 0;
}

static int largest_level(const size_t levels[256])
{
    int level = 255;
    while (level > 0 && levels[level] == 0) level--;
    return level;
}

/* The lowest level that is polyp, or FORMAT when the levels are not those of a mask. */
static status mask_threshold(int *out, const polyp_image *mask, ignored_levels ignored, const char *path)
{
    size_t levels[256];
    count_levels(levels, mask, ignored);
    const int largest = largest_level(levels);
    if (largest > 1 && largest < BETWEEN_LOW) {
        return fail(POLYP_ERR_FORMAT, "%s: the mask's largest level is %d; it must be 1 (levels 0 and 1) or near 255",
                    path, largest);
    }
    const size_t all = (size_t)mask->width * (size_t)mask->height;
    size_t between = 0;
    for (int level = BETWEEN_LOW; level <= BETWEEN_HIGH; level++) between += levels[level];
    if (between * 100 > all * BETWEEN_PERCENT) {
        return fail(POLYP_ERR_FORMAT,
                    "%s: %.1f %% of the mask's pixels lie between black and white (levels %d to %d); "
                    "it must be black where there is no polyp and white where there is one",
                    path, 100.0 * (double)between / (double)all, BETWEEN_LOW, BETWEEN_HIGH);
    }
    *out = largest == 1 ? 1 : POLYP_LEVEL + 1;
    return POLYP_OK;
}

static void apply_levels(polyp_image *mask, int threshold, ignored_levels ignored)
{
    const size_t count = (size_t)mask->width * (size_t)mask->height;
    unsigned char becomes[256];
    for (int level = 0; level < 256; level++) {
        becomes[level] = is_ignored(ignored, level) ? MASK_IGNORED : level >= threshold ? MASK_POLYP : MASK_BACKGROUND;
    }
    for (size_t i = 0; i < count; i++) mask->pixels[i] = becomes[mask->pixels[i]];
}

status sample_mask(polyp_image *out, const polyp_image *stored, bool jpeg, int ignore, const char *path)
{
    const ignored_levels ignored = find_ignored(ignore, jpeg);
    polyp_image grey = {0};
    int threshold = 0;
    status result;
    TRY_DONE(image_to_grey(&grey, stored));
    TRY_DONE(mask_threshold(&threshold, &grey, ignored, path));
    apply_levels(&grey, threshold, ignored);
    *out = grey;
    return POLYP_OK;
done:
    polyp_image_free(&grey);
    return result;
}

static status mask_read(polyp_image *out, const char *path, int ignore)
{
    polyp_image stored = {0};
    image_facts facts;
    TRY(image_read_facts(&stored, &facts, path));
    const status result = sample_mask(out, &stored, facts.jpeg, ignore, path);
    polyp_image_free(&stored);
    return result;
}

/* ---- a sample ------------------------------------------------------------------------------ */

static status picture_read(polyp_image *out, const char *path)
{
    polyp_image stored = {0};
    TRY(image_read(&stored, path));
    if (stored.channels == 3) {
        *out = stored;
        return POLYP_OK;
    }
    const status result = image_to_rgb(out, &stored);
    polyp_image_free(&stored);
    return result;
}

static status check_sizes(const polyp_image *picture, const polyp_image *mask, const sample *s)
{
    if (picture->width == mask->width && picture->height == mask->height) return POLYP_OK;
    return fail(POLYP_ERR_SIZE, "%s is %d x %d, but its mask %s is %d x %d; they must be equal", s->image,
                picture->width, picture->height, s->mask, mask->width, mask->height);
}

static status check_negative(const polyp_image *mask, const sample *s)
{
    if (!s->negative || !memchr(mask->pixels, MASK_POLYP, (size_t)mask->width * (size_t)mask->height)) return POLYP_OK;
    return fail(POLYP_ERR_MISMATCH,
                "%s is declared to show no polyp, but its mask %s has one; take it off the list of negatives, or "
                "remove the mask",
                s->image, s->mask);
}

/* A mask of nothing, as large as the picture, which is read for that when it is not there. */
static status mask_empty(polyp_image *out, const polyp_image *picture, const sample *s)
{
    polyp_image read = {0};
    if (picture == NULL) TRY(image_read(&read, s->image));
    const polyp_image *const like = picture != NULL ? picture : &read;
    const status result = image_create(out, like->width, like->height, 1);
    polyp_image_free(&read);
    return result;
}

/* Drawn at the size that the file tells, or at the picture's. */
static status mask_drawn(polyp_image *out, const polyp_image *picture, const sample *s)
{
    polyp_image read = {0};
    int width = s->shapes->width, height = s->shapes->height;
    if (picture != NULL && width > 0 && (picture->width != width || picture->height != height)) {
        return fail(POLYP_ERR_SIZE, "%s is %d x %d, but its annotations are for %d x %d; they must be equal", s->image,
                    picture->width, picture->height, width, height);
    }
    if (width == 0 && picture == NULL) {
        TRY(image_read(&read, s->image));
        picture = &read;
    }
    if (width == 0) width = picture->width, height = picture->height;
    const status result = shapes_draw(out, s->shapes, width, height);
    polyp_image_free(&read);
    return result == POLYP_OK ? POLYP_OK : fail_within(result, s->image);
}

static status mask_of(polyp_image *out, const polyp_image *picture, const sample *s)
{
    if (s->shapes != NULL) return mask_drawn(out, picture, s);
    if (s->mask == NULL) return mask_empty(out, picture, s);
    TRY(mask_read(out, s->mask, s->ignore));
    if (picture != NULL) TRY(check_sizes(picture, out, s));
    return check_negative(out, s);
}

status sample_read(polyp_image *picture, polyp_image *mask, const sample *s)
{
    polyp_image new_picture = {0}, new_mask = {0};
    status result = POLYP_OK;
    if (picture != NULL) TRY_DONE(picture_read(&new_picture, s->image));
    if (mask != NULL) TRY_DONE(mask_of(&new_mask, picture != NULL ? &new_picture : NULL, s));
    if (picture != NULL) *picture = new_picture;
    if (mask != NULL) *mask = new_mask;
    return POLYP_OK;
done:
    polyp_image_free(&new_picture);
    polyp_image_free(&new_mask);
    return result;
}

/* ---- fingerprint --------------------------------------------------------------------------- */

/* Length first, so that moving a byte from one file to the next changes the sum. */
static bool hash_block(XXH3_state_t *hash, const void *bytes, size_t size)
{
    const uint64_t length = size;
    return XXH3_64bits_update(hash, &length, sizeof length) == XXH_OK &&
           (size == 0 || XXH3_64bits_update(hash, bytes, size) == XXH_OK);
}

static status hash_file(XXH3_state_t *hash, const char *path)
{
    file_bytes bytes;
    TRY(file_read(&bytes, path, 0));
    const bool done = hash_block(hash, bytes.data, bytes.size);
    file_close(&bytes);
    return done ? POLYP_OK : fail(POLYP_ERR_ENGINE, "%s: the checksum failed", path);
}

static bool hash_shapes(XXH3_state_t *hash, const mask_shapes *s)
{
    const int size[2] = {s->width, s->height};
    bool done = hash_block(hash, size, sizeof size);
    for (size_t i = 0; i < s->polygon_count; i++) {
        done = done && hash_block(hash, s->polygons[i].points, 2 * s->polygons[i].corners * sizeof(double));
    }
    for (size_t i = 0; i < s->runs_count; i++) {
        done = done && hash_block(hash, s->runs[i].lengths, s->runs[i].count * sizeof(uint32_t));
    }
    return done;
}

static status hash_mask(XXH3_state_t *hash, const sample *s)
{
    if (s->mask != NULL) return hash_file(hash, s->mask);
    const bool done = s->shapes != NULL ? hash_shapes(hash, s->shapes) : hash_block(hash, NULL, 0);
    return done ? POLYP_OK : fail(POLYP_ERR_ENGINE, "the checksum of the data failed");
}

static status hash_samples(XXH3_state_t *hash, const dataset *d)
{
    for (size_t i = 0; i < d->count; i++) {
        const sample *s = &d->samples[i];
        if (!hash_block(hash, s->stem, strlen(s->stem)))
            return fail(POLYP_ERR_ENGINE, "the checksum of the data failed");
        TRY(hash_file(hash, s->image));
        TRY(hash_mask(hash, s));
    }
    return POLYP_OK;
}

status dataset_fingerprint(char out[17], const dataset *d)
{
    static const char digits[] = "0123456789abcdef";
    XXH3_state_t *hash = XXH3_createState();
    if (hash == NULL) return fail(POLYP_ERR_MEMORY, "no memory for a checksum");
    status result = POLYP_OK;
    XXH3_64bits_reset(hash);
    TRY_DONE(hash_samples(hash, d));
    const uint64_t sum = XXH3_64bits_digest(hash);
    for (int i = 0; i < 16; i++) out[i] = digits[sum >> (60 - 4 * i) & 15];
    out[16] = '\0';
done:
    XXH3_freeState(hash);
    return result;
}
