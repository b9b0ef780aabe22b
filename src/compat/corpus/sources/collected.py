from kfp import dsl


@dsl.container_component
def double(number: int, result: dsl.OutputPath(int)):
    return dsl.ContainerSpec(
        image="busybox:1.36", command=["sh", "-ec", 'echo $(($0 * 2)) > "$1"'], args=[number, result]
    )


@dsl.container_component
def add(numbers: list):
    return dsl.ContainerSpec(image="busybox:1.36", command=["echo"], args=[numbers])


@dsl.pipeline(name="collected", description="What the turns of a loop gave, as one list.")
def pipeline():
    with dsl.ParallelFor([1, 2, 3]) as number:
        doubled = double(number=number)
    add(numbers=dsl.Collected(doubled.outputs["result"]))
