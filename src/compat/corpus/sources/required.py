from kfp import dsl


@dsl.container_component
def say(text: str):
    return dsl.ContainerSpec(image="busybox:1.36", command=["echo"], args=[text])


@dsl.pipeline(name="required", description="Inputs without a default: a run must give them.")
def pipeline(text: str, number: int, ratio: float, flag: bool, items: list, table: dict):
    say(text=f"{text} {number} {ratio} {flag}")
    say(text=f"{items} {table}")
