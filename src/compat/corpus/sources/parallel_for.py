from kfp import dsl


@dsl.component
def names() -> list:
    return ["a", "b", "c"]


@dsl.component
def greet(name: str):
    print(name)


@dsl.pipeline(name="parallel-for", description="Loops over items that are written down and over items that a step gives.")
def pipeline():
    with dsl.ParallelFor(["x", "y"], name="written") as item:
        greet(name=item)
    with dsl.ParallelFor(names().output, parallelism=2, name="given") as item:
        greet(name=item)
