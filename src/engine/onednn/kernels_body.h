/*
 * The inner loops of kernels.c for one block of LANES channels, included once for each kind of tensor: 8 and 16 lanes of
 * f32, and 16 of bf16 (NARROW). Vectors are the compiler's own type, which it splits or widens for each processor
 * (FAST_CLONES).
 */
#define JOIN_(a, b, c) a##b##c
#define JOIN(a, b, c)  JOIN_(a, b, c)
#ifdef NARROW
#define NAME(x) JOIN(x, LANES, _narrow)
#define E       unsigned short
#else
#define NAME(x) JOIN(x, LANES, )
#define E       float
#endif
#define V NAME(lanes)
#define I NAME(lanes_mask)
#define D NAME(lanes_double)

typedef float V __attribute__((vector_size(LANES * sizeof(float))));
typedef int I __attribute__((vector_size(LANES * sizeof(int))));
typedef double D __attribute__((vector_size(LANES * sizeof(double))));

/* One pixel's lanes, and back. */
#ifdef NARROW
#define H NAME(lanes_half)
#define U NAME(lanes_bits)
typedef unsigned short H __attribute__((vector_size(LANES * sizeof(short))));
typedef unsigned U __attribute__((vector_size(LANES * sizeof(unsigned))));

static inline __attribute__((always_inline)) V NAME(load)(const E *from)
{
    return (V)(__builtin_convertvector(*(const H *)from, U) << 16);
}

static inline __attribute__((always_inline)) void NAME(store)(E *to, V v)
{
    const U bits = (U)v, rounded = bits + 0x7FFFU + ((bits >> 16) & 1U);
    /* rounding could carry a NaN over to a number: it stays as it is, made quiet */
    const U no_number = (U)(v != v);
    *(H *)to = __builtin_convertvector(((rounded & ~no_number) | ((bits | 0x400000U) & no_number)) >> 16, H);
}

static inline float NAME(wide)(E value)
{
    const unsigned bits = (unsigned)value << 16;
    float out;
    memcpy(&out, &bits, sizeof out);
    return out;
}

static inline E NAME(narrow)(float value)
{
    unsigned bits;
    memcpy(&bits, &value, sizeof bits);
    const unsigned rounded = bits + 0x7FFFU + ((bits >> 16) & 1U);
    return (E)((value == value ? rounded : bits | 0x400000U) >> 16);
}
#undef H
#undef U
#else
static inline __attribute__((always_inline)) V NAME(load)(const E *from)
{
    return *(const V *)from;
}

static inline __attribute__((always_inline)) void NAME(store)(E *to, V v)
{
    *(V *)to = v;
}

static inline float NAME(wide)(E value)
{
    return value;
}

static inline E NAME(narrow)(float value)
{
    return value;
}
#endif

/* Floats are summed over so many pixels before they join the double sum. */
enum { NAME(FLOAT_RUN) = 64 };

/* value where sign > 0, else 0 */
#define WHERE_POSITIVE(value, sign) ((V)((I)(value) & ((sign) > 0.0F)))
/* max(v, 0), but NaN stays NaN */
#define RECTIFIED(v) ((V)((I)(v) & ~((v) < 0.0F)))

/* Sum and sum of squares of y - pivot. */
FAST_CLONES static void NAME(sums_piece)(double *sum, double *squares, const E *y, const E *pivot_of, size_t pixels)
{
    const V pivot = NAME(load)(pivot_of);
    D total = {0}, total_squares = {0};
    for (size_t start = 0; start < pixels; start += NAME(FLOAT_RUN)) {
        const size_t end = start + NAME(FLOAT_RUN) < pixels ? start + NAME(FLOAT_RUN) : pixels;
        V s = {0}, q = {0};
        for (size_t p = start; p < end; p++) {
            const V v = NAME(load)(y + p * LANES) - pivot;
            s += v;
            q += v * v;
        }
        total += __builtin_convertvector(s, D);
        total_squares += __builtin_convertvector(q, D);
    }
    memcpy(sum, &total, sizeof total);
    memcpy(squares, &total_squares, sizeof total_squares);
}

FAST_CLONES static void NAME(apply_piece)(E *out, E *copy, const E *y, const E *residual, const float *scale_,
                                          const float *shift_, bool relu, size_t pixels)
{
    const V scale = *(const V *)scale_, shift = *(const V *)shift_;
    for (size_t p = 0; p < pixels * LANES; p += LANES) {
        V v = NAME(load)(y + p) * scale + shift;
        if (residual != NULL) v += NAME(load)(residual + p);
        if (relu) v = RECTIFIED(v);
        NAME(store)(out + p, v);
    }
    if (copy != NULL) memcpy(copy, out, pixels * LANES * sizeof(E));
}

/* The arguments of the gradient loops for one piece: pointers at its first pixel, per-channel values at its block. */
typedef struct NAME(piece) {
    const E *source[FIELD_SOURCES];
    int count;
    bool relu;
    const E *output, *y;
    V scale, shift;
} NAME(piece);

/* Of the pixel whose first lane is `at`. */
static inline __attribute__((always_inline)) V NAME(dz)(const NAME(piece) * j, size_t at)
{
    V g = NAME(load)(j->source[0] + at);
    if (j->count > 1) g += NAME(load)(j->source[1] + at);
    if (j->count > 2) g += NAME(load)(j->source[2] + at);
    if (j->count > 3) g += NAME(load)(j->source[3] + at);
    if (!j->relu) return g;
    if (j->output != NULL) return WHERE_POSITIVE(g, NAME(load)(j->output + at));
    return WHERE_POSITIVE(g, NAME(load)(j->y + at) * j->scale + j->shift);
}

FAST_CLONES static void NAME(gradient_piece)(E *out, const NAME(piece) * job, size_t pixels)
{
    const NAME(piece) j = *job;
    for (size_t at = 0; at < pixels * LANES; at += LANES) NAME(store)(out + at, NAME(dz)(&j, at));
}

FAST_CLONES static void NAME(norm_sums_piece)(double *sum, double *centred, E *out, const NAME(piece) * job,
                                              const float *mean_of, size_t pixels)
{
    const NAME(piece) j = *job;
    const V mean = *(const V *)mean_of;
    D total = {0}, total_centred = {0};
    for (size_t start = 0; start < pixels; start += NAME(FLOAT_RUN)) {
        const size_t end = start + NAME(FLOAT_RUN) < pixels ? start + NAME(FLOAT_RUN) : pixels;
        V s = {0}, c = {0};
        for (size_t p = start; p < end; p++) {
            const V g = NAME(dz)(&j, p * LANES);
            if (out != NULL) NAME(store)(out + p * LANES, g);
            s += g;
            c += g * (NAME(load)(j.y + p * LANES) - mean);
        }
        total += __builtin_convertvector(s, D);
        total_centred += __builtin_convertvector(c, D);
    }
    memcpy(sum, &total, sizeof total);
    memcpy(centred, &total_centred, sizeof total_centred);
}

FAST_CLONES static void NAME(norm_gradient_piece)(E *out, const NAME(piece) * job, const float *a_, const float *b_,
                                                  const float *d_, size_t pixels)
{
    const NAME(piece) j = *job;
    const V a = *(const V *)a_, b = *(const V *)b_, d = *(const V *)d_;
    for (size_t at = 0; at < pixels * LANES; at += LANES) {
        NAME(store)(out + at, NAME(dz)(&j, at) * a + (NAME(load)(j.y + at) * b + d));
    }
}

/* `apart` values from one block of the pixel's channels to the next. */
FAST_CLONES static void NAME(dot_piece)(float *out, const E *in, size_t apart, int blocks, const float *weights,
                                        float bias, size_t pixels)
{
    for (size_t p = 0; p < pixels; p++) {
        V products = NAME(load)(in + p * LANES) * *(const V *)weights;
        for (size_t b = 1; b < (size_t)blocks; b++) {
            products += NAME(load)(in + b * apart + p * LANES) * *(const V *)(weights + b * LANES);
        }
        four quarters[LANES / 4];
        memcpy(quarters, &products, sizeof products);
        four sum = quarters[0];
        for (int q = 1; q < LANES / 4; q++) sum += quarters[q];
        out[p] = (sum[0] + sum[1]) + (sum[2] + sum[3]) + bias;
    }
}

FAST_CLONES static void NAME(dot_gradient_piece)(E *in, const float *gradient, const float *weights_of, size_t pixels)
{
    const V weights = *(const V *)weights_of;
    for (size_t p = 0; p < pixels; p++) NAME(store)(in + p * LANES, weights * gradient[p]);
}

/* Sums of in * gradient, and in every lane of the gradient. */
FAST_CLONES static void NAME(dot_weights_piece)(double *weights, double *bias, const E *in, const float *gradient,
                                                size_t pixels)
{
    D total = {0}, total_bias = {0};
    for (size_t start = 0; start < pixels; start += NAME(FLOAT_RUN)) {
        const size_t end = start + NAME(FLOAT_RUN) < pixels ? start + NAME(FLOAT_RUN) : pixels;
        V s = {0}, g = {0};
        for (size_t p = start; p < end; p++) {
            s += NAME(load)(in + p * LANES) * gradient[p];
            g += gradient[p];
        }
        total += __builtin_convertvector(s, D);
        total_bias += __builtin_convertvector(g, D);
    }
    memcpy(weights, &total, sizeof total);
    memcpy(bias, &total_bias, sizeof total_bias);
}

/* Eight lanes of a pixel, and back. */
static inline __attribute__((always_inline)) eight NAME(load_eight)(const E *from)
{
#ifdef NARROW
    return (eight)(__builtin_convertvector(*(const eight_halves *)from, eight_bits) << 16);
#else
    return *(const eight *)from;
#endif
}

static inline __attribute__((always_inline)) void NAME(store_eight)(E *to, eight v)
{
#ifdef NARROW
    /* values that were read as bf16 or sums of them: NaN is quiet already */
    const eight_bits bits = (eight_bits)v, rounded = bits + 0x7FFFU + ((bits >> 16) & 1U);
    const eight_bits no_number = (eight_bits)(v != v);
    *(eight_halves *)to = __builtin_convertvector(((rounded & ~no_number) | (bits & no_number)) >> 16, eight_halves);
#else
    *(eight *)to = v;
#endif
}

/* One pixel of a max pool, eight lanes: rows first_y to end_y, columns first_x to end_x of the source; `in` is its first
 * pixel, and place 0 of the window lies at (top, left). `at` is a constant NULL where nobody asks. */
static inline __attribute__((always_inline)) void NAME(pool_pixel)(E *out, unsigned char *at, const E *in,
                                                                   const pool_shape *s, int top, int left)
{
    const int first_y = at_least_0(top), end_y = at_most(top + s->kernel, s->ih);
    const int first_x = at_least_0(left), end_x = at_most(left + s->kernel, s->iw);
    const E *row = in + ((size_t)first_y * (size_t)s->iw + (size_t)first_x) * LANES;
    eight best = NAME(load_eight)(row);
    eight_mask where = (eight_mask){0} + ((first_y - top) * s->kernel + first_x - left);
    for (int y = first_y; y < end_y; y++, row += (size_t)s->iw * LANES) {
        const E *from = row;
        for (int x = first_x; x < end_x; x++, from += LANES) {
            const eight v = NAME(load_eight)(from);
            const eight_mask place = (eight_mask){0} + ((y - top) * s->kernel + x - left);
            /* a NaN wins, as in PyTorch */
            const eight_mask wins = (v > best) | (v != v);
            best = (eight)(((eight_mask)v & wins) | ((eight_mask)best & ~wins));
            where = (place & wins) | (where & ~wins);
        }
    }
    NAME(store_eight)(out, best);
    if (at != NULL) *(eight_bytes *)at = __builtin_convertvector(where, eight_bytes);
}

/* One row of a max pool. */
FAST_CLONES static void NAME(pool_row)(E *out, unsigned char *at, const E *in, const pool_shape *s, int row)
{
    const pool_shape shape = *s;
    for (int x = 0; x < shape.ow; x++) {
        for (size_t l = 0; l < LANES; l += 8) {
            const size_t to = (size_t)x * LANES + l;
            const int top = row * shape.stride - shape.padding, left = x * shape.stride - shape.padding;
            if (at == NULL) NAME(pool_pixel)(out + to, NULL, in + l, &shape, top, left);
            else NAME(pool_pixel)(out + to, at + to, in + l, &shape, top, left);
        }
    }
}

/* Gradient of one input pixel (y, x), eight lanes: every window of `wanted` is asked whether this pixel was its maximum. */
static inline __attribute__((always_inline)) void NAME(pool_gradient_pixel)(E *in, const E *out,
                                                                            const unsigned char *at,
                                                                            const pool_shape *s, const windows *wanted,
                                                                            int y, int x)
{
    eight sum = {0};
    for (int wy = wanted->first_y; wy < wanted->end_y; wy++) {
        for (int wx = wanted->first_x; wx < wanted->end_x; wx++) {
            const size_t p = ((size_t)wy * (size_t)s->ow + (size_t)wx) * LANES;
            const int place = (y + s->padding - wy * s->stride) * s->kernel + x + s->padding - wx * s->stride;
            const eight_mask where = __builtin_convertvector(*(const eight_bytes *)(at + p), eight_mask);
            sum += (eight)((eight_mask)NAME(load_eight)(out + p) & (where == (eight_mask){0} + place));
        }
    }
    NAME(store_eight)(in, sum);
}

FAST_CLONES static void NAME(pool_gradient_row)(E *in, const E *out, const unsigned char *at, const pool_shape *s,
                                                int y)
{
    const pool_shape shape = *s;
    windows wanted;
    windows_over(&wanted.first_y, &wanted.end_y, y, s, s->oh);
    for (int x = 0; x < shape.iw; x++) {
        windows_over(&wanted.first_x, &wanted.end_x, x, &shape, shape.ow);
        for (size_t l = 0; l < LANES; l += 8) {
            NAME(pool_gradient_pixel)(in + (size_t)x * LANES + l, out + l, at + l, &shape, &wanted, y, x);
        }
    }
}

/* One output channel of one image, one block of source channels and one tap: added to `sum`. */
FAST_CLONES static void NAME(conv_weights_tap)(float *sum, const E *source, const E *dy, const pool_shape *s, int ky,
                                               int kx)
{
    V total = *(const V *)sum;
    for (int y = 0; y < s->oh; y++) {
        const int iy = y * s->stride - s->padding + ky;
        if (iy < 0 || iy >= s->ih) continue;
        for (int x = 0; x < s->ow; x++) {
            const int ix = x * s->stride - s->padding + kx;
            if (ix < 0 || ix >= s->iw) continue;
            const V v = NAME(load)(source + ((size_t)iy * (size_t)s->iw + (size_t)ix) * LANES);
            total += v * NAME(wide)(dy[((size_t)y * (size_t)s->ow + (size_t)x) * LANES]);
        }
    }
    *(V *)sum = total;
}

/* Two output rows of a dealt block from one row of its four groups, `apart` values from group to group. */
FAST_CLONES static void NAME(deal_row)(E *out, const E *groups, size_t apart, const float *bias_of, int w)
{
    const V bias = *(const V *)bias_of;
    const size_t row = (size_t)w * LANES;
    E *const lower_row = out + 2 * row;
    for (size_t x = 0; x < row; x += LANES) {
        NAME(store)(out + 2 * x, NAME(load)(groups + x) + bias);
        NAME(store)(out + 2 * x + LANES, NAME(load)(groups + apart + x) + bias);
        NAME(store)(lower_row + 2 * x, NAME(load)(groups + 2 * apart + x) + bias);
        NAME(store)(lower_row + 2 * x + LANES, NAME(load)(groups + 3 * apart + x) + bias);
    }
}

/* And back, with the sum over the two rows added to `sum`. */
FAST_CLONES static void NAME(gather_row)(E *groups, size_t apart, double *sum, const E *gradient, int w)
{
    const size_t row = (size_t)w * LANES;
    const E *const lower_row = gradient + 2 * row;
    D total;
    memcpy(&total, sum, sizeof total);
    for (size_t x = 0; x < row; x += LANES) {
        const V a = NAME(load)(gradient + 2 * x), b = NAME(load)(gradient + 2 * x + LANES);
        const V c = NAME(load)(lower_row + 2 * x), d = NAME(load)(lower_row + 2 * x + LANES);
        NAME(store)(groups + x, a);
        NAME(store)(groups + apart + x, b);
        NAME(store)(groups + 2 * apart + x, c);
        NAME(store)(groups + 3 * apart + x, d);
        total += __builtin_convertvector((a + b) + (c + d), D);
    }
    memcpy(sum, &total, sizeof total);
}

/* Two output rows from one: every pixel four times. */
FAST_CLONES static void NAME(repeat_row)(E *out, const E *in, int w)
{
    const size_t row = (size_t)w * LANES;
    E *const lower_row = out + 2 * row;
    for (size_t x = 0; x < row; x += LANES) {
        const V v = NAME(load)(in + x);
        NAME(store)(out + 2 * x, v);
        NAME(store)(out + 2 * x + LANES, v);
        NAME(store)(lower_row + 2 * x, v);
        NAME(store)(lower_row + 2 * x + LANES, v);
    }
}

/* And back: the sum of the four. */
FAST_CLONES static void NAME(sum_fours_row)(E *in, const E *out, int w)
{
    const size_t row = (size_t)w * LANES;
    const E *const lower_row = out + 2 * row;
    for (size_t x = 0; x < row; x += LANES) {
        const V a = NAME(load)(out + 2 * x), b = NAME(load)(out + 2 * x + LANES);
        const V c = NAME(load)(lower_row + 2 * x), d = NAME(load)(lower_row + 2 * x + LANES);
        NAME(store)(in + x, (a + b) + (c + d));
    }
}

/* One lane of `pixels` pixels from plain values, and back. */
FAST_CLONES static void NAME(block_lane)(E *out, const float *from, size_t pixels)
{
    for (size_t p = 0; p < pixels; p++) out[p * LANES] = NAME(narrow)(from[p]);
}

FAST_CLONES static void NAME(unblock_lane)(float *to, const E *in, size_t pixels)
{
    for (size_t p = 0; p < pixels; p++) to[p] = NAME(wide)(in[p * LANES]);
}

static inline NAME(piece) NAME(piece_of)(const gradient_job *job, const extent *e, int n, int block, size_t first)
{
    const size_t in_image = ((size_t)block * e->pixels + first) * LANES;
    NAME(piece) j = {.count = job->count, .relu = job->relu};
    for (int i = 0; i < job->count; i++) {
        j.source[i] = (const E *)job->sources[i].data + (size_t)n * job->sources[i].image + in_image;
    }
    if (job->output.data != NULL) j.output = (const E *)job->output.data + (size_t)n * job->output.image + in_image;
    if (job->y.data != NULL) j.y = (const E *)job->y.data + (size_t)n * job->y.image + in_image;
    if (job->scale != NULL) j.scale = *(const V *)(job->scale + (size_t)block * LANES);
    if (job->shift != NULL) j.shift = *(const V *)(job->shift + (size_t)block * LANES);
    return j;
}

static void NAME(gradient_part)(E *out, const gradient_job *job, const extent *e, const part *t)
{
    const NAME(piece) j = NAME(piece_of)(job, e, t->n, t->block, t->first);
    NAME(gradient_piece)(out, &j, t->pixels);
}

static void NAME(norm_sums_part)(double *sum, double *centred, E *out, const gradient_job *job, const float *mean,
                                 const extent *e, const part *t)
{
    const NAME(piece) j = NAME(piece_of)(job, e, t->n, t->block, t->first);
    NAME(norm_sums_piece)(sum, centred, out, &j, mean + (size_t)t->block * LANES, t->pixels);
}

static void NAME(norm_gradient_part)(E *out, const gradient_job *job, const float *a, const float *b, const float *d,
                                     const extent *e, const part *t)
{
    const NAME(piece) j = NAME(piece_of)(job, e, t->n, t->block, t->first);
    const size_t c = (size_t)t->block * LANES;
    NAME(norm_gradient_piece)(out, &j, a + c, b + c, d + c, t->pixels);
}

#undef WHERE_POSITIVE
#undef RECTIFIED
#undef JOIN_
#undef JOIN
#undef NAME
#undef E
#undef V
#undef I
#undef D
