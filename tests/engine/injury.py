"""Injuries: what a disk, a copy or a person may do to a home."""

import os
import random
import shutil


def files_of(home):
    """Files, by their paths in the home, without what the engine does not read."""
    found = []
    for at, _, names in os.walk(home):
        for name in names:
            path = os.path.relpath(os.path.join(at, name), home)
            if not name.startswith("WiredTigerStat") and name != "WiredTiger.lock" and os.path.getsize(os.path.join(at, name)):
                found.append(path)
    return sorted(found)


def choose(r, home):
    """A file, and seldom one of those that only pad."""
    files = files_of(home)
    weights = []
    for name in files:
        if name.startswith("WiredTigerPreplog") or name.startswith("WiredTigerTmplog"):
            weights.append(0.1)
        elif name in ("WiredTiger.wt", "WiredTiger.turtle"):
            weights.append(2)
        elif name in ("WiredTiger", "WiredTiger.basecfg"):
            weights.append(0.3)
        else:
            weights.append(1)
    return r.choices(files, weights)[0]


def place(r, data):
    """An offset, more often one where there is something."""
    for _ in range(20):
        at = r.randrange(len(data))
        if data[at] or r.random() < 0.1:
            break
    return at


def injure(home, seed, stale):
    """Injure a home; says how. `stale` are directories with older copies of its files."""
    r = random.Random(seed)
    kind = r.choice(["bit", "bit", "bit", "byte", "block", "block", "copy", "truncate", "delete", "swap", "stale", "garbage"])
    name = choose(r, home)
    path = os.path.join(home, name)
    with open(path, "rb") as file:
        data = bytearray(file.read())
    if kind == "bit":
        at, bit = place(r, data), r.randrange(8)
        data[at] ^= 1 << bit
        text = f"bit {bit} of byte {at} of {name} flipped"
    elif kind == "byte":
        at = place(r, data)
        old, data[at] = data[at], r.choice([0, 255, r.randrange(256)])
        text = f"byte {at} of {name}: {old} made {data[at]}"
    elif kind in ("block", "copy"):
        size = r.choice([512, 4096])
        at = place(r, data) // size * size
        if kind == "block":
            data[at:at + size] = bytes(len(data[at:at + size]))
            text = f"{size} bytes at {at} of {name} made zero"
        else:
            other = r.randrange(len(data)) // size * size
            data[at:at + size] = data[other:other + len(data[at:at + size])]
            text = f"{size} bytes at {other} of {name} copied to {at}"
    elif kind == "truncate":
        size = r.choice([len(data) - 1, len(data) - 512, len(data) - 4096, len(data) // 2, 0, r.randrange(len(data))])
        del data[max(0, size):]
        text = f"{name} cut to {len(data)} bytes"
    elif kind == "garbage":
        more = bytes(r.getrandbits(8) for _ in range(r.choice([1, 512, 4096])))
        data += more
        text = f"{len(more)} bytes of garbage at the end of {name}"
    elif kind == "delete":
        os.unlink(path)
        return f"{name} deleted"
    elif kind == "swap":
        other = choose(r, home)
        os.rename(path, path + ".swap")
        if other != name:
            os.rename(os.path.join(home, other), path)
        os.rename(path + ".swap", os.path.join(home, other))
        return f"{name} and {other} swapped"
    else:
        name = r.choice(["WiredTiger.turtle", "WiredTiger.wt", "WiredTiger.turtle and WiredTiger.wt", name])
        if not stale:
            return "nothing: there is no older copy"
        source = r.choice(stale)
        for part in name.split(" and "):
            if not os.path.exists(os.path.join(source, part)):
                return f"nothing: there is no older copy of {part}"
            shutil.copyfile(os.path.join(source, part), os.path.join(home, part))
        return f"{name} of life {os.path.basename(source).partition('-')[2]} laid over"
    with open(path, "wb") as file:
        file.write(data)
    return text
