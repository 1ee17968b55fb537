"""Text for a terminal: made safe, folded at words, put into tables that fit. Numbers are never split or shortened."""

import shutil
import unicodedata

NARROWEST = 60
# What a name keeps at least of itself when room is short.
LEAST_NAME = 14


def columns():
    """Columns of the screen: COLUMNS, the terminal's, or 80."""
    return max(NARROWEST, shutil.get_terminal_size((80, 24)).columns)


def escape(text):
    """Text from a store: what controls a terminal, turns text around or cannot be seen is escaped."""
    return "".join(c if c == " " or c.isprintable() else f"\\u{{{ord(c):x}}}" for c in text)


def width(text):
    """Columns that a text takes."""
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    return len(text) + wide - sum(unicodedata.combining(c) != 0 for c in text)


def grouped(number):
    return f"{number:,}"


def signed(number):
    return f"{number:+,}" if number else "0"


def count(number, one):
    return f"{number:,} {one}{'' if number == 1 else 's'}"


def size(number):
    """Bytes: exact, and large ones also for people."""
    if number < 1024:
        return f"{number} B"
    value, units = float(number), ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
    unit = "B"
    while value >= 1023.95 and units:
        value, unit = value / 1024, units.pop(0)
    return f"{number:,} ({value:.1f} {unit})"


def cut(text, room):
    """The beginning of a text in so many columns, and the rest; one character at least."""
    at, used = 0, 0
    while at < len(text) and (at == 0 or used + width(text[at]) <= room):
        used += width(text[at])
        at += 1
    return text[:at], text[at:]


def shorten(text, room, end=1 / 2):
    """A name without its middle; `end`: the share of what is kept that stands at the end."""
    if width(text) <= room:
        return text
    kept = int((room - 1) * end)
    head = cut(text, room - 1 - kept)[0]
    tail = cut(text[::-1], kept)[0][::-1]
    return f"{head}…{tail}"


def shortened(names, room):
    """Names without their middle, if they can still be told apart then."""
    for end in (1 / 2, 1 / 3, 1 / 5, 2 / 3, 4 / 5):
        short = {name: shorten(name, room, end) for name in names}
        if len(set(short.values())) == len(short):
            return short
    return None


def fold(text, room, first="", others=""):
    """A text folded at spaces; only a word that fits no line is cut, and never a number."""
    lines, line, empty = [], first, True
    for word in text.split(" "):
        gap = 0 if empty else 1
        if width(line) + gap + width(word) <= room:
            line, empty = line + " " * gap + word, False
            continue
        if not empty:
            lines.append(line)
            line = others
        while width(line) + width(word) > room and not word.strip("+-.,:;()").replace(",", "").isdigit():
            head, word = cut(word, room - width(line))
            lines.append(line + head)
            line = others
        line, empty = line + word, False
    return "\n".join([*lines, line]) + "\n"


def command(text, room, first="", others=""):
    """A command to be pasted: a line that is too long goes on behind a backslash."""
    lines, line = [], first
    for at, word in enumerate(text.split(" ")):
        if at and width(line) + width(word) + 3 > room:
            lines.append(line + " \\")
            line = others + "  " + word
        else:
            line += " " * bool(at) + word
    return "\n".join([*lines, line]) + "\n"


def table(titles, rows, room):
    """A table. The first character of a title says how its column behaves where room is short: `>` a number, to the
    right; `<` a name, whose middle may go; `=` stays as it is. Columns whose title ends with `?` go first, the last of
    them before the others. What does not fit even then is written as a field a line."""
    kinds = [title[0] for title in titles]
    names = [title.strip("><=?") for title in titles]
    rows = [[escape(str(cell)) for cell in row] for row in rows]
    kept = list(range(len(titles)))
    widest = [max(width(line) for line in [names[at], *(row[at] for row in rows)]) for at in kept]

    def widths(easy):
        """Widths that fit, if there are any: only names give way."""
        least = [min(widest[at], 22 if easy else LEAST_NAME) if kinds[at] == "<" else widest[at] for at in kept]
        spare = room - sum(least) - 2 * (len(kept) - 1)
        for place, at in enumerate(kept):
            more = max(0, min(spare, widest[at] - least[place]))
            least[place], spare = least[place] + more, spare - more
        return least if spare >= 0 else None

    while widths(True) is None and any(titles[at].endswith("?") for at in kept):
        kept.remove(max(at for at in kept if titles[at].endswith("?")))
    laid = widths(True) or widths(False)
    short = [shortened({row[at] for row in rows}, space) for at, space in zip(kept, laid or [])]
    if laid is None or None in short:
        label = max(width(name) for name in names)
        blocks = []
        for row in rows:
            fields = [(name, cell) for name, cell in zip(names, row) if cell]
            first = "  {:<" + str(label) + "}  "
            blocks.append("".join(fold(cell, room, first.format(name), " " * 6) for name, cell in fields))
        return "\n".join(blocks)

    def line(cells):
        parts = []
        for place, (at, space) in enumerate(zip(kept, laid)):
            cell = short[place].get(cells[at], cells[at])
            pad = " " * (space - width(cell))
            parts.append(pad + cell if kinds[at] == ">" else cell + pad)
        return "  ".join(parts).rstrip() + "\n"

    out = line(names) + "  ".join("-" * space for space in laid) + "\n" + "".join(line(row) for row in rows)
    gone = [name for at, name in enumerate(names) if at not in kept]
    return out + (fold(f"Left out for want of room: {', '.join(gone)}.", room) if gone else "")
