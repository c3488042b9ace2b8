/* Entropy of probabilities, and passes that disagree. */
#include "predict/uncertainty.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "predict/prepare.h"

/* In bits. With p = sigmoid(z): H = ln(1 + e^-|z|) + |z| e^-|z| / (1 + e^-|z|), over ln 2. */
static double entropy_of(double z)
{
    const double a = fabs(z), e = exp(-a);
    return (log1p(e) + a * e / (1 + e)) / M_LN2;
}

double uncertainty_entropy(const float *logits, size_t count)
{
    const float least = prepare_logit(UNCERTAIN_LEAST);
    double sum = 0;
    size_t uncertain = 0;
    for (size_t i = 0; i < count; i++) {
        if (!(logits[i] >= least)) continue;
        sum += entropy_of(logits[i]);
        uncertain++;
    }
    return uncertain > 0 ? sum / (double)uncertain : 0.0;
}

status votes_create(votes *out, size_t count)
{
    votes v = {.count = count};
    TRY(memory_new(&v.of, count));
    *out = v;
    return POLYP_OK;
}

void votes_free(votes *v)
{
    memory_free(v->of);
    *v = (votes){0};
}

void votes_clear(votes *v)
{
    memset(v->of, 0, v->count * sizeof *v->of);
    v->passes = 0;
}

void votes_add(votes *v, const float *logits, double threshold)
{
    const float cut = prepare_logit(threshold);
    for (size_t i = 0; i < v->count; i++) v->of[i] = (uint16_t)(v->of[i] + (logits[i] > cut));
    v->passes++;
}

double votes_disagreement(const votes *v)
{
    const double n = v->passes;
    double both = 0, either = 0;
    if (v->passes < 2) return (double)NAN;
    for (size_t i = 0; i < v->count; i++) {
        const double k = v->of[i];
        both += k * (k - 1);
        either += n * (n - 1) - (n - k) * (n - k - 1);
    }
    return either > 0 ? 1 - both / either : 0.0;
}
