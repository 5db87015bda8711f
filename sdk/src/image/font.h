/*
 * font.h - the SDK's stroke font: printable ASCII as pen strokes, for labels on figures. Internal to image/.
 */
#ifndef GAN_IMAGE_FONT_H
#define GAN_IMAGE_FONT_H

/* Receives one straight piece of a stroke: pixels from the left end of the baseline, y up. */
typedef void (*gan__font_line)(void *to, double x0, double y0, double x1, double y1);

/* Walk along the strokes of `text`; `size` is the height of a capital in pixels. Characters outside printable ASCII
 * are drawn as '?', one for each UTF-8 sequence. `line` may be NULL. Returns the width of the text. */
double gan__font_walk(const char *text, double size, gan__font_line line, void *to);

/* Width of the pen that suits a size. */
double gan__font_pen(double size);

#endif
