/* Columns first: the nearest marked row of each column. Then every row: the lower envelope of its columns' parabolas. */
#include "score/distance.h"

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

void distance_rows(int32_t *rows, int32_t *line, const unsigned char *marked, int width, int height)
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

uint32_t distance_beside(const int32_t *rows, int x, int y, int width)
{
    const int32_t *const row = rows + (size_t)y * (size_t)width;
    uint64_t best = DISTANCE_NONE;
    for (int away = 0; (uint64_t)away * (uint64_t)away < best; away++) {
        const int sides[2] = {x - away, x + away};
        if (sides[0] < 0 && sides[1] >= width) break;
        for (int k = 0; k < 2; k++) {
            if (sides[k] < 0 || sides[k] >= width || row[sides[k]] < 0) continue;
            const int64_t dy = y - row[sides[k]];
            const uint64_t squared = (uint64_t)(dy * dy + (int64_t)away * away);
            best = squared < best ? squared : best;
        }
    }
    return (uint32_t)best;
}

/* ---- rows ---------------------------------------------------------------------------------- */

/* One column as seen from a row: a parabola over x. */
typedef struct parabola {
    int32_t x, row;
    int32_t start;   /* first x at which it is the lowest */
    int64_t squared; /* distance within the column */
} parabola;

static int64_t height_at(const parabola *p, int64_t x)
{
    return (x - p->x) * (x - p->x) + p->squared;
}

/* Last x at which the left parabola is not above the right one; both stand in the envelope, so it is not negative. The
 * quotient of whole numbers below 2^32 is never rounded across a whole number, and a double divides faster. */
static int last_of_left(const parabola *left, const parabola *right)
{
    const int64_t sum = (int64_t)right->x + left->x, apart = (int64_t)right->x - left->x;
    return (int)((double)(apart * sum + right->squared - left->squared) / (double)(2 * apart));
}

/* Adds one parabola to the envelope of `count`; returns how many there are then. */
static int add_parabola(parabola *envelope, int count, parabola p, int width)
{
    while (count > 0 &&
           height_at(&envelope[count - 1], envelope[count - 1].start) > height_at(&p, envelope[count - 1].start))
        count--;
    p.start = count > 0 ? last_of_left(&envelope[count - 1], &p) + 1 : 0;
    if (p.start >= width) return count;
    envelope[count] = p;
    return count + 1;
}

FAST_CLONES static void fill_piece(uint32_t *squared, uint32_t *nearest, const parabola *p, int end, uint32_t place)
{
    const uint32_t in_column = (uint32_t)p->squared;
    const int32_t centre = p->x;
    for (int x = p->start; x < end; x++) {
        squared[x] = (uint32_t)((x - centre) * (x - centre)) + in_column;
        nearest[x] = place;
    }
}

static void transform_row(uint32_t *squared, uint32_t *nearest, parabola *envelope, const int32_t *rows, int y,
                          int width)
{
    int count = 0;
    for (int x = 0; x < width; x++) {
        if (rows[x] < 0) continue;
        const int64_t dy = y - rows[x];
        count = add_parabola(envelope, count, (parabola){x, rows[x], 0, dy * dy}, width);
    }
    for (int k = 0; k < count; k++) {
        const parabola *const p = &envelope[k];
        const uint32_t place = (uint32_t)p->row * (uint32_t)width + (uint32_t)p->x;
        fill_piece(squared, nearest, p, k + 1 < count ? p[1].start : width, place);
    }
    for (int x = 0; count == 0 && x < width; x++) squared[x] = nearest[x] = DISTANCE_NONE;
}

status distance_transform(uint32_t *squared, uint32_t *nearest, const unsigned char *marked, const bool *wanted,
                          int width, int height, scratch *s)
{
    const int taken = s->taken;
    const size_t line_size = (size_t)width;
    int32_t *rows, *line;
    parabola *envelope;
    if (width > DISTANCE_LONGEST_SIDE || height > DISTANCE_LONGEST_SIDE) {
        return fail(POLYP_ERR_SIZE, "a picture of %d x %d cannot be scored; its sides may have %d pixels", width,
                    height, DISTANCE_LONGEST_SIDE);
    }
    TRY(scratch_take(s, &rows, line_size * (size_t)height));
    TRY(scratch_take(s, &line, line_size));
    TRY(scratch_take(s, &envelope, line_size));
    distance_rows(rows, line, marked, width, height);
    for (int y = 0; y < height; y++) {
        const size_t row = (size_t)y * line_size;
        if (wanted && !wanted[y]) continue;
        transform_row(squared + row, nearest + row, envelope, rows + row, y, width);
    }
    s->taken = taken;
    return POLYP_OK;
}
