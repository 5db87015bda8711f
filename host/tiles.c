#define _GNU_SOURCE
#include "tiles.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int64_t round_up(int64_t value, int64_t multiple)
{
    return (value + multiple - 1) / multiple * multiple;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* ---- one direction ---- */

void tile_axis_plan(int64_t length, const tile_rule *rule, tile_axis *out)
{
    tile_axis axis = {.length = length, .multiple = rule->multiple, .n = 1};
    axis.padded = round_up(larger(length, rule->least), rule->multiple);
    axis.before = (axis.padded - length) / 2;
    axis.tile = axis.padded;
    int64_t most = round_up(larger(rule->tile, rule->least), rule->multiple);
    if (rule->tile > 0 && axis.padded > most) {
        /* Starts are rounded down to the multiple, so steps that must leave the overlap are counted in multiples. */
        int64_t step = larger((most - rule->overlap) / rule->multiple, 1) * rule->multiple, left = axis.padded - most;
        axis.tile = most;
        axis.n = 1 + (left + step - 1) / step;
    }
    *out = axis;
    for (int64_t i = 0; i + 1 < axis.n; i++) {
        /* The middles of two overlaps lie one step of the tiles apart, or a little less where steps are unequal; ramps
         * that are no longer than the shortest step do not meet. */
        int64_t step = tile_axis_start(out, i + 1) - tile_axis_start(out, i), overlap = axis.tile - step;
        int64_t ramp = axis.n == 2 ? overlap : smaller(overlap, step);
        out->ramp = i == 0 ? ramp : smaller(out->ramp, ramp);
    }
}

int64_t tile_axis_start(const tile_axis *axis, int64_t i)
{
    if (axis->n == 1)
        return 0;
    return i * (axis->padded - axis->tile) / (axis->n - 1) / axis->multiple * axis->multiple;
}

/* How much of the place `at` of the padded picture belongs to the tiles from i on, for i > 0. */
static float share_from(const tile_axis *axis, int64_t i, int64_t at)
{
    int64_t begin = tile_axis_start(axis, i), end = tile_axis_start(axis, i - 1) + axis->tile;
    int64_t first = begin + (end - begin - axis->ramp) / 2;
    if (at < first)
        return 0;
    if (at >= first + axis->ramp)
        return 1;
    return (float)(0.5 - 0.5 * cos(M_PI * ((double)(at - first) + 0.5) / (double)axis->ramp));
}

float tile_axis_weight(const tile_axis *axis, int64_t i, int64_t at)
{
    int64_t place = tile_axis_start(axis, i) + at;
    float from = i > 0 ? share_from(axis, i, place) : 1;
    return i + 1 < axis->n ? from - share_from(axis, i + 1, place) : from;
}

/* ---- tiles of a picture ---- */

/* The pixel that is seen at `at`, which may lie outside: reflection without repeating the edge. */
static int64_t reflect(int64_t at, int64_t length)
{
    if (length == 1)
        return 0;
    int64_t period = 2 * (length - 1), place = at % period;
    if (place < 0)
        place += period;
    return place < length ? place : period - place;
}

static void cut_row(const uint8_t *row, const tile_axis *x, int64_t first, int channels, uint8_t *out)
{
    int64_t inside = larger(first, 0), end = smaller(first + x->tile, x->length);
    for (int64_t at = first; at < first + x->tile; at++) {
        if (at == inside && end > inside) { /* what lies in the picture, at once */
            memcpy(out + (at - first) * channels, row + at * channels, (size_t)((end - at) * channels));
            at = end - 1;
            continue;
        }
        for (int c = 0; c < channels; c++)
            out[(at - first) * channels + c] = row[reflect(at, x->length) * channels + c];
    }
}

void tile_cut(const gan_image *image, const tile_axis *y, const tile_axis *x, int64_t row, int64_t column, uint8_t *out)
{
    int64_t top = tile_axis_start(y, row) - y->before, left = tile_axis_start(x, column) - x->before;
    for (int64_t i = 0; i < y->tile; i++)
        cut_row(image->pixels + reflect(top + i, y->length) * image->width * image->channels, x, left, image->channels,
                out + i * x->tile * image->channels);
}

/* ---- one picture of tiles ---- */

gan_status tile_blend_begin(tile_blend *blend, const tile_axis *y, const tile_axis *x, int channels,
                            gan_message *message)
{
    *blend = (tile_blend){.y = *y, .x = *x, .channels = channels};
    blend->sums = calloc((size_t)(y->tile * x->length), (size_t)channels * sizeof *blend->sums);
    blend->weight = calloc((size_t)x->tile, sizeof *blend->weight);
    if (blend->sums && blend->weight)
        return GAN_OK;
    tile_blend_end(blend);
    return gan_fail(message, GAN_ERROR_MEMORY, "no memory for tiles of a picture of %" PRId64 "x%" PRId64, x->length,
                    y->length);
}

void tile_blend_add(tile_blend *blend, int64_t column, const float *values)
{
    const tile_axis *y = &blend->y, *x = &blend->x;
    int64_t left = tile_axis_start(x, column) - x->before; /* of the tile, in the picture */
    int64_t begin = larger(-left, 0), end = smaller(x->tile, x->length - left);
    for (int64_t j = 0; j < x->tile; j++)
        blend->weight[j] = tile_axis_weight(x, column, j);
    for (int64_t i = 0; i < y->tile; i++) {
        float down = tile_axis_weight(y, blend->row, i);
        const float *from = values + (i * x->tile + begin) * blend->channels;
        float *to = blend->sums + (i * x->length + left + begin) * blend->channels;
        for (int64_t j = begin; j < end; j++) {
            float weight = down * blend->weight[j];
            for (int c = 0; c < blend->channels; c++)
                *to++ += weight * *from++;
        }
    }
}

/* Rows of the sums that are done once this row of tiles is in: those above the next row of tiles. */
static int64_t rows_done(const tile_blend *blend)
{
    int64_t start = tile_axis_start(&blend->y, blend->row);
    return blend->row + 1 < blend->y.n ? tile_axis_start(&blend->y, blend->row + 1) - start : blend->y.tile;
}

const float *tile_blend_rows(const tile_blend *blend, int64_t *first, int64_t *n)
{
    const tile_axis *y = &blend->y;
    int64_t start = tile_axis_start(y, blend->row) - y->before; /* of the sums, in the picture */
    int64_t begin = larger(-start, 0), end = smaller(rows_done(blend), y->length - start);
    *first = start + begin;
    *n = larger(end - begin, 0);
    return blend->sums + begin * blend->x.length * blend->channels;
}

void tile_blend_next(tile_blend *blend)
{
    int64_t done = rows_done(blend), kept = blend->y.tile - done, values = blend->x.length * blend->channels;
    memmove(blend->sums, blend->sums + done * values, (size_t)(kept * values) * sizeof *blend->sums);
    memset(blend->sums + kept * values, 0, (size_t)(done * values) * sizeof *blend->sums);
    blend->row++;
}

void tile_blend_end(tile_blend *blend)
{
    free(blend->sums);
    free(blend->weight);
    *blend = (tile_blend){0};
}
