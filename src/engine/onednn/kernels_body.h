/*
 * The inner loops of kernels.c for one block of LANES channels: included once for 8 and once for 16. Vectors are the
 * compiler's own type, which it splits or widens for each processor (FAST_CLONES).
 */
#define JOIN_(a, b) a##b
#define JOIN(a, b)  JOIN_(a, b)
#define NAME(x)     JOIN(x, LANES)
#define V           NAME(lanes)
#define I           NAME(lanes_mask)
#define D           NAME(lanes_double)

typedef float V __attribute__((vector_size(LANES * sizeof(float))));
typedef int I __attribute__((vector_size(LANES * sizeof(int))));
typedef double D __attribute__((vector_size(LANES * sizeof(double))));

/* Floats are summed over so many pixels before they join the double sum. */
enum { NAME(FLOAT_RUN) = 64 };

/* value where sign > 0, else 0 */
#define WHERE_POSITIVE(value, sign) ((V)((I)(value) & ((sign) > 0.0F)))
/* max(v, 0), but NaN stays NaN */
#define RECTIFIED(v) ((V)((I)(v) & ~((v) < 0.0F)))

/* Sum and sum of squares of y - pivot. */
FAST_CLONES static void NAME(sums_piece)(double *sum, double *squares, const float *data, const float *pivot_of,
                                         size_t pixels)
{
    const V *const y = (const V *)data;
    const V pivot = *(const V *)pivot_of;
    D total = {0}, total_squares = {0};
    for (size_t start = 0; start < pixels; start += NAME(FLOAT_RUN)) {
        const size_t end = start + NAME(FLOAT_RUN) < pixels ? start + NAME(FLOAT_RUN) : pixels;
        V s = {0}, q = {0};
        for (size_t p = start; p < end; p++) {
            const V v = y[p] - pivot;
            s += v;
            q += v * v;
        }
        total += __builtin_convertvector(s, D);
        total_squares += __builtin_convertvector(q, D);
    }
    memcpy(sum, &total, sizeof total);
    memcpy(squares, &total_squares, sizeof total_squares);
}

FAST_CLONES static void NAME(apply_piece)(float *out, float *copy, const float *y_, const float *residual_,
                                          const float *scale_, const float *shift_, bool relu, size_t pixels)
{
    const V *const y = (const V *)y_;
    const V *const residual = (const V *)residual_;
    const V scale = *(const V *)scale_, shift = *(const V *)shift_;
    V *const to = (V *)out;
    for (size_t p = 0; p < pixels; p++) {
        V v = y[p] * scale + shift;
        if (residual != NULL) v += residual[p];
        if (relu) v = RECTIFIED(v);
        to[p] = v;
    }
    if (copy != NULL) memcpy(copy, out, pixels * sizeof(V));
}

/* The arguments of the gradient loops for one piece: pointers at its first pixel, per-channel values at its block. */
typedef struct NAME(piece) {
    const V *source[FIELD_SOURCES];
    int count;
    bool relu;
    const V *output, *y;
    V scale, shift;
} NAME(piece);

static inline __attribute__((always_inline)) V NAME(dz)(const NAME(piece) * j, size_t p)
{
    V g = j->source[0][p];
    if (j->count > 1) g += j->source[1][p];
    if (j->count > 2) g += j->source[2][p];
    if (j->count > 3) g += j->source[3][p];
    if (!j->relu) return g;
    if (j->output != NULL) return WHERE_POSITIVE(g, j->output[p]);
    return WHERE_POSITIVE(g, j->y[p] * j->scale + j->shift);
}

FAST_CLONES static void NAME(gradient_piece)(float *out, const NAME(piece) * job, size_t pixels)
{
    const NAME(piece) j = *job;
    V *const to = (V *)out;
    for (size_t p = 0; p < pixels; p++) to[p] = NAME(dz)(&j, p);
}

FAST_CLONES static void NAME(norm_sums_piece)(double *sum, double *centred, float *out, const NAME(piece) * job,
                                              const float *mean_of, size_t pixels)
{
    const NAME(piece) j = *job;
    const V mean = *(const V *)mean_of;
    V *const to = (V *)out;
    D total = {0}, total_centred = {0};
    for (size_t start = 0; start < pixels; start += NAME(FLOAT_RUN)) {
        const size_t end = start + NAME(FLOAT_RUN) < pixels ? start + NAME(FLOAT_RUN) : pixels;
        V s = {0}, c = {0};
        for (size_t p = start; p < end; p++) {
            const V g = NAME(dz)(&j, p);
            if (to != NULL) to[p] = g;
            s += g;
            c += g * (j.y[p] - mean);
        }
        total += __builtin_convertvector(s, D);
        total_centred += __builtin_convertvector(c, D);
    }
    memcpy(sum, &total, sizeof total);
    memcpy(centred, &total_centred, sizeof total_centred);
}

FAST_CLONES static void NAME(norm_gradient_piece)(float *out, const NAME(piece) * job, const float *a_, const float *b_,
                                                  const float *d_, size_t pixels)
{
    const NAME(piece) j = *job;
    const V a = *(const V *)a_, b = *(const V *)b_, d = *(const V *)d_;
    V *const to = (V *)out;
    for (size_t p = 0; p < pixels; p++) to[p] = NAME(dz)(&j, p) * a + (j.y[p] * b + d);
}

/* One row of a max pool. */
FAST_CLONES static void NAME(pool_row)(float *out, unsigned char *at, const float *in, const pool_shape *s, int row)
{
    for (int x = 0; x < s->ow; x++) {
        V best = {0};
        I where = {0};
        bool any = false;
        for (int ky = 0; ky < s->kernel; ky++) {
            const int y = row * s->stride - s->padding + ky;
            if (y < 0 || y >= s->ih) continue;
            for (int kx = 0; kx < s->kernel; kx++) {
                const int ix = x * s->stride - s->padding + kx;
                if (ix < 0 || ix >= s->iw) continue;
                const V v = *(const V *)(in + ((size_t)y * (size_t)s->iw + (size_t)ix) * LANES);
                const I place = (I){0} + (ky * s->kernel + kx);
                if (!any) {
                    best = v;
                    where = place;
                    any = true;
                    continue;
                }
                /* a NaN wins, as in PyTorch */
                const I wins = (v > best) | (v != v);
                best = (V)(((I)v & wins) | ((I)best & ~wins));
                where = (place & wins) | (where & ~wins);
            }
        }
        *(V *)(out + (size_t)x * LANES) = best;
        if (at == NULL) continue;
        for (int l = 0; l < LANES; l++) at[(size_t)x * LANES + (size_t)l] = (unsigned char)where[l];
    }
}

/* Gradient of one input row: every window that covers a pixel is asked whether this pixel was its maximum. */
FAST_CLONES static void NAME(pool_gradient_row)(float *in, const float *out, const unsigned char *at,
                                                const pool_shape *s, int y)
{
    for (int x = 0; x < s->iw; x++) {
        V sum = {0};
        for (int ky = 0; ky < s->kernel; ky++) {
            const int ty = y + s->padding - ky;
            if (ty < 0 || ty % s->stride != 0 || ty / s->stride >= s->oh) continue;
            for (int kx = 0; kx < s->kernel; kx++) {
                const int tx = x + s->padding - kx;
                if (tx < 0 || tx % s->stride != 0 || tx / s->stride >= s->ow) continue;
                const size_t p = ((size_t)(ty / s->stride) * (size_t)s->ow + (size_t)(tx / s->stride)) * LANES;
                I where = {0};
                for (int l = 0; l < LANES; l++) where[l] = at[p + (size_t)l];
                const I mine = where == (I){0} + (ky * s->kernel + kx);
                sum += (V)((I) * (const V *)(out + p) & mine);
            }
        }
        *(V *)(in + (size_t)x * LANES) = sum;
    }
}

/* One output channel of one image, one block of source channels and one tap: added to `sum`. */
FAST_CLONES static void NAME(conv_weights_tap)(float *sum, const float *source, const float *dy, const pool_shape *s,
                                               int ky, int kx)
{
    V total = *(const V *)sum;
    for (int y = 0; y < s->oh; y++) {
        const int iy = y * s->stride - s->padding + ky;
        if (iy < 0 || iy >= s->ih) continue;
        for (int x = 0; x < s->ow; x++) {
            const int ix = x * s->stride - s->padding + kx;
            if (ix < 0 || ix >= s->iw) continue;
            const V v = *(const V *)(source + ((size_t)iy * (size_t)s->iw + (size_t)ix) * LANES);
            total += v * dy[((size_t)y * (size_t)s->ow + (size_t)x) * LANES];
        }
    }
    *(V *)sum = total;
}

/* Two output rows of a dealt block from one row of its four groups, `apart` floats from group to group. */
FAST_CLONES static void NAME(deal_row)(float *out, const float *groups, size_t apart, const float *bias_of, int w)
{
    const V bias = *(const V *)bias_of;
    V *const upper = (V *)out, *const lower_row = upper + 2 * (size_t)w;
    const V *const g0 = (const V *)groups, *const g1 = (const V *)(groups + apart);
    const V *const g2 = (const V *)(groups + 2 * apart), *const g3 = (const V *)(groups + 3 * apart);
    for (size_t x = 0; x < (size_t)w; x++) {
        upper[2 * x] = g0[x] + bias;
        upper[2 * x + 1] = g1[x] + bias;
        lower_row[2 * x] = g2[x] + bias;
        lower_row[2 * x + 1] = g3[x] + bias;
    }
}

/* And back, with the sum over the two rows added to `sum`. */
FAST_CLONES static void NAME(gather_row)(float *groups, size_t apart, double *sum, const float *gradient, int w)
{
    const V *const upper = (const V *)gradient, *const lower_row = upper + 2 * (size_t)w;
    V *const g0 = (V *)groups, *const g1 = (V *)(groups + apart);
    V *const g2 = (V *)(groups + 2 * apart), *const g3 = (V *)(groups + 3 * apart);
    D total;
    memcpy(&total, sum, sizeof total);
    for (size_t x = 0; x < (size_t)w; x++) {
        const V a = upper[2 * x], b = upper[2 * x + 1], c = lower_row[2 * x], d = lower_row[2 * x + 1];
        g0[x] = a;
        g1[x] = b;
        g2[x] = c;
        g3[x] = d;
        total += __builtin_convertvector((a + b) + (c + d), D);
    }
    memcpy(sum, &total, sizeof total);
}

/* Two output rows from one: every pixel four times. */
FAST_CLONES static void NAME(repeat_row)(float *out, const float *in, int w)
{
    V *const upper = (V *)out, *const lower_row = upper + 2 * (size_t)w;
    const V *const from = (const V *)in;
    for (size_t x = 0; x < (size_t)w; x++) {
        const V v = from[x];
        upper[2 * x] = v;
        upper[2 * x + 1] = v;
        lower_row[2 * x] = v;
        lower_row[2 * x + 1] = v;
    }
}

/* And back: the sum of the four. */
FAST_CLONES static void NAME(sum_fours_row)(float *in, const float *out, int w)
{
    V *const to = (V *)in;
    const V *const upper = (const V *)out, *const lower_row = upper + 2 * (size_t)w;
    for (size_t x = 0; x < (size_t)w; x++) {
        to[x] = (upper[2 * x] + upper[2 * x + 1]) + (lower_row[2 * x] + lower_row[2 * x + 1]);
    }
}

static inline NAME(piece) NAME(piece_of)(const gradient_job *job, const extent *e, int n, int block, size_t first)
{
    const size_t in_image = ((size_t)block * e->pixels + first) * LANES;
    NAME(piece) j = {.count = job->count, .relu = job->relu};
    for (int i = 0; i < job->count; i++) {
        j.source[i] = (const V *)(job->sources[i].data + (size_t)n * job->sources[i].image + in_image);
    }
    if (job->output.data != NULL) j.output = (const V *)(job->output.data + (size_t)n * job->output.image + in_image);
    if (job->y.data != NULL) j.y = (const V *)(job->y.data + (size_t)n * job->y.image + in_image);
    if (job->scale != NULL) j.scale = *(const V *)(job->scale + (size_t)block * LANES);
    if (job->shift != NULL) j.shift = *(const V *)(job->shift + (size_t)block * LANES);
    return j;
}

static void NAME(gradient_part)(float *out, const gradient_job *job, const extent *e, const part *t)
{
    const NAME(piece) j = NAME(piece_of)(job, e, t->n, t->block, t->first);
    NAME(gradient_piece)(out, &j, t->pixels);
}

static void NAME(norm_sums_part)(double *sum, double *centred, float *out, const gradient_job *job, const float *mean,
                                 const extent *e, const part *t)
{
    const NAME(piece) j = NAME(piece_of)(job, e, t->n, t->block, t->first);
    NAME(norm_sums_piece)(sum, centred, out, &j, mean + (size_t)t->block * LANES, t->pixels);
}

static void NAME(norm_gradient_part)(float *out, const gradient_job *job, const float *a, const float *b,
                                     const float *d, const extent *e, const part *t)
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
#undef V
#undef I
#undef D
