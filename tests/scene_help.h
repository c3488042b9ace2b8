/* Drawn scenes for the tests of near-duplicates: the same seed is the same scene, moved, lit otherwise, or on a screen. */
#ifndef POLYP_TESTS_SCENE_HELP_H
#define POLYP_TESTS_SCENE_HELP_H

#include "base/random.h"
#include "data_help.h"
#include "media/resize.h"

enum { WIDTH = 320, HEIGHT = 256, BLOBS = 20 };

static inline int clamp_level(double level)
{
    return level < 0 ? 0 : level > 255 ? 255 : (int)level;
}

/* Soft bright and dark blobs on reddish ground, moved by `shift` pixels, `brighter` levels up. */
static inline polyp_image draw_scene(uint64_t scene, int shift, int brighter)
{
    double place[BLOBS][4];
    random_stream r = random_open(scene, RANDOM_TEST, 0, 0);
    for (int i = 0; i < BLOBS; i++) {
        place[i][0] = random_uniform(&r, 0, WIDTH);
        place[i][1] = random_uniform(&r, 0, HEIGHT);
        place[i][2] = random_uniform(&r, 12, 60);
        place[i][3] = random_uniform(&r, -70, 70);
    }
    polyp_image image = {0};
    assert_ok(image_create(&image, WIDTH, HEIGHT, 3));
    for (int y = 0; y < HEIGHT; y++) {
        for (int x = 0; x < WIDTH; x++) {
            double light = brighter;
            for (int i = 0; i < BLOBS; i++) {
                const double dx = (x + shift - place[i][0]) / place[i][2],
                             dy = (y + shift / 2 - place[i][1]) / place[i][2];
                light += place[i][3] * exp(-dx * dx - dy * dy);
            }
            unsigned char *pixel = image.pixels + (y * WIDTH + x) * 3;
            pixel[0] = (unsigned char)clamp_level(160 + light);
            pixel[1] = (unsigned char)clamp_level(100 + light);
            pixel[2] = (unsigned char)clamp_level(80 + light);
        }
    }
    return image;
}

/* The scene on a larger black screen with a green box, as some published frames have it. */
static inline polyp_image on_screen(polyp_image scene)
{
    const int width = WIDTH + 90, height = HEIGHT + 24;
    polyp_image screen = plain_image(width, height, 3, 3);
    for (int y = 0; y < HEIGHT; y++) {
        memcpy(screen.pixels + ((y + 10) * width + 70) * 3, scene.pixels + y * WIDTH * 3, WIDTH * 3);
    }
    for (int y = height - 70; y < height - 5; y++) {
        for (int x = 40; x < 130; x++) memcpy(screen.pixels + (y * width + x) * 3, (unsigned char[]){20, 165, 140}, 3);
    }
    polyp_image_free(&scene);
    return screen;
}

static inline polyp_image smaller(polyp_image scene)
{
    polyp_image small = {0};
    assert_ok(resize_bilinear(&small, &scene, 201, 149));
    polyp_image_free(&scene);
    return small;
}

/* DATA/images/NAME.png and an empty mask file: looking for near-duplicates opens no masks. DATA: "." for the folder. */
static inline void put_scene_in(void **state, const char *data, const char *name, polyp_image scene)
{
    char path[96];
    (void)snprintf(path, sizeof path, "%s/images/%s.png", data, name);
    put_png(in(state, path), scene);
    (void)snprintf(path, sizeof path, "%s/masks/%s.png", data, name);
    put(in(state, path), "");
}

static inline void put_scene(void **state, const char *name, polyp_image scene)
{
    put_scene_in(state, ".", name, scene);
}

static inline void put_scenes(void **state, int scenes)
{
    for (int i = 0; i < scenes; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "s%02d", i);
        put_scene(state, name, draw_scene((uint64_t)i, 0, 0));
    }
}

#endif
