from kfp import dsl


@dsl.container_component
def idle():
    return dsl.ContainerSpec(image="busybox:1.36", command=["true"])


@dsl.pipeline(name="cache-key", description="A step that takes the result of any run with the same key.")
def pipeline():
    idle().set_caching_options(True, cache_key="all-alike")
