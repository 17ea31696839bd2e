"""Writes a small ROS 2 bag with `rosbags`, which has nothing of ours: python3 write_ros2.py FOLDER fix|odometry.

A car drives 10 m/s along x for a second beside a wall; ten sweeps, images and poses. The lidar sits 1.2 m ahead of the rear axle and 1.8 m high, turned by
a quarter turn; the camera looks ahead.
"""

import math
import struct
import sys
import zlib

import numpy as np
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

folder, pose_of = sys.argv[1], sys.argv[2]
store = get_typestore(Stores.ROS2_HUMBLE)
types = store.types


def make(name, /, **fields):
    return types[name](**fields)


def header(ns, frame):
    stamp = make("builtin_interfaces/msg/Time", sec=ns // 10**9, nanosec=ns % 10**9)
    return make("std_msgs/msg/Header", stamp=stamp, frame_id=frame)


def vector(x, y, z):
    return make("geometry_msgs/msg/Vector3", x=float(x), y=float(y), z=float(z))


def turn(x, y, z, w):
    return make("geometry_msgs/msg/Quaternion", x=float(x), y=float(y), z=float(z), w=float(w))


def transform(parent, child, place, rotation):
    motion = make("geometry_msgs/msg/Transform", translation=vector(*place), rotation=turn(*rotation))
    return make("geometry_msgs/msg/TransformStamped", header=header(0, parent), child_frame_id=child, transform=motion)


def cloud(ns):
    """A wall 5 m to the left of the car, in a lidar whose x points to the car's left."""
    names = [("x", 7, 0), ("y", 7, 4), ("z", 7, 8), ("intensity", 7, 12), ("ring", 4, 16), ("t", 6, 20)]
    field = lambda name, kind, at: make("sensor_msgs/msg/PointField", name=name, offset=at, datatype=kind, count=1)
    points = [(5.0, -ahead, height, 100.0, ring, 1000 * i) for ring, height in enumerate((-1.0, 0.0)) for i, ahead in enumerate(np.linspace(-5, 15, 200))]
    data = b"".join(struct.pack("<ffffHxxI", *point) for point in points)
    return make(
        "sensor_msgs/msg/PointCloud2", header=header(ns, "laser"), height=1, width=len(points), is_bigendian=False, point_step=24,
        row_step=len(data), is_dense=True, fields=[field(*name) for name in names], data=np.frombuffer(data, np.uint8),
    )


def picture(ns):
    width, height = 64, 48
    rows = b"".join(b"\0" + bytes((x * 4, y * 5, 128)[c] for x in range(width) for c in range(3)) for y in range(height))
    chunk = lambda name, body: struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return make("sensor_msgs/msg/CompressedImage", header=header(ns, "eye"), format="png", data=np.frombuffer(png, np.uint8))


def camera_info(ns):
    k = np.array([50, 0, 32, 0, 50, 24, 0, 0, 1], float)
    p = np.array([50, 0, 32, 0, 0, 50, 24, 0, 0, 0, 1, 0], float)
    region = make("sensor_msgs/msg/RegionOfInterest", x_offset=0, y_offset=0, height=0, width=0, do_rectify=False)
    return make(
        "sensor_msgs/msg/CameraInfo", header=header(ns, "eye"), height=48, width=64, distortion_model="plumb_bob", d=np.zeros(5), k=k,
        r=np.eye(3).flatten(), p=p, binning_x=0, binning_y=0, roi=region,
    )


def poses(ns, x):
    nine, thirty_six = np.zeros(9), np.zeros(36)
    if pose_of == "odometry":
        pose = make("geometry_msgs/msg/Pose", position=make("geometry_msgs/msg/Point", x=x, y=0.0, z=0.0), orientation=turn(0, 0, 0, 1))
        speed = make("geometry_msgs/msg/Twist", linear=vector(10, 0, 0), angular=vector(0, 0, 0))
        yield "/odom", make(
            "nav_msgs/msg/Odometry", header=header(ns, "odom"), child_frame_id="base_link",
            pose=make("geometry_msgs/msg/PoseWithCovariance", pose=pose, covariance=thirty_six),
            twist=make("geometry_msgs/msg/TwistWithCovariance", twist=speed, covariance=thirty_six),
        )
    else:
        yield "/imu", make(
            "sensor_msgs/msg/Imu", header=header(ns, "base_link"), orientation=turn(0, 0, 0, 1), orientation_covariance=nine,
            angular_velocity=vector(0, 0, 0), angular_velocity_covariance=nine, linear_acceleration=vector(0, 0, 9.81), linear_acceleration_covariance=nine,
        )
        status = make("sensor_msgs/msg/NavSatStatus", status=0, service=1)
        longitude = 8.0 + math.degrees(x / (6378137.0 * math.cos(math.radians(49.0))))
        yield "/fix", make(
            "sensor_msgs/msg/NavSatFix", header=header(ns, "base_link"), status=status, latitude=49.0, longitude=longitude, altitude=110.0,
            position_covariance=nine, position_covariance_type=0,
        )


half = math.sqrt(0.5)
static = make("tf2_msgs/msg/TFMessage", transforms=[
    transform("base_link", "laser", (1.2, 0, 1.8), (0, 0, half, half)),
    transform("base_link", "eye", (1.5, 0, 1.4), (-0.5, 0.5, -0.5, 0.5)),
])
with Writer(folder, version=9, storage_plugin=StoragePlugin.MCAP) as bag:
    known = {}
    def put(topic, message, ns):
        if topic not in known:
            known[topic] = bag.add_connection(topic, message.__msgtype__, typestore=store)
        bag.write(known[topic], ns, store.serialize_cdr(message, message.__msgtype__))
    begin = 1_700_000_000 * 10**9
    put("/tf_static", static, begin)
    for i in range(10):
        now = begin + i * 10**8
        put("/points", cloud(now), now)
        put("/camera/image/compressed", picture(now), now)
        put("/camera/camera_info", camera_info(now), now)
        for topic, message in poses(now, float(i)):
            put(topic, message, now)
