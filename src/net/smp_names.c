/*
 * Whole networks under other names. What a module of someone's puts before all names ("model.", "_orig_mod.") is dropped.
 * Checkpoints of segmentation_models_pytorch (smp): the names that its Unet gives to the tensors of the decoder and the
 * head become ours (decoders/unet/decoder.py, base/modules.py and base/heads.py of version 0.6); its encoders have
 * torchvision's names already.
 */
#include <stdio.h>
#include <string.h>

#include "net/weights_reader.h"

#define HEAD   "segmentation_head.0."
#define BLOCKS "decoder.blocks."
/* Every network here and there has one tensor whose name ends so. */
#define FIRST "encoder.conv1.weight"

static bool starts_with(const char *text, const char *beginning)
{
    return strncmp(text, beginning, strlen(beginning)) == 0;
}

/* What inference does not need: the classification head, and the normalisation that smp's example keeps as tensors. */
static bool is_beside_the_network(const char *name)
{
    return starts_with(name, "classification_head.") || strcmp(name, "mean") == 0 || strcmp(name, "std") == 0;
}

/* A block's conv1 is {0: convolution, 1: batch norm}. Names of other kinds stay. */
static status translate(const char **name, struct arena *owner)
{
    char text[128];
    int stage, number, part, end = 0;
    const int found = sscanf(*name, BLOCKS "%1d.conv%1d.%1d.%n", &stage, &number, &part, &end);
    if (found == 3 && end > 0 && part <= 1) {
        (void)snprintf(text, sizeof text, "decoder.%d.%s%d.%s", stage, part == 0 ? "conv" : "bn", number, *name + end);
    } else if (starts_with(*name, HEAD)) {
        (void)snprintf(text, sizeof text, "head.%s", *name + strlen(HEAD));
    } else {
        return POLYP_OK;
    }
    *name = arena_text(owner, text);
    return *name == NULL ? POLYP_ERR_MEMORY : POLYP_OK;
}

/* What stands before FIRST, as in a LightningModule that keeps the network in `self.model`; length 0: nothing, or two
 * networks in one file. */
typedef struct wrapper {
    const char *text; /* begins with it */
    size_t length;
} wrapper;

static wrapper find_wrapper(const weights_file *file)
{
    wrapper w = {"", 0};
    int found = 0;
    for (size_t i = 0; i < file->count; i++) {
        const char *const name = file->entries[i].name;
        const size_t size = strlen(name), tail = strlen(FIRST);
        if (size < tail || strcmp(name + size - tail, FIRST) != 0) continue;
        w = (wrapper){name, size - tail};
        found++;
    }
    return found == 1 ? w : (wrapper){"", 0};
}

/* Drops the wrapper, and what is beside the network; a name without the wrapper stays as it is. */
static status unwrap(weights_file *file, wrapper w, const char *path)
{
    size_t kept = 0;
    for (size_t i = 0; i < file->count; i++) {
        weights_entry entry = file->entries[i];
        if (strncmp(entry.name, w.text, w.length) == 0) entry.name += w.length;
        if (!is_beside_the_network(entry.name)) file->entries[kept++] = entry;
    }
    file->count = kept;
    return weights_index(file, path);
}

static status check_head(const weights_file *file, const weights_entry *head, const char *path)
{
    if (weights_find(file, BLOCKS "0.conv1.0.weight") == NULL) {
        return fail(POLYP_ERR_MISMATCH, "%s: is a network of segmentation_models_pytorch, but not its Unet", path);
    }
    if (head->rank == 4 && head->shape[0] == 1) return POLYP_OK;
    return fail(POLYP_ERR_MISMATCH, "%s: its segmentation head has the shape %s; only networks of one class are read",
                path, weights_show_shape(head->rank, head->shape).text);
}

status weights_translate(weights_file *file, const char *path)
{
    const wrapper w = find_wrapper(file);
    if (w.length > 0 || weights_find(file, HEAD "weight") != NULL) TRY(unwrap(file, w, path));
    const weights_entry *const head = weights_find(file, HEAD "weight");
    if (head == NULL) return POLYP_OK;
    TRY(check_head(file, head, path));
    for (size_t i = 0; i < file->count; i++) TRY(translate(&file->entries[i].name, file->arena));
    return weights_index(file, path);
}

bool weights_smp_name(char *out, size_t room, const char *name)
{
    int stage, number, end = 0, length;
    if (sscanf(name, "decoder.%1d.conv%1d.%n", &stage, &number, &end) == 2 && end > 0) {
        length = snprintf(out, room, BLOCKS "%d.conv%d.0.%s", stage, number, name + end);
    } else if (sscanf(name, "decoder.%1d.bn%1d.%n", &stage, &number, &end) == 2 && end > 0) {
        length = snprintf(out, room, BLOCKS "%d.conv%d.1.%s", stage, number, name + end);
    } else if (starts_with(name, "head.")) {
        length = snprintf(out, room, HEAD "%s", name + strlen("head."));
    } else {
        length = snprintf(out, room, "%s", name);
    }
    return length >= 0 && (size_t)length < room;
}
