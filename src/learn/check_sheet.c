/* A contact sheet of what a check found. */
#include <stdio.h>

#include "learn/check_impl.h"
#include "media/image.h"
#include "media/sheet.h"

enum { COLUMNS = 6, TILE = 224, OF_A_KIND = 6, TILES_MOST = 96 };

/* A picture of a finding, no larger than its tile. */
typedef struct shown {
    polyp_image picture, truth;
    char caption[160];
} shown;

typedef struct sheet {
    shown *items; /* [TILES_MOST] */
    size_t count;
    size_t findings; /* that are seen */
    int ignore;      /* a sample's */
} sheet;

/* ---- one picture ---------------------------------------------------------------------------- */

static void shown_free(shown *s)
{
    polyp_image_free(&s->picture);
    polyp_image_free(&s->truth);
    *s = (shown){0};
}

/* Where there is no picture, or the mask itself is the matter, the mask is shown. */
static bool mask_is_shown(const check_picture *p, enum check_kind kind)
{
    return p->mask_read && !p->shapes && (!p->image_read || kind == CHECK_MASK_LEVELS || kind == CHECK_MASK_COLOUR);
}

static bool can_be_shown(const check_picture *p, enum check_kind kind)
{
    return p->image_read || mask_is_shown(p, kind);
}

static status read_shown(shown *s, const check_picture *p, enum check_kind kind, int ignore)
{
    const sample as_read = check_sample(p, ignore);
    if (mask_is_shown(p, kind)) return image_read(&s->picture, p->mask);
    if (!p->mask_good) return image_read(&s->picture, p->image);
    TRY(sample_read(&s->picture, &s->truth, &as_read));
    return sheet_shrink(&s->truth, true, TILE);
}

/* ---- the choice ----------------------------------------------------------------------------- */

/* A file that has gone since leaves nothing. */
static status add(sheet *out, const check_picture *p, enum check_kind kind, size_t number)
{
    shown *const s = &out->items[out->count];
    if (out->count == TILES_MOST) return POLYP_OK;
    status result = read_shown(s, p, kind, out->ignore);
    if (result == POLYP_OK) result = sheet_shrink(&s->picture, false, TILE);
    if (result != POLYP_OK) {
        shown_free(s);
        return result == POLYP_ERR_MEMORY ? result : POLYP_OK;
    }
    (void)snprintf(s->caption, sizeof s->caption, "%s %zu: %s", check_kinds[kind].name, number, p->stem);
    out->count++;
    return POLYP_OK;
}

/* Lists of names tell more in words than as pictures. */
static bool is_seen(const check_report *r, const check_finding *f)
{
    if (f->kind == CHECK_NO_SPLIT || f->kind == CHECK_LIST || f->picture == CHECK_NONE) return false;
    return can_be_shown(&r->pictures[f->picture], f->kind);
}

static status add_finding(sheet *out, const check_report *r, const check_finding *f, size_t number)
{
    TRY(add(out, &r->pictures[f->picture], f->kind, number));
    if (f->other == CHECK_NONE || !can_be_shown(&r->pictures[f->other], f->kind)) return POLYP_OK;
    return add(out, &r->pictures[f->other], f->kind, number);
}

/* Findings stand kind by kind, the worst kinds first; pairs take two places of a kind's row. */
static status choose(sheet *out, const check_report *r)
{
    size_t number = 0;
    int kind = -1;
    for (size_t i = 0; i < r->finding_count; i++) {
        const check_finding *const f = &r->findings[i];
        const size_t least = out->count;
        number = (int)f->kind == kind ? number + 1 : 1;
        kind = (int)f->kind;
        if (number > OF_A_KIND || !is_seen(r, f)) continue;
        TRY(add_finding(out, r, f, number));
        out->findings += out->count > least;
    }
    return POLYP_OK;
}

/* ---- the sheet ------------------------------------------------------------------------------ */

static status draw(const char *path, const sheet *s, size_t all)
{
    sheet_tile *tiles;
    char title[96];
    if (s->count == 0) return POLYP_OK;
    TRY(memory_new(&tiles, s->count));
    for (size_t i = 0; i < s->count; i++) {
        const shown *const one = &s->items[i];
        tiles[i] = (sheet_tile){&one->picture, one->truth.pixels ? &one->truth : NULL, NULL, one->caption};
    }
    (void)snprintf(title, sizeof title, "%zu of %zu findings, the worst kinds first", s->findings, all);
    const int columns = s->count < COLUMNS ? (int)s->count : COLUMNS;
    const status result = sheet_write(path, title, tiles, s->count, columns, TILE);
    memory_free(tiles);
    return result;
}

status check_write_sheet(size_t *shown_count, const char *path, const check_report *r, int ignore)
{
    sheet s = {.ignore = ignore > 0 ? ignore : -1};
    TRY(memory_new(&s.items, TILES_MOST));
    status result = choose(&s, r);
    if (result == POLYP_OK) result = draw(path, &s, r->finding_count);
    *shown_count = s.count;
    for (size_t i = 0; i < s.count; i++) shown_free(&s.items[i]);
    memory_free(s.items);
    return result;
}
