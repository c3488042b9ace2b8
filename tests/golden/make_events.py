#!/usr/bin/env python3
"""Writes events.tfevents: a TensorBoard event file made by the tensorboard package's own writer and protocol buffers, for
tests/test_tensorboard.c, which must make the same bytes.

usage: python make_events.py > events.tfevents
"""
import sys

from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.summary.writer.record_writer import RecordWriter

# The smallest picture that is one: 2 x 1 grey, stored. Only its bytes matter here.
PICTURE = bytes(range(40))


def value(tag, **what):
    return summary_pb2.Summary.Value(tag=tag, **what)


def event(wall_time, step, *values):
    return event_pb2.Event(wall_time=wall_time, step=step, summary=summary_pb2.Summary(value=values))


EVENTS = [
    event_pb2.Event(wall_time=1700000000.25, file_version="brain.Event:2"),
    event(1700000001.5, 0, value("loss/train", simple_value=0.0)),
    event(1700000002.5, 1, value("loss/train", simple_value=0.6931472), value("rate", simple_value=-1e-7)),
    event(1700000003.5, 300, value("validation/worst", image=summary_pb2.Summary.Image(
        height=513, width=1040, colorspace=3, encoded_image_string=PICTURE))),
    event(1700000004.75, 123456789012, value("x" * 200, simple_value=float("inf"))),
]

writer = RecordWriter(sys.stdout.buffer)
for e in EVENTS:
    writer.write(e.SerializeToString())
