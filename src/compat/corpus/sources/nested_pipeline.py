from typing import NamedTuple

from kfp import dsl


@dsl.container_component
def double(number: int, result: dsl.OutputPath(int), log: dsl.Output[dsl.Artifact]):
    return dsl.ContainerSpec(
        image="busybox:1.36", command=["sh", "-ec", 'echo $(($0 * 2)) > "$1"'], args=[number, result, log.path]
    )


@dsl.pipeline(name="twice", description="The inner pipeline.")
def twice(number: int = 1) -> NamedTuple("Outputs", [("result", int), ("log", dsl.Artifact)]):
    first = double(number=number)
    second = double(number=first.outputs["result"])
    return NamedTuple("Outputs", [("result", int), ("log", dsl.Artifact)])(
        second.outputs["result"], second.outputs["log"]
    )


@dsl.pipeline(name="nested-pipeline", description="A pipeline as a step of another, with outputs of both kinds.")
def pipeline(number: int = 1) -> NamedTuple("Outputs", [("result", int), ("log", dsl.Artifact)]):
    inner = twice(number=number)
    last = twice(number=inner.outputs["result"])
    return NamedTuple("Outputs", [("result", int), ("log", dsl.Artifact)])(last.outputs["result"], inner.outputs["log"])
