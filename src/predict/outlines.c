/* Walking along the edges between a region and the rest, the region always on the right; then fewer points. */
#include "predict/outlines.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"

enum { FIRST_ROOM = 64 };

/* ---- the region as a picture ---------------------------------------------------------------------------- */

/* Its box with a frame of one pixel that is never inside. */
typedef struct stencil {
    unsigned char *inside, *walked; /* [height][width]; walked: the pixel's upper edge was */
    int width, height, left, top;   /* of the box in the picture */
} stencil;

static status stencil_of(stencil *out, const regions *r, size_t which)
{
    const region *const box = &r->items[which];
    stencil s = {
        .width = box->right - box->left + 2, .height = box->bottom - box->top + 2, .left = box->left, .top = box->top};
    const size_t pixels = (size_t)s.width * (size_t)s.height;
    TRY(memory_new(&s.inside, 2 * pixels));
    s.walked = s.inside + pixels;
    for (size_t i = 0; i < r->run_count; i++) {
        const region_run *const run = &r->runs[i];
        if (run->region != which) continue;
        memset(s.inside + (size_t)(run->row - s.top + 1) * (size_t)s.width + (size_t)(run->from - s.left + 1), 1,
               (size_t)(run->to - run->from));
    }
    *out = s;
    return POLYP_OK;
}

static size_t place_of(const stencil *s, int x, int y)
{
    return (size_t)y * (size_t)s->width + (size_t)x;
}

/* ---- points --------------------------------------------------------------------------------------------- */

static status add_point(outlines *o, int x, int y)
{
    if (o->point_count == o->point_room) {
        const size_t room = o->point_room ? 2 * o->point_room : FIRST_ROOM;
        TRY(memory_resize(&o->points, o->point_room, room));
        o->point_room = room;
    }
    o->points[o->point_count++] = (outline_point){x, y};
    return POLYP_OK;
}

static status add_item(outlines *o, outline item)
{
    if (o->count == o->item_room) {
        const size_t room = o->item_room ? 2 * o->item_room : FIRST_ROOM;
        TRY(memory_resize(&o->items, o->item_room, room));
        o->item_room = room;
    }
    o->items[o->count++] = item;
    return POLYP_OK;
}

/* ---- walking -------------------------------------------------------------------------------------------- */

/* Right, down, left, up: turning right is +1. */
static const int step_x[4] = {1, 0, -1, 0}, step_y[4] = {0, 1, 0, -1};

/* Is the pixel inside that lies ahead on the left (side 0) or on the right (1) of corner (x, y), looking to `way`? */
static bool inside_ahead(const stencil *s, int x, int y, int way, int side)
{
    static const int pixel_x[4][2] = {{0, 0}, {0, -1}, {-1, -1}, {-1, 0}};
    static const int pixel_y[4][2] = {{-1, 0}, {0, 0}, {0, -1}, {-1, -1}};
    return s->inside[place_of(s, x + pixel_x[way][side], y + pixel_y[way][side])] != 0;
}

/* Where pixels touch by a corner, the walk goes on along the other one: a region has 8 neighbours. */
static int next_way(const stencil *s, int x, int y, int way)
{
    if (inside_ahead(s, x, y, way, 0)) return (way + 3) % 4;
    return inside_ahead(s, x, y, way, 1) ? way : (way + 1) % 4;
}

/* Twice the area that points first .. end-1 run around: negative around holes. */
static double twice_area(const outline_point *p, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        const outline_point a = p[i], b = p[(i + 1) % count];
        sum += (double)a.x * b.y - (double)b.x * a.y;
    }
    return sum;
}

/* From the upper left corner of a pixel whose upper edge was not walked yet, once around. */
static status walk(outlines *o, stencil *s, int x, int y)
{
    const size_t first = o->point_count;
    const int begin_x = x, begin_y = y;
    int way = 0;
    do {
        if (way == 0) s->walked[place_of(s, x, y)] = 1;
        x += step_x[way];
        y += step_y[way];
        const int next = next_way(s, x, y, way);
        if (next != way) TRY(add_point(o, x + s->left - 1, y + s->top - 1));
        way = next;
    } while (x != begin_x || y != begin_y || way != 0);
    const size_t count = o->point_count - first;
    return add_item(o, (outline){first, count, twice_area(o->points + first, count) < 0});
}

static status walk_all(outlines *o, stencil *s)
{
    for (int y = 1; y < s->height - 1; y++) {
        for (int x = 1; x < s->width - 1; x++) {
            const size_t here = place_of(s, x, y);
            if (!s->inside[here] || s->inside[here - (size_t)s->width] || s->walked[here]) continue;
            TRY(walk(o, s, x, y));
        }
    }
    return POLYP_OK;
}

/* ---- fewer points --------------------------------------------------------------------------------------- */

static double distance_to(outline_point p, outline_point a, outline_point b)
{
    const double dx = b.x - a.x, dy = b.y - a.y, length = dx * dx + dy * dy;
    double t = length > 0 ? ((p.x - a.x) * dx + (p.y - a.y) * dy) / length : 0;
    t = t < 0 ? 0 : t > 1 ? 1 : t;
    return hypot(p.x - a.x - t * dx, p.y - a.y - t * dy);
}

/* The point between `from` and `to` that is farthest from the line; `to` may be the count: the first point again. */
static size_t farthest(double *distance, const outline_point *p, size_t count, size_t from, size_t to)
{
    size_t best = from;
    *distance = -1;
    for (size_t i = from + 1; i < to; i++) {
        const double d = distance_to(p[i], p[from], p[to % count]);
        if (d > *distance) *distance = d, best = i;
    }
    return best;
}

/* Mark what stays between two marked points. Deepest for points along a spiral, so `stack` has room for all. */
static void mark(bool *kept, size_t *stack, const outline_point *p, size_t count, size_t from, size_t to,
                 double tolerance)
{
    size_t depth = 0;
    stack[depth++] = to;
    while (depth > 0) {
        double distance;
        const size_t end = stack[depth - 1], middle = farthest(&distance, p, count, from, end);
        if (distance > tolerance) {
            kept[middle] = true;
            stack[depth++] = middle;
        } else {
            from = end;
            depth--;
        }
    }
}

static size_t squeeze(outline_point *p, const bool *kept, size_t count)
{
    size_t left = 0;
    for (size_t i = 0; i < count; i++)
        if (kept[i]) p[left++] = p[i];
    return left;
}

static size_t count_kept(const bool *kept, size_t count)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++) n += kept[i];
    return n;
}

/* One closed polygon: from its first point to the one farthest from it and back. */
static status simplify(outline_point *p, size_t *count, double tolerance)
{
    bool *kept = NULL;
    size_t *stack = NULL, far = 0;
    status result;
    TRY_DONE(memory_new(&kept, *count));
    TRY_DONE(memory_new(&stack, *count + 1));
    for (size_t i = 1; i < *count; i++) {
        if (hypot(p[i].x - p[0].x, p[i].y - p[0].y) > hypot(p[far].x - p[0].x, p[far].y - p[0].y)) far = i;
    }
    kept[0] = kept[far] = true;
    mark(kept, stack, p, *count, 0, far, tolerance);
    mark(kept, stack, p, *count, far, *count, tolerance);
    if (count_kept(kept, *count) >= 3) *count = squeeze(p, kept, *count);
done:
    memory_free(kept);
    memory_free(stack);
    return result;
}

static status simplify_all(outlines *o, double tolerance)
{
    size_t next = 0;
    for (size_t i = 0; i < o->count; i++) {
        outline *const item = &o->items[i];
        TRY(simplify(o->points + item->first, &item->count, tolerance));
        memmove(o->points + next, o->points + item->first, item->count * sizeof *o->points);
        item->first = next;
        next += item->count;
    }
    o->point_count = next;
    return POLYP_OK;
}

status outlines_of(outlines *out, const regions *r, size_t which, double tolerance)
{
    outlines o = {0};
    stencil s = {0};
    status result;
    TRY_DONE(stencil_of(&s, r, which));
    TRY_DONE(walk_all(&o, &s));
    if (tolerance > 0) TRY_DONE(simplify_all(&o, tolerance));
    *out = o;
    o = (outlines){0};
done:
    outlines_free(&o);
    memory_free(s.inside);
    return result;
}

void outlines_free(outlines *o)
{
    memory_free(o->items);
    memory_free(o->points);
    *o = (outlines){0};
}
