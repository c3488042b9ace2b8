/* Brightness and contrast in logit space, as fastai has them: sigmoid(factor * (logit(x) + logit(brightness))). */
#include "base/clones.h"
#include "base/fast_math.h"
#include "media/augment_impl.h"

/* fastai keeps levels this far from 0 and 1: a saturated pixel stays saturated. */
#define LEAST 1e-7f
#define MOST  (1.0f - 1e-7f)

/* exp(-(logit(x) + logit(b))) = (1 - x) / x * (1 - b) / b, so neither logarithm of e nor exponential is needed. */
FAST_CLONES static void light(float *levels, float odds, float contrast, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const float x = levels[i] / 255.0f, above = x > LEAST ? x : LEAST, within = above < MOST ? above : MOST;
        levels[i] = 255.0f / (1.0f + fast_power((1.0f - within) / within * odds, contrast));
    }
}

void lighting_apply(float *levels, const augment_draws *draws, size_t count)
{
    const augment_draw *const brightness = &draws->of[AUGMENT_BRIGHTNESS], *const contrast =
                                                                               &draws->of[AUGMENT_CONTRAST];
    if (!brightness->on && !contrast->on) return;
    light(levels, (float)(1 / brightness->value[0] - 1), (float)contrast->value[0], count);
}
