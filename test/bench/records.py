"""What people run over a table's rows today, each as a whole process: `records.py json|md5|scan|pandas|oxen|parquet FILE [OTHER]`."""

import json
import sys


def json_loop(path):
    import blake3

    for line in open(path, "rb"):
        blake3.blake3(json.dumps(json.loads(line), sort_keys=True, ensure_ascii=False).encode()).digest()


def duck(query):
    import duckdb

    duckdb.execute("SET threads = 2")
    return duckdb.execute(query).fetchone()


def rows(path):
    return f"read_parquet('{path}')" if path.endswith(".parquet") else f"read_json('{path}', format = 'newline_delimited')"


def scan(path):
    """Every column is decoded: a checksum of each, for a scan that reads nothing is none."""
    import duckdb

    names = [row[0] for row in duckdb.execute(f"DESCRIBE SELECT * FROM {rows(path)}").fetchall()]
    duck("SELECT " + ", ".join(f'count("{name}"), max("{name}")' for name in names) + f" FROM {rows(path)}")


def pandas_hash(path):
    import pandas

    table = pandas.read_parquet(path) if path.endswith(".parquet") else pandas.read_json(path, lines=True)
    for name in table.columns:
        if table[name].dtype == object:
            table[name] = table[name].astype(str)
    pandas.util.hash_pandas_object(table)


def oxen_diff(path, other):
    import oxen

    oxen.diff(path, other, keys=["id"])


def main(what, path, other=""):
    if what == "json":
        json_loop(path)
    elif what == "md5":
        duck(f"SELECT max(md5(t::VARCHAR)) FROM {rows(path)} t")
    elif what == "scan":
        scan(path)
    elif what == "pandas":
        pandas_hash(path)
    elif what == "oxen":
        oxen_diff(path, other)
    elif what == "parquet":
        duck(f"COPY (SELECT * FROM {rows(path)}) TO '{other}' (FORMAT parquet, COMPRESSION zstd)")
    else:
        sys.exit(f"records.py: {what}?")


main(*sys.argv[1:])
