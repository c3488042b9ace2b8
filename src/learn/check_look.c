/* Every file of a check decoded on workers; what is odd about it becomes findings, in the order of the stems. */
#include <math.h>
#include <string.h>

#include <xxhash.h>

#include "base/thread.h"
#include "learn/ahead.h"
#include "learn/check_impl.h"
#include "learn/check_marks.h"
#include "learn/dataset.h"
#include "media/augment.h"
#include "media/image.h"
#include "media/regions.h"

enum { WORDS = 512 };

/* What a worker brings of one stem. */
typedef struct look {
    check_picture facts;
    char image_words[WORDS], mask_words[WORDS]; /* why a file cannot be read */
    char levels_words[WORDS];                   /* why a mask is refused */
} look;

typedef struct looking {
    const check_report *report;
    int ignore; /* a sample's */
    look *slots;
} looking;

/* ---- one file ------------------------------------------------------------------------------- */

/* A failure that belongs to the file: its words are kept, and the check goes on. */
static status keep_words(char words[WORDS], status result)
{
    if (result == POLYP_OK || result == POLYP_ERR_MEMORY) return result;
    (void)strncpy(words, polyp_error(), WORDS - 1);
    return POLYP_OK;
}

static uint64_t pixels_of(const polyp_image *p)
{
    const uint64_t size = (uint64_t)p->width << 32 | (uint64_t)p->height;
    return XXH3_64bits_withSeed(p->pixels, (size_t)p->width * (size_t)p->height * 3, size);
}

static status look_at_image(look *l)
{
    check_picture *const p = &l->facts;
    polyp_image stored = {0}, rgb = {0};
    image_facts facts;
    status result = image_read_facts(&stored, &facts, p->image);
    if (result != POLYP_OK) return keep_words(l->image_words, result);
    p->orientation = facts.orientation;
    TRY_DONE(image_to_rgb(&rgb, &stored));
    p->image_read = true;
    p->width = rgb.width;
    p->height = rgb.height;
    p->pixels = pixels_of(&rgb);
    signature_of(&p->signature, &rgb);
    check_marks(p, &rgb);
done:
    polyp_image_free(&stored);
    polyp_image_free(&rgb);
    return result;
}

/* Do the channels differ by more than a JPEG's rounding? */
static bool has_colours(const polyp_image *mask)
{
    enum { COLOUR_LEAST = 32 };
    const size_t count = (size_t)mask->width * (size_t)mask->height, step = (size_t)mask->channels;
    for (size_t i = 0; step >= 3 && i < count; i++) {
        const unsigned char *const c = mask->pixels + i * step;
        if (c[0] > c[1] + COLOUR_LEAST || c[1] > c[0] + COLOUR_LEAST || c[2] > c[1] + COLOUR_LEAST ||
            c[1] > c[2] + COLOUR_LEAST) {
            return true;
        }
    }
    return false;
}

static status look_at_levels(check_picture *p, const polyp_image *stored)
{
    polyp_image grey = {0};
    TRY(image_to_grey(&grey, stored));
    const size_t count = (size_t)grey.width * (size_t)grey.height;
    bool seen[256] = {false};
    for (size_t i = 0; i < count; i++) seen[grey.pixels[i]] = true;
    p->largest_level = 255;
    while (p->largest_level > 0 && !seen[p->largest_level]) p->largest_level--;
    for (int level = 1; level < p->largest_level; level++) p->noisy |= seen[level];
    p->noisy |= p->largest_level > 1 && p->largest_level < 255;
    polyp_image_free(&grey);
    return POLYP_OK;
}

static status look_at_regions(check_picture *p, const polyp_image *mask)
{
    regions found;
    TRY(regions_find(&found, mask, REGION_POLYP));
    const double pixels = (double)mask->width * (double)mask->height;
    double area = 0;
    for (size_t i = 0; i < found.count; i++) { /* the largest first */
        const region *const part = &found.items[i];
        area += (double)part->area;
        if ((double)part->area >= CHECK_SPECK * pixels) continue;
        if (p->specks++ > 0) continue;
        p->speck_area = part->area;
        p->speck_x = part->left;
        p->speck_y = part->top;
    }
    p->parts = found.count;
    p->polyp_share = area / pixels;
    regions_free(&found);
    return POLYP_OK;
}

/* What does not count is no polyp here. */
static void drop_ignored(polyp_image *mask)
{
    const size_t count = (size_t)mask->width * (size_t)mask->height;
    for (size_t i = 0; i < count; i++)
        if (mask->pixels[i] == MASK_IGNORED) mask->pixels[i] = MASK_BACKGROUND;
}

static status look_at_mask(look *l, int ignore)
{
    check_picture *const p = &l->facts;
    polyp_image stored = {0}, mask = {0};
    image_facts facts;
    status result = image_read_facts(&stored, &facts, p->mask);
    if (result != POLYP_OK) return keep_words(l->mask_words, result);
    p->mask_orientation = facts.orientation;
    p->mask_read = true;
    p->mask_width = stored.width;
    p->mask_height = stored.height;
    p->channels = stored.channels;
    p->coloured = has_colours(&stored);
    TRY_DONE(look_at_levels(p, &stored));
    TRY_DONE(keep_words(l->levels_words, sample_mask(&mask, &stored, facts.jpeg, ignore, p->mask)));
    p->mask_good = mask.pixels && (!p->image_read || (p->width == mask.width && p->height == mask.height));
    drop_ignored(&mask);
    if (mask.pixels) TRY_DONE(look_at_regions(p, &mask));
done:
    polyp_image_free(&stored);
    polyp_image_free(&mask);
    return result;
}

/* What a COCO file has instead of a mask file. */
static status look_at_shapes(look *l)
{
    check_picture *const p = &l->facts;
    const sample s = {.stem = p->stem, .name = p->stem, .image = p->image, .shapes = p->shapes, .ignore = -1};
    polyp_image mask = {0};
    const status result = sample_read(NULL, &mask, &s);
    if (result != POLYP_OK) return keep_words(l->mask_words, result);
    p->mask_read = true;
    p->mask_width = mask.width;
    p->mask_height = mask.height;
    p->channels = 1;
    p->largest_level = 255;
    p->mask_good = !p->image_read || (p->width == mask.width && p->height == mask.height);
    const status looked = look_at_regions(p, &mask);
    polyp_image_free(&mask);
    return looked;
}

/* Runs on a worker. */
static status look_at(void *context, size_t number, size_t slot)
{
    const looking *const all = context;
    look *const l = &all->slots[slot];
    *l = (look){.facts = all->report->pictures[number]};
    if (l->facts.image) TRY(look_at_image(l));
    if (l->facts.shapes) return look_at_shapes(l);
    if (l->facts.mask) TRY(look_at_mask(l, all->ignore));
    return POLYP_OK;
}

/* ---- what is told about it ------------------------------------------------------------------ */

static status tell(check_work *w, enum check_kind kind, size_t picture, bool when, const char *words)
{
    check_finding f = check_new(kind);
    if (!when) return POLYP_OK;
    f.picture = picture;
    return check_add(w, f, "%s", words);
}

static status tell_image(check_work *w, size_t i, const look *l)
{
    const check_picture *const p = &l->facts;
    char words[WORDS];
    TRY(tell(w, CHECK_UNREADABLE, i, l->image_words[0] != '\0', l->image_words));
    if (!p->image_read) return POLYP_OK;
    TRY(tell(w, CHECK_BLANK, i, p->blank, p->image));
    TRY(tell(w, CHECK_GREY, i, p->grey && !p->blank, p->image));
    (void)snprintf(words, sizeof words, "%.400s: %d left, %d right, %d above, %d below, of %d x %d", p->stem,
                   p->lit.left, p->width - p->lit.right, p->lit.top, p->height - p->lit.bottom, p->width, p->height);
    TRY(tell(w, CHECK_BORDER, i, p->bordered, words));
    (void)snprintf(words, sizeof words, "%.400s: %d x %d at %d, %d", p->stem, p->box.right - p->box.left,
                   p->box.bottom - p->box.top, p->box.left, p->box.top);
    TRY(tell(w, CHECK_BOX, i, p->box.right > 0, words));
    (void)snprintf(words, sizeof words, "%.400s: %d x %d at %d, %d", p->stem,
                   p->blanked_box.right - p->blanked_box.left, p->blanked_box.bottom - p->blanked_box.top,
                   p->blanked_box.left, p->blanked_box.top);
    return tell(w, CHECK_BLANKED_BOX, i, p->blanked_box.right > 0, words);
}

static status tell_mask(check_work *w, size_t i, const look *l)
{
    const check_picture *const p = &l->facts;
    const bool accepted = l->levels_words[0] == '\0';
    char words[WORDS];
    TRY(tell(w, CHECK_UNREADABLE, i, l->mask_words[0] != '\0', l->mask_words));
    if (!p->mask_read) return POLYP_OK;
    TRY(tell(w, CHECK_MASK_LEVELS, i, !accepted, l->levels_words));
    TRY(tell(w, CHECK_MASK_COLOUR, i, p->coloured, p->mask));
    TRY(tell(w, CHECK_NEGATIVE, i, accepted && p->negative && p->parts > 0, p->mask));
    TRY(tell(w, CHECK_MASK_EMPTY, i, accepted && p->parts == 0, p->mask));
    TRY(tell(w, CHECK_MASK_ONES, i, accepted && p->largest_level == 1, p->mask));
    TRY(tell(w, CHECK_MASK_NOISE, i, accepted && p->noisy, p->mask));
    (void)snprintf(words, sizeof words, "%.400s: %.1f %% is polyp", p->mask, 100 * p->polyp_share);
    TRY(tell(w, CHECK_MASK_FULL, i, p->polyp_share >= 0.95, words));
    (void)snprintf(words, sizeof words, "%.400s: %zu of its %zu parts, the largest %zu pixel%s at %d, %d", p->mask,
                   p->specks, p->parts, p->speck_area, p->speck_area == 1 ? "" : "s", p->speck_x, p->speck_y);
    return tell(w, CHECK_SPECKS, i, p->specks > 0, words);
}

static status tell_pair(check_work *w, size_t i, const check_picture *p)
{
    char words[WORDS];
    const bool both = p->image_read && p->mask_read;
    (void)snprintf(words, sizeof words, "%.200s is %d x %d, %.200s is %d x %d", p->image ? p->image : "", p->width,
                   p->height, p->mask ? p->mask : "", p->mask_width, p->mask_height);
    TRY(tell(w, CHECK_SIZE, i, both && (p->width != p->mask_width || p->height != p->mask_height), words));
    (void)snprintf(words, sizeof words, "%.400s: the picture's orientation is %d, the mask's %d", p->stem,
                   p->orientation, p->mask_orientation);
    return tell(w, CHECK_TURNED, i, p->orientation != 1 || p->mask_orientation != 1, words);
}

status check_look(check_work *w)
{
    check_report *const r = w->report;
    looking all = {.report = r, .ignore = w->settings->ignore > 0 ? w->settings->ignore : -1};
    ahead *jobs = NULL;
    const size_t slots = 2 * (size_t)w->threads + 1;
    status result;
    TRY_DONE(memory_new(&all.slots, slots));
    TRY_DONE(ahead_open(&jobs, look_at, &all, r->count, slots, w->threads));
    for (size_t i = 0; i < r->count; i++) {
        size_t slot;
        TRY_DONE(ahead_next(jobs, &slot));
        r->pictures[i] = all.slots[slot].facts;
        TRY_DONE(tell_image(w, i, &all.slots[slot]));
        TRY_DONE(tell_mask(w, i, &all.slots[slot]));
        TRY_DONE(tell_pair(w, i, &r->pictures[i]));
        TRY_DONE(check_tell(w, "check", i + 1, r->count));
    }
done:
    ahead_close(jobs);
    memory_free(all.slots);
    return result;
}
