/* Dense float tensors: their life. */
#include "net/tensor.h"

#include "base/memory.h"

status tensor_create(tensor *out, shape s)
{
    const int sides[4] = {s.n, s.c, s.h, s.w};
    size_t count = 1;
    for (int i = 0; i < 4; i++) {
        if (sides[i] < 0 || !size_multiply(count, (size_t)sides[i], &count)) {
            return fail(POLYP_ERR_SIZE, "a tensor of %d x %d x %d x %d cannot be made", s.n, s.c, s.h, s.w);
        }
    }
    float *const data = memory_allocate(count, sizeof *data);
    if (data == NULL) return POLYP_ERR_MEMORY;
    *out = (tensor){.shape = s, .data = data};
    return POLYP_OK;
}

void tensor_free(tensor *t)
{
    if (t == NULL) return;
    memory_free(t->data);
    *t = (tensor){0};
}
