/*
 * faces.h - the scenes of builtin:faces and builtin:sketches: what is drawn, apart from how. Internal to data/.
 */
#ifndef GAN_DATA_FACES_H
#define GAN_DATA_FACES_H

#include "data/paint.h"

enum { GAN__BACK_PLAIN, GAN__BACK_GRADIENT, GAN__BACK_DISC, GAN__BACK_HILLS, GAN__BACKS };
enum { GAN__SHIRT_ROUND, GAN__SHIRT_V, GAN__SHIRT_COLLAR, GAN__SHIRT_STRIPES, GAN__SHIRTS };
enum {
    GAN__HAIR_BALD,
    GAN__HAIR_CROP,
    GAN__HAIR_PART,
    GAN__HAIR_FRINGE,
    GAN__HAIR_LONG,
    GAN__HAIR_CURLY,
    GAN__HAIR_BUN,
    GAN__HAIR_SPIKY,
    GAN__HAIR_QUIFF,
    GAN__HAIR_PIGTAILS,
    GAN__HAIR_PONYTAIL,
    GAN__HAIR_BEANIE,
    GAN__HAIRS
};
enum { GAN__EYES_ROUND, GAN__EYES_ALMOND, GAN__EYES_SLEEPY, GAN__EYES_DOTS, GAN__EYES_HAPPY, GAN__EYES };
enum { GAN__NOSE_CURVE, GAN__NOSE_BUTTON, GAN__NOSE_LONG, GAN__NOSES };
enum { GAN__MOUTH_LINE, GAN__MOUTH_GRIN, GAN__MOUTH_OPEN, GAN__MOUTH_LIPS, GAN__MOUTH_SMALL_O, GAN__MOUTHS };
enum { GAN__BEARD_NONE, GAN__BEARD_FULL, GAN__BEARD_MOUSTACHE, GAN__BEARD_GOATEE, GAN__BEARDS };
enum { GAN__GLASSES_NONE, GAN__GLASSES_ROUND, GAN__GLASSES_SQUARE, GAN__GLASSES_DARK, GAN__GLASSES };

/* Every factor is drawn on its own, whether the others give it a part in the picture or not. Lengths are in heads (half
 * a head's height is 1), except those of the pose. */
typedef struct gan__face {
    int back, shirt, hair, eyes, nose, mouth, beard, glasses;
    gan__colour back_colour, back_second, skin, hair_colour, shirt_colour, shirt_second, iris, lips, accent;
    float head_width, jaw;                         /* 0.92 to 1.08; -1 to 1 */
    float hair_volume;                             /* 0.95 to 1.1 */
    bool hair_mirrored;                            /* parted on the other side */
    float eye_size, eye_spacing, eye_height;       /* 0.88 to 1.2; -0.03 to 0.04; -0.04 to 0.06 */
    float gaze_x, gaze_y;                          /* -1 to 1 */
    float brow_tilt, brow_height, brow_width;      /* -1 to 1; 0 to 1; 0 to 1 */
    float nose_size, smile, mouth_width, openness; /* 0.8 to 1.25; -0.5 to 1; 0.8 to 1.2; 0 to 1 */
    bool blush, freckles, earrings, lit_from_right;
    float turn, nod, tilt; /* -0.34 to 0.34: right; -0.13 to 0.13: down; tangent of half the angle, -0.13 to 0.13 */
    float x, y, scale;     /* of the head in the picture: -0.13 to 0.13; -0.08 to 0.1; 0.5 to 0.64 */
    uint32_t grain;        /* of the pencil */
} gan__face;

/* The scene of a sample. It depends on seed and index alone. */
void gan__face_draw_scene(uint64_t seed, int64_t index, gan__face *out);

/* The scene on a drawing of `side` pixels, in flat colour or as a pencil drawing. */
void gan__face_render(const gan__face *face, bool sketch, int side, gan__drawing *out);

/* ---- for the files that draw the parts ---- */

typedef struct gan__easel {
    const gan__face *face;
    gan__drawing *drawing;
    bool sketch;
    uint32_t strokes; /* so far: each has a grain of its own */
} gan__easel;

/* How a shape looks as a sketch: paper and an outline, the same hatched, a grey tone, graphite, paper, or not drawn. */
typedef enum gan__look {
    GAN__LOOK_LINE,
    GAN__LOOK_HATCH,
    GAN__LOOK_TONE,
    GAN__LOOK_SOLID,
    GAN__LOOK_PAPER,
    GAN__LOOK_NONE
} gan__look;

/* A place on the head to the scene: x from -0.8 to 0.8 between the ears, y from -1 (top) to 1 (chin), moved along with
 * the front of the head as it turns; what lies outside of that moves with the head only. `depth` lifts off the front.
 */
gan__point gan__on_head(const gan__face *face, float x, float y, float depth);
/* A closed path on the head through points (x, y, corner); and the same with its mirror image, for a half from the top
 * middle by the right side to the bottom middle (x is 0 at both ends). */
gan__path gan__shape_on_head(const gan__face *face, const float (*points)[3], int n, bool mirrored);
gan__path gan__halves_on_head(const gan__face *face, const float (*points)[3], int n);
gan__path gan__ellipse_on_head(const gan__face *face, float x, float y, float width, float height);

/* The number of the item, for clipping; `clip` -1: none. */
int gan__easel_fill(gan__easel *easel, const gan__path *path, gan__colour colour, float opacity, int clip,
                    gan__look look);
void gan__easel_stroke(gan__easel *easel, const gan__path *path, float width, float taper, gan__colour colour,
                       int clip);
gan__colour gan__shade(gan__colour colour, float factor); /* below 1 darker, above 1 toward white */

void gan__hair_behind(gan__easel *easel);
void gan__hair_before(gan__easel *easel);

#endif
