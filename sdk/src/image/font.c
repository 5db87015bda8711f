#include "image/font.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#define CAP      28.0 /* font units: capitals */
#define X_HEIGHT 20.0
#define TRACKING 7.0  /* between characters */
#define HINTED   24.0 /* pixels: below this size, stems and heights are moved to whole pixels */
#define CURVE    6    /* pieces of a curve, per 20 pixels of size */

/*
 * A glyph: its width, and strokes from the left end of the baseline, y up:
 *   M x y       lift the pen and put it down there
 *   L x y       a straight line
 *   h x y       a quarter of an ellipse that begins horizontal and ends vertical
 *   v x y       a quarter of an ellipse that begins vertical and ends horizontal
 *   q a b x y   a parabola (quadratic Bezier) towards a b
 * A zero-length line makes a dot.
 */
typedef struct glyph {
    int width;
    const char *strokes;
} glyph;

static const glyph glyphs[95] = {
    {6, ""},                                                                                       /* space */
    {0, "M0 28L0 9M0 1L0 0"},                                                                      /* ! */
    {6, "M0 28L0 21M6 28L6 21"},                                                                   /* " */
    {18, "M4 0L8 28M11 0L15 28M0 9L18 9M1 19L19 19"},                                              /* # */
    {15, "M15 22v8 27h0 20v8 14h15 7v8 1h0 6M8 32L8 -4"},                                          /* $ */
    {24, "M21 28L3 0M5 28h0 22v5 16h10 22v5 28M19 12h14 6v19 0h24 6v19 12"},                       /* % */
    {20, "M20 0L5 18q3 21 3 23v8 28h13 23q13 19 7 15q0 11 0 7v7 0q15 0 19 11"},                    /* & */
    {0, "M0 28L0 21"},                                                                             /* ' */
    {5, "M5 32q0 24 0 12q0 0 5 -8"},                                                               /* ( */
    {5, "M0 32q5 24 5 12q5 0 0 -8"},                                                               /* ) */
    {12, "M6 28L6 16M1 25L11 19M11 25L1 19"},                                                      /* * */
    {14, "M7 19L7 5M0 12L14 12"},                                                                  /* + */
    {2, "M2 1L0 -5"},                                                                              /* , */
    {10, "M0 11L10 11"},                                                                           /* - */
    {0, "M0 0L0 1"},                                                                               /* . */
    {12, "M0 -3L12 30"},                                                                           /* / */
    {16, "M8 28h0 18L0 10v8 0h16 10L16 18v8 28"},                                                  /* 0 */
    {16, "M3 22L10 28L10 0"},                                                                      /* 1 */
    {16, "M0 21v8 28h15 21q15 16 11 12L0 0L16 0"},                                                 /* 2 */
    {16, "M1 23v8 28h15 22v7 15L5 15M7 15h16 7v8 0h0 6"},                                          /* 3 */
    {16, "M12 0L12 28L0 8L16 8"},                                                                  /* 4 */
    {16, "M14 28L2 28L1 15q3 18 8 18h16 9v8 0h0 6"},                                               /* 5 */
    {16, "M14 24q12 28 9 28h0 14L0 9v8 0h16 9v8 18h0 9"},                                          /* 6 */
    {16, "M0 28L16 28L6 0"},                                                                       /* 7 */
    {16, "M8 28h1 21v8 15h15 21v8 28M8 15h0 7v8 0h16 7v8 15"},                                     /* 8 */
    {16, "M2 4q4 0 7 0h16 14L16 19v8 28h0 19v8 10h16 19"},                                         /* 9 */
    {0, "M0 0L0 1M0 17L0 18"},                                                                     /* : */
    {2, "M2 1L0 -5M2 17L2 18"},                                                                    /* ; */
    {14, "M14 20L0 12L14 4"},                                                                      /* < */
    {14, "M0 16L14 16M0 8L14 8"},                                                                  /* = */
    {14, "M0 20L14 12L0 4"},                                                                       /* > */
    {13, "M0 22v7 28h13 21q13 17 10 14q7 11 7 8M7 1L7 0"},                                         /* ? */
    {26, "M19 19L19 10v22 6h26 13L26 14v13 28h0 14L0 10v13 -4h20 -2M19 14v13 19h7 13v13 6h19 12"}, /* @ */
    {20, "M0 0L10 28L20 0M3 9L17 9"},                                                              /* A */
    {18, "M0 0L0 28L9 28h16 21v9 14L0 14M9 14h18 7v9 0L0 0"},                                      /* B */
    {19, "M19 21v10 28h0 17L0 11v10 0h19 7"},                                                      /* C */
    {19, "M0 0L0 28L8 28h19 16L19 12v8 0L0 0"},                                                    /* D */
    {15, "M15 0L0 0L0 28L15 28M0 14L12 14"},                                                       /* E */
    {15, "M0 0L0 28L15 28M0 14L12 14"},                                                            /* F */
    {20, "M19 21v10 28h0 17L0 11v10 0h20 9L20 13L12 13"},                                          /* G */
    {19, "M0 0L0 28M19 0L19 28M0 14L19 14"},                                                       /* H */
    {0, "M0 0L0 28"},                                                                              /* I */
    {11, "M11 28L11 7v5 0h0 5"},                                                                   /* J */
    {17, "M0 0L0 28M16 28L0 11M6 17L17 0"},                                                        /* K */
    {14, "M0 28L0 0L14 0"},                                                                        /* L */
    {22, "M0 0L0 28L11 8L22 28L22 0"},                                                             /* M */
    {19, "M0 0L0 28L19 0L19 28"},                                                                  /* N */
    {22, "M11 28h0 17L0 11v11 0h22 11L22 17v11 28"},                                               /* O */
    {17, "M0 0L0 28L9 28h17 21v9 13L0 13"},                                                        /* P */
    {22, "M11 28h0 17L0 11v11 0h22 11L22 17v11 28M14 7L22 -2"},                                    /* Q */
    {18, "M0 0L0 28L9 28h17 21v9 13L0 13M10 13L18 0"},                                             /* R */
    {17, "M16 23v8 28h0 21v8 14h17 7v8 0h0 6"},                                                    /* S */
    {19, "M0 28L19 28M10 28L10 0"},                                                                /* T */
    {19, "M0 28L0 9v9 0h19 9L19 28"},                                                              /* U */
    {20, "M0 28L10 0L20 28"},                                                                      /* V */
    {28, "M0 28L7 0L14 25L21 0L28 28"},                                                            /* W */
    {18, "M0 0L18 28M0 28L18 0"},                                                                  /* X */
    {19, "M0 28L9 13L19 28M9 13L9 0"},                                                             /* Y */
    {17, "M0 28L17 28L0 0L17 0"},                                                                  /* Z */
    {5, "M5 31L0 31L0 -6L5 -6"},                                                                   /* [ */
    {12, "M0 30L12 -3"},                                                                           /* \ */
    {5, "M0 31L5 31L5 -6L0 -6"},                                                                   /* ] */
    {12, "M0 20L6 28L12 20"},                                                                      /* ^ */
    {16, "M0 -4L16 -4"},                                                                           /* _ */
    {4, "M0 29L4 24"},                                                                             /* ` */
    {14, "M14 20L14 0M14 13v7 20h0 12L0 8v7 0h14 7"},                                              /* a */
    {14, "M0 28L0 0M0 13v7 20h14 12L14 8v7 0h0 7"},                                                /* b */
    {13, "M13 15v7 20h0 12L0 8v7 0h13 5"},                                                         /* c */
    {14, "M14 28L14 0M14 13v7 20h0 12L0 8v7 0h14 7"},                                              /* d */
    {14, "M0 10L14 10L14 12v7 20h0 12L0 8v7 0h13 5"},                                              /* e */
    {9, "M3 0L3 22v9 28M0 20L9 20"},                                                               /* f */
    {14, "M14 20L14 -1v7 -8h1 -5M14 13v7 20h0 12L0 8v7 0h14 7"},                                   /* g */
    {13, "M0 0L0 28M0 13v7 20h13 13L13 0"},                                                        /* h */
    {0, "M0 0L0 20M0 26L0 27"},                                                                    /* i */
    {4, "M4 20L4 -3v-1 -8M4 26L4 27"},                                                             /* j */
    {13, "M0 0L0 28M12 20L0 8M4 12L13 0"},                                                         /* k */
    {4, "M0 28L0 4v4 0"},                                                                          /* l */
    {22, "M0 0L0 20M0 14v6 20h11 14L11 0M11 14v17 20h22 14L22 0"},                                 /* m */
    {13, "M0 0L0 20M0 13v7 20h13 13L13 0"},                                                        /* n */
    {15, "M8 20h0 12L0 8v8 0h15 8L15 12v8 20"},                                                    /* o */
    {14, "M0 20L0 -8M0 13v7 20h14 12L14 8v7 0h0 7"},                                               /* p */
    {14, "M14 20L14 -8M14 13v7 20h0 12L0 8v7 0h14 7"},                                             /* q */
    {9, "M0 0L0 20M0 12v9 20"},                                                                    /* r */
    {12, "M12 16v6 20h0 15v6 10h12 5v6 0h0 4"},                                                    /* s */
    {9, "M3 27L3 6v9 0M0 20L9 20"},                                                                /* t */
    {13, "M0 20L0 7v6 0h13 7M13 20L13 0"},                                                         /* u */
    {14, "M0 20L7 0L14 20"},                                                                       /* v */
    {20, "M0 20L5 0L10 17L15 0L20 20"},                                                            /* w */
    {13, "M0 20L13 0M0 0L13 20"},                                                                  /* x */
    {14, "M0 20L7 0M14 20L4 -8L1 -8"},                                                             /* y */
    {13, "M0 20L13 20L0 0L13 0"},                                                                  /* z */
    {8, "M8 31h3 26L3 17v0 12h3 8L3 -1v8 -6"},                                                     /* { */
    {0, "M0 32L0 -8"},                                                                             /* | */
    {8, "M0 31h5 26L5 17v8 12h5 8L5 -1v0 -6"},                                                     /* } */
    {16, "M0 10q2 15 6 14q8 13 10 11q13 8 16 13"},                                                 /* ~ */
};

/* From font units to pixels. */
typedef struct scaling {
    double unit;          /* pixels per unit */
    double x_height, cap; /* pixels */
    double stretch;       /* across, so that a glyph's right stem falls on a pixel */
    int pieces;
    double origin;
    gan__font_line line;
    void *to;
} scaling;

typedef struct point {
    double x, y;
} point;

static point place(const scaling *s, point p)
{
    double y = p.y * s->unit;
    if (p.y > X_HEIGHT)
        y = s->x_height + (p.y - X_HEIGHT) * (s->cap - s->x_height) / (CAP - X_HEIGHT);
    else if (p.y > 0)
        y = p.y * s->x_height / X_HEIGHT;
    return (point){s->origin + p.x * s->unit * s->stretch, y};
}

static void draw_line(const scaling *s, point a, point b)
{
    a = place(s, a), b = place(s, b);
    s->line(s->to, a.x, a.y, b.x, b.y);
}

static point along_quarter(char kind, point a, point b, double t)
{
    double c = cos(t * 1.57079632679489662), n = sin(t * 1.57079632679489662);
    if (kind == 'h')
        return (point){a.x + (b.x - a.x) * n, b.y + (a.y - b.y) * c};
    return (point){b.x + (a.x - b.x) * c, a.y + (b.y - a.y) * n};
}

static point along_parabola(point a, point m, point b, double t)
{
    double u = 1 - t;
    return (point){u * u * a.x + 2 * u * t * m.x + t * t * b.x, u * u * a.y + 2 * u * t * m.y + t * t * b.y};
}

static point read_point(const char **text)
{
    char *end;
    point p;
    p.x = (double)strtol(*text, &end, 10);
    p.y = (double)strtol(end, &end, 10);
    *text = end;
    return p;
}

static void draw_glyph(const scaling *s, const char *strokes)
{
    point pen = {0, 0};
    while (*strokes) {
        char kind = *strokes++;
        point middle = kind == 'q' ? read_point(&strokes) : pen, next = read_point(&strokes), from = pen;
        int pieces = kind == 'h' || kind == 'v' || kind == 'q' ? s->pieces : 1;
        for (int i = 1; i <= pieces && kind != 'M'; i++) {
            double t = (double)i / pieces;
            point p = next;
            if (i < pieces)
                p = kind == 'q' ? along_parabola(pen, middle, next, t) : along_quarter(kind, pen, next, t);
            draw_line(s, from, p);
            from = p;
        }
        pen = next;
    }
}

static const glyph *glyph_of(const char **text)
{
    unsigned char c = (unsigned char)*(*text)++;
    if (c >= 32 && c < 127)
        return &glyphs[c - 32];
    while (c >= 0xc0 && ((unsigned char)**text & 0xc0) == 0x80)
        (*text)++;
    return &glyphs['?' - 32];
}

double gan__font_walk(const char *text, double size, gan__font_line line, void *to)
{
    bool hinted = size < HINTED;
    scaling s = {.unit = size / CAP, .cap = size, .x_height = size * X_HEIGHT / CAP, .line = line, .to = to};
    s.pieces = CURVE + (int)(size / 20 * CURVE);
    if (hinted) {
        s.cap = round(s.cap);
        s.x_height = round(s.x_height);
    }
    double tracking = hinted ? fmax(2, round(TRACKING * s.unit)) : TRACKING * s.unit;
    while (*text) {
        const glyph *g = glyph_of(&text);
        double width = hinted ? round(g->width * s.unit) : g->width * s.unit;
        s.stretch = g->width > 0 && s.unit > 0 ? width / (g->width * s.unit) : 1;
        if (line)
            draw_glyph(&s, g->strokes);
        s.origin += width + (*text ? tracking : 0);
    }
    return s.origin;
}

double gan__font_pen(double size)
{
    return fmax(1.1, size * 0.115);
}
