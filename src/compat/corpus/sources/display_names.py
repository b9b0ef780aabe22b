from kfp import dsl


@dsl.container_component
def idle():
    return dsl.ContainerSpec(image="busybox:1.36", command=["true"])


@dsl.pipeline(name="display-names", description="Names for people.", display_name="Names, for people")
def pipeline():
    idle().set_display_name("A step that does nothing (α)")
