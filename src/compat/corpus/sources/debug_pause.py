from kfp import dsl


@dsl.container_component
def idle():
    return dsl.ContainerSpec(image="busybox:1.36", command=["true"])


@dsl.pipeline(name="debug-pause", description="Steps that wait for somebody to look at them.")
def pipeline():
    idle().set_debug_pause(before=True, after=False)
    idle().set_debug_pause(on_error=True)
