#!/usr/bin/env python3
"""Makes the Feather files that the reader of tables is tested with: `pip install pyarrow`, then run this here."""
import numpy as np
import pyarrow as pa
from pyarrow import feather

n = np.arange(300)
table = pa.table({
    "half": ((n - 150) / 4).astype(np.float16),
    "single": ((n - 150) / 8).astype(np.float32),
    "double": (n - 150) / 16,
    "octet": (n % 256).astype(np.uint8),
    "offset": (-1000 * n).astype(np.int32),
    "stamp": 315973157959879000 + n,
    "even": n % 2 == 0,
    "name": [f"n{k % 7}" for k in n],
})
for name, compression in [("plain", "uncompressed"), ("lz4", "lz4"), ("zstd", "zstd")]:
    feather.write_feather(table, f"{name}.feather", compression=compression, chunksize=200)
