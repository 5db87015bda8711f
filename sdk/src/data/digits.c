/*
 * digits.c - builtin:digits: the digits 0-9 as a hand with a pen might write them, in the layout of MNIST (28x28,
 * white on black, the digit in a box of about 20x20 in the middle). A sample depends only on the seed and its index,
 * and uses no library mathematics beyond the square root, whose result IEEE 754 fixes.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/draws.h"
#include "data/paint.h"
#include "data/source.h"

#define SIDE        28
#define BOX         20.0f /* pixels: MNIST's box for the longer side of a digit */
#define MAX_POINTS  12    /* of a stroke */
#define MAX_STROKES 4
#define PIECES      4  /* straight pieces between two points of a stroke */
#define BLOCKS      32 /* Philox blocks set apart for a sample */

_Static_assert(4 * BLOCKS >= 2 * MAX_STROKES * MAX_POINTS + 16, "samples do not share random numbers");

/* Each digit in two hands: points "x y" in hundredths of a box one high, y down, joined by smooth curves (Catmull-Rom
 * splines); "/" lifts the pen or makes a corner. Points that are equal get equal jitter, so corners stay joined. */
#define FORMS 2
static const char *const form_text[10][FORMS] = {
    {"56 2, 30 6, 12 32, 9 62, 22 92, 46 100, 72 88, 84 58, 80 26, 66 6, 46 2",
     "70 10, 48 0, 26 14, 14 46, 16 80, 36 100, 60 92, 76 64, 80 34, 68 8, 50 4"},
    {"52 0, 50 50, 48 100", "28 22, 42 14, 54 0 / 54 0, 53 50, 52 100"},
    {"14 26, 28 6, 54 0, 78 16, 72 44, 44 74, 10 98 / 10 98, 48 96, 90 98",
     "16 20, 38 2, 68 6, 78 28, 62 60, 34 90, 14 96, 10 84, 26 78, 54 94, 92 92"},
    {"14 16, 36 1, 68 6, 74 26, 58 42, 36 48 / 36 48, 66 52, 82 72, 66 94, 36 100, 10 88",
     "16 3, 46 3, 80 2 / 80 2, 60 22, 42 40 / 42 40, 72 46, 84 70, 68 94, 38 100, 12 92"},
    {"22 2, 16 32, 10 56 / 10 56, 48 55, 90 52 / 70 6, 67 52, 64 100",
     "62 0, 34 34, 6 66 / 6 66, 50 66, 94 64 / 62 0, 62 50, 62 100"},
    {"84 2, 54 2, 26 3 / 26 3, 22 22, 18 44 / 18 44, 42 37, 70 44, 84 66, 72 90, 42 100, 10 92",
     "88 2, 56 2, 30 10, 26 30, 48 44, 72 58, 74 82, 46 100, 10 94"},
    {"72 2, 44 14, 20 44, 14 76, 34 99, 66 96, 82 74, 60 54, 20 68",
     "46 0, 28 26, 16 58, 20 88, 44 100, 70 92, 74 70, 52 60, 22 78"},
    {"10 6, 46 3, 86 2 / 86 2, 66 34, 50 66, 42 100",
     "8 4, 46 6, 88 2 / 88 2, 64 36, 46 68, 36 100 / 30 50, 52 48, 76 46"},
    {"78 14, 54 0, 26 10, 28 32, 54 48, 78 70, 70 94, 42 100, 20 84, 34 60, 62 40, 80 16",
     "52 1, 28 12, 30 36, 52 46, 74 34, 74 12, 50 1 / 52 46, 22 62, 20 88, 50 100, 80 88, 80 62, 52 46"},
    {"80 22, 60 2, 30 6, 14 28, 28 50, 60 46, 80 22 / 80 22, 76 60, 68 100",
     "74 12, 48 0, 20 14, 22 42, 48 50, 74 34, 80 12, 82 46, 72 80, 46 100, 18 94"},
};

typedef struct stroke {
    int n;
    gan__point at[MAX_POINTS];
} stroke;

typedef struct form {
    int n;
    stroke strokes[MAX_STROKES];
} form;

/* The texts above, read once when the source is opened. */
typedef struct digits {
    form forms[10][FORMS];
} digits;

static void read_form(const char *text, form *out)
{
    out->n = 1;
    while (*text) {
        stroke *s = &out->strokes[out->n - 1];
        char *end;
        float x = (float)strtol(text, &end, 10) / 100, y = (float)strtol(end, &end, 10) / 100;
        s->at[s->n++] = (gan__point){x, y};
        text = end + strspn(end, ", ");
        if (*text == '/') {
            out->n++;
            text++;
        }
    }
}

/* ---- random numbers of one sample ---- */

/* About normal: the mean of the four bytes of a word, within three standard deviations and a half. */
static float draw_bell(gan__draws *d, float sigma)
{
    uint32_t w = gan__draw_word(d);
    float sum = (float)(int)((w & 255) + (w >> 8 & 255) + (w >> 16 & 255) + (w >> 24));
    return (sum - 510.0f) * (sigma / 147.8f);
}

/* ---- writing ---- */

typedef struct path {
    int n;
    gan__point from[MAX_STROKES * MAX_POINTS * PIECES], to[MAX_STROKES * MAX_POINTS * PIECES];
    gan__point low, high; /* corners of the box around it */
} path;

static void add_stroke(path *out, const gan__point *p, int n)
{
    gan__point last = p[0];
    for (int i = 0; i + 1 < n; i++)
        for (int k = 1; k <= PIECES; k++) {
            gan__point next = k == PIECES ? p[i + 1]
                                          : gan__catmull_rom(p[i > 0 ? i - 1 : 0], p[i], p[i + 1],
                                                             p[i + 2 < n ? i + 2 : n - 1], (float)k / PIECES);
            out->from[out->n] = last;
            out->to[out->n++] = next;
            last = next;
        }
}

/* Move the middle of the ink to the origin, as MNIST does with the centre of mass of its pixels, and find the box. */
static void centre(path *p)
{
    float x = 0, y = 0, total = 0;
    p->low = p->high = (gan__point){0, 0}; /* the middle is inside */
    for (int i = 0; i < p->n; i++) {
        float dx = p->to[i].x - p->from[i].x, dy = p->to[i].y - p->from[i].y, length = sqrtf(dx * dx + dy * dy);
        x += 0.5f * length * (p->to[i].x + p->from[i].x), y += 0.5f * length * (p->to[i].y + p->from[i].y);
        total += length;
    }
    x /= total, y /= total;
    for (int i = 0; i < p->n; i++) {
        p->from[i] = (gan__point){p->from[i].x - x, p->from[i].y - y};
        p->to[i] = (gan__point){p->to[i].x - x, p->to[i].y - y};
        p->low.x = gan__lesser(p->low.x, gan__lesser(p->from[i].x, p->to[i].x));
        p->low.y = gan__lesser(p->low.y, gan__lesser(p->from[i].y, p->to[i].y));
        p->high.x = gan__greater(p->high.x, gan__greater(p->from[i].x, p->to[i].x));
        p->high.y = gan__greater(p->high.y, gan__greater(p->from[i].y, p->to[i].y));
    }
}

/* Slant, turn, stretch and wobble a form; the result is centred on the origin, its longer side about 1. */
static void write_form(path *out, const form *f, gan__draws *d)
{
    float t = draw_bell(d, 0.045f); /* tan of half the angle: +-5 degrees */
    float cosine = (1 - t * t) / (1 + t * t), sine = 2 * t / (1 + t * t);
    float slant = 0.10f + draw_bell(d, 0.14f), stretch = 1.0f + draw_bell(d, 0.10f);
    float wobble = gan__draw_range(d, 0.010f, 0.032f);
    gan__point moved[MAX_STROKES][MAX_POINTS];
    float low_x = 1e9f, low_y = 1e9f, high_x = -1e9f, high_y = -1e9f;
    for (int s = 0; s < f->n; s++)
        for (int i = 0; i < f->strokes[s].n; i++) {
            gan__point p = f->strokes[s].at[i];
            if (i == 0 && s > 0 && memcmp(&p, &f->strokes[s - 1].at[f->strokes[s - 1].n - 1], sizeof p) == 0) {
                moved[s][0] = moved[s - 1][f->strokes[s - 1].n - 1];
                continue;
            }
            float x = (p.x - 0.5f) * stretch + draw_bell(d, wobble), y = p.y - 0.5f + draw_bell(d, wobble);
            x -= slant * y;
            moved[s][i] = (gan__point){cosine * x - sine * y, sine * x + cosine * y};
            low_x = gan__lesser(low_x, moved[s][i].x), high_x = gan__greater(high_x, moved[s][i].x);
            low_y = gan__lesser(low_y, moved[s][i].y), high_y = gan__greater(high_y, moved[s][i].y);
        }
    float scale = 1.0f / gan__greater(high_x - low_x, high_y - low_y);
    out->n = 0;
    for (int s = 0; s < f->n; s++) {
        for (int i = 0; i < f->strokes[s].n; i++)
            moved[s][i] = (gan__point){moved[s][i].x * scale, moved[s][i].y * scale};
        add_stroke(out, moved[s], f->strokes[s].n);
    }
    centre(out);
}

/* Lower field[y][x] to the squared distance of that pixel from the piece a-b, where it is below reach. */
static void add_piece(float field[SIDE][SIDE], gan__point a, gan__point b, float reach)
{
    int x0 = (int)gan__greater(0, gan__lesser(a.x, b.x) - reach),
        x1 = (int)gan__lesser(SIDE - 1, gan__greater(a.x, b.x) + reach + 1);
    int y0 = (int)gan__greater(0, gan__lesser(a.y, b.y) - reach),
        y1 = (int)gan__lesser(SIDE - 1, gan__greater(a.y, b.y) + reach + 1);
    float dx = b.x - a.x, dy = b.y - a.y, length = dx * dx + dy * dy;
    float along = length > 0 ? 1 / length : 0;
    for (int y = y0; y <= y1; y++)
        for (int x = x0; x <= x1; x++) {
            float px = (float)x - a.x, py = (float)y - a.y;
            float t = gan__lesser(1, gan__greater(0, (px * dx + py * dy) * along));
            float ex = px - t * dx, ey = py - t * dy, distance = ex * ex + ey * ey;
            field[y][x] = gan__lesser(field[y][x], distance);
        }
}

/* Where the origin goes along one side, so that all ink stays off the border. */
static float keep_inside(float at, float low, float high, float reach)
{
    return gan__greater(reach - low, gan__lesser(SIDE - 1 - reach - high, at));
}

static void ink(const path *p, gan__draws *d, uint8_t *pixels, size_t stride)
{
    float size = BOX * gan__draw_range(d, 0.92f, 1.04f);
    float x = 0.5f * (SIDE - 1) + draw_bell(d, 0.6f), y = 0.5f * (SIDE - 1) + draw_bell(d, 0.6f);
    float half = 0.5f * gan__draw_range(d, 1.7f, 3.3f),
          soft = gan__draw_range(d, 1.1f, 1.7f); /* pen width; edge, pixels */
    float full = gan__draw_range(d, 235, 255), reach = half + soft;
    float field[SIDE][SIDE];
    for (int i = 0; i < SIDE * SIDE; i++)
        (&field[0][0])[i] = 1e9f;
    size -= 2 * half; /* the box holds the ink, not only the pen's path */
    x = keep_inside(x, size * p->low.x, size * p->high.x, half + 0.5f * soft);
    y = keep_inside(y, size * p->low.y, size * p->high.y, half + 0.5f * soft);
    for (int i = 0; i < p->n; i++)
        add_piece(field, (gan__point){x + size * p->from[i].x, y + size * p->from[i].y},
                  (gan__point){x + size * p->to[i].x, y + size * p->to[i].y}, reach);
    for (int row = 0; row < SIDE; row++)
        for (int column = 0; column < SIDE; column++) {
            float cover = (half - sqrtf(field[row][column])) / soft + 0.5f;
            pixels[(size_t)row * stride + (size_t)column] =
                (uint8_t)(full * gan__lesser(1, gan__greater(0, cover)) + 0.5f);
        }
}

static gan_status digits_get(const gan_dataset *dataset, int64_t index, uint8_t *pixels, size_t stride, int32_t *label,
                             gan_message *message)
{
    (void)message;
    const digits *all = dataset->state;
    gan__draws d = gan__draws_from(dataset->seed, GAN__STREAM_DIGITS, (uint64_t)index * BLOCKS);
    int digit = gan__int_of_word(gan__draw_word(&d), 10);
    int variant = gan__int_of_word(gan__draw_word(&d), FORMS);
    path p;
    write_form(&p, &all->forms[digit][variant], &d);
    ink(&p, &d, pixels, stride);
    *label = dataset->info.classes > 0 ? digit : -1;
    return GAN_OK;
}

static void digits_close(gan_dataset *dataset)
{
    free(dataset->state);
}

gan_status gan__digits_open(gan_dataset *dataset, const gan_data_options *options, gan_message *message)
{
    digits *state = calloc(1, sizeof *state);
    if (!state)
        return gan_fail(message, GAN_ERROR_MEMORY, "%s: no memory to open it", options->source);
    for (int digit = 0; digit < 10; digit++)
        for (int variant = 0; variant < FORMS; variant++)
            read_form(form_text[digit][variant], &state->forms[digit][variant]);
    dataset->state = state;
    dataset->close = digits_close;
    dataset->get = digits_get;
    dataset->costly = true;
    dataset->info.count = options->builtin_count;
    dataset->info.height = dataset->info.width = SIDE;
    dataset->info.channels = 1;
    dataset->info.classes = options->labels ? 10 : 0;
    dataset->info.scaled = true;
    return GAN_OK;
}
