# Frames of fixed noise decoded by cantools, as JSON on standard output.
#
#   pip install cantools
#   python3 car_cantools.py car.dbc > car_cantools.json
import json
import math
import sys

import cantools

database = cantools.database.load_file(sys.argv[1], strict=False)
state = 1


def noise(length):
    global state
    out = bytearray()
    for _ in range(length):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        out.append(state >> 56)
    return out


frames = []
for message in database.messages:
    for turn in range(16):
        data = noise(message.length)
        if message.is_multiplexed():
            # A switch that is a whole byte walks through its first values, so that many frames hold its signals.
            switch = next(signal for signal in message.signals if signal.is_multiplexer)
            if switch.length == 8 and switch.start % 8 == 0 and switch.byte_order == "little_endian":
                data[switch.start // 8] = turn % 4
        try:
            signals = message.decode(bytes(data), decode_choices=False, scaling=True)
        except Exception:
            continue  # a value of the switch that stands for no signals
        plain = {name: value if math.isfinite(value) else str(value) for name, value in signals.items()}
        frames.append({"message": message.name, "data": bytes(data).hex(), "signals": plain})
print("[\n" + ",\n".join(json.dumps(frame) for frame in frames) + "\n]")
