from kfp import dsl


@dsl.container_component
def idle():
    return dsl.ContainerSpec(image="busybox:1.36", command=["true"])


@dsl.pipeline(name="environment", description="Environment variables of a step.")
def pipeline():
    idle().set_env_variable("LEVEL", "debug").set_env_variable("EMPTY", "")
