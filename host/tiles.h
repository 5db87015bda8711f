/* tiles.h - pictures larger than a network should take at once: overlapping tiles of them, and one picture of what the
 * network made of each. Plain memory; nothing here needs a context. */
#ifndef HOST_TILES_H
#define HOST_TILES_H

#include <gan/image.h>

/* What a network takes, and how a picture is cut for it, in pixels. */
typedef struct tile_rule {
    int64_t multiple, least; /* sides of what the network takes: multiples of this, and at least that; both >= 1 */
    int64_t tile;            /* the greatest side of a tile, rounded up to what the network takes; 0: no tiles */
    int64_t overlap;         /* two neighbours have at least so many pixels in common; at most half of `tile` */
} tile_rule;

/* One direction of a picture. It is padded to what the network takes, as evenly as can be at both ends, by reflection
 * (again and again where the picture is smaller than its padding, or by its edge where it is one pixel), and then
 * covered by n tiles of equal size, the first at its beginning and the last at its end. All begin at multiples of
 * `multiple`, so that a network with strides sees each at the same phase. */
typedef struct tile_axis {
    int64_t length, before, padded; /* of the picture; of the padding in front of it; of both and that behind it */
    int64_t tile, n;
    int64_t multiple, ramp; /* ramp: pixels over which a tile gives way to the next, at most their overlap */
} tile_axis;

void tile_axis_plan(int64_t length, const tile_rule *rule, tile_axis *out);
/* Where tile i begins in the padded picture. */
int64_t tile_axis_start(const tile_axis *axis, int64_t i);
/* The weight of tile i at its own pixel `at`. Those of all tiles at a pixel of the picture add up to one: half a
 * cosine falls from one to zero in the middle of each overlap as that of the next tile rises. Only two neighbours have
 * a weight at any place, so that what a network makes of the inner borders of its tiles does not show. */
float tile_axis_weight(const tile_axis *axis, int64_t i, int64_t at);

/* The bytes of tile (row, column), [y->tile, x->tile, channels]. */
void tile_cut(const gan_image *image, const tile_axis *y, const tile_axis *x, int64_t row, int64_t column,
              uint8_t *out);

/* A picture in the making: tiles go in row by row of them, and whole rows of pixels come out, so that no more than the
 * rows of one tile are in memory as f32. */
typedef struct tile_blend {
    tile_axis y, x;
    int channels;
    int64_t row;   /* of tiles; the one that is added now */
    float *sums;   /* [y.tile, x.length, channels], the first of them at the beginning of tile row `row` */
    float *weight; /* [x.tile] of the column that is added */
} tile_blend;

gan_status tile_blend_begin(tile_blend *blend, const tile_axis *y, const tile_axis *x, int channels,
                            gan_message *message);
/* What became of the tile (blend->row, column): [y.tile, x.tile, channels]. Each column once, in any order. */
void tile_blend_add(tile_blend *blend, int64_t column, const float *values);
/* After the last column. The rows of the picture that no later tile touches, [*n, x.length, channels], of which the
 * first is row *first of the picture; *n may be 0. Valid until tile_blend_next. */
const float *tile_blend_rows(const tile_blend *blend, int64_t *first, int64_t *n);
void tile_blend_next(tile_blend *blend); /* on to the next row of tiles */
void tile_blend_end(tile_blend *blend);  /* takes a zeroed one, too */

#endif
