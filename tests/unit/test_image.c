/* Images, grids, text and plots: what is drawn is where the numbers say, and no numbers break it. */
#include "../support.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "image/ticks.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

static gan_message message;

static gan_image blank(int64_t width, int64_t height, int channels)
{
    gan_image image;
    ck_assert_int_eq(gan_image_create(&image, width, height, channels, &message), GAN_OK);
    memset(image.pixels, 255, (size_t)(width * height * channels));
    return image;
}

static uint32_t at(const gan_image *image, int64_t x, int64_t y)
{
    const uint8_t *p = image->pixels + (size_t)((y * image->width + x) * image->channels);
    return image->channels == 1 ? p[0] : (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
}

/* The box of the pixels that `wanted` says are meant; count 0: none. */
typedef struct box {
    int64_t count, x0, y0, x1, y1;
} box;

static box find(const gan_image *image, bool (*wanted)(uint32_t, uint32_t), uint32_t colour)
{
    box b = {0, INT64_MAX, INT64_MAX, -1, -1};
    for (int64_t y = 0; y < image->height; y++)
        for (int64_t x = 0; x < image->width; x++)
            if (wanted(at(image, x, y), colour)) {
                b.count++;
                b.x0 = x < b.x0 ? x : b.x0, b.x1 = x > b.x1 ? x : b.x1;
                b.y0 = y < b.y0 ? y : b.y0, b.y1 = y > b.y1 ? y : b.y1;
            }
    return b;
}

static bool is(uint32_t pixel, uint32_t colour)
{
    return pixel == colour;
}

/* Mostly this colour: anti-aliasing leaves few pixels pure. */
static bool is_like(uint32_t pixel, uint32_t colour)
{
    for (int shift = 0; shift <= 16; shift += 8)
        if (abs((int)(pixel >> shift & 255) - (int)(colour >> shift & 255)) > 100)
            return false;
    return true;
}

static bool is_not(uint32_t pixel, uint32_t colour)
{
    return pixel != colour;
}

/* ---- images and grids ---- */

START_TEST(sizes_are_checked)
{
    gan_image image = {.width = 7};
    static const int64_t wrong[][2] = {{0, 1}, {1, 0}, {-1, 1}, {65537, 1}, {1, 65537}, {65536, 65536}, {INT64_MAX, 2}};
    for (int i = 0; i < COUNT(wrong); i++)
        ck_assert_int_eq(gan_image_create(&image, wrong[i][0], wrong[i][1], 1, &message), GAN_ERROR_LIMIT);
    ck_assert_int_eq(gan_image_create(&image, 2, 2, 2, &message), GAN_ERROR_ARGUMENT);
    ck_assert_int_eq(gan_image_create(&image, 2, 2, 4, &message), GAN_ERROR_ARGUMENT);
    ck_assert_int_eq(image.width, 7);
    ck_assert_int_eq(gan_image_create(&image, 2, 3, 3, &message), GAN_OK);
    gan_image_free(&image);
    ck_assert(image.pixels == NULL && image.width == 0 && image.channels == 0);
    gan_image_free(&image);
    gan_image_free(NULL);
}
END_TEST

START_TEST(grids_place_every_image)
{
    enum { N = 7, H = 2, W = 3, GAP = 1 };
    uint8_t images[N][H][W][3];
    for (int i = 0; i < N; i++)
        memset(images[i], 100 + i, sizeof images[i]);
    images[4][1][2][0] = 9;
    gan_image grid;
    ck_assert_int_eq(gan_image_grid(&images[0][0][0][0], N, H, W, 3, 0, GAP, &grid, &message), GAN_OK);
    ck_assert_int_eq(grid.width, 3 * W + 2 * GAP); /* three columns and three rows */
    ck_assert_int_eq(grid.height, 3 * H + 2 * GAP);
    for (int i = 0; i < N; i++)
        for (int y = 0; y < H; y++)
            for (int x = 0; x < W; x++) {
                const uint8_t *want = images[i][y][x];
                ck_assert_uint_eq(at(&grid, i % 3 * (W + GAP) + x, i / 3 * (H + GAP) + y),
                                  (uint32_t)want[0] << 16 | (uint32_t)want[1] << 8 | want[2]);
            }
    uint32_t border = at(&grid, W, 0);
    ck_assert_uint_eq(at(&grid, 0, H), border);
    ck_assert_uint_eq(at(&grid, grid.width - 1, grid.height - 1), border); /* where there is no image */
    ck_assert_uint_lt(border & 255, 80);
    gan_image_free(&grid);

    ck_assert_int_eq(gan_image_grid(&images[0][0][0][0], N, H, W, 3, 5, 0, &grid, &message), GAN_OK);
    ck_assert(grid.width == 15 && grid.height == 4);
    gan_image_free(&grid);
    ck_assert_int_eq(gan_image_grid(&images[0][0][0][0], N, H, W, 3, 100, 2, &grid, &message), GAN_OK);
    ck_assert(grid.width == 7 * 5 - 2 && grid.height == 2); /* no more columns than images */
    gan_image_free(&grid);
    ck_assert_int_eq(gan_image_grid(&images[0][0][0][0], 0, H, W, 3, 0, 0, &grid, &message), GAN_ERROR_ARGUMENT);
    ck_assert_int_eq(gan_image_grid(&images[0][0][0][0], INT64_MAX, H, W, 3, 0, 0, &grid, &message), GAN_ERROR_LIMIT);
    ck_assert_int_eq(gan_image_grid(&images[0][0][0][0], 4, 65536, 65536, 3, 0, 0, &grid, &message), GAN_ERROR_LIMIT);
}
END_TEST

/* ---- text ---- */

START_TEST(every_character_has_its_own_picture)
{
    enum { SIDE = 64 };
    static uint8_t pictures[95][SIDE * SIDE];
    for (int c = 32; c < 127; c++) {
        gan_image image = blank(SIDE, SIDE, 1);
        char text[2] = {(char)c, '\0'};
        gan_image_text(&image, 10, 45, 28, 0, text);
        memcpy(pictures[c - 32], image.pixels, sizeof pictures[0]);
        box b = find(&image, is_not, 255);
        if (c == ' ') {
            ck_assert_int_eq(b.count, 0);
        } else {
            ck_assert_int_ge(b.count, 10);
            ck_assert(b.x0 >= 4 && b.x1 <= 10 + gan_text_width(28, text) + 4 && b.y0 >= 8 && b.y1 <= 58);
        }
        for (int other = 32; other < c; other++)
            ck_assert_msg(memcmp(pictures[other - 32], pictures[c - 32], sizeof pictures[0]) != 0,
                          "'%c' and '%c' look the same", other, c);
        gan_image_free(&image);
    }
}
END_TEST

START_TEST(text_has_its_size_and_place)
{
    static const double sizes[] = {8, 11, 20, 40, 100};
    for (int i = 0; i < COUNT(sizes); i++) {
        gan_image image = blank(400, 200, 3);
        gan_image_text(&image, 20, 150, sizes[i], 0x102030, "HEH");
        box b = find(&image, is_not, 0xffffff);
        double pen = sizes[i] * 0.12 + 1;
        ck_assert_double_eq_tol((double)(b.y1 - b.y0), sizes[i], pen + 1);
        ck_assert_double_eq_tol((double)b.y1, 150, pen + 1);
        ck_assert_double_eq_tol((double)b.x0, 20, pen + 1);
        ck_assert_double_eq_tol((double)b.x1, 20 + gan_text_width(sizes[i], "HEH"), pen + 1);
        ck_assert_int_gt(find(&image, is, 0x102030).count, 0);
        gan_image_free(&image);
    }
    ck_assert_double_gt(gan_text_width(10, "wider"), gan_text_width(10, "wide"));
    ck_assert_double_eq(gan_text_width(10, ""), 0);
    ck_assert_double_eq(gan_text_width(10, NULL), 0);
    ck_assert_double_eq(gan_text_width(NAN, "x"), 0);
    ck_assert_double_eq(gan_text_width(10, "\xcf\x83"), gan_text_width(10, "?")); /* sigma: one character */
}
END_TEST

START_TEST(text_that_does_not_fit_is_cut)
{
    gan_image image = blank(30, 20, 1);
    static const double places[][3] = {{-50, 10, 9}, {25, 25, 300}, {1e9, 5, 8},    {NAN, 5, 8},  {5, INFINITY, 8},
                                       {5, 5, -1},   {5, 5, NAN},   {-200, 15, 40}, {5, 5, 1e300}};
    for (int i = 0; i < COUNT(places); i++)
        gan_image_text(&image, places[i][0], places[i][1], places[i][2], 0, "a long text that is cut \xff\xc3");
    gan_image_text(&image, 1, 10, 8, 0, NULL);
    gan_image_free(&image);
}
END_TEST

/* ---- ticks ---- */

START_TEST(ticks_are_round)
{
    static const struct {
        double low, high;
        int wanted, n;
        const char *first, *last;
    } cases[] = {
        {0, 1, 5, 6, "0", "1.0"},
        {-1.3, 1.3, 6, 5, "-1.0", "1.0"},
        {0, 120000, 9, 7, "0", "120k"},
        {0, 2500, 5, 6, "0", "2500"},
        {0, 25000, 5, 6, "0", "25k"},
        {0.69, 0.74, 5, 6, "0.69", "0.74"},
        {0, 4e7, 5, 5, "0", "40M"},
        {0, 3e10, 3, 4, "0", "30G"},
        {0, 5e-5, 5, 6, "0", "5e-5"},
        {0, 2e20, 5, 5, "0", "2.0e20"},
        {-1e300, 1e300, 4, 5, "-1.0e300", "1.0e300"},
        {12000, 12500, 5, 6, "12.0k", "12.5k"},
        {1000000, 1000003, 3, 4, "1000000", "1000003"},
        {-0.001, 0.001, 4, 5, "-0.0010", "0.0010"},
    };
    for (int i = 0; i < COUNT(cases); i++) {
        gan__ticks t = gan__ticks_find(cases[i].low, cases[i].high, cases[i].wanted);
        char first[GAN__TICK_TEXT], last[GAN__TICK_TEXT];
        ck_assert_int_gt(t.n, 0);
        gan__tick_text(&t, 0, first);
        gan__tick_text(&t, t.n - 1, last);
        ck_assert_msg(t.n == cases[i].n && !strcmp(first, cases[i].first) && !strcmp(last, cases[i].last),
                      "%g to %g: %d ticks, %s to %s; expected %d, %s to %s", cases[i].low, cases[i].high, t.n, first,
                      last, cases[i].n, cases[i].first, cases[i].last);
        for (int k = 0; k < t.n; k++) {
            double slack = 1e-6 * (cases[i].high - cases[i].low), value = gan__tick_value(&t, k);
            ck_assert(value >= cases[i].low - slack && value <= cases[i].high + slack);
        }
    }
}
END_TEST

/* ---- plots ---- */

static gan_image plot(const gan_axes *axes, int n, int64_t width, int64_t height)
{
    gan_image image;
    ck_assert_msg(gan_plot(axes, n, width, height, &image, &message) == GAN_OK, "%s", message.text);
    ck_assert_int_eq(image.width, width);
    ck_assert_int_eq(image.height, n * height);
    ck_assert_int_eq(image.channels, 3);
    return image;
}

START_TEST(lines_are_where_their_values_are)
{
    double x[] = {0, 10}, zero[] = {0, 0}, quarter[] = {0.25, 0.25}, one[] = {1, 1};
    gan_series series[] = {{.x = x, .y = zero, .n = 2, .colour = 0xff0000},
                           {.x = x, .y = quarter, .n = 2, .colour = 0x0000ff},
                           {.x = x, .y = one, .n = 2, .colour = 0x00ff00}};
    gan_axes axes = {.title = "t", .x_label = "x", .y_label = "y", .series = series, .n_series = 3};
    gan_image image = plot(&axes, 1, 900, 420);
    box red = find(&image, is_like, 0xff0000), blue = find(&image, is_like, 0x0000ff);
    box green = find(&image, is_like, 0x00ff00);
    ck_assert_int_gt(red.x1 - red.x0, 750); /* across the frame */
    ck_assert_int_le(red.y1 - red.y0, 2);
    ck_assert_uint_eq(at(&image, 0, 0), 0xffffff);
    ck_assert_uint_eq(at(&image, 899, 419), 0xffffff);
    double whole = (double)(red.y0 - green.y0), part = (double)(red.y0 - blue.y0);
    ck_assert_double_gt(whole, 250);
    ck_assert_double_eq_tol(part / whole, 0.25, 0.01);
    gan_image_free(&image);
}
END_TEST

START_TEST(points_that_are_not_finite_are_left_out)
{
    double x[] = {0, 1, 2, NAN, 3, 4}, y[] = {1, 3, NAN, 5, INFINITY, 2}, good_x[] = {0, 1, 4}, good_y[] = {1, 3, 2};
    gan_series with = {.name = "s", .x = x, .y = y, .n = 6}, without = {.name = "s", .x = good_x, .y = good_y, .n = 3};
    gan_image a = plot(&(gan_axes){.series = &with, .n_series = 1}, 1, 400, 200);
    gan_image b = plot(&(gan_axes){.series = &without, .n_series = 1}, 1, 400, 200);
    ck_assert_mem_eq(a.pixels, b.pixels, (size_t)(a.width * a.height * 3));
    gan_image_free(&a);
    gan_image_free(&b);
}
END_TEST

/* 20,000 points that jump between -1 and 1: a pale band between, and a mean in the middle. */
START_TEST(long_lines_become_a_band_and_a_mean)
{
    enum { N = 20000 };
    static double x[N], y[N];
    for (int i = 0; i < N; i++)
        x[i] = i, y[i] = i % 2 ? 1 : -1;
    gan_series series = {.x = x, .y = y, .n = N, .colour = 0x0000ff};
    gan_image image = plot(&(gan_axes){.series = &series, .n_series = 1, .y_min = -2, .y_max = 2}, 1, 900, 420);
    box mean = find(&image, is, 0x0000ff);
    ck_assert_int_gt(mean.x1 - mean.x0, 750);
    ck_assert_int_lt(mean.y1 - mean.y0, 6);
    int64_t middle = 450, top = 0, bottom = 0; /* rows of the band in a column without a grid line */
    for (int64_t px = 450; px < 460; px++)
        if (at(&image, px, 30) == 0xffffff && at(&image, px, 60) == 0xffffff)
            middle = px;
    uint32_t pale = at(&image, middle, mean.y0 - 20);
    ck_assert_uint_gt(pale >> 16, 0xa0);
    ck_assert_uint_lt(pale >> 16, 0xf0);
    ck_assert_uint_eq(pale & 255, 255);
    for (int64_t py = 0; py < image.height; py++)
        if (at(&image, middle, py) == pale) {
            top = top ? top : py;
            bottom = py;
        }
    box frame = find(&image, is, 0x8c8c8c); /* the axes: the frame is 4 units high */
    double unit = (double)(frame.y1 - frame.y0) / 4;
    ck_assert_double_eq_tol((double)(bottom - top), 2 * unit, 0.06 * unit);
    gan_image_free(&image);
}
END_TEST

START_TEST(equal_axes_keep_a_square_square)
{
    static const int64_t sizes[][2] = {{900, 420}, {300, 500}, {400, 400}};
    double x[] = {-1, 1, 1, -1}, y[] = {-1, -1, 1, 1};
    gan_series series = {.x = x, .y = y, .n = 4, .kind = GAN_PLOT_SCATTER, .colour = 0xff00ff};
    for (int i = 0; i < 3; i++) {
        gan_image image = plot(&(gan_axes){.title = "square", .series = &series, .n_series = 1, .equal = true}, 1,
                               sizes[i][0], sizes[i][1]);
        box b = find(&image, is_not, 0xffffff);
        int64_t x0 = INT64_MAX, x1 = 0, y0 = INT64_MAX, y1 = 0;
        for (int64_t py = b.y0; py <= b.y1; py++)
            for (int64_t px = b.x0; px <= b.x1; px++) {
                uint32_t p = at(&image, px, py);
                if ((p >> 16) > 0xf0 && (p & 255) > 0xf0 && (p >> 8 & 255) < 0x80) {
                    x0 = px < x0 ? px : x0, x1 = px > x1 ? px : x1;
                    y0 = py < y0 ? py : y0, y1 = py > y1 ? py : y1;
                }
            }
        ck_assert_int_gt(x1 - x0, 100);
        ck_assert_int_le(llabs((x1 - x0) - (y1 - y0)), 2);
        gan_image_free(&image);
    }
}
END_TEST

START_TEST(legends_name_the_named)
{
    double x[] = {0, 1}, y[] = {0, 1};
    gan_series named = {.name = "loss", .x = x, .y = y, .n = 2, .colour = 0xff0000}, plain = named;
    plain.name = NULL;
    gan_image with = plot(&(gan_axes){.title = "t", .series = &named, .n_series = 1}, 1, 400, 200);
    gan_image without = plot(&(gan_axes){.title = "t", .series = &plain, .n_series = 1}, 1, 400, 200);
    ck_assert_int_gt(find(&with, is, 0xff0000).count, find(&without, is, 0xff0000).count + 20);
    gan_image_free(&with);
    gan_image_free(&without);
}
END_TEST

START_TEST(axes_stand_one_under_another)
{
    double x[] = {0, 1}, y[] = {0, 1};
    gan_series red = {.x = x, .y = y, .n = 2, .colour = 0xff0000}, blue = {.x = x, .y = y, .n = 2, .colour = 0x0000ff};
    gan_axes axes[] = {{.series = &red, .n_series = 1}, {.series = &blue, .n_series = 1}};
    gan_image both = plot(axes, 2, 300, 150), one = plot(axes, 1, 300, 150);
    ck_assert_mem_eq(both.pixels, one.pixels, 300 * 150 * 3);
    ck_assert_int_lt(find(&both, is, 0xff0000).y1, 150);
    ck_assert_int_ge(find(&both, is, 0x0000ff).y0, 150);
    gan_image_free(&both);
    gan_image_free(&one);
}
END_TEST

START_TEST(no_numbers_break_a_plot)
{
    double nans[] = {NAN, NAN, NAN}, huge[] = {-DBL_MAX, DBL_MAX, 1}, tiny[] = {0, 5e-324, 1e-310}, same[] = {7, 7, 7};
    double x[] = {0, 1, 2}, back[] = {2, 0, 1}, close[] = {1e15, 1e15 + 0.25, 1e15 + 0.5}, zero[] = {0, 0, 0};
    const double *values[] = {nans, huge, tiny, same, x, back, close, zero};
    static double many_x[3000], many_y[3000];
    for (int i = 0; i < 3000; i++)
        many_x[i] = i % 7 ? i : NAN, many_y[i] = i % 3 ? -DBL_MAX : DBL_MAX;
    char name[1000];
    memset(name, 'W', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    for (int i = 0; i < 8; i++)
        for (int k = 0; k < 8; k++)
            for (int kind = 0; kind < 4; kind++) {
                gan_series series[] = {
                    {.name = kind ? "a" : name, .x = values[i], .y = values[k], .n = 3, .kind = kind & 1},
                    {.name = "long", .x = many_x, .y = many_y, .n = kind == 2 ? 3000 : 0},
                    {.name = "", .x = NULL, .y = NULL, .n = 0}};
                gan_axes axes = {.title = kind ? "title" : name,
                                 .x_label = name,
                                 .y_label = name,
                                 .series = series,
                                 .n_series = 3,
                                 .equal = kind == 3};
                gan_image image = plot(&axes, 1, 240, 120);
                gan_image_free(&image);
            }
    gan_series out = {.x = x, .y = x, .n = 3};
    gan_axes ranges[] = {
        {.series = &out, .n_series = 1, .x_min = 50, .x_max = 60, .y_min = -9, .y_max = -8},
        {.series = &out, .n_series = 1, .x_min = NAN, .x_max = 1, .y_min = -INFINITY, .y_max = INFINITY},
        {.series = &out, .n_series = 1, .x_min = 5, .x_max = 1},
        {0}};
    gan_image image = plot(ranges, 4, 120, 90);
    gan_image_free(&image);
    ck_assert_int_eq(gan_plot(ranges, 0, 300, 300, &image, &message), GAN_ERROR_ARGUMENT);
    ck_assert_int_eq(gan_plot(ranges, 1, 10, 300, &image, &message), GAN_ERROR_ARGUMENT);
    ck_assert_int_eq(gan_plot(ranges, 1, 300, 1000000, &image, &message), GAN_ERROR_ARGUMENT);
    ck_assert_int_eq(gan_plot(NULL, 1, 300, 300, &image, &message), GAN_ERROR_ARGUMENT);
    ck_assert_int_eq(gan_plot(ranges, 4, 60000, 60000, &image, &message), GAN_ERROR_LIMIT);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("image");
    TCase *t = tcase_create("image");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, sizes_are_checked);
    tcase_add_test(t, grids_place_every_image);
    tcase_add_test(t, every_character_has_its_own_picture);
    tcase_add_test(t, text_has_its_size_and_place);
    tcase_add_test(t, text_that_does_not_fit_is_cut);
    tcase_add_test(t, ticks_are_round);
    tcase_add_test(t, lines_are_where_their_values_are);
    tcase_add_test(t, points_that_are_not_finite_are_left_out);
    tcase_add_test(t, long_lines_become_a_band_and_a_mean);
    tcase_add_test(t, equal_axes_keep_a_square_square);
    tcase_add_test(t, legends_name_the_named);
    tcase_add_test(t, axes_stand_one_under_another);
    tcase_add_test(t, no_numbers_break_a_plot);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return test_main(suite());
}
