from kfp import dsl


@dsl.container_component
def idle():
    return dsl.ContainerSpec(image="busybox:1.36", command=["true"])


@dsl.pipeline(name="image-from-parameter", description="A step whose image the run names.")
def pipeline(image: str = "busybox:1.36"):
    idle().set_container_image(image)
