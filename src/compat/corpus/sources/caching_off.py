from kfp import dsl


@dsl.container_component
def idle():
    return dsl.ContainerSpec(image="busybox:1.36", command=["true"])


@dsl.pipeline(name="caching-off", description="A step that never takes the result of an earlier run.")
def pipeline():
    idle().set_caching_options(False)
