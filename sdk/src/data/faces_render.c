/*
 * faces_render.c - a scene of faces.h to a drawing: background, body, head and features, the lowest first. In colour
 * the shapes are flat; as a sketch the same shapes are paper with pencil outlines, so that each hides what is behind
 * it.
 */
#include "data/faces.h"

/* ---- places ---- */

static gan__point to_scene(const gan__face *f, float x, float y)
{
    return (gan__point){f->x + f->scale * x, f->y + 0.04f + f->scale * y};
}

gan__point gan__on_head(const gan__face *f, float x, float y, float depth)
{
    /* The front is a flat dome, which turns: its points move, its border stays. */
    float u = x / 0.8f, front = (u * u < 1 ? 1 - u * u : 0) * (y * y < 1 ? 1 - y * y : 0);
    x = f->head_width * (x + f->turn * (0.8f * front + depth));
    y += f->nod * (front + depth);
    float t = f->tilt, scale = 1 / (1 + t * t), cosine = scale * (1 - t * t), sine = scale * 2 * t, pivot = 0.8f;
    return to_scene(f, cosine * x - sine * (y - pivot), sine * x + cosine * (y - pivot) + pivot);
}

gan__path gan__shape_on_head(const gan__face *f, const float (*points)[3], int n, bool mirrored)
{
    gan__path path = {.closed = true};
    for (int i = 0; i < n; i++)
        gan__path_add(&path, gan__on_head(f, mirrored ? -points[i][0] : points[i][0], points[i][1], 0),
                      points[i][2] != 0);
    return path;
}

gan__path gan__halves_on_head(const gan__face *f, const float (*points)[3], int n)
{
    gan__path path = gan__shape_on_head(f, points, n, false);
    for (int i = n - 2; i > 0; i--)
        gan__path_add(&path, gan__on_head(f, -points[i][0], points[i][1], 0), points[i][2] != 0);
    return path;
}

#define ARC 12 /* points of an ellipse */
static const float arc[ARC][2] = {
    {1, 0},  {0.8660254f, 0.5f},   {0.5f, 0.8660254f},   {0, 1},  {-0.5f, 0.8660254f}, {-0.8660254f, 0.5f},
    {-1, 0}, {-0.8660254f, -0.5f}, {-0.5f, -0.8660254f}, {0, -1}, {0.5f, -0.8660254f}, {0.8660254f, -0.5f}};

gan__path gan__ellipse_on_head(const gan__face *f, float x, float y, float width, float height)
{
    gan__path path = {.closed = true};
    for (int i = 0; i < ARC; i++)
        gan__path_add(&path, gan__on_head(f, x + width * arc[i][0], y + height * arc[i][1], 0), false);
    return path;
}

/* Through points of the scene itself, such as those of the background; or of the body, which does not turn. */
static gan__path ellipse_in_scene(float x, float y, float width, float height)
{
    gan__path path = {.closed = true};
    for (int i = 0; i < ARC; i++)
        gan__path_add(&path, (gan__point){x + width * arc[i][0], y + height * arc[i][1]}, false);
    return path;
}

static gan__path halves_on_body(const gan__face *f, const float (*points)[3], int n)
{
    gan__path path = {.closed = true};
    for (int i = 0; i < n; i++)
        gan__path_add(&path, to_scene(f, points[i][0], points[i][1]), points[i][2] != 0);
    for (int i = n - 2; i > 0; i--)
        gan__path_add(&path, to_scene(f, -points[i][0], points[i][1]), points[i][2] != 0);
    return path;
}

#define COUNT(table) ((int)(sizeof(table) / sizeof(table)[0]))

/* An open line on the head through (x, y). */
static gan__path line_on_head(const gan__face *f, const float (*points)[2], int n, float depth)
{
    gan__path path = {0};
    for (int i = 0; i < n; i++)
        gan__path_add(&path, gan__on_head(f, points[i][0], points[i][1], depth), false);
    return path;
}

/* ---- colour and pencil ---- */

#define LINE_WIDTH 0.021f /* of the picture's half */

static const gan__colour paper = {250, 250, 250}, tone = {176, 176, 176}, graphite = {66, 66, 66};

static gan__paint flat(gan__colour colour, float opacity, int clip)
{
    return (gan__paint){.top = colour, .bottom = colour, .opacity = opacity, .clip = clip};
}

static void pencil(gan__easel *e, const gan__path *path, float width, float taper, float wobble, float opacity,
                   int clip)
{
    gan__nib nib = {width, taper, wobble, 0.5f, e->face->grain + 16 * e->strokes++};
    gan__drawing_stroke(e->drawing, path, nib, flat(graphite, opacity, clip));
}

typedef struct box {
    gan__point low, high;
} box;

static box box_of(const gan__path *path)
{
    box b = {path->at[0], path->at[0]};
    for (int i = 1; i < path->n; i++) {
        gan__point p = path->at[i];
        b.low = (gan__point){p.x < b.low.x ? p.x : b.low.x, p.y < b.low.y ? p.y : b.low.y};
        b.high = (gan__point){p.x > b.high.x ? p.x : b.high.x, p.y > b.high.y ? p.y : b.high.y};
    }
    return b;
}

/* Twice, as a hand does, not quite in the same place; small things with a finer line. */
static void outline(gan__easel *e, const gan__path *path, int clip)
{
    box b = box_of(path);
    float size = b.high.x - b.low.x + b.high.y - b.low.y, fine = size < 0.5f ? 0.6f + 0.8f * size : 1;
    pencil(e, path, fine * LINE_WIDTH, 0, fine * 0.008f, 0.78f, clip);
    pencil(e, path, 0.55f * fine * LINE_WIDTH, 0.3f, fine * 0.024f, 0.5f, clip);
}

/* Slanting lines over the box of an item, within it. The darker the colour, the closer and the stronger. */
static void hatch(gan__easel *e, const gan__path *path, gan__colour colour, int item)
{
    float luma = (0.299f * colour.r + 0.587f * colour.g + 0.114f * colour.b) / 255;
    box b = box_of(path);
    float slant = 0.6f * (b.high.y - b.low.y), step = 0.04f + 0.06f * luma;
    for (float x = b.low.x - slant + step; x < b.high.x; x += step) {
        gan__path stroke = {.n = 2, .at = {{x + slant, b.low.y}, {x, b.high.y}}};
        pencil(e, &stroke, 0.75f * LINE_WIDTH, 0.3f, 0.012f, 0.2f + 0.5f * (1 - luma), item);
    }
}

int gan__easel_fill(gan__easel *e, const gan__path *path, gan__colour colour, float opacity, int clip, gan__look look)
{
    if (!e->sketch)
        return gan__drawing_fill(e->drawing, path, flat(colour, opacity, clip));
    if (look == GAN__LOOK_NONE)
        return -1;
    if (look == GAN__LOOK_SOLID || look == GAN__LOOK_TONE || look == GAN__LOOK_PAPER) {
        gan__colour grey = look == GAN__LOOK_SOLID ? graphite : look == GAN__LOOK_TONE ? tone : paper;
        return gan__drawing_fill(e->drawing, path, flat(grey, 0.9f, clip));
    }
    int item = gan__drawing_fill(e->drawing, path, flat(paper, 1, clip));
    if (look == GAN__LOOK_HATCH)
        hatch(e, path, colour, item);
    outline(e, path, clip);
    return item;
}

void gan__easel_stroke(gan__easel *e, const gan__path *path, float width, float taper, gan__colour colour, int clip)
{
    width *= e->face->scale;
    gan__nib nib = {.width = width, .taper = taper};
    if (e->sketch)
        pencil(e, path, width < LINE_WIDTH ? LINE_WIDTH : width, taper, 0.006f, 0.8f, clip);
    else
        gan__drawing_stroke(e->drawing, path, nib, flat(colour, 1, clip));
}

/* ---- background and body ---- */

static void draw_background(gan__easel *e)
{
    const gan__face *f = e->face;
    gan__path all = {
        .n = 4, .closed = true, .at = {{-1, -1}, {1, -1}, {1, 1}, {-1, 1}}, .corner = {true, true, true, true}};
    gan__paint paint = flat(e->sketch ? paper : f->back_colour, 1, -1);
    if (f->back == GAN__BACK_GRADIENT && !e->sketch)
        paint.bottom = f->back_second;
    gan__drawing_fill(e->drawing, &all, paint);
    if (f->back == GAN__BACK_DISC) {
        gan__path disc = ellipse_in_scene(0.4f * f->x, 0.02f, 0.84f, 0.84f);
        gan__easel_fill(e, &disc, gan__shade(f->back_second, 1.35f), 1, -1, GAN__LOOK_LINE);
    } else if (f->back == GAN__BACK_HILLS) {
        float side = f->hair_mirrored ? -1 : 1;
        gan__path far = ellipse_in_scene(side * 0.55f, 1.05f, 1.1f, 0.95f),
                  near = ellipse_in_scene(side * -0.6f, 1.1f, 0.95f, 0.7f);
        gan__easel_fill(e, &far, f->back_second, 1, -1, GAN__LOOK_LINE);
        gan__easel_fill(e, &near, gan__shade(f->back_second, 0.86f), 1, -1, GAN__LOOK_LINE);
    }
}

static const float neck[][3] = {{0, 0.5f, 0},    {0.32f, 0.55f, 1}, {0.31f, 1.05f, 0}, {0.46f, 1.22f, 0},
                                {0.6f, 1.3f, 1}, {0.5f, 1.9f, 1},   {0, 1.95f, 0}};
static const float round_shirt[][3] = {{0, 1.46f, 0},    {0.28f, 1.38f, 0}, {0.42f, 1.17f, 1}, {0.95f, 1.34f, 0},
                                       {1.3f, 1.66f, 0}, {1.46f, 2.3f, 0},  {1.5f, 3.4f, 1},   {0, 3.4f, 0}};
static const float v_shirt[][3] = {{0, 1.74f, 1},    {0.44f, 1.16f, 1}, {0.95f, 1.34f, 0}, {1.3f, 1.66f, 0},
                                   {1.46f, 2.3f, 0}, {1.5f, 3.4f, 1},   {0, 3.4f, 0}};
static const float collar[][3] = {{0.02f, 1.5f, 1}, {0.33f, 1.1f, 1}, {0.56f, 1.22f, 1}, {0.36f, 1.72f, 1}};

static void draw_collar(gan__easel *e)
{
    const gan__face *f = e->face;
    for (int side = -1; side <= 1; side += 2) {
        gan__path p = {.closed = true};
        for (int i = 0; i < COUNT(collar); i++)
            gan__path_add(&p, to_scene(f, (float)side * collar[i][0], collar[i][1]), true);
        gan__easel_fill(e, &p, f->shirt_second, 1, -1, GAN__LOOK_LINE);
    }
}

static void draw_body(gan__easel *e)
{
    const gan__face *f = e->face;
    gan__path p = halves_on_body(f, neck, COUNT(neck));
    int skin = gan__easel_fill(e, &p, f->skin, 1, -1, GAN__LOOK_LINE);
    p = gan__ellipse_on_head(f, 0, 0.66f, 0.62f, 0.56f); /* the shadow of the chin */
    gan__easel_fill(e, &p, gan__shade(f->skin, 0.82f), 1, skin, GAN__LOOK_NONE);
    bool v = f->shirt == GAN__SHIRT_V || f->shirt == GAN__SHIRT_COLLAR;
    p = v ? halves_on_body(f, v_shirt, COUNT(v_shirt)) : halves_on_body(f, round_shirt, COUNT(round_shirt));
    int shirt = gan__easel_fill(e, &p, f->shirt_colour, 1, -1, GAN__LOOK_LINE);
    if (f->shirt == GAN__SHIRT_COLLAR)
        draw_collar(e);
    if (f->shirt == GAN__SHIRT_STRIPES)
        for (int i = 0; i < 6; i++) {
            float y = 1.3f + 0.2f * (float)i;
            gan__path stripe = {0};
            gan__path_add(&stripe, to_scene(f, -1.6f, y + 0.1f), false);
            gan__path_add(&stripe, to_scene(f, 0, y), false);
            gan__path_add(&stripe, to_scene(f, 1.6f, y + 0.1f), false);
            gan__easel_stroke(e, &stripe, 0.085f, 0, f->shirt_second, shirt);
        }
    else if (f->shirt == GAN__SHIRT_ROUND) { /* its seam */
        gan__path seam = {0};
        for (int i = 2; i >= -2; i--) {
            int k = 2 - (i < 0 ? -i : i);
            static const float at[3][2] = {{0.42f, 1.17f}, {0.28f, 1.38f}, {0, 1.46f}};
            gan__path_add(&seam, to_scene(f, i < 0 ? -at[k][0] : at[k][0], at[k][1]), false);
        }
        gan__easel_stroke(e, &seam, 0.07f, 0, gan__shade(f->shirt_colour, 0.82f), -1);
    }
}

/* ---- head ---- */

static void draw_ears(gan__easel *e)
{
    const gan__face *f = e->face;
    for (int side = -1; side <= 1; side += 2) {
        float x = (float)side * 0.83f - 0.28f * f->turn; /* they lie behind the axis of turning */
        gan__path p = gan__ellipse_on_head(f, x, 0.08f, 0.15f, 0.22f);
        gan__easel_fill(e, &p, f->skin, 1, -1, GAN__LOOK_LINE);
        p = gan__ellipse_on_head(f, x + 0.02f * (float)side, 0.08f, 0.08f, 0.13f);
        gan__easel_fill(e, &p, gan__shade(f->skin, 0.84f), 1, -1, GAN__LOOK_NONE);
        if (!f->earrings)
            continue;
        p = gan__ellipse_on_head(f, x + 0.02f * (float)side, 0.36f, 0.065f, 0.065f);
        gan__easel_fill(e, &p, (gan__colour){246, 200, 78}, 1, -1, GAN__LOOK_LINE);
    }
}

static int draw_skull(gan__easel *e)
{
    const gan__face *f = e->face;
    float j = f->jaw;
    float half[][3] = {{0, -1, 0},
                       {0.42f, -0.92f, 0},
                       {0.7f, -0.62f, 0},
                       {0.8f, -0.15f, 0},
                       {0.77f, 0.28f, 0},
                       {0.6f + 0.06f * j, 0.66f, 0},
                       {0.3f + 0.07f * j, 0.92f, 0},
                       {0, 1, 0}};
    gan__path p = gan__halves_on_head(f, (const float(*)[3])half, COUNT(half));
    int head = gan__easel_fill(e, &p, f->skin, 1, -1, GAN__LOOK_LINE);
    /* Light comes from one side: the other is in shade, by a head beside the head. */
    if (!e->sketch) {
        gan__path shade = {.closed = true};
        float way = f->lit_from_right ? -1 : 1;
        static const float side[][2] = {{0.5f, -1.1f}, {0.66f, -0.4f}, {0.64f, 0.3f}, {0.4f, 0.8f},
                                        {-0.1f, 1.0f}, {0.4f, 1.3f},   {1.2f, 1.1f},  {1.2f, -1.1f}};
        for (int i = 0; i < COUNT(side); i++)
            gan__path_add(&shade, gan__on_head(f, way * (side[i][0] - 0.2f * way * f->turn), side[i][1], 0), false);
        gan__easel_fill(e, &shade, gan__shade(f->skin, 0.9f), 1, head, GAN__LOOK_NONE);
    }
    return head;
}

static void draw_cheeks(gan__easel *e, int head)
{
    const gan__face *f = e->face;
    gan__colour red = {(f->skin.r * 0.6f + 228 * 0.4f), f->skin.g * 0.66f + 90 * 0.34f, f->skin.b * 0.66f + 90 * 0.34f};
    for (int side = -1; side <= 1; side += 2) {
        float x = (float)side * 0.47f;
        for (int ring = 0; ring < 3 && f->blush; ring++) {
            float r = 1.15f - 0.22f * (float)ring;
            gan__path p = gan__ellipse_on_head(f, x, 0.36f, 0.19f * r, 0.13f * r);
            gan__easel_fill(e, &p, red, 0.34f, head, GAN__LOOK_NONE);
        }
        static const float at[5][2] = {{-0.09f, 0.02f}, {0, -0.03f}, {0.09f, 0.01f}, {-0.04f, 0.08f}, {0.06f, 0.09f}};
        for (int i = 0; i < 5 && f->freckles; i++) {
            gan__path p = gan__ellipse_on_head(f, x + at[i][0] * (float)side, 0.28f + at[i][1], 0.021f, 0.021f);
            gan__easel_fill(e, &p, gan__shade(f->skin, 0.66f), 0.8f, head, GAN__LOOK_SOLID);
        }
    }
}

static void draw_beard(gan__easel *e)
{
    static const float full[][3] = {{0, 0.4f, 0},       {0.22f, 0.4f, 0}, {0.46f, 0.5f, 0}, {0.66f, 0.3f, 0},
                                    {0.74f, -0.06f, 1}, {0.86f, 0.1f, 0}, {0.84f, 0.5f, 0}, {0.66f, 0.86f, 0},
                                    {0.34f, 1.1f, 0},   {0, 1.16f, 0}};
    static const float moustache[][3] = {{0, 0.36f, 1},     {0.16f, 0.34f, 0}, {0.36f, 0.46f, 0},
                                         {0.42f, 0.52f, 1}, {0.2f, 0.5f, 0},   {0, 0.45f, 1}};
    static const float goatee[][3] = {
        {0, 0.72f, 0}, {0.2f, 0.74f, 0}, {0.26f, 0.94f, 0}, {0.12f, 1.1f, 0}, {0, 1.14f, 0}};
    const gan__face *f = e->face;
    gan__path p;
    switch (f->beard) {
    case GAN__BEARD_FULL:
        p = gan__halves_on_head(f, full, COUNT(full));
        break;
    case GAN__BEARD_MOUSTACHE:
        p = gan__halves_on_head(f, moustache, COUNT(moustache));
        break;
    case GAN__BEARD_GOATEE:
        p = gan__halves_on_head(f, goatee, COUNT(goatee));
        break;
    default:
        return;
    }
    gan__easel_fill(e, &p, gan__shade(f->hair_colour, 0.92f), 1, -1, GAN__LOOK_HATCH);
}

/* ---- features ---- */

static void draw_nose(gan__easel *e)
{
    const gan__face *f = e->face;
    float s = f->nose_size;
    gan__colour shade = gan__shade(f->skin, 0.76f);
    if (f->nose == GAN__NOSE_BUTTON) {
        gan__path p = {.closed = true};
        for (int i = 0; i < ARC; i++)
            gan__path_add(&p, gan__on_head(f, 0.13f * s * arc[i][0], 0.24f + 0.095f * s * arc[i][1], 0.12f), false);
        gan__easel_fill(e, &p, gan__shade(f->skin, 0.84f), 1, -1, GAN__LOOK_LINE);
        return;
    }
    float way = f->turn < 0 ? -1 : 1; /* seen from the side that it points away from */
    const float curve[][2] = {
        {-0.1f * s, 0.22f}, {-0.05f * s, 0.28f + 0.02f * s}, {0.05f * s, 0.28f + 0.02f * s}, {0.1f * s, 0.22f}};
    const float ridge[][2] = {{way * 0.03f, -0.06f},
                              {way * 0.09f * s, 0.12f},
                              {way * 0.13f * s, 0.24f},
                              {way * 0.02f, 0.29f},
                              {-way * 0.06f, 0.27f}};
    bool is_long = f->nose == GAN__NOSE_LONG;
    gan__path p = is_long ? line_on_head(f, ridge, 5, 0.12f) : line_on_head(f, curve, 4, 0.12f);
    gan__easel_stroke(e, &p, 0.05f, 0.3f, shade, -1);
}

typedef struct eye {
    float x, y, width, height, side;
} eye;

static gan__path eye_shape(const gan__face *f, const eye *at)
{
    if (f->eyes != GAN__EYES_ALMOND)
        return gan__ellipse_on_head(f, at->x, at->y, at->width, at->height);
    static const float almond[][3] = {{-1.1f, 0.25f, 1}, {-0.55f, -0.62f, 0}, {0.1f, -0.95f, 0}, {0.75f, -0.65f, 0},
                                      {1.2f, -0.2f, 1},  {0.7f, 0.6f, 0},     {0, 0.85f, 0},     {-0.6f, 0.68f, 0}};
    float table[COUNT(almond)][3];
    for (int i = 0; i < COUNT(almond); i++) {
        table[i][0] = at->x + at->side * at->width * almond[i][0];
        table[i][1] = at->y + at->height * almond[i][1], table[i][2] = almond[i][2];
    }
    return gan__shape_on_head(f, (const float(*)[3])table, COUNT(almond), false);
}

/* The upper lid's edge, `up` heights above the middle of the eye, and lashes at its outer end. */
static void draw_lid(gan__easel *e, const eye *at, float up, float bend)
{
    const gan__face *f = e->face;
    float w = at->width, h = at->height, side = at->side;
    const float lid[][2] = {{at->x - side * 1.04f * w, at->y - h * (up - 0.95f * bend)},
                            {at->x - side * 0.55f * w, at->y - h * (up - 0.2f * bend)},
                            {at->x, at->y - h * up},
                            {at->x + side * 0.62f * w, at->y - h * (up - 0.22f * bend)},
                            {at->x + side * 1.22f * w, at->y - h * (up - 0.78f * bend)}};
    gan__path p = line_on_head(f, lid, 5, 0);
    gan__easel_stroke(e, &p, 0.055f, 0.35f, (gan__colour){48, 36, 40}, -1);
}

static void draw_eye(gan__easel *e, const eye *at)
{
    const gan__face *f = e->face;
    const gan__colour white = {253, 253, 251}, black = {34, 28, 32};
    float r = 0.62f * at->height < 0.66f * at->width ? 0.62f * at->height : 0.66f * at->width;
    float x = at->x + 0.36f * at->width * f->gaze_x, y = at->y + 0.26f * at->height * f->gaze_y;
    gan__path p = eye_shape(f, at);
    int ball = gan__easel_fill(e, &p, white, 1, -1, GAN__LOOK_LINE);
    p = gan__ellipse_on_head(f, x, y, r, r);
    gan__easel_fill(e, &p, f->iris, 1, ball, GAN__LOOK_TONE);
    p = gan__ellipse_on_head(f, x, y, 0.58f * r, 0.58f * r);
    gan__easel_fill(e, &p, black, 1, ball, GAN__LOOK_SOLID);
    p = gan__ellipse_on_head(f, x - 0.36f * r, y - 0.4f * r, 0.26f * r, 0.26f * r);
    gan__easel_fill(e, &p, white, 0.95f, ball, GAN__LOOK_PAPER);
    if (f->eyes == GAN__EYES_SLEEPY) {
        float low = at->y - 0.12f * at->height, w = 1.3f * at->width, top = at->y - 1.3f * at->height;
        const float lid[][3] = {{at->x - w, top, 1},
                                {at->x + w, top, 1},
                                {at->x + w, low, 1},
                                {at->x, low - 0.04f, 0},
                                {at->x - w, low, 1}};
        p = gan__shape_on_head(f, lid, COUNT(lid), false);
        gan__easel_fill(e, &p, gan__shade(f->skin, 0.86f), 1, ball, GAN__LOOK_LINE);
        draw_lid(e, at, 0.22f, 0.15f);
    } else {
        draw_lid(e, at, f->eyes == GAN__EYES_ALMOND ? 0.95f : 1.0f, 1);
    }
}

static void draw_eyes(gan__easel *e)
{
    const gan__face *f = e->face;
    const gan__colour dark = {48, 36, 40};
    static const float widths[] = {0.17f, 0.185f, 0.18f}, heights[] = {0.2f, 0.15f, 0.185f};
    for (int side = -1; side <= 1; side += 2) {
        eye at = {.x = (float)side * (0.35f + f->eye_spacing), .y = 0.0f + f->eye_height, .side = (float)side};
        if (f->eyes == GAN__EYES_DOTS) {
            float s = f->eye_size;
            gan__path p =
                gan__ellipse_on_head(f, at.x + 0.05f * f->gaze_x, at.y + 0.03f * f->gaze_y, 0.085f * s, 0.12f * s);
            gan__easel_fill(e, &p, dark, 1, -1, GAN__LOOK_SOLID);
            p = gan__ellipse_on_head(f, at.x + 0.05f * f->gaze_x - 0.025f, at.y + 0.03f * f->gaze_y - 0.045f * s,
                                     0.028f, 0.032f);
            gan__easel_fill(e, &p, (gan__colour){255, 255, 255}, 0.95f, -1, GAN__LOOK_PAPER);
        } else if (f->eyes == GAN__EYES_HAPPY) {
            float w = 0.17f * f->eye_size, h = 0.14f * f->eye_size;
            const float smile[][2] = {{at.x - w, at.y + 0.4f * h},
                                      {at.x - 0.6f * w, at.y - 0.4f * h},
                                      {at.x, at.y - 0.7f * h},
                                      {at.x + 0.6f * w, at.y - 0.4f * h},
                                      {at.x + w, at.y + 0.4f * h}};
            gan__path p = line_on_head(f, smile, 5, 0);
            gan__easel_stroke(e, &p, 0.075f, 0.3f, dark, -1);
        } else {
            at.width = widths[f->eyes] * f->eye_size, at.height = heights[f->eyes] * f->eye_size;
            draw_eye(e, &at);
        }
    }
}

static void draw_brows(gan__easel *e)
{
    const gan__face *f = e->face;
    gan__colour colour = gan__shade(f->hair_colour, 0.72f);
    float lift = 0.07f * f->brow_height, tilt = 0.07f * f->brow_tilt;
    for (int side = -1; side <= 1; side += 2) {
        float s = (float)side, x = s * (0.36f + f->eye_spacing), y = -0.29f - lift + f->eye_height;
        const float brow[][2] = {{x - s * 0.19f, y + tilt + 0.02f}, {x, y - 0.05f}, {x + s * 0.2f, y - tilt + 0.04f}};
        gan__path p = line_on_head(f, brow, 3, 0);
        gan__easel_stroke(e, &p, 0.05f + 0.055f * f->brow_width, 0.5f, colour, -1);
    }
}

/* The lower side of a mouth hangs by `open` below its corners' line, which a smile lifts. */
static gan__path mouth_shape(const gan__face *f, float w, float y, float lift, float open)
{
    const float shape[][3] = {{-w, y - lift, 1},        {-0.5f * w, y - 0.15f * lift, 0},
                              {0, y + 0.05f * lift, 0}, {0.5f * w, y - 0.15f * lift, 0},
                              {w, y - lift, 1},         {0.62f * w, y + 0.62f * open, 0},
                              {0, y + open, 0},         {-0.62f * w, y + 0.62f * open, 0}};
    return gan__shape_on_head(f, shape, COUNT(shape), false);
}

static void stroke_mouth(gan__easel *e, float w, float y, float lift, gan__colour colour, float width)
{
    const float mouth[][2] = {
        {-w, y - lift}, {-0.5f * w, y + 0.3f * lift}, {0, y + 0.6f * lift}, {0.5f * w, y + 0.3f * lift}, {w, y - lift}};
    gan__path p = line_on_head(e->face, mouth, 5, 0);
    gan__easel_stroke(e, &p, width, 0.4f, colour, -1);
}

static void draw_mouth(gan__easel *e)
{
    const gan__face *f = e->face;
    const gan__colour inside = {112, 32, 42}, teeth = {254, 252, 246}, tongue = {226, 104, 108};
    float y = 0.56f, w = 0.27f * f->mouth_width, lift = 0.1f * f->smile, happy = f->smile > 0 ? f->smile : 0;
    gan__colour line = gan__shade(f->skin, 0.5f);
    gan__path p;
    int mouth;
    switch (f->mouth) {
    case GAN__MOUTH_GRIN:
        p = mouth_shape(f, 1.1f * w, y - 0.02f, 0.04f + 0.06f * happy, 0.11f + 0.09f * f->openness);
        gan__easel_fill(e, &p, teeth, 1, -1, GAN__LOOK_LINE);
        gan__easel_stroke(e, &p, 0.035f, 0, gan__shade(inside, 1.1f), -1);
        break;
    case GAN__MOUTH_OPEN:
        p = mouth_shape(f, w, y - 0.02f, 0.03f + 0.08f * happy, 0.16f + 0.16f * f->openness);
        mouth = gan__easel_fill(e, &p, inside, 1, -1, GAN__LOOK_LINE);
        p = gan__ellipse_on_head(f, 0, y + 0.2f + 0.13f * f->openness, 0.6f * w, 0.12f);
        gan__easel_fill(e, &p, tongue, 1, mouth, GAN__LOOK_LINE);
        p = gan__ellipse_on_head(f, 0, y - 0.07f, 0.72f * w, 0.105f);
        gan__easel_fill(e, &p, teeth, 1, mouth, GAN__LOOK_LINE);
        break;
    case GAN__MOUTH_LIPS:
        p = mouth_shape(f, 0.86f * w, y + 0.01f, 0.02f + 0.6f * lift, 0.1f + 0.05f * f->openness);
        gan__easel_fill(e, &p, f->lips, 1, -1, GAN__LOOK_LINE);
        p = mouth_shape(f, 0.8f * w, y + 0.02f, 0.02f + 0.6f * lift, -0.07f);
        gan__easel_fill(e, &p, gan__shade(f->lips, 0.86f), 1, -1, GAN__LOOK_LINE);
        break;
    case GAN__MOUTH_SMALL_O:
        p = gan__ellipse_on_head(f, 0, y + 0.02f, 0.42f * w, 0.07f + 0.06f * f->openness);
        gan__easel_fill(e, &p, inside, 1, -1, GAN__LOOK_LINE);
        break;
    default:
        stroke_mouth(e, w, y, lift, line, 0.055f);
    }
}

static void draw_glasses(gan__easel *e)
{
    const gan__face *f = e->face;
    if (f->glasses == GAN__GLASSES_NONE)
        return;
    bool dark = f->glasses == GAN__GLASSES_DARK;
    gan__colour frame = dark ? (gan__colour){40, 38, 46} : f->accent,
                glass = dark ? (gan__colour){52, 50, 62} : (gan__colour){255, 255, 255};
    float y = f->eye_height + 0.02f, x = 0.36f + f->eye_spacing;
    for (int side = -1; side <= 1; side += 2) {
        float s = (float)side;
        const float square[][3] = {{s * (x - 0.27f), y - 0.19f, 0}, {s * x, y - 0.22f, 0},
                                   {s * (x + 0.28f), y - 0.2f, 0},  {s * (x + 0.29f), y, 0},
                                   {s * (x + 0.24f), y + 0.19f, 0}, {s * x, y + 0.23f, 0},
                                   {s * (x - 0.24f), y + 0.18f, 0}, {s * (x - 0.28f), y, 0}};
        gan__path p = f->glasses == GAN__GLASSES_ROUND ? gan__ellipse_on_head(f, s * x, y, 0.27f, 0.27f)
                                                       : gan__shape_on_head(f, square, COUNT(square), false);
        if (!e->sketch || dark)
            gan__easel_fill(e, &p, glass, dark ? 0.93f : 0.16f, -1, GAN__LOOK_SOLID);
        gan__easel_stroke(e, &p, 0.06f, 0, frame, -1);
        const float temple[][2] = {{s * (x + 0.27f), y - 0.05f}, {s * 0.8f, y - 0.08f}};
        p = line_on_head(f, temple, 2, 0);
        gan__easel_stroke(e, &p, 0.05f, 0, frame, -1);
    }
    const float bridge[][2] = {{-(x - 0.27f), y - 0.02f}, {0, y - 0.07f}, {x - 0.27f, y - 0.02f}};
    gan__path p = line_on_head(f, bridge, 3, 0);
    gan__easel_stroke(e, &p, 0.055f, 0, frame, -1);
}

void gan__face_render(const gan__face *face, bool sketch, int side, gan__drawing *out)
{
    gan__easel easel = {.face = face, .drawing = out, .sketch = sketch};
    gan__drawing_begin(out, side);
    draw_background(&easel);
    gan__hair_behind(&easel);
    draw_body(&easel);
    draw_ears(&easel);
    int head = draw_skull(&easel);
    draw_cheeks(&easel, head);
    draw_beard(&easel);
    draw_nose(&easel);
    draw_mouth(&easel);
    draw_eyes(&easel);
    draw_brows(&easel);
    gan__hair_before(&easel);
    draw_glasses(&easel);
}
