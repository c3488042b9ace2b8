/* Columns first: the nearest marked row of each column. Then every row: the lower envelope of its columns' parabolas. */
#include "score/distance.h"

#include <stdbool.h>

#include "base/clones.h"

/* ---- columns ------------------------------------------------------------------------------- */

/* rows[i]: row of the nearest marked pixel in the column of pixel i, -1 when there is none; here only from above. */
FAST_CLONES static void look_up(int32_t *rows, const int32_t *above, const unsigned char *marked, int y, int width)
{
    for (int x = 0; x < width; x++) rows[x] = marked[x] ? y : above[x];
}

/* below[x]: the nearest marked row at or below this one. At equal distance the upper one stays. */
FAST_CLONES static void look_down(int32_t *rows, int32_t *below, const unsigned char *marked, int y, int width)
{
    for (int x = 0; x < width; x++) {
        below[x] = marked[x] ? y : below[x];
        const bool nearer = below[x] >= 0 && (rows[x] < 0 || below[x] - y < y - rows[x]);
        rows[x] = nearer ? below[x] : rows[x];
    }
}

static void nearest_rows(int32_t *rows, int32_t *line, const unsigned char *marked, int width, int height)
{
    for (int x = 0; x < width; x++) line[x] = -1;
    for (int y = 0; y < height; y++) {
        const size_t row = (size_t)y * (size_t)width;
        look_up(rows + row, y > 0 ? rows + row - width : line, marked + row, y, width);
    }
    for (int y = height - 1; y >= 0; y--) {
        const size_t row = (size_t)y * (size_t)width;
        look_down(rows + row, line, marked + row, y, width);
    }
}

/* ---- rows ---------------------------------------------------------------------------------- */

/* One column as seen from a row: a parabola over x. */
typedef struct parabola {
    int64_t x, squared; /* squared distance within the column */
    int32_t row;
    int32_t start; /* first x at which it is the lowest */
} parabola;

static int64_t height_at(const parabola *p, int64_t x)
{
    return (x - p->x) * (x - p->x) + p->squared;
}

/* Last x at which the left parabola is not above the right one; both stand in the envelope, so it is not negative. */
static int64_t last_of_left(const parabola *left, const parabola *right)
{
    const int64_t above = right->x * right->x - left->x * left->x + right->squared - left->squared;
    return above / (2 * (right->x - left->x));
}

/* Adds one parabola to the envelope of `count`; returns how many there are then. */
static int add_parabola(parabola *envelope, int count, parabola p, int width)
{
    while (count > 0 &&
           height_at(&envelope[count - 1], envelope[count - 1].start) > height_at(&p, envelope[count - 1].start))
        count--;
    const int64_t start = count > 0 ? last_of_left(&envelope[count - 1], &p) + 1 : 0;
    if (start >= width) return count;
    p.start = (int32_t)start;
    envelope[count] = p;
    return count + 1;
}

static void nearest_in_row(uint32_t *nearest, parabola *envelope, const int32_t *rows, int y, int width)
{
    int count = 0;
    for (int x = 0; x < width; x++) {
        if (rows[x] < 0) continue;
        const int64_t dy = y - rows[x];
        count = add_parabola(envelope, count, (parabola){x, dy * dy, rows[x], 0}, width);
    }
    for (int k = 0; k < count; k++) {
        const int end = k + 1 < count ? envelope[k + 1].start : width;
        const uint32_t place = (uint32_t)envelope[k].row * (uint32_t)width + (uint32_t)envelope[k].x;
        for (int x = envelope[k].start; x < end; x++) nearest[x] = place;
    }
    for (int x = 0; count == 0 && x < width; x++) nearest[x] = DISTANCE_NONE;
}

status distance_nearest(uint32_t *nearest, const unsigned char *marked, int width, int height, scratch *s)
{
    const int taken = s->taken;
    const size_t line_size = (size_t)width;
    int32_t *rows, *line;
    parabola *envelope;
    TRY(scratch_take(s, &rows, line_size * (size_t)height));
    TRY(scratch_take(s, &line, line_size));
    TRY(scratch_take(s, &envelope, line_size));
    nearest_rows(rows, line, marked, width, height);
    for (int y = 0; y < height; y++) {
        const size_t row = (size_t)y * line_size;
        nearest_in_row(nearest + row, envelope, rows + row, y, width);
    }
    s->taken = taken;
    return POLYP_OK;
}
