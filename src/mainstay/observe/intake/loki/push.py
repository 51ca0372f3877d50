"""The messages of Loki's push API in protobuf.

Source: ``pkg/push/push.proto`` of Grafana Loki. The four messages are described here rather than compiled, because the
field numbers are all there is to them.
"""

from typing import Any, cast

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, timestamp_pb2

_Field = descriptor_pb2.FieldDescriptorProto
_ONE, _MANY = _Field.LABEL_OPTIONAL, _Field.LABEL_REPEATED
# message -> fields as (name, number, label, type or the message that it holds)
_MESSAGES: dict[str, tuple[tuple[str, int, int, int | str], ...]] = {
    "PushRequest": (("streams", 1, _MANY, ".logproto.Stream"),),
    "Stream": (("labels", 1, _ONE, _Field.TYPE_STRING), ("entries", 2, _MANY, ".logproto.Entry")),
    "Entry": (
        ("timestamp", 1, _ONE, ".google.protobuf.Timestamp"),
        # Bytes rather than string: a line that is no UTF-8 must not cost the others of its request.
        ("line", 2, _ONE, _Field.TYPE_BYTES),
        ("structured_metadata", 3, _MANY, ".logproto.LabelPair"),
    ),
    "LabelPair": (("name", 1, _ONE, _Field.TYPE_STRING), ("value", 2, _ONE, _Field.TYPE_STRING)),
}


def _push_request() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name="mainstay/loki_push.proto", package="logproto", syntax="proto3")
    file.dependency.append(timestamp_pb2.DESCRIPTOR.name)
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, number, label, kind in fields:
            described = message.field.add(name=field, number=number, label=label)
            if isinstance(kind, str):
                described.type, described.type_name = _Field.TYPE_MESSAGE, kind
            else:
                described.type = cast("Any", kind)
    pool = descriptor_pool.Default()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("logproto.PushRequest"))


PushRequest = _push_request()
