/*
 * Finds polyps in one picture through the library alone:
 *   cc predict.c $(pkg-config --cflags --libs polyp) -o predict
 *   ./predict model.safetensors picture.jpg mask.png
 */
#include <polyp.h>
#include <stdio.h>

/* How much of the picture is marked, in percent. */
static double marked_percent(const polyp_image *mask)
{
    const size_t pixels = (size_t)mask->width * (size_t)mask->height;
    size_t marked = 0;
    for (size_t i = 0; i < pixels; i++) marked += mask->pixels[i] != 0;
    return 100.0 * (double)marked / (double)pixels;
}

static polyp_status find_polyps(const char *model_path, const char *picture_path, const char *mask_path)
{
    polyp_model *model = NULL;
    polyp_predictor *predictor = NULL;
    polyp_image picture = {0}, mask = {0};

    polyp_status status = polyp_model_open(&model, model_path);
    if (status == POLYP_OK) status = polyp_predictor_open(&predictor, model, NULL);
    if (status == POLYP_OK) status = polyp_image_read(&picture, picture_path);
    if (status == POLYP_OK) status = polyp_predict(predictor, &picture, NULL, &mask);
    if (status == POLYP_OK) status = polyp_image_write_png(&mask, mask_path);
    if (status == POLYP_OK) {
        printf("%s: %.1f %% of %d x %d pixels are polyp\n", mask_path, marked_percent(&mask), mask.width, mask.height);
    }

    polyp_image_free(&mask);
    polyp_image_free(&picture);
    polyp_predictor_close(predictor);
    polyp_model_close(model);
    return status;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: %s MODEL PICTURE MASK.png\n", argv[0]);
        return 2;
    }
    if (find_polyps(argv[1], argv[2], argv[3]) != POLYP_OK) {
        fprintf(stderr, "%s\n", polyp_error());
        return 1;
    }
    return 0;
}
