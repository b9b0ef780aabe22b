from typing import List

from kfp import dsl
from kfp.dsl import Dataset, Input, Output


@dsl.component
def part(number: int, table: Output[Dataset]):
    with open(table.path, "w") as file:
        file.write(str(number))


@dsl.component
def join(tables: Input[List[Dataset]]):
    print(len(tables))


@dsl.pipeline(name="parts", description="A list of artifacts as the output of a pipeline.")
def parts() -> List[Dataset]:
    with dsl.ParallelFor([1, 2]) as number:
        made = part(number=number)
    return dsl.Collected(made.outputs["table"])


@dsl.pipeline(name="collected-artifacts", description="Lists of artifacts, between pipelines and into a step.")
def pipeline() -> List[Dataset]:
    inner = parts()
    join(tables=inner.output)
    return inner.output
