"""Reads an event directory with TensorBoard's own reader, for test/external/tensorboard.test.ts.

argv: DIR -> stdout {"scalars": {tag: [[step, value], ...]}, "texts": {tag: [[step, text], ...]}}
"""

import json
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

reader = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0, "tensors": 0})
reader.Reload()
tags = reader.Tags()
json.dump(
    {
        "scalars": {tag: [[e.step, e.value] for e in reader.Scalars(tag)] for tag in tags["scalars"]},
        "texts": {
            tag: [[e.step, e.tensor_proto.string_val[0].decode()] for e in reader.Tensors(tag) if e.tensor_proto.string_val]
            for tag in tags["tensors"]
        },
    },
    sys.stdout,
)
