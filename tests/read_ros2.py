#!/usr/bin/env python3
"""Reads an exported bag with the public Python packages, as anybody else would, and decodes every message.

    python3 tests/read_ros2.py BAG.mcap [REQUIRED_TOPIC ...]

Needs `pip install mcap mcap-ros2-support`. Prints a table: topic, type, messages, and a value of the last one. Exits 1 if a message does not
decode or a required topic has no message.
"""
import struct
import sys

from mcap.reader import make_reader
from mcap_ros2.decoder import DecoderFactory


def value(topic_type, message):
    """A number out of the message that only a right decoding gives."""
    if topic_type == "sensor_msgs/msg/PointCloud2":
        offsets = {field.name: field.offset for field in message.fields}
        x = struct.unpack_from("<f", message.data, offsets["x"])[0]
        assert message.width * message.point_step == len(message.data) and message.header.frame_id == "lidar"
        return f"{message.width} points, x {x:.3f}"
    if topic_type == "sensor_msgs/msg/CompressedImage":
        assert bytes(message.data[:2]) in (b"\xff\xd8", b"\x89P"), "neither JPEG nor PNG"
        return f"{message.format}, {len(message.data)} bytes"
    if topic_type == "sensor_msgs/msg/CameraInfo":
        assert message.k[0] == message.p[0] > 10 and message.k[8] == 1
        return f"{message.width} x {message.height}, f {message.k[0]:.1f} px"
    if topic_type == "nav_msgs/msg/Odometry":
        q = message.pose.pose.orientation
        assert abs(q.x**2 + q.y**2 + q.z**2 + q.w**2 - 1) < 1e-6
        return f"x {message.pose.pose.position.x:.3f} m, {message.twist.twist.linear.x:.3f} m/s"
    if topic_type == "tf2_msgs/msg/TFMessage":
        return ", ".join(f"{t.header.frame_id} to {t.child_frame_id}" for t in message.transforms)
    if topic_type == "visualization_msgs/msg/MarkerArray":
        return ", ".join(m.text for m in message.markers[:3])
    if topic_type == "nav_msgs/msg/Path":
        return f"{len(message.poses)} poses"
    return f"{message.drive.steering_angle:.4f} rad, {message.drive.acceleration:.3f} m/s2"


def main(path, required):
    rows, failures = {}, []
    with open(path, "rb") as file:
        reader = make_reader(file, decoder_factories=[DecoderFactory()], validate_crcs=True)
        assert reader.get_header().profile == "ros2"
        for schema, channel, message, decoded in reader.iter_decoded_messages():
            row = rows.setdefault(channel.topic, [schema.name, 0, ""])
            row[1] += 1
            try:
                row[2] = value(schema.name, decoded)
            except Exception as error:  # every failure is one line, whatever its kind
                failures.append(f"{channel.topic} at {message.log_time} ns: {error!r}")
    for topic, (kind, count, last) in sorted(rows.items()):
        print(f"{topic:40}  {kind:40}  {count:6}  {last}")
    failures += [f"{topic}: no message" for topic in required if topic not in rows]
    for failure in failures[:20]:
        print(failure, file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
