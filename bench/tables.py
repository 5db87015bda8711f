"""Tables of the reports."""


def table(rows):
    """In Markdown; the first row is the head."""
    head, *body = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in [head] + body) for i in range(len(head))]
    line = lambda row: "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |"
    return "\n".join([line(head), "|" + "|".join("-" * (width + 2) for width in widths) + "|"] + [line(row) for row in body])


def cell(value, digits=2):
    return "-" if value is None else f"{value:.{digits}f}"
