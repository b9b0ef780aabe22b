from kfp import dsl


@dsl.container_component
def idle():
    return dsl.ContainerSpec(image="busybox:1.36", command=["true"])


@dsl.pipeline(name="after", description="Steps that wait for others without taking anything from them.")
def pipeline():
    first = idle()
    second = idle().after(first)
    idle().after(first, second)
