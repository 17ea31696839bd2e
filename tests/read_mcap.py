#!/usr/bin/env python3
"""Reads a drive with the public Python packages, as anybody else would, and decodes every message.

    python3 tests/read_mcap.py DRIVE.mcap [REQUIRED_TOPIC ...]

Needs `pip install mcap mcap-protobuf-support`. Prints a table: topic, schema, messages, first and last log time (ns).
Exits 1 if a message does not decode or a required topic has no message, 2 if the file cannot be read.
"""
import sys

from mcap.exceptions import McapError
from mcap.reader import make_reader
from mcap_protobuf.decoder import DecoderFactory


def main(path, required):
    rows, failures = {}, []
    factory = DecoderFactory()
    decoders = {}
    with open(path, "rb") as file:
        for schema, channel, message in make_reader(file, validate_crcs=True).iter_messages():
            if channel.id not in decoders:
                decoders[channel.id] = factory.decoder_for(channel.message_encoding, schema)
            row = rows.setdefault(channel.topic, [schema.name if schema else "", 0, message.log_time, message.log_time])
            row[1:] = row[1] + 1, min(row[2], message.log_time), max(row[3], message.log_time)
            try:
                if decoders[channel.id] is None:
                    raise ValueError(f"no decoder for encoding {channel.message_encoding}")
                decoders[channel.id](message.data)
            except Exception as error:  # every failure is one line, whatever its kind
                failures.append(f"{channel.topic} at {message.log_time} ns: {error}")
    width = max([len(topic) for topic in rows] + [5])
    print(f"{'topic':{width}}  {'schema':28}  {'messages':>8}  {'first':>19}  {'last':>19}")
    for topic, (schema, count, first, last) in sorted(rows.items()):
        print(f"{topic:{width}}  {schema:28}  {count:8}  {first:19}  {last:19}")
    failures += [f"{topic}: no message" for topic in required if topic not in rows]
    for failure in failures[:20]:
        print(failure, file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    try:
        sys.exit(main(sys.argv[1], sys.argv[2:]))
    except (OSError, McapError) as error:
        print(f"{sys.argv[1]}: {error}", file=sys.stderr)
        sys.exit(2)
