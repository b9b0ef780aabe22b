from kfp import dsl, kubernetes


@dsl.container_component
def idle():
    return dsl.ContainerSpec(image="busybox:1.36", command=["true"])


@dsl.pipeline(name="timeout", description="A step that is stopped after a minute.")
def pipeline():
    kubernetes.set_timeout(idle(), 60)
