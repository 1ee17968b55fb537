"""Random tables: their configuration, and keys and values that fit it.

A table's specification depends on the seed and the table's number only, and its name holds the number: whoever
finds a name in a directory knows what belongs into it.
"""

import random
import re
import string

LETTERS = string.ascii_letters + string.digits
# What a name may hold besides letters: the engine takes all of it.
ODD = ["", "", "", "", "", "", " x", "-y", ".z", "ä", "=q", "+", "%41", "#", ".wt", "~", "@", "é b", "%"]
FIELD = re.compile(r"(\d*)([a-zA-Z])")
SIGNED = {"b": 8, "h": 16, "i": 32, "l": 32, "q": 64}
UNSIGNED = {"B": 8, "H": 16, "I": 32, "L": 32, "Q": 64}

KEYS = ["S", "S", "S", "u", "u", "i", "q", "Q", "r", "r", "SiS", "iS", "Su", "5s", "QQ", "b", "H", "Si", "uS", "qr", "SSu"]
VALUES = ["S", "S", "u", "u", "i", "Q", "SS", "SiS", "iu", "Su", "qQS", "10s", "uu", "bHS", "3tS"]
FIXED = ["8t", "1t", "3t", "7t", "5t", "2t"]


def fields(text):
    """The fields of a format: (length or None, letter)."""
    return [(int(n) if n else None, letter) for n, letter in FIELD.findall(text)]


class Spec:
    """What table number `number` of seed `seed` looks like."""

    def __init__(self, seed, number, compressors):
        r = random.Random(f"{seed}/table/{number}")
        self.number = number
        self.key = r.choice(KEYS)
        self.value = r.choice(VALUES)
        if self.key == "r" and r.random() < 0.5:
            self.value = r.choice(FIXED)
        if self.value == "3tS" and self.key == "r":
            self.value = "S"
        self.fixed = self.key == "r" and self.value.endswith("t")
        self.record = self.key == "r"
        self.keys = fields(self.key)
        self.values = fields(self.value)
        self.logged = r.random() < 0.85
        kind = r.random()
        self.name = f"t{number}" + r.choice(ODD)
        if r.random() < 0.08:
            self.name = f"sub/t{number}"
        self.kind = "file" if kind < 0.08 and len(self.keys) == 1 and len(self.values) == 1 else "table"
        if self.kind == "file":
            self.name += ".wt"
        self.lsm = self.kind == "table" and not self.record and r.random() < 0.06
        self.columns = [f"k{i}" for i in range(len(self.keys))] + [f"v{i}" for i in range(len(self.values))]
        self.named = self.kind == "table" and (r.random() < 0.4 or len(self.values) > 1 and r.random() < 0.5)
        self.groups = []
        if self.named and not self.lsm and len(self.values) > 1 and r.random() < 0.5:
            names = [f"v{i}" for i in range(len(self.values))]
            cut = r.randrange(1, len(names))
            self.groups = [names[:cut], names[cut:]]
        self.indices = []
        if self.named and not self.fixed and r.random() < 0.6:
            for _ in range(r.randrange(1, 3)):
                count = r.randrange(1, min(3, len(self.columns)) + 1)
                self.indices.append(r.sample(self.columns, count))
        self.layout = self._layout(r, compressors)
        self.group_layouts = [self._layout(r, compressors) for _ in self.groups]
        self.index_layouts = [self._layout(r, compressors) for _ in self.indices]
        self.big = r.choice([0, 0, 0.01, 0.05, 0.3])
        self.size = r.choice([3, 10, 30, 100, 400])
        self.alphabet = r.choice(["a", "ab"] + ["z", "yz", LETTERS] * 6)
        self.pool = "".join(r.choices(self.alphabet, k=40)) * 10 if r.random() < 0.3 else ""
        self.pool += "".join(r.choices(self.alphabet, k=24000))
        self.made = {}
        self.span = r.choice([20, 300, 2000])
        self.app = r.random()
        r_app = random.Random(f"{seed}/app/{number}")
        self.app_metadata = ""
        if self.app < 0.25:
            self.app_metadata = r_app.choice([
                ',app_metadata="text"',
                ',app_metadata={"a":1,"b":[1,2,{"c":null}],"d":"x,y"}',
                ",app_metadata=(formatVersion=1,infoObj={\"v\":2,\"key\":{\"_id\":1},\"name\":\"_id_\"})",
                ',app_metadata="quoted, with (brackets"',
                ",app_metadata=[1,2,3]",
                ',app_metadata={"s":"a\\"b","t":"}"}',
                ",app_metadata=",
                ',app_metadata="ä\\u00e4"',
            ])

    def _layout(self, r, compressors):
        parts = []
        allocation = r.choice([512, 512, 1024, 4096, 4096, 4096, 16384])
        if r.random() < 0.7:
            parts.append(f"allocation_size={allocation}")
        else:
            allocation = 4096
        for option in ["leaf_page_max", "internal_page_max"]:
            if r.random() < 0.7:
                parts.append(f"{option}={allocation * r.choice([1, 1, 2, 4, 8])}")
            else:
                parts.append(f"{option}={max(allocation, 32768)}")
        if r.random() < 0.15:
            parts.append(f"leaf_key_max={r.choice([20, 60, 200])}")
        if r.random() < 0.2:
            parts.append(f"leaf_value_max={r.choice([30, 100, 300, 2000])}")
        if r.random() < 0.1:
            parts.append(f"internal_key_max={r.choice([10, 40])}")
        if r.random() < 0.2:
            parts.append(f"memory_page_max={r.choice(['32KB', '512KB', '1MB'])}")
        if r.random() < 0.35:
            parts.append("prefix_compression=true")
            if r.random() < 0.5:
                parts.append(f"prefix_compression_min={r.choice([0, 1, 4, 8])}")
        if r.random() < 0.25:
            parts.append(f"dictionary={r.choice([1, 10, 100, 1000])}")
        if r.random() < 0.35 and compressors:
            parts.append(f"block_compressor={r.choice(compressors)}")
        if r.random() < 0.3:
            parts.append(f"checksum={r.choice(['on', 'off', 'uncompressed', 'unencrypted'])}")
        if r.random() < 0.15:
            parts.append(f"split_pct={r.choice([50, 75, 100])}")
        if r.random() < 0.15:
            parts.append(f"block_allocation={r.choice(['first', 'best'])}")
        if r.random() < 0.1:
            parts.append("internal_key_truncate=false")
        if r.random() < 0.1:
            parts.append(f"access_pattern_hint={r.choice(['random', 'sequential'])}")
        if r.random() < 0.1:
            parts.append(f"key_gap={r.choice([1, 10, 100])}")
        if r.random() < 0.1:
            parts.append("os_cache_dirty_max=1MB")
        if r.random() < 0.05:
            parts.append("cache_resident=true")
        return ",".join(parts)

    @property
    def uri(self):
        return f"{self.kind}:{self.name}"

    def create(self, session, bare=False):
        """Create it, with its column groups and indices."""
        log = "" if self.logged else ",log=(enabled=false)"
        text = f"key_format={self.key},value_format={self.value},{self.layout}{self.app_metadata}{log}"
        if self.named:
            text += f",columns=({','.join(self.columns)})"
        if self.lsm:
            text += ",type=lsm,lsm=(chunk_size=512KB,merge_min=2,bloom=true)"
        if self.groups:
            text += f",colgroups=({','.join(f'g{i}' for i in range(len(self.groups)))})"
        session.create(self.uri, text)
        for i, columns in enumerate(self.groups):
            session.create(f"colgroup:{self.name}:g{i}", f"columns=({','.join(columns)}),{self.group_layouts[i]}{log}")
        if not bare:
            for i in range(len(self.indices)):
                self.create_index(session, i)

    def create_index(self, session, i):
        log = "" if self.logged else ",log=(enabled=false)"
        text = f"columns=({','.join(self.indices[i])}),{self.index_layouts[i]}{log}"
        session.create(f"index:{self.name}:i{i}", text)

    def text(self, r, scale):
        """Text of a random length, long at times."""
        length = r.randrange(1, self.size + 1)
        if r.random() < self.big:
            length = r.choice([300, 600, 2000, 5000, 20000]) // scale
        at = r.randrange(len(self.pool) - length)
        return self.pool[at:at + length]

    def field(self, r, field, number, where):
        """A value for one field; that of a key follows `number`."""
        length, letter = field
        if letter in SIGNED:
            bits = SIGNED[letter]
            n = number - self.span // 3 if where == "key" else r.choice([0, 1, -1, r.getrandbits(bits - 1), -r.getrandbits(bits - 1)])
            return max(-(1 << (bits - 1)), min(n, (1 << (bits - 1)) - 1))
        if letter in UNSIGNED:
            bits = UNSIGNED[letter]
            return number & ((1 << bits) - 1) if where == "key" else r.choice([0, 1, r.getrandbits(bits)])
        if letter == "r":
            return number + 1
        if letter == "t":
            return r.getrandbits(length or 1) if r.random() < 0.7 else 0
        if where == "key":
            # What a key looks like follows its number, for updates to meet it again.
            k = random.Random(f"{self.number}/{number}")
            text = f"{number:0{k.choice([5, 5, 5, 9])}d}"
            if letter in "Su" and k.random() < self.big:
                text += self.text(k, 2)
        else:
            text = "" if r.random() < 0.03 else self.text(r, 1)
        if letter == "s":
            return text[:length].ljust(length, "_")
        if letter == "S":
            return text
        data = text.encode()
        if r.random() < 0.2 and where != "key":
            data = r.randbytes(min(len(data), 40)) + data[40:]
        return data

    def make_key(self, r, number):
        if number not in self.made:
            self.made[number] = self._make_key(r, number)
        return self.made[number]

    def _make_key(self, r, number):
        # The last field tells keys apart, where there is more than one.
        if len(self.keys) > 1:
            parts = [self.field(r, f, number // 8, "key") for f in self.keys[:-1]]
            parts.append(self.field(r, self.keys[-1], number, "key"))
            return tuple(parts)
        return self.field(r, self.keys[0], number, "key")

    def make_value(self, r):
        parts = [self.field(r, f, 0, "value") for f in self.values]
        return tuple(parts) if len(parts) > 1 else parts[0]
