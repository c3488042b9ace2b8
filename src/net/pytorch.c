/* The state_dict of a checkpoint: where it is, which of its values are tensors, where their values lie. */
#include "net/pytorch.h"

#include <string.h>

int pytorch_compare_text(pickle_text a, pickle_text b)
{
    const size_t common = a.size < b.size ? a.size : b.size;
    const int order = common == 0 ? 0 : memcmp(a.bytes, b.bytes, common);
    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

/* Some scripts wrap twice: {"model": {"state_dict": ...}}. */
enum { MAX_WRAPPINGS = 4 };

static const pickle_value *find_state_dict(const pickle_value *root)
{
    static const char *const wrappers[] = {"state_dict", "model_state_dict", "model", "net"};
    const pickle_value *dict = root;
    for (int depth = 0; depth < MAX_WRAPPINGS; depth++) {
        const pickle_value *inner = NULL;
        for (size_t i = 0; i < sizeof wrappers / sizeof wrappers[0] && inner == NULL; i++) {
            inner = pickle_get(dict, wrappers[i]);
            if (inner != NULL && inner->kind != PICKLE_DICT) inner = NULL;
        }
        if (inner == NULL) break;
        dict = inner;
    }
    return dict;
}

static status read_name(const char **out, weights_file *file, pickle_text name, const char *path)
{
    const char *const wrapper = "module."; /* torch.nn.DataParallel puts it before every name */
    const size_t length = strlen(wrapper);
    if (name.size > length && memcmp(name.bytes, wrapper, length) == 0) {
        name.bytes += length;
        name.size -= length;
    }
    if (!weights_name_is_sane(name.bytes, name.size)) {
        return fail(POLYP_ERR_FORMAT, "%s: a tensor's name is empty, too long or has control characters", path);
    }
    char *const copy = arena_take(file->arena, name.size + 1, 1);
    if (copy == NULL) return POLYP_ERR_MEMORY;
    memcpy(copy, name.bytes, name.size);
    *out = copy;
    return POLYP_OK;
}

/* Values from the tensor's first to its last; false: not addressable. An empty tensor reaches none. */
static bool values_reached(size_t *out, const weights_entry *entry)
{
    *out = entry->count == 0 ? 0 : 1;
    for (int i = 0; i < entry->rank && entry->count > 0; i++) {
        size_t step;
        const size_t steps = (size_t)entry->shape[i] - 1;
        if (!size_multiply(steps, (size_t)entry->stride[i], &step) || !size_add(*out, step, out)) return false;
    }
    return true;
}

/* Does [first, first + count) lie within `room` values? */
static bool fits(size_t first, size_t count, size_t room) { return first <= room && count <= room - first; }

static status place_tensor(weights_entry *entry, const pickle_tensor *tensor, file_span span, const char *path)
{
    const pickle_storage *const storage = tensor->storage;
    size_t first, reach;
    const bool sound = weights_count(entry, false) && values_reached(&reach, entry) &&
                       size_add(tensor->offset, storage->view_offset, &first) &&
                       fits(first, reach, span.size / storage->value_size);
    if (!sound) {
        (void)fail(POLYP_ERR_FORMAT, "%s: tensor %s (%s) reaches beyond its storage", path, entry->name,
                   weights_show_shape(entry->rank, entry->shape).text);
        return POLYP_ERR_FORMAT;
    }
    entry->data = span.data + first * storage->value_size;
    entry->size = reach * storage->value_size;
    return POLYP_OK;
}

static status read_entry(weights_entry *entry, weights_file *file, pickle_text name, const pickle_tensor *tensor,
                         storage_finder find, const void *context, const char *path)
{
    TRY(read_name(&entry->name, file, name, path));
    entry->dtype = tensor->storage->dtype;
    entry->rank = tensor->rank;
    memcpy(entry->shape, tensor->shape, sizeof entry->shape);
    memcpy(entry->stride, tensor->stride, sizeof entry->stride);
    file_span span;
    TRY(find(&span, context, tensor->storage, path));
    return place_tensor(entry, tensor, span, path);
}

static bool is_named_tensor(const pickle_value *key, const pickle_value *value)
{
    return key->kind == PICKLE_TEXT && value->kind == PICKLE_TENSOR;
}

status pytorch_add_tensors(weights_file *file, const pickle_value *root, storage_finder find, const void *context,
                           const char *path)
{
    const pickle_value *const dict = find_state_dict(root);
    const pickle_items none = {0}, *const items = dict->kind == PICKLE_DICT ? &dict->as.items : &none;
    size_t count = 0;
    for (size_t i = 0; i < items->count; i += 2) count += is_named_tensor(items->at[i], items->at[i + 1]);
    if (count == 0) {
        return fail(POLYP_ERR_FORMAT,
                    "%s: holds no named tensors; a state_dict is looked for at the top and under \"state_dict\", "
                    "\"model_state_dict\", \"model\" and \"net\"",
                    path);
    }
    TRY(weights_reserve(file, count));
    weights_entry *entry = file->entries;
    for (size_t i = 0; i < items->count; i += 2) {
        const pickle_value *const key = items->at[i], *const value = items->at[i + 1];
        if (!is_named_tensor(key, value)) continue; /* epochs, versions and such */
        TRY(read_entry(entry++, file, key->as.text, value->as.tensor, find, context, path));
    }
    return POLYP_OK;
}
