/*
 * The U-Net of Alam et al. 2020: a ResNet encoder, a decoder of transposed convolutions with skips, one logit a pixel; and
 * the Unet of segmentation_models_pytorch, whose decoder repeats pixels instead.
 */
#include <stdio.h>
#include <string.h>

#include "net/graph.h"

static const unet_spec PRESETS[] = {
    {"slim", 50, 64, 4, 5, {256, 128, 64, 32, 16}, DECODER_TRANSPOSED},
    {"wide", 50, 64, 4, 5, {512, 256, 128, 64, 32}, DECODER_TRANSPOSED},
    {"coauthor", 50, 64, 3, 4, {512, 256, 128, 64}, DECODER_TRANSPOSED},
    {"slim18", 18, 64, 4, 5, {256, 128, 64, 32, 16}, DECODER_TRANSPOSED},
    {"slim34", 34, 64, 4, 5, {256, 128, 64, 32, 16}, DECODER_TRANSPOSED},
    {"slim101", 101, 64, 4, 5, {256, 128, 64, 32, 16}, DECODER_TRANSPOSED},
    {"smp-resnet18", 18, 64, 4, 5, {256, 128, 64, 32, 16}, DECODER_NEAREST},
    {"smp-resnet34", 34, 64, 4, 5, {256, 128, 64, 32, 16}, DECODER_NEAREST},
    {"smp-resnet50", 50, 64, 4, 5, {256, 128, 64, 32, 16}, DECODER_NEAREST},
    {"smp-resnet101", 101, 64, 4, 5, {256, 128, 64, 32, 16}, DECODER_NEAREST},
    /* for tests and for trying the program out: milliseconds a step */
    {"tiny", 18, 8, 4, 5, {32, 16, 8, 8, 8}, DECODER_TRANSPOSED},
};
enum { PRESET_COUNT = sizeof PRESETS / sizeof PRESETS[0] };

static const char *const PRESET_NAMES[] = {"slim",         "wide",         "coauthor",     "slim18",        "slim34", "slim101",
                                           "smp-resnet18", "smp-resnet34", "smp-resnet50", "smp-resnet101", "tiny",   NULL};
_Static_assert(sizeof PRESET_NAMES / sizeof PRESET_NAMES[0] == PRESET_COUNT + 1, "one name per preset");

const char *const *unet_preset_names(void)
{
    return PRESET_NAMES;
}

status unet_preset(unet_spec *out, const char *name)
{
    for (int i = 0; i < PRESET_COUNT; i++) {
        if (strcmp(PRESETS[i].name, name) == 0) {
            *out = PRESETS[i];
            return POLYP_OK;
        }
    }
    return fail(POLYP_ERR_ARGUMENT,
                "there is no preset %s; there are slim, wide, coauthor, slim18, slim34, slim101, smp-resnet18, "
                "smp-resnet34, smp-resnet50, smp-resnet101, tiny",
                name);
}

/* 3x3 convolution, batch norm, ReLU: number 1 or 2 of stage k. */
static int conv_block(graph *g, int input, int channels, int k, int number)
{
    char name[48];
    (void)snprintf(name, sizeof name, "decoder.%d.conv%d", k, number);
    int y = graph_conv(g, input, channels, 3, 1, 1, false, PARAM_GROUP_DECODER, name);
    (void)snprintf(name, sizeof name, "decoder.%d.bn%d", k, number);
    y = graph_norm(g, y, PARAM_GROUP_DECODER, name);
    (void)snprintf(name, sizeof name, "decoder.%d.relu%d", k, number);
    return graph_relu(g, y, name);
}

/* skip -1: none */
static int decoder_stage(graph *g, int input, int skip, enum unet_decoder decoder, int channels, int k)
{
    char name[48];
    (void)snprintf(name, sizeof name, "decoder.%d.up", k);
    int y = decoder == DECODER_NEAREST ? graph_upsample(g, input, name)
                                       : graph_upconv(g, input, channels, PARAM_GROUP_DECODER, name);
    (void)snprintf(name, sizeof name, "decoder.%d.concat", k);
    if (skip >= 0) y = graph_concat(g, y, skip, name);
    return conv_block(g, conv_block(g, y, channels, k, 1), channels, k, 2);
}

status unet_build(graph *out, const unet_spec *spec)
{
    graph g = {0};
    (void)snprintf(g.preset, sizeof g.preset, "%s", spec->name);
    resnet_values encoder;
    const int picture = graph_input(&g, 3);
    status result = resnet_build(&g, picture, "encoder.", spec->depth, spec->width, spec->layers, &encoder);
    if (result != POLYP_OK) goto done;

    /* deepest first: the layers above the bridge, the stem, the picture itself */
    const bool nearest = spec->decoder == DECODER_NEAREST;
    int value = encoder.layer[spec->layers - 1];
    for (int k = 0; k < spec->stages; k++) {
        const int above = spec->layers - 2 - k;
        const int full = nearest ? -1 : picture;
        const int skip = above >= 0 ? encoder.layer[above] : above == -1 ? encoder.stem : full;
        value = decoder_stage(&g, value, skip, spec->decoder, spec->widths[k], k);
    }
    const int kernel = nearest ? 3 : 1;
    if (graph_conv(&g, value, 1, kernel, 1, kernel / 2, true, PARAM_GROUP_DECODER, "head") < 0) result = POLYP_ERR_MEMORY;
done:
    if (result == POLYP_OK) {
        *out = g;
    } else {
        graph_free(&g);
    }
    return result;
}

/* The value at the end of decoder stage k, or -1. */
static int stage_end(const graph *g, int k)
{
    char name[48];
    (void)snprintf(name, sizeof name, "decoder.%d.relu2", k);
    for (int i = 0; i < g->count; i++) {
        if (strcmp(g->ops[i].name, name) == 0) return i;
    }
    return -1;
}

status unet_add_auxiliary(graph *g)
{
    const int output = g->output;
    int stages = 0;
    while (stage_end(g, stages) >= 0) stages++;
    for (int k = 0; k < GRAPH_AUXILIARY; k++) {
        const int map = stage_end(g, stages - 3 - k); /* the last stage is as large as the picture */
        if (map < 0) return fail(POLYP_ERR_ARGUMENT, "the network has no maps for auxiliary heads");
        char name[48];
        (void)snprintf(name, sizeof name, "auxiliary.%d", k);
        g->auxiliary[k] = graph_conv(g, map, 1, 1, 1, 0, true, PARAM_GROUP_DECODER, name);
        if (g->auxiliary[k] < 0) return POLYP_ERR_MEMORY;
    }
    g->auxiliary_count = GRAPH_AUXILIARY;
    g->output = output;
    return POLYP_OK;
}
