#!/usr/bin/env python3
"""Homes that the real engine writes, whose metadata is then lost or damaged: wtcheck brings it back in a copy, and the
engine must open that, verify every table, and give the same rows.

    python3 metadata.py --wtcheck target/debug/wtcheck --work DIR

The engine comes as the module `wiredtiger` (python3 -m pip install --no-deps secantusdb).
"""

import argparse
import hashlib
import json
import os
import shutil
import struct
import subprocess
import sys

DAMAGES = ["lost", "both", "zeroed", "empty", "cut", "half", "root", "leaves", "restart", "restart-used", "first-blocks"]

# Without that size an engine takes a hundred megabytes for each file of its log.
LOG = "log=(enabled=true,file_max=1MB"


def bson(document):
    """Just what the catalog needs."""
    out = b""
    for key, value in document.items():
        name = key.encode() + b"\0"
        if isinstance(value, bool):
            out += b"\x08" + name + bytes([value])
        elif isinstance(value, str):
            text = value.encode() + b"\0"
            out += b"\x02" + name + struct.pack("<i", len(text)) + text
        elif isinstance(value, bytes):
            out += b"\x05" + name + struct.pack("<iB", len(value), 4) + value
        elif isinstance(value, int):
            out += b"\x10" + name + struct.pack("<i", value)
        elif isinstance(value, list):
            out += b"\x04" + name + bson({str(n): v for n, v in enumerate(value)})
        else:
            out += b"\x03" + name + bson(value)
    return struct.pack("<i", len(out) + 5) + out + b"\0"


def mongo_like(wt, home, collections, log, killed):
    """Collections and their indexes, the catalog, the counts; `killed`: as it was while the engine ran."""
    os.makedirs(os.path.join(home, "journal"))
    config = "create,config_base=false,cache_size=64MB"
    config += f",{LOG},path=journal)" if log else ""
    connection = wt.wiredtiger_open(home, config)
    session = connection.open_session()
    logged = "log=(enabled=false)" if log else "log=(enabled=true)"
    session.create("table:_mdb_catalog", "key_format=q,value_format=u,app_metadata=(formatVersion=1)," + logged)
    session.create("table:sizeStorer", "key_format=u,value_format=u")
    catalog = session.open_cursor("table:_mdb_catalog")
    for n in range(collections):
        data, ids, unique = (f"{kind}-{n}--17" for kind in ["collection", "index-0", "index-1"])
        session.create(f"table:{data}", "key_format=q,value_format=u,app_metadata=(formatVersion=1)," + logged)
        for ident, version in [(ids, 8), (unique, 14)]:
            form = f"prefix_compression=true,app_metadata=(formatVersion={version})"
            session.create(f"table:{ident}", f"key_format=u,value_format=u,{form},{logged}")
        indexes = [
            {"spec": {"v": 2, "key": {"_id": 1}, "name": "_id_"}, "ready": True},
            {"spec": {"v": 2, "key": {"n": 1}, "name": "n_1", "unique": True}, "ready": True},
        ]
        uuid = hashlib.md5(data.encode()).digest()
        md = {"ns": f"db.c{n}", "options": {"uuid": uuid}, "indexes": indexes}
        row = {"md": md, "idxIdent": {"_id_": ids, "n_1": unique}, "ns": f"db.c{n}", "ident": data}
        catalog[n + 1] = bson(row)
        # Some never hold anything.
        for key in range(0 if n % 7 == 3 else 3 + n % 50):
            timestamp = f"commit_timestamp={10 + key:x}"
            for table, k, v in [(data, key + 1, bson({"_id": key, "t": "x" * (key * 3)})), (ids, b"%04d\4" % key, b"\1")]:
                session.begin_transaction()
                cursor = session.open_cursor(f"table:{table}")
                cursor[k] = v
                cursor.close()
                session.commit_transaction(timestamp)
    catalog.close()
    connection.set_timestamp("oldest_timestamp=1,stable_timestamp=1000")
    session.checkpoint()
    if killed:
        shutil.copytree(home, home + ".killed")
    connection.close()
    if killed:
        shutil.rmtree(home)
        os.rename(home + ".killed", home)


def simple(wt, home, log, killed):
    """Tables of other formats, an index file too, and rows that only the log has."""
    os.makedirs(home)
    config = "create" + (f",{LOG})" if log else "")
    connection = wt.wiredtiger_open(home, config)
    session = connection.open_session()
    session.create("table:a", "key_format=S,value_format=S")
    session.create("table:r", "key_format=r,value_format=8t")
    session.create("table:c", "key_format=i,value_format=iS,columns=(k,n,t)")
    session.create("file:raw", "key_format=S,value_format=S")
    a, r, c = (session.open_cursor(f"table:{t}") for t in "arc")
    for n in range(2000):
        a[f"key{n:06}"] = "v" * (n % 90)
        r[n + 1] = n % 200
        c[n] = (n * 7, f"text {n}")
    session.checkpoint("name=first")
    session.open_cursor("file:raw")["k"] = "v"
    for n in range(500):
        a[f"key{n:06}"] = "changed"
    session.checkpoint()
    if log:
        for n in range(300):
            a[f"late{n:04}"] = "only in the log"
        session.create("table:late", "key_format=S,value_format=S")
        session.open_cursor("table:late")["x"] = "y"
        session.log_flush("sync=on")
    if killed:
        shutil.copytree(home, home + ".killed")
    connection.close()
    if killed:
        shutil.rmtree(home)
        os.rename(home + ".killed", home)


def content(python, home, config):
    """Rows and verdict of every table, by an engine in a process of its own, of a copy."""
    copy = home + ".opened"
    shutil.copytree(home, copy)
    out = subprocess.run([python, __file__, "--content", copy, config], capture_output=True, text=True)
    shutil.rmtree(copy)
    if out.returncode:
        return {"open": (out.stdout + out.stderr)[-800:]}
    return json.loads(out.stdout.splitlines()[-1])


def print_content(wt, home, config):
    connection = wt.wiredtiger_open(home, config)
    session = connection.open_session()
    metadata = session.open_cursor("metadata:")
    uris = sorted(key for key, _ in metadata if key.startswith(("table:", "file:")))
    metadata.close()
    out = {}
    for uri in uris:
        if uri == "file:WiredTigerHS.wt":
            continue
        cursor = session.open_cursor(uri, None, "raw")
        rows, digest = 0, hashlib.sha256()
        while cursor.next() == 0:
            rows += 1
            digest.update(repr((cursor.get_key(), cursor.get_value())).encode())
        cursor.close()
        session.verify(uri)
        out[uri] = [rows, digest.hexdigest()]
    connection.close()
    print(json.dumps(out))


def restart(wt, home, config, used):
    connection = wt.wiredtiger_open(home, "create," + config)
    session = connection.open_session()
    for name in ["_mdb_catalog", "a", "another"] if used else []:
        session.create(f"table:{name}", "key_format=u,value_format=u")
        session.open_cursor(f"table:{name}")[b"new"] = b"life"
    connection.close()


def damage(home, config, how):
    metadata, turtle = (os.path.join(home, name) for name in ["WiredTiger.wt", "WiredTiger.turtle"])
    if how in ("lost", "both"):
        os.remove(metadata)
    if how == "both" or how.startswith("restart"):
        os.remove(turtle)
    if how.startswith("restart"):
        again = [sys.executable, __file__, "--restart", home, config, how.removeprefix("restart")]
        subprocess.run(again, check=True, capture_output=True)
    if how in ("zeroed", "empty"):
        size = os.path.getsize(metadata) if how == "zeroed" else 0
        with open(metadata, "wb") as file:
            file.write(bytes(size))
    if how == "first-blocks":
        for name in os.listdir(home):
            if name.endswith(".wt") or name == "raw":
                with open(os.path.join(home, name), "r+b") as file:
                    file.write(bytes(4096))
    if how == "cut":
        os.truncate(metadata, 4096 + 512)
    if how == "half":
        os.truncate(metadata, os.path.getsize(metadata) // 8192 * 4096)
    if how in ("root", "leaves"):
        with open(metadata, "rb") as file:
            data = bytearray(file.read())
        kinds = {"root": [6], "leaves": [6, 7]}[how]
        for n, at in enumerate(range(4096, len(data), 4096)):
            if data[at + 24] in kinds and (data[at + 24] == 6 or n % 2):
                data[at + 100 : at + 140] = b"x" * 40
        with open(metadata, "wb") as file:
            file.write(data)


def files(home):
    out = {}
    for path, _, names in os.walk(home):
        for name in names:
            if not name.endswith(".journal") and name != "WiredTiger.lock":
                with open(os.path.join(path, name), "rb") as file:
                    out[os.path.relpath(os.path.join(path, name), home)] = file.read()
    return out


def trial(options, home, config, how, sound):
    """What went wrong, or nothing. `sound` is what the home shows before the damage."""
    work = os.path.join(options.work, "trial")
    shutil.rmtree(work, ignore_errors=True)
    source, plan, out = (os.path.join(work, name) for name in ["home", "plan.yaml", "out"])
    shutil.copytree(home, source)
    damage(source, config, how)
    made = subprocess.run([options.wtcheck, "repair", "plan", source, "-o", plan], capture_output=True, text=True)
    if not os.path.exists(plan):
        return f"no plan: {made.stdout}{made.stderr}"
    apply = [options.wtcheck, "repair", "apply", plan, "--output", out, "--format", "json"]
    done = subprocess.run(apply, capture_output=True, text=True)
    if done.returncode != 4:
        return f"apply: {done.returncode} {done.stderr}"
    after = content(sys.executable, out, config)
    if sound != after:
        both = sorted(set(sound) | set(after))
        return f"rows differ: {[(u, sound.get(u), after.get(u)) for u in both if sound.get(u) != after.get(u)][:5]}"
    undone = subprocess.run([options.wtcheck, "repair", "undo", json.loads(done.stdout)["journal"]], capture_output=True)
    if undone.returncode or files(source) != files(out):
        return "undo does not give the bytes back"
    return None


def main():
    if sys.argv[1:2] == ["--content"]:
        import wiredtiger

        return print_content(wiredtiger, sys.argv[2], sys.argv[3])
    if sys.argv[1:2] == ["--restart"]:
        import wiredtiger

        return restart(wiredtiger, *sys.argv[2:5])
    import wiredtiger

    parser = argparse.ArgumentParser()
    parser.add_argument("--wtcheck", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--collections", type=int, default=40)
    parser.add_argument("--kinds", default="mongo,simple")
    parser.add_argument("--damages", default=",".join(DAMAGES))
    options = parser.parse_args()
    trials = failures = 0
    for kind in options.kinds.split(","):
        for log in [False, True]:
            for killed in [False, True]:
                home = os.path.join(options.work, f"{kind}-{log}-{killed}")
                if kind == "mongo":
                    mongo_like(wiredtiger, home, options.collections, log, killed)
                    config = f"{LOG},path=journal)" if log else ""
                else:
                    simple(wiredtiger, home, log, killed)
                    config = f"{LOG})" if log else ""
                sound = content(sys.executable, home, config)
                for how in options.damages.split(","):
                    # With its log an engine finds everything again, or fails.
                    if log and how.startswith("restart"):
                        continue
                    trials += 1
                    wrong = trial(options, home, config, how, sound)
                    failures += wrong is not None
                    if wrong:
                        print(f"{kind} log={log} killed={killed} {how}: {wrong}")
    print(f"\n{trials} trials, {failures} failures")
    return failures > 0


if __name__ == "__main__":
    sys.exit(main())
