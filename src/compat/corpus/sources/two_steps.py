from kfp import dsl
from kfp.dsl import Dataset, Input, Output


@dsl.component
def write(rows: int, table: Output[Dataset]) -> int:
    with open(table.path, "w") as file:
        file.write("row\n" * rows)
    return rows


@dsl.component
def count(expected: int, table: Input[Dataset]) -> bool:
    with open(table.path) as file:
        return len(file.readlines()) == expected


@dsl.pipeline(name="two-steps", description="A parameter and an artifact go from one step to the next.")
def pipeline(rows: int = 10):
    written = write(rows=rows)
    count(expected=written.outputs["Output"], table=written.outputs["table"])
