/*
 * torchvision's ResNet v1.5 without the classifier (He et al., "Deep Residual Learning for Image Recognition", 2015;
 * the stride of a bottleneck stands on its 3x3). Names are torchvision's, so that any of its checkpoints loads.
 */
#include <stdio.h>

#include "net/graph.h"

typedef struct resnet_kind {
    int depth;
    bool bottleneck;
    int blocks[4];
} resnet_kind;

static const resnet_kind KINDS[] = {
    {18, false, {2, 2, 2, 2}},
    {34, false, {3, 4, 6, 3}},
    {50, true, {3, 4, 6, 3}},
    {101, true, {3, 4, 23, 3}},
};

typedef struct builder {
    graph *g;
    char path[40]; /* of the block: "encoder.layer1.0" */
    int group;
} builder;

static const char *named(const builder *b, const char *part, char buffer[48])
{
    (void)snprintf(buffer, 48, "%s.%s", b->path, part);
    return buffer;
}

/* Convolution and its batch norm, "conv2" and "bn2". Padding keeps the size at stride 1. */
static int conv_norm(const builder *b, int input, int channels, int kernel, int stride, const char *conv,
                     const char *norm)
{
    char name[48];
    const int y = graph_conv(b->g, input, channels, kernel, stride, kernel / 2, false, b->group, named(b, conv, name));
    return graph_norm(b->g, y, b->group, named(b, norm, name));
}

static int relu(const builder *b, int input, const char *part)
{
    char name[48];
    return graph_relu(b->g, input, named(b, part, name));
}

static int main_path(const builder *b, int input, bool bottleneck, int channels, int stride)
{
    if (!bottleneck) {
        const int y = relu(b, conv_norm(b, input, channels, 3, stride, "conv1", "bn1"), "relu1");
        return conv_norm(b, y, channels, 3, 1, "conv2", "bn2");
    }
    int y = relu(b, conv_norm(b, input, channels, 1, 1, "conv1", "bn1"), "relu1");
    y = relu(b, conv_norm(b, y, channels, 3, stride, "conv2", "bn2"), "relu2");
    return conv_norm(b, y, 4 * channels, 1, 1, "conv3", "bn3");
}

static int block(const builder *b, int input, bool bottleneck, int channels, int stride)
{
    const int outputs = bottleneck ? 4 * channels : channels;
    const int y = main_path(b, input, bottleneck, channels, stride);
    int identity = input;
    if (input >= 0 && (stride != 1 || b->g->ops[input].channels != outputs)) {
        identity = conv_norm(b, input, outputs, 1, stride, "downsample.0", "downsample.1");
    }
    char name[48];
    return relu(b, graph_add(b->g, y, identity, named(b, "add", name)), "relu");
}

static int stem(graph *g, int input, const char *prefix, int width)
{
    char name[48];
    (void)snprintf(name, sizeof name, "%sconv1", prefix);
    int y = graph_conv(g, input, width, 7, 2, 3, false, 0, name);
    (void)snprintf(name, sizeof name, "%sbn1", prefix);
    y = graph_norm(g, y, 0, name);
    (void)snprintf(name, sizeof name, "%srelu", prefix);
    return graph_relu(g, y, name);
}

static const resnet_kind *kind_of(int depth)
{
    for (size_t i = 0; i < sizeof KINDS / sizeof KINDS[0]; i++) {
        if (KINDS[i].depth == depth) return &KINDS[i];
    }
    return NULL;
}

status resnet_build(graph *g, int input, const char *prefix, int depth, int width, int layers, resnet_values *out)
{
    const resnet_kind *const kind = kind_of(depth);
    if (kind == NULL) return fail(POLYP_ERR_ARGUMENT, "ResNet-%d is not known; there are 18, 34, 50 and 101", depth);
    *out = (resnet_values){-1, {-1, -1, -1, -1}};
    out->stem = stem(g, input, prefix, width);
    char name[48];
    (void)snprintf(name, sizeof name, "%smaxpool", prefix);
    int value = graph_max_pool(g, out->stem, 3, 2, 1, name);
    for (int layer = 0; layer < layers; layer++) {
        for (int i = 0; i < kind->blocks[layer]; i++) {
            builder b = {.g = g, .group = layer + 1};
            (void)snprintf(b.path, sizeof b.path, "%slayer%d.%d", prefix, layer + 1, i);
            value = block(&b, value, kind->bottleneck, width << layer, layer > 0 && i == 0 ? 2 : 1);
        }
        out->layer[layer] = value;
    }
    return value < 0 ? POLYP_ERR_MEMORY : POLYP_OK;
}
