/* Which of our networks, or which encoder, a file holds, told by the names and shapes of its tensors. */
#include <string.h>

#include "net/graph.h"
#include "net/weights.h"

static bool ends_with(const char *text, const char *ending)
{
    const size_t length = strlen(text), tail = strlen(ending);
    return length >= tail && strcmp(text + length - tail, ending) == 0;
}

static bool has_entry(const weights_file *file, const param *p)
{
    const weights_entry *const entry = weights_find(file, p->name);
    if (entry == NULL || entry->rank != p->rank) return false;
    for (int i = 0; i < p->rank; i++) {
        if (entry->shape[i] != p->shape[i]) return false;
    }
    return true;
}

/* Exactly the table's tensors, counters of batch norm aside. */
static bool holds_table(const weights_file *file, const param_table *table)
{
    for (int i = 0; i < table->count; i++) {
        if (!has_entry(file, &table->entries[i])) return false;
    }
    size_t others = 0;
    for (size_t i = 0; i < file->count; i++) others += ends_with(file->entries[i].name, "num_batches_tracked");
    return file->count - others == (size_t)table->count;
}

status unet_recognise(unet_spec *out, const weights_file *file, const char *path)
{
    const char *const *names = unet_preset_names();
    for (int i = 0; names[i] != NULL; i++) {
        unet_spec spec;
        graph g = {0};
        TRY(unet_preset(&spec, names[i]));
        TRY(unet_build(&g, &spec));
        const bool found = holds_table(file, &g.params);
        graph_free(&g);
        if (found) {
            *out = spec;
            return POLYP_OK;
        }
    }
    if (weights_find(file, "conv1.weight") != NULL) {
        return fail(POLYP_ERR_MISMATCH,
                    "%s: is an encoder alone, not a segmentation network; give it to `polyp train --encoder`", path);
    }
    return fail(POLYP_ERR_MISMATCH,
                "%s: its tensors have not the names and shapes of any preset (slim, wide, coauthor, ..., or "
                "segmentation_models_pytorch's Unet with a ResNet-18, 34, 50 or 101 encoder)",
                path);
}

int resnet_recognise(const weights_file *file)
{
    if (!weights_find(file, "layer1.0.conv1.weight")) return 0;
    if (weights_find(file, "layer1.0.conv3.weight")) return weights_find(file, "layer3.6.conv1.weight") ? 101 : 50;
    return weights_find(file, "layer1.2.conv1.weight") ? 34 : 18;
}
