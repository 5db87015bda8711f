/* builtin:faces and builtin:sketches: pictures that depend on seed and index alone, of independent factors, the same at
 * every resolution; and the shapes that they are made of, which cover what geometry says. */
#include "../support.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/faces.h"

static gan_message message;

static gan_dataset *open_source(const char *source, int64_t side, uint64_t seed)
{
    gan_data_options options = {
        .struct_size = sizeof options, .source = source, .labels = true, .seed = seed, .resolution = side};
    gan_dataset *dataset = NULL;
    ck_assert_msg(gan_dataset_open(&options, &dataset, &message) == GAN_OK, "%s", message.text);
    return dataset;
}

static uint8_t *sample(const gan_dataset *dataset, int64_t index)
{
    const gan_data_info *info = gan_dataset_info(dataset);
    uint8_t *pixels = malloc((size_t)(info->height * info->width * info->channels));
    ck_assert_msg(gan_dataset_get(dataset, index, pixels, NULL, &message) == GAN_OK, "%s", message.text);
    return pixels;
}

static const char *const sources[] = {"builtin:faces", "builtin:sketches"};

/* ---- the data sets ---- */

START_TEST(faces_are_described)
{
    gan_dataset *dataset = open_source(sources[_i], 0, 1);
    const gan_data_info *info = gan_dataset_info(dataset);
    ck_assert_int_eq(info->count, 60000);
    ck_assert_int_eq(info->height, 64);
    ck_assert_int_eq(info->width, 64);
    ck_assert_int_eq(info->channels, 3);
    ck_assert_int_eq(info->classes, 0);
    ck_assert(info->scaled);
    ck_assert_str_eq(info->name, sources[_i] + strlen("builtin:"));
    uint8_t pixels[64 * 64 * 3];
    int32_t label = 0;
    ck_assert_int_eq(gan_dataset_get(dataset, 59999, pixels, &label, &message), GAN_OK);
    ck_assert_int_eq(label, -1);
    gan_dataset_close(dataset);
}
END_TEST

START_TEST(sides_are_powers_of_two)
{
    for (int64_t side = 16; side <= 1024; side *= 2) {
        gan_dataset *dataset = open_source(sources[_i], side, 1);
        ck_assert_int_eq(gan_dataset_info(dataset)->height, side);
        ck_assert_int_eq(gan_dataset_info(dataset)->width, side);
        gan_dataset_close(dataset);
    }
    static const int64_t wrong[] = {1, 8, 17, 48, 100, 1023, 1025, 2048};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        gan_dataset *dataset = NULL;
        gan_data_options options = {.struct_size = sizeof options, .source = sources[_i], .resolution = wrong[i]};
        char sentence[200];
        snprintf(sentence, sizeof sentence, "%s: resolution is %d, expected a power of two from 16 to 1024",
                 sources[_i], (int)wrong[i]);
        ck_assert_int_eq(gan_dataset_open(&options, &dataset, &message), GAN_ERROR_ARGUMENT);
        ck_assert_str_eq(message.text, sentence);
    }
}
END_TEST

/* ---- seed and index ---- */

enum { SHARED = 96, THREADS = 4, BYTES = 32 * 32 * 3 };

typedef struct share {
    const gan_dataset *dataset;
    int first;
    uint8_t (*pixels)[BYTES];
} share;

static void *draw_share(void *argument)
{
    share *s = argument;
    for (int i = SHARED - 1 - s->first; i >= 0; i -= THREADS) /* last first */
        if (gan_dataset_get(s->dataset, i, s->pixels[i], NULL, NULL) != GAN_OK)
            return s;
    return NULL;
}

START_TEST(pictures_depend_on_seed_and_index_alone)
{
    static uint8_t threaded[SHARED][BYTES], other[BYTES], again[BYTES];
    gan_dataset *a = open_source(sources[_i], 32, 7), *b = open_source(sources[_i], 32, 7);
    gan_dataset *c = open_source(sources[_i], 32, 8);
    pthread_t threads[THREADS];
    share shares[THREADS];
    for (int t = 0; t < THREADS; t++) {
        shares[t] = (share){a, t, threaded};
        ck_assert_int_eq(pthread_create(&threads[t], NULL, draw_share, &shares[t]), 0);
    }
    for (int t = 0; t < THREADS; t++) {
        void *failed;
        pthread_join(threads[t], &failed);
        ck_assert_ptr_null(failed);
    }
    for (int i = 0; i < SHARED; i++) {
        ck_assert_int_eq(gan_dataset_get(b, i, again, NULL, &message), GAN_OK);
        ck_assert_int_eq(gan_dataset_get(c, i, other, NULL, &message), GAN_OK);
        ck_assert_mem_eq(threaded[i], again, BYTES);
        ck_assert_mem_ne(threaded[i], other, BYTES);
        ck_assert_mem_ne(threaded[i], threaded[(i + 1) % SHARED], BYTES);
    }
    gan_dataset_close(a);
    gan_dataset_close(b);
    gan_dataset_close(c);
}
END_TEST

/* Mean distance of a picture, made smaller by averaging pixels, from the one drawn at that size; of 255. */
static double distance_of_sizes(const gan_dataset *large, const gan_dataset *small, int64_t index, double *worst)
{
    int64_t side = gan_dataset_info(small)->width, factor = gan_dataset_info(large)->width / side;
    uint8_t *many = sample(large, index), *few = sample(small, index);
    double sum = 0;
    for (int64_t y = 0; y < side; y++)
        for (int64_t x = 0; x < 3 * side; x++) {
            double mean = 0;
            for (int64_t i = 0; i < factor; i++)
                for (int64_t j = 0; j < factor; j++)
                    mean += many[((y * factor + i) * side * factor + x / 3 * factor + j) * 3 + x % 3];
            double d = fabs(mean / (double)(factor * factor) - few[y * 3 * side + x]);
            sum += d;
            *worst = d > *worst ? d : *worst;
        }
    free(many);
    free(few);
    return sum / (double)(3 * side * side);
}

START_TEST(a_picture_is_the_same_at_every_size)
{
    static const int64_t sizes[][2] = {{256, 64}, {512, 32}, {1024, 16}};
    /* Not 0: two things that share a border mix with what is below where a pixel has parts of both. */
    static const double apart[][3] = {{0.7, 1.6, 3}, {2.4, 3.4, 4.2}};
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        gan_dataset *large = open_source(sources[_i], sizes[s][0], 5),
                    *small = open_source(sources[_i], sizes[s][1], 5);
        for (int i = 0; i < 12; i++) {
            double worst = 0, same = distance_of_sizes(large, small, i, &worst);
            ck_assert_msg(same < apart[_i][s] && worst < 70, "sample %d at %d and %d: %.2f apart, at worst %.0f", i,
                          (int)sizes[s][0], (int)sizes[s][1], same, worst);
        }
        gan_dataset_close(large);
        gan_dataset_close(small);
    }
}
END_TEST

/* ---- scenes ---- */

enum { SCENES = 6000, KINDS = 8 };

START_TEST(every_kind_has_its_share)
{
    static const struct {
        size_t offset;
        int n;
        double share[12];
    } kinds[KINDS] = {
        {offsetof(gan__face, back), GAN__BACKS, {28, 26, 26, 20}},
        {offsetof(gan__face, shirt), GAN__SHIRTS, {34, 22, 22, 22}},
        {offsetof(gan__face, hair), GAN__HAIRS, {4, 10, 11, 10, 10, 10, 8, 9, 8, 7, 7, 6}},
        {offsetof(gan__face, eyes), GAN__EYES, {32, 28, 18, 13, 9}},
        {offsetof(gan__face, nose), GAN__NOSES, {40, 32, 28}},
        {offsetof(gan__face, mouth), GAN__MOUTHS, {28, 24, 20, 17, 11}},
        {offsetof(gan__face, beard), GAN__BEARDS, {79, 8, 7, 6}},
        {offsetof(gan__face, glasses), GAN__GLASSES, {73, 11, 10, 6}},
    };
    static int counts[KINDS][12];
    for (int i = 0; i < SCENES; i++) {
        gan__face face;
        gan__face_draw_scene(3, i, &face);
        for (int k = 0; k < KINDS; k++) {
            int kind;
            memcpy(&kind, (const char *)&face + kinds[k].offset, sizeof kind);
            ck_assert(kind >= 0 && kind < kinds[k].n);
            counts[k][kind]++;
        }
    }
    for (int k = 0; k < KINDS; k++)
        for (int j = 0; j < kinds[k].n; j++) {
            double p = kinds[k].share[j] / 100, sigma = sqrt(p * (1 - p) * SCENES);
            ck_assert_msg(fabs(counts[k][j] - p * SCENES) < 4.5 * sigma, "kind %d of factor %d: %d of %d", j, k,
                          counts[k][j], SCENES);
        }
}
END_TEST

static const struct {
    size_t offset;
    double low, high;
} lengths[] = {
    {offsetof(gan__face, head_width), 0.92, 1.08},
    {offsetof(gan__face, jaw), -1, 1},
    {offsetof(gan__face, hair_volume), 0.95, 1.1},
    {offsetof(gan__face, eye_size), 0.88, 1.2},
    {offsetof(gan__face, eye_spacing), -0.03, 0.04},
    {offsetof(gan__face, eye_height), -0.04, 0.06},
    {offsetof(gan__face, gaze_x), -1, 1},
    {offsetof(gan__face, gaze_y), -1, 1},
    {offsetof(gan__face, brow_tilt), -1, 1},
    {offsetof(gan__face, brow_height), 0, 1},
    {offsetof(gan__face, brow_width), 0, 1},
    {offsetof(gan__face, nose_size), 0.8, 1.25},
    {offsetof(gan__face, smile), -0.5, 1},
    {offsetof(gan__face, mouth_width), 0.8, 1.2},
    {offsetof(gan__face, openness), 0, 1},
    {offsetof(gan__face, turn), -0.34, 0.34},
    {offsetof(gan__face, nod), -0.13, 0.13},
    {offsetof(gan__face, tilt), -0.13, 0.13},
    {offsetof(gan__face, x), -0.13, 0.13},
    {offsetof(gan__face, y), -0.08, 0.1},
    {offsetof(gan__face, scale), 0.5, 0.64},
    {offsetof(gan__face, back_colour.g), 0, 255},
    {offsetof(gan__face, skin.g), 0, 255},
    {offsetof(gan__face, hair_colour.g), 0, 255},
    {offsetof(gan__face, shirt_colour.g), 0, 255},
    {offsetof(gan__face, iris.g), 40, 136},
    {offsetof(gan__face, accent.g), 0, 255},
};
enum { LENGTHS = sizeof lengths / sizeof lengths[0], COLUMNS = LENGTHS + KINDS };

/* Each factor keeps to its range, uses most of it, and says nothing of any other, nor of the next scene. */
START_TEST(factors_are_independent)
{
    static const size_t kinds[KINDS] = {offsetof(gan__face, back),  offsetof(gan__face, shirt),
                                        offsetof(gan__face, hair),  offsetof(gan__face, eyes),
                                        offsetof(gan__face, nose),  offsetof(gan__face, mouth),
                                        offsetof(gan__face, beard), offsetof(gan__face, glasses)};
    static double values[COLUMNS][SCENES];
    for (int i = 0; i < SCENES; i++) {
        gan__face face;
        gan__face_draw_scene(4, i, &face);
        for (int k = 0; k < LENGTHS; k++) {
            float value;
            memcpy(&value, (const char *)&face + lengths[k].offset, sizeof value);
            values[k][i] = value;
        }
        for (int k = 0; k < KINDS; k++) {
            int kind;
            memcpy(&kind, (const char *)&face + kinds[k], sizeof kind);
            values[LENGTHS + k][i] = kind;
        }
    }
    for (int k = 0; k < COLUMNS; k++) { /* to mean 0 and length 1 */
        double mean = 0, square = 0, low = INFINITY, high = -INFINITY;
        for (int i = 0; i < SCENES; i++) {
            mean += values[k][i] / SCENES;
            low = fmin(low, values[k][i]), high = fmax(high, values[k][i]);
        }
        if (k < LENGTHS) {
            double range = lengths[k].high - lengths[k].low;
            ck_assert_msg(low > lengths[k].low - 1e-5 && high < lengths[k].high + 1e-5, "factor %d: %f to %f", k, low,
                          high);
            ck_assert_msg(high - low > 0.4 * range, "factor %d: %f to %f", k, low, high);
        }
        for (int i = 0; i < SCENES; i++)
            square += (values[k][i] - mean) * (values[k][i] - mean);
        for (int i = 0; i < SCENES; i++)
            values[k][i] = (values[k][i] - mean) / sqrt(square);
    }
    for (int k = 0; k < COLUMNS; k++)
        for (int j = 0; j < COLUMNS; j++) {
            double here = 0, next = 0; /* in one scene, and of the next one */
            for (int i = 0; i < SCENES; i++)
                here += values[k][i] * values[j][i], next += values[k][i] * values[j][(i + 1) % SCENES];
            ck_assert_msg(k == j || fabs(here) < 5 / sqrt(SCENES), "factors %d and %d: %f", k, j, here);
            ck_assert_msg(fabs(next) < 5 / sqrt(SCENES), "factor %d, factor %d of the next scene: %f", k, j, next);
        }
}
END_TEST

/* No scene needs more room than a drawing has, even the largest sketches. */
START_TEST(drawings_have_room)
{
    gan__drawing *drawing = malloc(sizeof *drawing);
    int items = 0, points = 0;
    for (int i = 0; i < 1500; i++) {
        gan__face face;
        gan__face_draw_scene(9, i, &face);
        gan__face_render(&face, true, 1024, drawing);
        ck_assert(!drawing->full);
        items = drawing->n_items > items ? drawing->n_items : items;
        points = drawing->n_points > points ? drawing->n_points : points;
    }
    ck_assert_int_lt(items, GAN__DRAWING_ITEMS * 4 / 5); /* and some to spare */
    ck_assert_int_lt(points, GAN__DRAWING_POINTS * 4 / 5);
    free(drawing);
}
END_TEST

/* ---- the two domains ---- */

enum { SIDE = 64 };

static double luma(const uint8_t *pixels, int x, int y)
{
    const uint8_t *p = pixels + (y * SIDE + x) * 3;
    return 0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2];
}

/* How well the lines of a sketch lie on the borders of colour of a face: their correlation. */
static double agreement(const uint8_t *face, const uint8_t *sketch)
{
    double n = 0, a = 0, b = 0, aa = 0, bb = 0, ab = 0;
    for (int y = 1; y < SIDE - 1; y++)
        for (int x = 1; x < SIDE - 1; x++) {
            double dx = luma(face, x + 1, y) - luma(face, x - 1, y), dy = luma(face, x, y + 1) - luma(face, x, y - 1);
            double border = sqrt(dx * dx + dy * dy), line = 255 - luma(sketch, x, y);
            n++, a += border, b += line, aa += border * border, bb += line * line, ab += border * line;
        }
    return (ab / n - a / n * b / n) / sqrt((aa / n - a / n * a / n) * (bb / n - b / n * b / n));
}

START_TEST(sketches_are_of_the_same_faces)
{
    enum { PAIRS = 60 };
    gan_dataset *faces = open_source("builtin:faces", SIDE, 2), *sketches = open_source("builtin:sketches", SIDE, 2);
    int found = 0;
    for (int i = 0; i < PAIRS; i++) { /* the sketch of this face among those of twenty */
        uint8_t *face = sample(faces, i);
        int best = -1;
        double most = -2;
        for (int j = 0; j < 20; j++) {
            uint8_t *sketch = sample(sketches, (i + j) % PAIRS);
            double now = agreement(face, sketch);
            if (now > most)
                most = now, best = j;
            free(sketch);
        }
        found += best == 0;
        free(face);
    }
    ck_assert_msg(found >= PAIRS * 9 / 10, "%d of %d faces agree best with their sketch", found, PAIRS);
    gan_dataset_close(faces);
    gan_dataset_close(sketches);
}
END_TEST

START_TEST(sketches_are_grey_on_white)
{
    gan_dataset *sketches = open_source("builtin:sketches", SIDE, 3);
    for (int i = 0; i < 100; i++) {
        uint8_t *pixels = sample(sketches, i);
        int white = 0, dark = 0;
        for (int k = 0; k < SIDE * SIDE; k++) {
            const uint8_t *p = pixels + 3 * k;
            ck_assert(p[0] == p[1] && p[1] == p[2]);
            white += p[0] > 240;
            dark += p[0] < 150;
        }
        ck_assert_int_gt(white, SIDE * SIDE / 3);
        ck_assert_int_gt(dark, SIDE * SIDE / 100);
        free(pixels);
    }
    gan_dataset_close(sketches);
}
END_TEST

/* Pictures of faces differ in all places and colours: no channel of no pixel is nearly the same in all. */
START_TEST(faces_are_varied)
{
    enum { PICTURES = 400, VALUES = 32 * 32 * 3 };
    static double sums[VALUES], squares[VALUES];
    gan_dataset *faces = open_source("builtin:faces", 32, 6);
    for (int i = 0; i < PICTURES; i++) {
        uint8_t *pixels = sample(faces, i);
        for (int k = 0; k < VALUES; k++)
            sums[k] += pixels[k], squares[k] += (double)pixels[k] * pixels[k];
        free(pixels);
    }
    for (int k = 0; k < VALUES; k++) {
        double mean = sums[k] / PICTURES, sigma = sqrt(squares[k] / PICTURES - mean * mean);
        ck_assert_msg(sigma > 20, "value %d has a deviation of %.1f", k, sigma);
    }
    gan_dataset_close(faces);
}
END_TEST

/* ---- coverage ---- */

static gan__path polygon(const float (*points)[2], int n) /* pixels of a picture of 64 */
{
    gan__path path = {.closed = true};
    for (int i = 0; i < n; i++)
        gan__path_add(&path, (gan__point){points[i][0] / 32 - 1, points[i][1] / 32 - 1}, true);
    return path;
}

/* Black on white, at 64 x 64; out: the share of each pixel that is covered, and in all. */
static double covered(gan__drawing *drawing, double shares[64 * 64])
{
    static uint8_t pixels[64 * 64 * 3];
    double sum = 0;
    gan__drawing_paint(drawing, pixels, 64 * 3);
    for (int i = 0; i < 64 * 64; i++)
        sum += shares[i] = (255 - pixels[3 * i]) / 255.0;
    return sum;
}

static const gan__paint black = {.opacity = 1, .clip = -1};

START_TEST(coverage_is_area)
{
    static double shares[64 * 64];
    gan__drawing *drawing = malloc(sizeof *drawing);
    gan__drawing_begin(drawing, 64);
    gan__path square = polygon((const float[][2]){{10.25f, 20.5f}, {30.5f, 20.5f}, {30.5f, 40}, {10.25f, 40}}, 4);
    ck_assert_int_eq(gan__drawing_fill(drawing, &square, black), 0);
    ck_assert_double_eq_tol(covered(drawing, shares), 20.25 * 19.5, 0.3);
    ck_assert_double_eq_tol(shares[20 * 64 + 10], 0.75 * 0.5, 0.003);
    ck_assert_double_eq_tol(shares[30 * 64 + 10], 0.75, 0.003);
    ck_assert_double_eq_tol(shares[30 * 64 + 30], 0.5, 0.003);
    ck_assert_double_eq(shares[30 * 64 + 20], 1);
    ck_assert_double_eq(shares[40 * 64 + 20], 0);

    /* A triangle with a flat slope, so that rows have pieces of border over many pixels; 1 in 5 of its pixel columns.
     */
    gan__drawing_begin(drawing, 64);
    gan__path triangle = polygon((const float[][2]){{5, 10}, {55, 20}, {5, 20}}, 3);
    gan__drawing_fill(drawing, &triangle, black);
    ck_assert_double_eq_tol(covered(drawing, shares), 250, 0.3);
    for (int x = 5; x < 10; x++) /* row 10 from x = 5 to 10 rises from 0 to 1 */
        ck_assert_double_eq_tol(shares[10 * 64 + x], 1 - (x - 4.5) / 5, 0.003);

    /* What reaches over the sides is cut there. */
    gan__drawing_begin(drawing, 64);
    gan__path wide = polygon((const float[][2]){{-100, -50}, {200, -50}, {200, 12.5f}, {-100, 12.5f}}, 4);
    gan__drawing_fill(drawing, &wide, black);
    ck_assert_double_eq_tol(covered(drawing, shares), 64 * 12.5, 0.3);
    free(drawing);
}
END_TEST

START_TEST(shapes_are_clipped_and_stroked)
{
    static double shares[64 * 64];
    gan__drawing *drawing = malloc(sizeof *drawing);
    gan__drawing_begin(drawing, 64);
    gan__path left = polygon((const float[][2]){{8, 8}, {24.5f, 8}, {24.5f, 56}, {8, 56}}, 4);
    gan__path low = polygon((const float[][2]){{0, 40}, {64, 40}, {64, 64}, {0, 64}}, 4);
    gan__paint none = black;
    none.opacity = 0;
    gan__paint within = black;
    within.clip = gan__drawing_fill(drawing, &left, none);
    gan__drawing_fill(drawing, &low, within);
    ck_assert_double_eq_tol(covered(drawing, shares), 16.5 * 16, 0.2);

    gan__path line = {.n = 2, .at = {{-0.5f, 0}, {0.5f, 0}}}; /* 32 pixels long, 4 wide, with round ends */
    gan__drawing_begin(drawing, 64);
    gan__drawing_stroke(drawing, &line, (gan__nib){.width = 0.125f}, black);
    ck_assert_double_eq_tol(covered(drawing, shares), 32 * 4 + 3.14159 * 4, 0.5);

    gan__path ring = {.closed = true}; /* of radius 20 pixels, 3 wide */
    for (int i = 0; i < 24; i++)
        gan__path_add(&ring, (gan__point){0.625f * cosf((float)i * 0.2617994f), 0.625f * sinf((float)i * 0.2617994f)},
                      false);
    gan__drawing_begin(drawing, 64);
    gan__drawing_stroke(drawing, &ring, (gan__nib){.width = 0.09375f}, black);
    ck_assert_double_eq_tol(covered(drawing, shares), 2 * 3.14159 * 20 * 3, 2);
    gan__drawing_begin(drawing, 64);
    gan__drawing_fill(drawing, &ring, black);
    ck_assert_double_eq_tol(covered(drawing, shares), 3.14159 * 400, 2);
    free(drawing);
}
END_TEST

/* A scene that does not fit leaves things out, and nothing is written past the ends. */
START_TEST(full_drawings_take_no_more)
{
    gan__drawing *drawing = malloc(sizeof *drawing);
    gan__drawing_begin(drawing, 1024);
    gan__path ring = {.closed = true};
    for (int i = 0; i < 2 * GAN__PATH_POINTS; i++) /* more than there is room for */
        gan__path_add(&ring, (gan__point){i % 2 ? 0.9f : -0.9f, 0.01f * (float)i - 0.5f}, true);
    ck_assert_int_eq(ring.n, GAN__PATH_POINTS);
    for (int i = 0; i < 2 * GAN__DRAWING_ITEMS; i++)
        gan__drawing_stroke(drawing, &ring, (gan__nib){.width = 0.01f}, black);
    ck_assert(drawing->full);
    ck_assert_int_le(drawing->n_items, GAN__DRAWING_ITEMS);
    ck_assert_int_le(drawing->n_points, GAN__DRAWING_POINTS);
    const gan__item *last = &drawing->items[drawing->n_items - 1];
    ck_assert_int_le(last->first + last->n, GAN__DRAWING_POINTS);
    free(drawing);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("data_faces");
    TCase *t = tcase_create("pictures");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, faces_are_described, 0, 2);
    tcase_add_loop_test(t, sides_are_powers_of_two, 0, 2);
    tcase_add_loop_test(t, pictures_depend_on_seed_and_index_alone, 0, 2);
    tcase_add_loop_test(t, a_picture_is_the_same_at_every_size, 0, 2);
    tcase_add_test(t, sketches_are_of_the_same_faces);
    tcase_add_test(t, sketches_are_grey_on_white);
    tcase_add_test(t, faces_are_varied);
    suite_add_tcase(s, t);
    t = tcase_create("scenes");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, every_kind_has_its_share);
    tcase_add_test(t, factors_are_independent);
    tcase_add_test(t, drawings_have_room);
    suite_add_tcase(s, t);
    t = tcase_create("coverage");
    tcase_add_test(t, coverage_is_area);
    tcase_add_test(t, shapes_are_clipped_and_stroked);
    tcase_add_test(t, full_drawings_take_no_more);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return test_main(suite());
}
