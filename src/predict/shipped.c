/* Finding the network that comes with the program. */
#include "predict/shipped.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/status.h"

#define VARIABLE "POLYP_MODEL"
#define NAME     "polyp-unet-resnet50.safetensors"

enum { FOLDER_MOST = 4096 };

/* The folder of the running program into `out`; false where the system does not tell. */
static bool program_folder(char *out, size_t size)
{
    const ssize_t length = readlink("/proc/self/exe", out, size - 1);
    if (length <= 0) return false;
    out[length] = '\0';
    char *const slash = strrchr(out, '/');
    if (!slash) return false;
    *slash = '\0';
    return true;
}

static bool is_below(char out[SHIPPED_PATH], const char *folder, const char *below)
{
    const int length = snprintf(out, SHIPPED_PATH, "%s%s/" NAME, folder, below);
    if (length < 0 || (size_t)length >= SHIPPED_PATH || !file_exists(out)) return false;
    char *const plain = realpath(out, NULL); /* without the `..`, for people to read */
    if (plain && strlen(plain) < SHIPPED_PATH) strcpy(out, plain);
    free(plain);
    return true;
}

static status find(char out[SHIPPED_PATH])
{
    /* Beside the program, installed (bin/ and share/polyp/), and in the source tree with its build folder. */
    static const char *const below[] = {"", "/../share/polyp", "/../../models"};
    const char *const named = getenv(VARIABLE);
    char folder[FOLDER_MOST];
    if (named && named[0]) {
        const int length = snprintf(out, SHIPPED_PATH, "%s", named);
        return length >= 0 && (size_t)length < SHIPPED_PATH
                   ? POLYP_OK
                   : fail(POLYP_ERR_ARGUMENT, VARIABLE ": the path is longer than %zu bytes", (size_t)SHIPPED_PATH - 1);
    }
    if (program_folder(folder, sizeof folder)) {
        for (size_t i = 0; i < sizeof below / sizeof below[0]; i++) {
            if (is_below(out, folder, below[i])) return POLYP_OK;
        }
    }
    if (is_below(out, POLYP_DATA_FOLDER, "")) return POLYP_OK;
    return fail(POLYP_ERR_FILE,
                NAME ", which comes with polyp, is neither beside the program nor in " POLYP_DATA_FOLDER "; name a model, "
                     "or set " VARIABLE " to its path");
}

status shipped_model_named(char out[SHIPPED_PATH], const char **path)
{
    if (!*path || strcmp(*path, SHIPPED_MODEL) != 0) return POLYP_OK;
    TRY(find(out));
    *path = out;
    return POLYP_OK;
}
