/*
 * faces.c - builtin:faces, cartoon faces in flat colour, and builtin:sketches, pencil drawings of the same faces. A
 * sample is a scene of independent factors, drawn from seed and index alone (here), and its picture (faces_render.c,
 * faces_hair.c), which is the same at every resolution.
 */
#include "data/faces.h"

#include <inttypes.h>
#include <stdlib.h>

#include "data/draws.h"
#include "data/source.h"

#define SIDE     64 /* when no resolution is asked for */
#define MIN_SIDE 16
#define BLOCKS   32 /* Philox blocks set apart for a scene */

/* ---- scenes ---- */

/* Mostly near the middle: the mean of two. */
static float draw_middle(gan__draws *d, float low, float high)
{
    float first = gan__draw_range(d, low, high);
    return 0.5f * (first + gan__draw_range(d, low, high));
}

static bool draw_chance(gan__draws *d, float chance)
{
    return gan__uniform_of_word(gan__draw_word(d)) < chance;
}

/* 0 to n - 1, in the given parts of a hundred. */
static int draw_kind(gan__draws *d, const uint8_t *parts, int n)
{
    int at = gan__int_of_word(gan__draw_word(d), 100), kind = 0;
    while (kind < n - 1 && at >= parts[kind])
        at -= parts[kind++];
    return kind;
}

/* Hue in turns, saturation and lightness 0 to 1. */
static gan__colour of_hsl(float hue, float saturation, float lightness)
{
    float chroma = saturation * (lightness < 0.5f ? lightness : 1 - lightness), v[3];
    for (int i = 0; i < 3; i++) {
        float h = 6 * (hue + (float)(3 - i) / 3.0f); /* the distance from the primary's own hue, on a circle of six */
        h -= 6 * (float)(int)(h / 6);
        h = h > 3 ? 6 - h : h;
        float share = 3 - 2 * h;
        v[i] = 255 * (lightness + chroma * (share > 1 ? 1 : share < -1 ? -1 : share));
    }
    return (gan__colour){v[0], v[1], v[2]};
}

static gan__colour blend(gan__colour a, gan__colour b, float t)
{
    return (gan__colour){a.r + t * (b.r - a.r), a.g + t * (b.g - a.g), a.b + t * (b.b - a.b)};
}

static float byte_range(float v)
{
    return v < 0 ? 0 : v > 255 ? 255 : v;
}

gan__colour gan__shade(gan__colour c, float factor)
{
    if (factor > 1)
        return blend(c, (gan__colour){255, 255, 255}, factor - 1);
    float warm = 0.75f + 0.25f * factor; /* shadows of skin are redder than it is */
    return (gan__colour){c.r * factor, c.g * factor * warm, c.b * factor * warm};
}

static gan__colour draw_skin(gan__draws *d)
{
    static const gan__colour tones[] = {{255, 226, 204}, {250, 208, 176}, {236, 184, 144},
                                        {206, 148, 106}, {160, 106, 72},  {112, 74, 54}};
    float at = gan__draw_range(d, 0, 4.999f), warm = gan__draw_range(d, -0.045f, 0.045f);
    int tone = (int)at;
    gan__colour c = blend(tones[tone], tones[tone + 1], at - (float)tone);
    return (gan__colour){byte_range(c.r * (1 + 0.4f * warm)), c.g * (1 - 0.3f * warm), c.b * (1 - 1.5f * warm)};
}

static gan__colour draw_hair_colour(gan__draws *d)
{
    static const gan__colour natural[] = {{44, 38, 44},   {68, 48, 42},    {104, 68, 46},
                                          {142, 84, 50},  {178, 78, 42},   {218, 124, 58},
                                          {226, 176, 92}, {242, 216, 150}, {178, 178, 184}};
    bool dyed = draw_chance(d, 0.16f);
    float hue = gan__draw_range(d, 0, 1), light = gan__draw_range(d, 0.9f, 1.12f);
    gan__colour c = natural[gan__int_of_word(gan__draw_word(d), sizeof natural / sizeof natural[0])];
    return gan__shade(dyed ? of_hsl(hue, 0.5f, 0.56f) : c, light);
}

static gan__colour draw_iris(gan__draws *d)
{
    static const gan__colour irises[] = {{96, 60, 36},   {64, 42, 34},  {128, 96, 46},  {84, 134, 84},
                                         {66, 126, 186}, {60, 96, 150}, {110, 126, 136}};
    return irises[gan__int_of_word(gan__draw_word(d), sizeof irises / sizeof irises[0])];
}

/* Kinds, colours. Each call takes the same words whatever came out. */
static void draw_things(gan__draws *d, gan__face *f)
{
    static const uint8_t backs[] = {28, 26, 26, 20}, shirts[] = {34, 22, 22, 22};
    static const uint8_t hairs[] = {4, 10, 11, 10, 10, 10, 8, 9, 8, 7, 7, 6};
    static const uint8_t eyes[] = {32, 28, 18, 13, 9}, noses[] = {40, 32, 28}, mouths[] = {28, 24, 20, 17, 11};
    static const uint8_t beards[] = {79, 8, 7, 6}, glasses[] = {73, 11, 10, 6};
    f->back = draw_kind(d, backs, GAN__BACKS);
    f->shirt = draw_kind(d, shirts, GAN__SHIRTS);
    f->hair = draw_kind(d, hairs, GAN__HAIRS);
    f->eyes = draw_kind(d, eyes, GAN__EYES);
    f->nose = draw_kind(d, noses, GAN__NOSES);
    f->mouth = draw_kind(d, mouths, GAN__MOUTHS);
    f->beard = draw_kind(d, beards, GAN__BEARDS);
    f->glasses = draw_kind(d, glasses, GAN__GLASSES);
    f->blush = draw_chance(d, 0.4f);
    f->freckles = draw_chance(d, 0.15f);
    f->earrings = draw_chance(d, 0.22f);
    f->hair_mirrored = draw_chance(d, 0.5f);
    f->lit_from_right = draw_chance(d, 0.5f);
    float hue = gan__draw_range(d, 0, 1), saturation = gan__draw_range(d, 0.3f, 0.65f),
          lightness = gan__draw_range(d, 0.6f, 0.86f);
    f->back_colour = of_hsl(hue, saturation, lightness);
    f->back_second = of_hsl(hue + gan__draw_range(d, -0.12f, 0.12f) + 1, saturation, lightness - 0.13f);
    hue = gan__draw_range(d, 0, 1), saturation = gan__draw_range(d, 0.25f, 0.75f),
    lightness = gan__draw_range(d, 0.28f, 0.72f);
    f->shirt_colour = of_hsl(hue, saturation, lightness);
    f->shirt_second = of_hsl(gan__draw_range(d, 0, 1), 0.4f, lightness < 0.5f ? 0.88f : 0.3f);
    f->accent = of_hsl(gan__draw_range(d, 0, 1), 0.55f, gan__draw_range(d, 0.25f, 0.55f));
    f->skin = draw_skin(d);
    f->hair_colour = draw_hair_colour(d);
    f->iris = draw_iris(d);
    f->lips = blend((gan__colour){206, 70, 80}, (gan__colour){176, 60, 96}, gan__draw_range(d, 0, 1));
}

static void draw_shapes(gan__draws *d, gan__face *f)
{
    f->head_width = gan__draw_range(d, 0.92f, 1.08f);
    f->jaw = gan__draw_range(d, -1, 1);
    f->hair_volume = gan__draw_range(d, 0.95f, 1.1f);
    f->eye_size = gan__draw_range(d, 0.88f, 1.2f);
    f->eye_spacing = gan__draw_range(d, -0.03f, 0.04f);
    f->eye_height = gan__draw_range(d, -0.04f, 0.06f);
    f->gaze_x = gan__draw_range(d, -1, 1);
    f->gaze_y = draw_middle(d, -1, 1);
    f->brow_tilt = draw_middle(d, -1, 1);
    f->brow_height = gan__draw_range(d, 0, 1);
    f->brow_width = gan__draw_range(d, 0, 1);
    f->nose_size = gan__draw_range(d, 0.8f, 1.25f);
    f->smile = gan__draw_range(d, -0.5f, 1);
    f->mouth_width = gan__draw_range(d, 0.8f, 1.2f);
    f->openness = gan__draw_range(d, 0, 1);
    f->turn = gan__draw_range(d, -0.34f, 0.34f);
    f->nod = gan__draw_range(d, -0.13f, 0.13f);
    f->tilt = draw_middle(d, -0.13f, 0.13f);
    f->x = draw_middle(d, -0.13f, 0.13f);
    f->y = draw_middle(d, -0.08f, 0.1f);
    f->scale = gan__draw_range(d, 0.5f, 0.64f);
}

void gan__face_draw_scene(uint64_t seed, int64_t index, gan__face *out)
{
    gan__draws d = gan__draws_from(seed, GAN__STREAM_FACES, (uint64_t)index * BLOCKS);
    out->grain = gan__draw_word(&d);
    draw_things(&d, out);
    draw_shapes(&d, out);
}

/* ---- sources ---- */

static gan_status get(const gan_dataset *dataset, int64_t index, bool sketch, uint8_t *pixels, size_t stride,
                      int32_t *label, gan_message *message)
{
    gan__drawing *drawing = malloc(sizeof *drawing);
    if (!drawing)
        return gan_fail(message, GAN_ERROR_MEMORY, "%s: no memory to draw sample %" PRId64, dataset->info.name, index);
    gan__face face;
    gan__face_draw_scene(dataset->seed, index, &face);
    gan__face_render(&face, sketch, (int)dataset->info.width, drawing);
    gan__drawing_paint(drawing, pixels, stride);
    free(drawing);
    *label = -1;
    return GAN_OK;
}

static gan_status get_face(const gan_dataset *dataset, int64_t index, uint8_t *pixels, size_t stride, int32_t *label,
                           gan_message *message)
{
    return get(dataset, index, false, pixels, stride, label, message);
}

static gan_status get_sketch(const gan_dataset *dataset, int64_t index, uint8_t *pixels, size_t stride, int32_t *label,
                             gan_message *message)
{
    return get(dataset, index, true, pixels, stride, label, message);
}

static gan_status set_up(gan_dataset *dataset, const gan_data_options *options, gan_message *message)
{
    int64_t side = options->resolution ? options->resolution : SIDE;
    if (side < MIN_SIDE || side > GAN__DRAWING_SIDE || (side & (side - 1)) != 0)
        return gan_fail(message, GAN_ERROR_ARGUMENT,
                        "%s: resolution is %" PRId64 ", expected a power of two from %d to %d", options->source, side,
                        MIN_SIDE, GAN__DRAWING_SIDE);
    dataset->info.count = options->builtin_count;
    dataset->info.height = dataset->info.width = side;
    dataset->info.channels = 3;
    dataset->info.scaled = true;
    dataset->costly = true;
    return GAN_OK;
}

gan_status gan__faces_open(gan_dataset *dataset, const gan_data_options *options, gan_message *message)
{
    dataset->get = get_face;
    return set_up(dataset, options, message);
}

gan_status gan__sketches_open(gan_dataset *dataset, const gan_data_options *options, gan_message *message)
{
    dataset->get = get_sketch;
    return set_up(dataset, options, message);
}
