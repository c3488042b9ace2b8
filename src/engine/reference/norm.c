/* Batch norm, each channel by itself. */
#include <math.h>
#include <stddef.h>

#include "engine/reference/kernels.h"
#include "net/graph.h"

/* Mean and biased variance of one channel. */
typedef struct moments {
    double mean, variance;
} moments;

static double values_of_channel(shape s)
{
    return (double)s.n * (double)s.h * (double)s.w;
}

static size_t plane_start(shape s, int n, int c)
{
    return ((size_t)n * (size_t)s.c + (size_t)c) * (size_t)s.h * (size_t)s.w;
}

static moments channel_moments(const float *in, shape s, int c)
{
    const size_t pixels = (size_t)s.h * (size_t)s.w;
    double sum = 0, squares = 0;
    for (int n = 0; n < s.n; n++) {
        const float *const x = in + plane_start(s, n, c);
        for (size_t i = 0; i < pixels; i++) sum += (double)x[i];
    }
    const double mean = sum / values_of_channel(s);
    for (int n = 0; n < s.n; n++) {
        const float *const x = in + plane_start(s, n, c);
        for (size_t i = 0; i < pixels; i++) squares += ((double)x[i] - mean) * ((double)x[i] - mean);
    }
    return (moments){mean, squares / values_of_channel(s)};
}

static double inverse_deviation(double variance)
{
    return 1 / sqrt(variance + (double)NORM_EPSILON);
}

static void normalise(float *out, const float *in, const norm_params *p, moments m, shape s, int c)
{
    const size_t pixels = (size_t)s.h * (size_t)s.w;
    const double scale = inverse_deviation(m.variance) * (double)p->gamma[c];
    for (int n = 0; n < s.n; n++) {
        const size_t start = plane_start(s, n, c);
        for (size_t i = start; i < start + pixels; i++) {
            out[i] = (float)(((double)in[i] - m.mean) * scale + (double)p->beta[c]);
        }
    }
}

void norm_infer(float *out, const float *in, const norm_params *p, shape s, int threads)
{
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int c = 0; c < s.c; c++) {
        normalise(out, in, p, (moments){(double)p->running_mean[c], (double)p->running_var[c]}, s, c);
    }
}

static float moved(float running, double batch, double momentum)
{
    return (float)((1 - momentum) * (double)running + momentum * batch);
}

void norm_train(float *out, const float *in, const norm_params *p, double momentum, shape s, int threads)
{
    const double count = values_of_channel(s);
    /* one value has no unbiased variance: it counts as 0 then */
    const double unbiased = count > 1 ? count / (count - 1) : 1;
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int c = 0; c < s.c; c++) {
        const moments m = channel_moments(in, s, c);
        normalise(out, in, p, m, s, c);
        p->running_mean[c] = moved(p->running_mean[c], m.mean, momentum);
        p->running_var[c] = moved(p->running_var[c], m.variance * unbiased, momentum);
    }
}

/* Sums over one channel of the gradient, and of gradient times normalised value. */
typedef struct gradient_sums {
    double plain, normalised;
} gradient_sums;

static gradient_sums sum_gradients(const float *in, const float *out_gradient, moments m, shape s, int c)
{
    const size_t pixels = (size_t)s.h * (size_t)s.w;
    const double inverse = inverse_deviation(m.variance);
    gradient_sums sums = {0, 0};
    for (int n = 0; n < s.n; n++) {
        const size_t start = plane_start(s, n, c);
        for (size_t i = start; i < start + pixels; i++) {
            sums.plain += (double)out_gradient[i];
            sums.normalised += (double)out_gradient[i] * ((double)in[i] - m.mean) * inverse;
        }
    }
    return sums;
}

/* Mean and variance depend on every value of the channel: what they pass back is taken off each gradient. */
static void add_in_gradient(float *in_gradient, const float *in, const float *out_gradient, moments m,
                            gradient_sums sums, double gamma, shape s, int c)
{
    const size_t pixels = (size_t)s.h * (size_t)s.w;
    const double inverse = inverse_deviation(m.variance), count = values_of_channel(s);
    for (int n = 0; n < s.n; n++) {
        const size_t start = plane_start(s, n, c);
        for (size_t i = start; i < start + pixels; i++) {
            const double normalised = ((double)in[i] - m.mean) * inverse;
            const double left = (double)out_gradient[i] - sums.plain / count - normalised * sums.normalised / count;
            in_gradient[i] = (float)((double)in_gradient[i] + gamma * inverse * left);
        }
    }
}

void norm_backward(float *in_gradient, float *gamma_gradient, float *beta_gradient, const float *in,
                   const float *out_gradient, const float *gamma, shape s, int threads)
{
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int c = 0; c < s.c; c++) {
        const moments m = channel_moments(in, s, c);
        const gradient_sums sums = sum_gradients(in, out_gradient, m, s, c);
        gamma_gradient[c] = (float)((double)gamma_gradient[c] + sums.normalised);
        beta_gradient[c] = (float)((double)beta_gradient[c] + sums.plain);
        if (in_gradient != NULL) {
            add_in_gradient(in_gradient, in, out_gradient, m, sums, (double)gamma[c], s, c);
        }
    }
}
