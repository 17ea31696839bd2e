"""Where drives lie: files, folders, object stores.

`obstore` is the Python side of the Rust crate `object_store`: S3, Google Cloud Storage, Azure and files, one wheel, credentials from the environment as
the stores' own tools take them.
"""

import sys
from pathlib import Path
from urllib.parse import urlsplit


def store_of(url):
    """The store of a URL, and the path in it."""
    from obstore.store import from_url

    parts = urlsplit(url)
    return from_url(f"{parts.scheme}://{parts.netloc}"), parts.path.lstrip("/")


def local(url):
    """The path of what lies on this machine's file system."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        return Path(parts.path)
    return Path(url) if len(parts.scheme) < 2 else None


def list_drives(sources):
    """Drives by name, in the order of the names: (name, URL or path)."""
    found = {}
    for source in sources:
        path = local(source)
        if path and path.is_dir():
            urls = [str(file.resolve()) for file in path.glob("*.mcap")]
        elif path or source.endswith(".mcap"):
            urls = [str(path.resolve() if path else source)]
        else:
            import obstore

            store, prefix = store_of(source)
            folder = prefix.rstrip("/") + "/" if prefix.strip("/") else ""
            base = source[: len(source) - len(prefix)].rstrip("/")
            listed = obstore.list_with_delimiter(store, folder or None)["objects"]
            urls = [f"{base}/{entry['path']}" for entry in listed if entry["path"].endswith(".mcap")]
        if not urls:
            sys.exit(f"{source}: no *.mcap")
        for url in urls:
            other = found.setdefault(Path(urlsplit(url).path).stem, url)
            if other != url:
                sys.exit(f"{other} and {url}: two drives of one name")
    return sorted(found.items())


def fetch(url, target):
    """The drive as a file: itself where it lies on a file system, else a copy at `target`, which is not held in memory."""
    path = local(url)
    if path:
        return path
    import obstore

    store, key = store_of(url)
    with open(target, "wb") as file:
        for piece in obstore.get(store, key).stream(min_chunk_size=8 << 20):
            file.write(piece)
    return target
