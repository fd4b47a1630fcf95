"""The contract of hawser.v1, compiled for Python."""
import functools
import importlib
import os
import pathlib
import sys
import tempfile

PROTO = pathlib.Path(__file__).parents[2] / "proto"


@functools.cache
def contract():
    """(messages, stubs) of hawser.v1."""
    import grpc_tools
    from grpc_tools import protoc
    out = tempfile.mkdtemp(prefix="hawser-proto-")
    own = pathlib.Path(grpc_tools.__file__).parent / "_proto"
    status = protoc.main(["protoc", f"-I{PROTO}", f"-I{own}", f"--python_out={out}", f"--grpc_python_out={out}",
                          str(PROTO / "hawser/v1/llm.proto")])
    assert status == 0
    sys.path.insert(0, out)
    return importlib.import_module("hawser.v1.llm_pb2"), importlib.import_module("hawser.v1.llm_pb2_grpc")
