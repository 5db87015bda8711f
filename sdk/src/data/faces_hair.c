/* faces_hair.c - the hair of builtin:faces, as shapes on the head behind the face and before it. */
#include "data/faces.h"

typedef const float (*points)[3]; /* x, y, corner */

/* Halves run from the top of the head down the outer side and back up along the hairline. */
static const float crop[][3] = {{0, -1.13f, 0},    {0.46f, -1.05f, 0}, {0.8f, -0.74f, 0}, {0.87f, -0.3f, 0},
                                {0.84f, 0.02f, 1}, {0.76f, 0, 1},      {0.7f, -0.36f, 0}, {0.58f, -0.54f, 1},
                                {0.34f, -0.6f, 0}, {0, -0.57f, 0}};
static const float fringe[][3] = {{0, -1.15f, 0},    {0.5f, -1.06f, 0}, {0.85f, -0.7f, 0}, {0.94f, -0.1f, 0},
                                  {0.95f, 0.42f, 0}, {0.84f, 0.66f, 1}, {0.7f, 0.42f, 0},  {0.7f, 0, 0},
                                  {0.68f, -0.3f, 1}, {0.52f, -0.2f, 0}, {0.4f, -0.36f, 1}, {0.22f, -0.24f, 0},
                                  {0.1f, -0.4f, 1},  {0, -0.3f, 0}};
static const float fringe_back[][3] = {{0, -1.1f, 0},    {0.6f, -1, 0},    {0.96f, -0.5f, 0}, {1, 0.2f, 0},
                                       {0.98f, 0.7f, 0}, {0.7f, 0.95f, 1}, {0, 0.95f, 0}};
static const float parted[][3] = {{0, -1.12f, 0},   {0.5f, -1.06f, 0},  {0.86f, -0.7f, 0},  {0.96f, 0, 0},
                                  {1, 0.7f, 0},     {1.02f, 1.3f, 0},   {0.84f, 1.5f, 1},   {0.78f, 0.9f, 0},
                                  {0.74f, 0.1f, 0}, {0.62f, -0.34f, 0}, {0.32f, -0.64f, 0}, {0, -0.86f, 1}};
static const float long_back[][3] = {{0, -1.08f, 0},   {0.6f, -1, 0},    {0.96f, -0.5f, 0}, {1.02f, 0.3f, 0},
                                     {1.08f, 1.2f, 0}, {0.9f, 1.62f, 1}, {0, 1.55f, 0}};
static const float curls[][3] = {{0, -1.12f, 0},    {0.5f, -1.08f, 0},  {0.86f, -0.75f, 0}, {0.98f, -0.25f, 0},
                                 {0.93f, 0.08f, 1}, {0.78f, 0.06f, 0},  {0.75f, -0.16f, 1}, {0.6f, -0.2f, 0},
                                 {0.58f, -0.4f, 1}, {0.42f, -0.36f, 0}, {0.36f, -0.54f, 1}, {0.2f, -0.46f, 0},
                                 {0.13f, -0.6f, 1}, {0, -0.5f, 0}};
static const float slick[][3] = {{0, -1.1f, 0},     {0.46f, -1.02f, 0}, {0.79f, -0.7f, 0},  {0.87f, -0.2f, 0},
                                 {0.83f, 0.06f, 1}, {0.76f, -0.16f, 0}, {0.54f, -0.58f, 0}, {0, -0.76f, 0}};
static const float spikes[][3] = {{0, -1.42f, 1},     {0.16f, -1.17f, 1}, {0.42f, -1.36f, 1}, {0.52f, -1.04f, 1},
                                  {0.86f, -1.1f, 1},  {0.8f, -0.76f, 1},  {1.06f, -0.64f, 1}, {0.86f, -0.38f, 1},
                                  {0.96f, -0.1f, 1},  {0.78f, -0.08f, 1}, {0.7f, -0.44f, 1},  {0.54f, -0.28f, 1},
                                  {0.42f, -0.56f, 1}, {0.24f, -0.32f, 1}, {0.12f, -0.6f, 1},  {0, -0.38f, 1}};
static const float side_part[][3] = {{-0.84f, 0.02f, 1}, {-0.9f, -0.4f, 0},   {-0.78f, -0.84f, 0}, {-0.36f, -1.16f, 0},
                                     {0.15f, -1.22f, 0}, {0.62f, -1.06f, 0},  {0.88f, -0.64f, 0},  {0.92f, -0.2f, 0},
                                     {0.85f, 0.1f, 1},   {0.76f, -0.04f, 0},  {0.66f, -0.28f, 0},  {0.3f, -0.42f, 0},
                                     {-0.1f, -0.56f, 0}, {-0.36f, -0.84f, 1}, {-0.54f, -0.62f, 0}, {-0.68f, -0.36f, 0},
                                     {-0.75f, 0, 1}};
static const float quiff[][3] = {{-0.84f, 0, 1},     {-0.88f, -0.5f, 0}, {-0.86f, -0.95f, 0}, {-0.82f, -1.34f, 0},
                                 {-0.4f, -1.56f, 0}, {0.2f, -1.46f, 0},  {0.62f, -1.34f, 1},  {0.84f, -0.85f, 0},
                                 {0.88f, -0.4f, 0},  {0.84f, 0.02f, 1},  {0.76f, -0.06f, 0},  {0.7f, -0.45f, 0},
                                 {0.46f, -0.7f, 0},  {0, -0.64f, 0},     {-0.42f, -0.74f, 0}, {-0.69f, -0.45f, 0},
                                 {-0.75f, -0.06f, 1}};
static const float tail[][3] = {{0.2f, -1.0f, 0},  {0.7f, -1.16f, 0}, {1.16f, -0.86f, 0},
                                {1.34f, -0.2f, 0}, {1.3f, 0.5f, 0},   {1.08f, 1.1f, 1},
                                {1.04f, 0.4f, 0},  {0.86f, -0.3f, 0}, {0.5f, -0.6f, 0}};
static const float dome[][3] = {{0, -1.34f, 0},    {0.5f, -1.24f, 0}, {0.84f, -0.9f, 0},
                                {0.92f, -0.5f, 1}, {0.5f, -0.56f, 0}, {0, -0.6f, 0}};
static const float band[][3] = {{0, -0.8f, 0},     {0.6f, -0.76f, 0}, {0.92f, -0.68f, 1}, {0.96f, -0.54f, 0},
                                {0.95f, -0.4f, 1}, {0.6f, -0.44f, 0}, {0, -0.48f, 0}};

#define COUNT(table) ((int)(sizeof(table) / sizeof(table)[0]))

/* More hair stands farther off the head; what lies on the face stays. */
static gan__path grown(const gan__easel *e, points half, int n)
{
    float table[GAN__PATH_POINTS / 2][3];
    for (int i = 0; i < n; i++) {
        bool outside = half[i][1] < -1 || half[i][0] > 0.83f;
        float volume = outside ? e->face->hair_volume : 1;
        table[i][0] = half[i][0] * volume, table[i][1] = half[i][1] * (half[i][1] < 0 ? volume : 1);
        table[i][2] = half[i][2];
    }
    return gan__halves_on_head(e->face, (points)table, n);
}

/* A round mass of curls: bulges around a circle, between the corners where they meet. */
static gan__path ball_of_curls(const gan__easel *e)
{
    static const float corners[][2] = {{1, 0},
                                       {0.841f, 0.541f},
                                       {0.415f, 0.91f},
                                       {-0.142f, 0.99f},
                                       {-0.655f, 0.756f},
                                       {-0.959f, 0.282f},
                                       {-0.959f, -0.282f},
                                       {-0.655f, -0.756f},
                                       {-0.142f, -0.99f},
                                       {0.415f, -0.91f},
                                       {0.841f, -0.541f}};
    float table[4 * COUNT(corners)][3];
    for (int i = 0; i < COUNT(corners); i++) {
        const float *from = corners[i], *to = corners[(i + 1) % COUNT(corners)];
        for (int k = 0; k < 4; k++) { /* the corner, then three points of the bulge */
            static const float share[4] = {0, 0.12f, 0.5f, 0.88f}, out[4] = {1.12f, 1.24f, 1.39f, 1.24f};
            float r = out[k] * e->face->hair_volume, *at = table[4 * i + k];
            at[0] = r * (from[0] + share[k] * (to[0] - from[0]));
            at[1] = r * (from[1] + share[k] * (to[1] - from[1])) - 0.22f;
            at[2] = k == 0;
        }
    }
    return gan__shape_on_head(e->face, (points)table, COUNT(table), false);
}

static void fill_behind(gan__easel *e, const gan__path *path)
{
    gan__easel_fill(e, path, gan__shade(e->face->hair_colour, e->face->hair == GAN__HAIR_CURLY ? 0.93f : 0.82f), 1, -1,
                    GAN__LOOK_HATCH);
}

void gan__hair_behind(gan__easel *e)
{
    const gan__face *f = e->face;
    float side = f->hair_mirrored ? -1 : 1;
    gan__path p = {0};
    switch (f->hair) {
    case GAN__HAIR_FRINGE:
        p = grown(e, fringe_back, COUNT(fringe_back));
        break;
    case GAN__HAIR_LONG:
        p = grown(e, long_back, COUNT(long_back));
        break;
    case GAN__HAIR_CURLY:
        p = ball_of_curls(e);
        break;
    case GAN__HAIR_BUN:
        p = gan__ellipse_on_head(f, side * 0.06f, -1.28f, 0.36f * f->hair_volume, 0.32f * f->hair_volume);
        break;
    case GAN__HAIR_PIGTAILS:
        p = gan__ellipse_on_head(f, -1.08f, 0.14f, 0.27f, 0.56f * f->hair_volume);
        fill_behind(e, &p);
        p = gan__ellipse_on_head(f, 1.08f, 0.14f, 0.27f, 0.56f * f->hair_volume);
        break;
    case GAN__HAIR_PONYTAIL:
        p = gan__shape_on_head(f, tail, COUNT(tail), f->hair_mirrored);
        break;
    case GAN__HAIR_BEANIE: /* hair of some length below it */
        p = gan__ellipse_on_head(f, 0, 0.1f, 0.97f, 0.9f * f->hair_volume);
        break;
    default:
        return;
    }
    fill_behind(e, &p);
}

static void draw_beanie(gan__easel *e)
{
    const gan__face *f = e->face;
    gan__path p = gan__ellipse_on_head(f, 0, -1.42f, 0.2f, 0.19f);
    gan__easel_fill(e, &p, gan__shade(f->accent, 1.5f), 1, -1, GAN__LOOK_LINE);
    p = gan__halves_on_head(f, dome, COUNT(dome));
    gan__easel_fill(e, &p, f->accent, 1, -1, GAN__LOOK_LINE);
    p = gan__halves_on_head(f, band, COUNT(band));
    int item = gan__easel_fill(e, &p, gan__shade(f->accent, 1.28f), 1, -1, GAN__LOOK_LINE);
    for (int i = -4; i <= 4; i++) {
        float x = 0.2f * (float)i;
        gan__path rib = {0};
        gan__path_add(&rib, gan__on_head(f, x, -0.9f, 0), false);
        gan__path_add(&rib, gan__on_head(f, x, -0.3f, 0), false);
        gan__easel_stroke(e, &rib, 0.03f, 0, f->accent, item);
    }
}

/* Light falls on the crown from above; strands run from there to the sides. */
static void draw_shine(gan__easel *e, int hair)
{
    const gan__face *f = e->face;
    if (!e->sketch) {
        static const float shine[][3] = {{-0.66f, -0.72f, 1}, {-0.4f, -0.92f, 0}, {0, -0.98f, 0},
                                         {0.3f, -0.93f, 1},   {0, -0.9f, 0},      {-0.36f, -0.82f, 0}};
        gan__path p = gan__shape_on_head(f, shine, COUNT(shine), f->hair_mirrored);
        gan__easel_fill(e, &p, gan__shade(f->hair_colour, 1.3f), 0.8f, hair, GAN__LOOK_NONE);
    }
    for (int side = -1; side <= 1; side += 2)
        for (int i = 0; i < 2; i++) {
            float out = (float)side * (0.5f + 0.24f * (float)i);
            gan__path strand = {0};
            gan__path_add(&strand, gan__on_head(f, 0.45f * out, -0.96f, 0), false);
            gan__path_add(&strand, gan__on_head(f, out, -0.72f, 0), false);
            gan__path_add(&strand, gan__on_head(f, 1.24f * out, -0.26f, 0), false);
            gan__easel_stroke(e, &strand, 0.022f, 1, gan__shade(f->hair_colour, 0.78f), hair);
        }
}

void gan__hair_before(gan__easel *e)
{
    const gan__face *f = e->face;
    gan__path p = {0};
    switch (f->hair) {
    case GAN__HAIR_CROP:
        p = grown(e, crop, COUNT(crop));
        break;
    case GAN__HAIR_PART:
        p = gan__shape_on_head(f, side_part, COUNT(side_part), f->hair_mirrored);
        break;
    case GAN__HAIR_FRINGE:
        p = grown(e, fringe, COUNT(fringe));
        break;
    case GAN__HAIR_LONG:
        p = grown(e, parted, COUNT(parted));
        break;
    case GAN__HAIR_CURLY:
        p = grown(e, curls, COUNT(curls));
        break;
    case GAN__HAIR_SPIKY:
        p = grown(e, spikes, COUNT(spikes));
        break;
    case GAN__HAIR_QUIFF:
        p = gan__shape_on_head(f, quiff, COUNT(quiff), f->hair_mirrored);
        break;
    case GAN__HAIR_BUN:
    case GAN__HAIR_PIGTAILS:
    case GAN__HAIR_PONYTAIL:
        p = grown(e, slick, COUNT(slick));
        break;
    case GAN__HAIR_BEANIE:
        draw_beanie(e);
        return;
    default:
        return;
    }
    draw_shine(e, gan__easel_fill(e, &p, f->hair_colour, 1, -1, GAN__LOOK_HATCH));
}
