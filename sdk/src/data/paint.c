/*
 * paint.c - paths to polygons, polygons to coverage. No library mathematics beyond the square root, whose result
 * IEEE 754 fixes, so that pictures are the same everywhere.
 */
#include "data/paint.h"

#include <math.h>
#include <string.h>

#define LINE_POINTS 1024 /* of one flattened path */
#define PIECES      24   /* straight pieces at most between two points of a path */

/* ---- paths ---- */

void gan__path_add(gan__path *path, gan__point at, bool corner)
{
    if (path->n == GAN__PATH_POINTS)
        return;
    path->at[path->n] = at;
    path->corner[path->n++] = corner;
}

typedef struct line {
    int n;
    bool closed;
    gan__point at[LINE_POINTS];
} line;

static float distance(gan__point a, gan__point b)
{
    return sqrtf((a.x - b.x) * (a.x - b.x) + (a.y - b.y) * (a.y - b.y));
}

/* To straight pieces, in pixels. A span of L pixels that turns by 45 degrees and is cut into n pieces is off by about
 * L / (10 n^2) pixels: 0.05 with n = 1.5 sqrt(L). */
static void flatten(const gan__path *path, int side, line *out)
{
    int n = path->n, spans = path->closed ? n : n - 1;
    gan__point p[GAN__PATH_POINTS];
    for (int i = 0; i < n; i++)
        p[i] = (gan__point){0.5f * (float)side * (path->at[i].x + 1), 0.5f * (float)side * (path->at[i].y + 1)};
    out->n = 0;
    out->closed = path->closed;
    for (int i = 0; i < spans; i++) {
        int next = (i + 1) % n;
        bool starts = path->corner[i] || (!path->closed && i == 0);
        bool ends = path->corner[next] || (!path->closed && next == n - 1);
        gan__point before = starts ? p[i] : p[(i + n - 1) % n], after = ends ? p[next] : p[(next + 1) % n];
        int pieces = 1 + (int)(1.5f * sqrtf(distance(p[i], p[next])));
        pieces = pieces < PIECES ? pieces : PIECES;
        for (int k = 0; k < pieces && out->n < LINE_POINTS - 1; k++)
            out->at[out->n++] = gan__catmull_rom(before, p[i], p[next], after, (float)k / (float)pieces);
    }
    if (!path->closed && n > 0)
        out->at[out->n++] = p[n - 1];
}

/* ---- drawings ---- */

void gan__drawing_begin(gan__drawing *drawing, int side)
{
    drawing->side = side;
    drawing->n_items = drawing->n_points = 0;
    drawing->full = false;
}

static void put(gan__drawing *drawing, gan__point p)
{
    if (drawing->n_points < GAN__DRAWING_POINTS)
        drawing->points[drawing->n_points++] = p;
    else
        drawing->full = true;
}

/* The points put since `first` become an item. */
static int add_item(gan__drawing *drawing, int first, gan__paint paint)
{
    if (drawing->full || drawing->n_items == GAN__DRAWING_ITEMS) {
        drawing->full = true;
        return -1;
    }
    gan__item *item = &drawing->items[drawing->n_items];
    *item = (gan__item){.first = first, .n = drawing->n_points - first, .paint = paint};
    item->low = (gan__point){1e9f, 1e9f};
    item->high = (gan__point){-1e9f, -1e9f};
    for (int i = first; i < drawing->n_points; i++) {
        gan__point p = drawing->points[i];
        item->low = (gan__point){gan__lesser(item->low.x, p.x), gan__lesser(item->low.y, p.y)};
        item->high = (gan__point){gan__greater(item->high.x, p.x), gan__greater(item->high.y, p.y)};
    }
    return drawing->n_items++;
}

int gan__drawing_fill(gan__drawing *drawing, const gan__path *path, gan__paint paint)
{
    line l;
    flatten(path, drawing->side, &l);
    int first = drawing->n_points;
    for (int i = 0; i < l.n; i++)
        put(drawing, l.at[i]);
    return add_item(drawing, first, paint);
}

/* ---- strokes ---- */

/* -1 to 1, from a number: the finaliser of MurmurHash3 (A. Appleby). */
static float noise_at(uint32_t grain, int32_t position)
{
    uint32_t h = grain + (uint32_t)position * 0x9E3779B9u;
    h = (h ^ (h >> 16)) * 0x85EBCA6Bu;
    h = (h ^ (h >> 13)) * 0xC2B2AE35u;
    h ^= h >> 16;
    return (float)(int32_t)(h >> 8) * (2.0f / 16777216.0f) - 1.0f;
}

static float smooth_noise(uint32_t grain, float at)
{
    int32_t cell = (int32_t)at;
    float t = at - (float)cell;
    t = t * t * (3 - 2 * t);
    return (1 - t) * noise_at(grain, cell) + t * noise_at(grain, cell + 1);
}

typedef struct rib {
    gan__point left, right, tangent;
    float half;
} rib;

#define WAVE 0.16f /* length of the hand's shaking, in the scene */

/* The stroke's two borders at point i, `along` pixels from its beginning of `length`. */
static rib rib_at(const line *l, int i, float along, float length, const gan__nib *nib, float half_side)
{
    int last = l->n - 1;
    gan__point a = l->at[i > 0 ? i - 1 : l->closed ? last : 0];
    gan__point b = l->at[i < last ? i + 1 : l->closed ? 0 : last];
    float d = gan__greater(distance(a, b), 1e-6f);
    gan__point t = {(b.x - a.x) / d, (b.y - a.y) / d}, p = l->at[i];
    float u = 2 * along / gan__greater(length, 1e-6f) - 1, wave = along / (WAVE * half_side);
    float half = 0.5f * nib->width * half_side * (1 - nib->taper * u * u);
    half *= 1 + nib->pressure * smooth_noise(nib->grain, wave);
    float fade = l->closed ? 1 - u * u * u * u : 1; /* a closed line ends where it began */
    float shift = fade * nib->wobble * half_side * smooth_noise(nib->grain + 1, wave);
    p = (gan__point){p.x - t.y * shift, p.y + t.x * shift};
    return (rib){{p.x - t.y * half, p.y + t.x * half}, {p.x + t.y * half, p.y - t.x * half}, t, half};
}

static void put_cap(gan__drawing *drawing, const rib *r, float forward)
{
    gan__point t = {forward * r->tangent.x, forward * r->tangent.y}, n = {-t.y, t.x};
    gan__point middle = {0.5f * (r->left.x + r->right.x), 0.5f * (r->left.y + r->right.y)};
    static const float turn[7][2] = {{0.966f, 0.259f}, {0.866f, 0.5f},  {0.5f, 0.866f},   {0, 1},
                                     {-0.5f, 0.866f},  {-0.866f, 0.5f}, {-0.966f, 0.259f}};
    for (int k = 0; k < 7; k++) {
        float across = turn[k][0] * r->half, out = turn[k][1] * r->half;
        put(drawing, (gan__point){middle.x + across * n.x + out * t.x, middle.y + across * n.y + out * t.y});
    }
}

int gan__drawing_stroke(gan__drawing *drawing, const gan__path *path, gan__nib nib, gan__paint paint)
{
    line l;
    rib ribs[LINE_POINTS];
    flatten(path, drawing->side, &l);
    float half_side = 0.5f * (float)drawing->side, length = 0, along = 0;
    for (int i = 0; i + (l.closed ? 0 : 1) < l.n; i++)
        length += distance(l.at[i], l.at[(i + 1) % l.n]);
    for (int i = 0; i < l.n; i++) {
        ribs[i] = rib_at(&l, i, along, length, &nib, half_side);
        along += distance(l.at[i], l.at[(i + 1) % l.n]);
    }
    int first = drawing->n_points;
    for (int i = 0; i < l.n; i++)
        put(drawing, ribs[i].left);
    if (l.closed) { /* out along one border, back along the other; the way between is gone both ways and counts 0 */
        put(drawing, ribs[0].left);
        put(drawing, ribs[0].right);
    } else if (l.n > 0) {
        put_cap(drawing, &ribs[l.n - 1], 1);
    }
    for (int i = l.n - 1; i >= 0; i--)
        put(drawing, ribs[i].right);
    if (!l.closed && l.n > 0)
        put_cap(drawing, &ribs[0], -1);
    return add_item(drawing, first, paint);
}

/* ---- coverage ---- */

#define BAND      4096 /* pixels painted at a time */
#define BAND_ROWS 64

typedef struct frame { /* pixels that are looked at, in the picture */
    int x, y, columns, rows;
} frame;

/* What a piece of border that goes down through one row covers: add to `row`, of which the running sum is the coverage.
 * Right of the border, x from `low` to `high` and `height` of the row high (negative going up), all is covered. With
 * G(u) the mean of max(0, u - x) over the piece, pixel k is covered by G(k + 1) - G(k). */
static void add_piece(float *row, float low, float high, float height)
{
    int k = (int)low;
    float middle = 0.5f * (low + high);
    if (high <= (float)(k + 1)) {
        row[k] += height * ((float)(k + 1) - middle);
        row[k + 1] += height * (middle - (float)k);
        return;
    }
    float inverse = 0.5f / (high - low), g = 0, before = 0;
    for (; before < 1 && (float)k < high + 1; k++) {
        float u = (float)(k + 1), next = u >= high ? u - middle : (u - low) * (u - low) * inverse;
        float cover = (float)k >= high ? 1 : next - g;
        row[k] += height * (cover - before);
        before = cover;
        g = next;
    }
}

static void add_edge(float *sums, const frame *f, gan__point a, gan__point b)
{
    float sign = 1, columns = (float)f->columns, rows = (float)f->rows;
    if (a.y > b.y) {
        gan__point swap = a;
        a = b, b = swap, sign = -1;
    }
    a = (gan__point){a.x - (float)f->x, a.y - (float)f->y}, b = (gan__point){b.x - (float)f->x, b.y - (float)f->y};
    if (b.y <= 0 || a.y >= rows || a.y == b.y)
        return;
    float slope = (b.x - a.x) / (b.y - a.y), y = gan__greater(a.y, 0), x = a.x + (y - a.y) * slope;
    float end = gan__lesser(b.y, rows);
    for (int row = (int)y; row < f->rows && y < end; row++) {
        float y_next = gan__lesser((float)(row + 1), end), x_next = x + (y_next - y) * slope;
        float low = gan__lesser(gan__lesser(x, x_next), columns), high = gan__lesser(gan__greater(x, x_next), columns);
        add_piece(sums + row * (f->columns + 2), gan__greater(low, 0), gan__greater(high, 0), sign * (y_next - y));
        y = y_next, x = x_next;
    }
}

/* The share of each pixel of the frame that an item covers, rows columns + 2 apart. */
static void cover_frame(const gan__drawing *drawing, const gan__item *item, const frame *f, float *sums)
{
    memset(sums, 0, sizeof *sums * (size_t)(f->rows * (f->columns + 2)));
    const gan__point *p = drawing->points + item->first;
    for (int i = 0; i < item->n; i++)
        add_edge(sums, f, p[i], p[i + 1 < item->n ? i + 1 : 0]);
    for (int row = 0; row < f->rows; row++) {
        float *at = sums + row * (f->columns + 2), sum = 0;
        for (int x = 0; x < f->columns; x++) {
            sum += at[x];
            at[x] = gan__lesser(1, fabsf(sum));
        }
    }
}

typedef struct band {
    int y, rows, side;
    float r[BAND], g[BAND], b[BAND];
    float cover[BAND + 2 * BAND_ROWS], clip[BAND + 2 * BAND_ROWS];
} band;

static void mix(float *restrict plane, const float *restrict cover, int n, float colour)
{
    for (int x = 0; x < n; x++)
        plane[x] += cover[x] * (colour - plane[x]);
}

/* The part of `f` within an item's box. */
static frame meet(frame f, const gan__item *item)
{
    int x0 = (int)gan__greater((float)f.x, item->low.x), y0 = (int)gan__greater((float)f.y, item->low.y);
    int x1 = (int)gan__lesser((float)(f.x + f.columns), item->high.x + 1);
    int y1 = (int)gan__lesser((float)(f.y + f.rows), item->high.y + 1);
    return (frame){x0, y0, x1 - x0, y1 - y0};
}

static void paint_item(const gan__drawing *drawing, const gan__item *item, band *to)
{
    const gan__paint *paint = &item->paint;
    const gan__item *clip = paint->clip >= 0 ? &drawing->items[paint->clip] : NULL;
    frame f = meet((frame){0, to->y, to->side, to->rows}, item);
    if (clip && f.columns > 0 && f.rows > 0)
        f = meet(f, clip);
    if (f.columns <= 0 || f.rows <= 0)
        return;
    cover_frame(drawing, item, &f, to->cover);
    if (clip)
        cover_frame(drawing, clip, &f, to->clip);
    for (int row = 0; row < f.rows; row++) {
        float *cover = to->cover + row * (f.columns + 2), *within = to->clip + row * (f.columns + 2);
        for (int x = 0; x < f.columns; x++)
            cover[x] *= clip ? paint->opacity * within[x] : paint->opacity;
        float t = ((float)(f.y + row) + 0.5f) / (float)drawing->side;
        int at = (f.y - to->y + row) * to->side + f.x;
        mix(to->r + at, cover, f.columns, paint->top.r + t * (paint->bottom.r - paint->top.r));
        mix(to->g + at, cover, f.columns, paint->top.g + t * (paint->bottom.g - paint->top.g));
        mix(to->b + at, cover, f.columns, paint->top.b + t * (paint->bottom.b - paint->top.b));
    }
}

void gan__drawing_paint(const gan__drawing *drawing, uint8_t *pixels, size_t stride)
{
    band b = {.side = drawing->side, .rows = BAND / drawing->side};
    if (b.rows > drawing->side)
        b.rows = drawing->side;
    for (b.y = 0; b.y < drawing->side; b.y += b.rows) {
        for (int i = 0; i < b.rows * b.side; i++)
            b.r[i] = b.g[i] = b.b[i] = 255;
        for (int i = 0; i < drawing->n_items; i++)
            paint_item(drawing, &drawing->items[i], &b);
        for (int row = 0; row < b.rows; row++) {
            uint8_t *to = pixels + (size_t)(b.y + row) * stride;
            for (int x = 0; x < b.side; x++, to += 3) {
                int i = row * b.side + x;
                to[0] = (uint8_t)(b.r[i] + 0.5f), to[1] = (uint8_t)(b.g[i] + 0.5f), to[2] = (uint8_t)(b.b[i] + 0.5f);
            }
        }
    }
}
